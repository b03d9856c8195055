// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Makers of linalg and tensor ops that all families use. Stage: tensor. Sizes are OpFoldResults so that
// static extents stay static in the types.
#include "Lowering.h"

using namespace mlir;
using namespace weft;
using namespace weft::lowering;

OpFoldResult lowering::getSize(OpBuilder &b, Location loc, Value tensor, int64_t axis) {
  return tensor::getMixedSize(b, loc, tensor, axis);
}

SmallVector<OpFoldResult> lowering::getSizes(OpBuilder &b, Location loc, Value tensor) {
  return tensor::getMixedSizes(b, loc, tensor);
}

Value lowering::asIndex(OpBuilder &b, Location loc, OpFoldResult size) {
  return getValueOrCreateConstantIndexOp(b, loc, size);
}

Value lowering::extractScalar(OpBuilder &b, Location loc, Value tensor) {
  return tensor::ExtractOp::create(b, loc, tensor, ValueRange());
}

SmallVector<OpFoldResult> lowering::getMixedList(OpBuilder &b, Location loc, ArrayRef<int64_t> statics,
                                                 ValueRange values) {
  SmallVector<OpFoldResult> list;
  size_t next = 0;
  for (int64_t value : statics) {
    if (!ShapedType::isDynamic(value)) {
      list.push_back(b.getIndexAttr(value));
      continue;
    }
    Value scalar = extractScalar(b, loc, values[next++]);
    list.push_back(arith::IndexCastOp::create(b, loc, b.getIndexType(), scalar).getResult());
  }
  return list;
}

Value lowering::createEmpty(OpBuilder &b, Location loc, ArrayRef<OpFoldResult> sizes, Type elementType) {
  return tensor::EmptyOp::create(b, loc, sizes, elementType);
}

Value lowering::createEmpty(OpBuilder &b, Location loc, RankedTensorType type, ArrayRef<OpFoldResult> sizes) {
  SmallVector<OpFoldResult> known(sizes);
  for (auto [i, extent] : llvm::enumerate(type.getShape()))
    if (!ShapedType::isDynamic(extent))
      known[i] = b.getIndexAttr(extent);
  return createEmpty(b, loc, known, type.getElementType());
}

Value lowering::createFilled(OpBuilder &b, Location loc, Value scalar, ArrayRef<OpFoldResult> sizes) {
  Value empty = createEmpty(b, loc, sizes, scalar.getType());
  return linalg::FillOp::create(b, loc, scalar, empty).getResult(0);
}

linalg::GenericOp lowering::createGeneric(OpBuilder &b, Location loc, ValueRange ins, ValueRange outs,
                                          ArrayRef<AffineMap> maps, ArrayRef<int64_t> reduced, Body body) {
  SmallVector<utils::IteratorType> iterators(maps.front().getNumDims(), utils::IteratorType::parallel);
  for (int64_t dim : reduced)
    iterators[dim] = utils::IteratorType::reduction;
  return linalg::GenericOp::create(b, loc, outs.getTypes(), ins, outs, maps, iterators,
                                   [&](OpBuilder &nested, Location bodyLoc, ValueRange args) {
                                     linalg::YieldOp::create(nested, bodyLoc,
                                                             body(Scalars(nested, bodyLoc), args));
                                   });
}

Value lowering::createFromIndices(OpBuilder &b, Location loc, ArrayRef<OpFoldResult> sizes, Type elementType,
                                  llvm::function_ref<Value(const Scalars &, ValueRange)> body) {
  Value empty = createEmpty(b, loc, sizes, elementType);
  AffineMap map = b.getMultiDimIdentityMap(sizes.size());
  return createGeneric(b, loc, {}, empty, map, {},
                       [&](const Scalars &s, ValueRange) -> SmallVector<Value> {
                         SmallVector<Value> indices;
                         for (size_t i = 0; i < sizes.size(); ++i)
                           indices.push_back(linalg::IndexOp::create(s.b, s.loc, i));
                         return {body(s, indices)};
                       })
      .getResult(0);
}

Value lowering::dropUnitDims(OpBuilder &b, Location loc, Value tensor, ArrayRef<bool> dropped) {
  auto type = cast<RankedTensorType>(tensor.getType());
  if (llvm::none_of(dropped, [](bool d) { return d; }))
    return tensor;
  SmallVector<ReassociationIndices> groups;
  SmallVector<int64_t> shape;
  ReassociationIndices leading;
  for (int64_t i = 0; i < type.getRank(); ++i) {
    if (!dropped[i]) {
      groups.push_back(leading);
      leading.clear();
      groups.back().push_back(i);
      shape.push_back(type.getDimSize(i));
    } else if (groups.empty()) {
      leading.push_back(i);
    } else {
      groups.back().push_back(i);
    }
  }
  return tensor::CollapseShapeOp::create(b, loc, RankedTensorType::get(shape, type.getElementType()), tensor,
                                         groups);
}

Value lowering::addUnitDims(OpBuilder &b, Location loc, Value tensor, ArrayRef<int64_t> axes) {
  auto type = cast<RankedTensorType>(tensor.getType());
  int64_t rank = type.getRank() + axes.size();
  SmallVector<OpFoldResult> old = getSizes(b, loc, tensor), sizes;
  SmallVector<ReassociationIndices> groups;
  SmallVector<int64_t> shape;
  ReassociationIndices leading;
  int64_t next = 0;
  for (int64_t i = 0; i < rank; ++i) {
    if (llvm::is_contained(axes, i)) {
      shape.push_back(1);
      sizes.push_back(b.getIndexAttr(1));
      if (groups.empty())
        leading.push_back(i);
      else
        groups.back().push_back(i);
      continue;
    }
    groups.push_back(leading);
    leading.clear();
    groups.back().push_back(i);
    shape.push_back(type.getDimSize(next));
    sizes.push_back(old[next++]);
  }
  return tensor::ExpandShapeOp::create(b, loc, RankedTensorType::get(shape, type.getElementType()), tensor,
                                       groups, sizes);
}

Value lowering::castTo(OpBuilder &b, Location loc, Value tensor, Type type) {
  return tensor.getType() == type ? tensor : Value(tensor::CastOp::create(b, loc, type, tensor));
}
