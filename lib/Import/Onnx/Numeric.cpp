// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the numeric families share. See the header.
#include "Numeric.h"

#include "weft/Dialect/Weft/Quantised.h"

using namespace mlir;
using namespace weft;
using namespace weft::ir;
using namespace weft::onnx;

SmallVector<int64_t> weft::onnx::rangeOf(int64_t first, int64_t last) {
  SmallVector<int64_t> numbers;
  for (int64_t i = first; i < last; ++i)
    numbers.push_back(i);
  return numbers;
}

Value weft::onnx::widen(NodeImporter &node, Value x) {
  return isa<Float16Type, BFloat16Type>(node.elementTypeOf(x)) ? node.convert(x, node.f32()) : x;
}

Value weft::onnx::toFloat(NodeImporter &node, Value x) {
  return isa<Float32Type, Float64Type>(node.elementTypeOf(x)) ? x : node.convert(x, node.f32());
}

Value weft::onnx::unitOf(NodeImporter &node, const Extent &extent, Type elementType, int64_t rank) {
  if (extent.isStatic() && llvm::isInt<53>(extent.getStatic()))
    return node.unit(elementType, rank, double(extent.getStatic()));
  return node.reshape(node.convert(node.toValue(extent), elementType), SmallVector<int64_t>(rank, 1));
}

Value weft::onnx::toUnit(NodeImporter &node, Value scalar, int64_t rank) {
  return node.reshape(scalar, SmallVector<int64_t>(rank, 1));
}

Value weft::onnx::toScalar(NodeImporter &node, Value x) {
  return node.rankOf(x) == 0 ? x : node.reshape(x, ArrayRef<int64_t>());
}

Value weft::onnx::zerosLike(NodeImporter &node, Value x) {
  return node.full(node.elementTypeOf(x), node.extents(x), 0);
}

Value weft::onnx::refine(NodeImporter &node, Value x, ArrayRef<int64_t> extents) {
  SmallVector<Dim> dims = getDims(x);
  if (dims.size() != extents.size())
    return x;
  bool changed = false;
  for (auto [dim, extent] : llvm::zip(dims, extents)) {
    if (dim.isStatic() || ShapedType::isDynamic(extent))
      continue;
    dim = Dim(extent);
    changed = true;
  }
  return changed ? node.castTo(x, makeTensorType(dims, node.elementTypeOf(x))) : x;
}

Value weft::onnx::lessZeroPoint(NodeImporter &node, Value x, Value zeroPoint) {
  Type type = node.isFloat(x) ? node.f32() : Type(node.b().getI32Type());
  x = node.convert(x, type);
  return zeroPoint && !isZeroPointZero(node, zeroPoint) ? node.sub(x, node.convert(zeroPoint, type)) : x;
}

bool weft::onnx::isZeroPointZero(NodeImporter &node, Value zeroPoint) {
  if (!zeroPoint)
    return true;
  std::optional<HostTensor> tensor = node.getConstant(zeroPoint);
  return tensor && isAllZero(*tensor);
}

Value weft::onnx::requantize(NodeImporter &node, Value x, Value scale, Value zeroPoint, int64_t axis) {
  scale = node.convert(scale, node.elementTypeOf(x));
  bool isPerTensor = node.rankOf(scale) == 0 || getDim(scale, 0).is(1);
  if (isPerTensor) {
    scale = toScalar(node, scale);
    zeroPoint = toScalar(node, zeroPoint);
  } else {
    // One per extent of the axis; where that cannot be seen, one for all is possible too.
    for (Value *value : {&scale, &zeroPoint})
      if (node.rankOf(*value) == 0 || !(node.extent(*value, 0) == node.extent(x, axis)))
        *value = node.broadcastTo(*value, {node.extent(x, axis)});
  }
  if (node.failed())
    return x;
  return QuantizeOp::create(node.b(), node.getLoc(),
                            withElementType(x.getType(), node.elementTypeOf(zeroPoint)), x, scale, zeroPoint,
                            isPerTensor ? 0 : axis, 0);
}

//===-- Orders of dimensions known at run time
//----------------------------------------------------------------===//

/// Element i of a rank-1 i64 tensor as an extent.
static Extent elementOf(NodeImporter &node, Value list, int64_t i) {
  return Extent::of(node.reshape(node.sliceAxis(list, 0, i, 1), ArrayRef<int64_t>()));
}

Value weft::onnx::permuteAtRunTime(NodeImporter &node, Value x, Value permutation) {
  int64_t rank = node.rankOf(x);
  if (rank < 2 || node.failed())
    return x;
  Extents sizes = node.extents(x), strides(rank, Extent(1));
  for (int64_t i = rank - 2; i >= 0; --i)
    strides[i] = node.mul(strides[i + 1], sizes[i + 1]);
  Value order = node.unsqueeze(permutation, {1});
  SmallVector<int64_t> none;
  Value newSizes = node.gather(node.toTensor(sizes), order, {0}, none, none, 0);
  Value newStrides = node.gather(node.toTensor(strides), order, {0}, none, none, 0);

  Value linear;
  for (int64_t i = 0; i < rank; ++i) {
    Extents line(rank, Extent(1));
    line[i] = elementOf(node, newSizes, i);
    Value stride = toUnit(node, node.sliceAxis(newStrides, 0, i, 1), rank);
    Value part = node.create<MulOp>(node.iota(node.i64(), line, i), stride);
    linear = linear ? node.create<AddOp>(linear, part) : part;
  }
  Value flat = node.reshape(x, {node.product(sizes)});
  return node.gather(flat, node.unsqueeze(linear, {rank}), {0}, none, none, 0);
}

Value weft::onnx::permutationToLast(NodeImporter &node, Value axes, int64_t rank) {
  Value all = node.iota(node.i64(), {Extent(rank)}, 0);
  Value isNamed = node.compare(CompareKind::eq, node.unsqueeze(all, {1}), node.unsqueeze(axes, {0}));
  Value named = node.convert(node.reduce(ReduceKind::bit_or, isNamed, {1}), node.i64());
  // Sorted by (named, position): the position is what is left of the key.
  Value key = node.create<AddOp>(node.create<MulOp>(named, node.like(named, double(rank))), all);
  Value sorted = node.createMulti<SortOp>(ValueRange(key), int64_t(0), int64_t(1), false).front();
  return node.create<RemOp>(sorted, node.like(sorted, double(rank)));
}

Value weft::onnx::invertPermutation(NodeImporter &node, Value permutation, int64_t rank) {
  Value keysAndPositions[] = {permutation, node.iota(node.i64(), {Extent(rank)}, 0)};
  SmallVector<Value> sorted =
      node.createMulti<SortOp>(ValueRange(keysAndPositions), int64_t(0), int64_t(1), false);
  return sorted.size() == 2 ? sorted[1] : permutation;
}
