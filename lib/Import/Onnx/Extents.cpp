// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Arithmetic on extents: numbers where they are known, else rank-0 i64 ops beside the symbolic extent they
// stand for. What the bounds of the symbols decide is decided here.
#include "GraphImporter.h"

using namespace mlir;
using namespace weft;
using namespace weft::onnx;
using ir::Dim;

Extent Extent::of(Value value) {
  if (!value)
    return Extent(0);
  return of(ir::getDimOf(value), value);
}

Extent Extent::of(Dim dim, Value value) {
  Extent extent;
  extent.dim = dim;
  extent.value = dim.isStatic() ? Value() : value;
  return extent;
}

onnx::MixedList::MixedList(ArrayRef<Extent> extents) {
  for (const Extent &extent : extents) {
    // kDynamic itself is the mark of a hole and cannot be said as a number.
    statics.push_back(extent.dim.getStaticOrDynamic());
    if (!extent.isStatic())
      values.push_back(extent.value);
  }
}

Extents onnx::toExtents(ArrayRef<int64_t> numbers) { return Extents(numbers.begin(), numbers.end()); }

std::optional<SmallVector<int64_t>> onnx::toNumbers(ArrayRef<Extent> extents) {
  SmallVector<int64_t> numbers;
  for (const Extent &extent : extents) {
    if (!extent.isStatic())
      return std::nullopt;
    numbers.push_back(extent.getStatic());
  }
  return numbers;
}

//===-- Extents of tensors
//-------------------------------------------------------------------------------------===//

/// Entry `axis` of a mixed list of sizes.
static Extent mixedEntry(ArrayRef<int64_t> statics, ValueRange values, int64_t axis) {
  size_t hole = 0;
  for (int64_t i = 0; i < axis; ++i)
    hole += ShapedType::isDynamic(statics[i]);
  if (!ShapedType::isDynamic(statics[axis]))
    return Extent(statics[axis]);
  return Extent::of(values[hole]);
}

Extent onnx::traceExtent(OpBuilder &builder, Location loc, Value x, int64_t axis) {
  // Follows the axis to the op that made the extent, so that equal extents are equal values.
  for (int step = 0; step < 64; ++step) {
    Dim dim = ir::getDim(x, axis);
    if (dim.isStatic())
      return Extent::of(dim, nullptr);
    Operation *op = x.getDefiningOp();
    if (!op)
      break;
    if (auto cast = dyn_cast<ir::CastShapeOp>(op)) {
      x = cast.getX();
      continue;
    }
    if (auto transpose = dyn_cast<ir::TransposeOp>(op)) {
      axis = transpose.getPermutation()[axis];
      x = transpose.getX();
      continue;
    }
    Extent entry(0);
    if (auto reshape = dyn_cast<ir::ReshapeOp>(op))
      entry = mixedEntry(reshape.getStaticSizes(), reshape.getSizes(), axis);
    else if (auto broadcast = dyn_cast<ir::BroadcastOp>(op))
      entry = mixedEntry(broadcast.getStaticSizes(), broadcast.getSizes(), axis);
    else if (auto iota = dyn_cast<ir::IotaOp>(op))
      entry = mixedEntry(iota.getStaticSizes(), iota.getSizes(), axis);
    if (!entry.isStatic())
      return dim.isUnknown() ? entry : Extent::of(dim, entry.value);
    if (!op->hasTrait<ir::Elementwise>())
      break;
    // Every operand that is not a static 1 there has the result's extent.
    Value next;
    for (Value operand : op->getOperands())
      if (!ir::getDim(operand, axis).is(1))
        next = next ? next : operand;
    if (!next)
      break;
    x = next;
  }
  Dim dim = ir::getDim(x, axis);
  return Extent::of(dim, dim.isStatic() ? Value()
                                        : ir::DimOp::create(builder, loc, x, uint64_t(axis)).getResult());
}

Extent NodeImporter::extent(Value x, int64_t axis) {
  if (axis < 0 || axis >= rankOf(x)) {
    error() << "found rank " << rankOf(x) << ", wanted more than " << axis;
    return Extent(1);
  }
  // A named dimension is read where it comes in, so that x need not live for it.
  if (Dim dim = ir::getDim(x, axis); dim.isSymbolic() && isa<AffineSymbolExpr>(dim.getExpr()))
    if (auto source = graph.model.findSymbol(dim.getSymbols().front()))
      return Extent::of(dim, create<ir::DimOp>(source->first, uint64_t(source->second)));
  return traceExtent(b(), loc, x, axis);
}

Extents NodeImporter::extents(Value x) {
  Extents all;
  for (int64_t axis = 0; axis < rankOf(x); ++axis)
    all.push_back(extent(x, axis));
  return all;
}

Value NodeImporter::toValue(Extent extent) {
  return extent.isStatic() ? scalarI64(extent.getStatic()) : extent.value;
}

Value NodeImporter::toTensor(ArrayRef<Extent> extents) {
  if (std::optional<SmallVector<int64_t>> numbers = toNumbers(extents))
    return constantI64(*numbers);
  SmallVector<Value> parts;
  for (const Extent &extent : extents)
    parts.push_back(reshape(toValue(extent), ArrayRef<int64_t>{1}));
  return parts.size() == 1 ? parts.front() : concat(parts, 0);
}

//===-- Arithmetic
//---------------------------------------------------------------------------------------------===//

static int64_t wrap(uint64_t number) { return int64_t(number); }

Extent NodeImporter::add(Extent a, Extent b) {
  if (a.is(0))
    return b;
  if (b.is(0))
    return a;
  if (a.isStatic() && b.isStatic())
    return Extent(wrap(uint64_t(a.getStatic()) + uint64_t(b.getStatic())));
  Dim dim = a.dim + b.dim;
  return dim.isStatic() ? Extent::of(dim, nullptr)
                        : Extent::of(dim, create<ir::AddOp>(toValue(a), toValue(b)));
}

Extent NodeImporter::sub(Extent a, Extent b) {
  if (b.is(0))
    return a;
  if (a == b)
    return Extent(0);
  if (a.isStatic() && b.isStatic())
    return Extent(wrap(uint64_t(a.getStatic()) - uint64_t(b.getStatic())));
  Dim dim = a.dim - b.dim;
  return dim.isStatic() ? Extent::of(dim, nullptr)
                        : Extent::of(dim, create<ir::SubOp>(toValue(a), toValue(b)));
}

Extent NodeImporter::mul(Extent a, Extent b) {
  if (a.is(1) || b.is(0))
    return b;
  if (b.is(1) || a.is(0))
    return a;
  if (a.isStatic() && b.isStatic())
    return Extent(wrap(uint64_t(a.getStatic()) * uint64_t(b.getStatic())));
  Dim dim = a.dim * b.dim;
  return dim.isStatic() ? Extent::of(dim, nullptr)
                        : Extent::of(dim, create<ir::MulOp>(toValue(a), toValue(b)));
}

Extent NodeImporter::floorDiv(Extent a, Extent b) {
  if (b.is(1))
    return a;
  if (a.isStatic() && b.isStatic() && b.getStatic() > 0)
    return Extent(llvm::divideFloorSigned(a.getStatic(), b.getStatic()));
  Dim dim = a.dim.floorDiv(b.dim);
  return dim.isStatic() ? Extent::of(dim, nullptr)
                        : Extent::of(dim, create<ir::DivOp>(toValue(a), toValue(b)));
}

Extent NodeImporter::ceilDiv(Extent a, Extent b) { return floorDiv(add(a, sub(b, Extent(1))), b); }

Extent NodeImporter::max(Extent a, Extent b) {
  auto [lowA, highA] = graph.model.rangeOf(a);
  auto [lowB, highB] = graph.model.rangeOf(b);
  if (a == b || lowA >= highB)
    return a;
  if (lowB >= highA)
    return b;
  if (auto [low, high] = graph.model.rangeOf(sub(a, b)); low >= 0 || high <= 0)
    return low >= 0 ? a : b;
  return Extent::of(create<ir::MaxOp>(toValue(a), toValue(b)));
}

Extent NodeImporter::min(Extent a, Extent b) {
  auto [lowA, highA] = graph.model.rangeOf(a);
  auto [lowB, highB] = graph.model.rangeOf(b);
  if (a == b || highA <= lowB)
    return a;
  if (highB <= lowA)
    return b;
  if (auto [low, high] = graph.model.rangeOf(sub(a, b)); low >= 0 || high <= 0)
    return low >= 0 ? b : a;
  return Extent::of(create<ir::MinOp>(toValue(a), toValue(b)));
}

Extent NodeImporter::selectEqual(Extent a, Extent b, Extent onTrue, Extent onFalse) {
  if (a == b || onTrue == onFalse)
    return onTrue;
  auto [lowA, highA] = graph.model.rangeOf(a);
  auto [lowB, highB] = graph.model.rangeOf(b);
  if (highA < lowB || highB < lowA)
    return onFalse;
  Value same = create<ir::CompareOp>(ir::CompareKind::eq, toValue(a), toValue(b));
  return Extent::of(create<ir::SelectOp>(same, toValue(onTrue), toValue(onFalse)));
}

Extent NodeImporter::selectLess(Extent a, Extent b, Extent onTrue, Extent onFalse) {
  if (onTrue == onFalse)
    return onTrue;
  auto [lowA, highA] = graph.model.rangeOf(a);
  auto [lowB, highB] = graph.model.rangeOf(b);
  if (highA < lowB)
    return onTrue;
  if (lowA >= highB || a == b)
    return onFalse;
  Value less = create<ir::CompareOp>(ir::CompareKind::lt, toValue(a), toValue(b));
  return Extent::of(create<ir::SelectOp>(less, toValue(onTrue), toValue(onFalse)));
}

Extent NodeImporter::product(ArrayRef<Extent> extents) {
  Extent all(1);
  for (const Extent &extent : extents)
    all = mul(all, extent);
  return all;
}

//===-- Broadcasting
//-------------------------------------------------------------------------------------------===//

FailureOr<Extents> NodeImporter::broadcastExtents(ArrayRef<Extents> shapes) {
  size_t rank = 0;
  for (const Extents &shape : shapes)
    rank = std::max(rank, shape.size());
  Extents result(rank, Extent(1));
  for (size_t i = 0; i < rank; ++i) {
    Extent &joined = result[rank - 1 - i];
    // Numbers first: where one is not 1, it is the answer.
    for (const Extents &shape : shapes) {
      if (i >= shape.size() || !shape[shape.size() - 1 - i].isStatic() || shape[shape.size() - 1 - i].is(1))
        continue;
      const Extent &number = shape[shape.size() - 1 - i];
      if (!joined.is(1) && !(joined == number)) {
        error() << "found extents " << joined.getStatic() << " and " << number.getStatic() << " in dimension "
                << rank - 1 - i << ", wanted shapes that broadcast";
        return failure();
      }
      joined = number;
    }
    if (!joined.is(1))
      continue;
    for (const Extents &shape : shapes)
      if (i < shape.size() && !shape[shape.size() - 1 - i].isStatic()) {
        const Extent &other = shape[shape.size() - 1 - i];
        joined = joined.is(1) ? other : selectEqual(joined, Extent(1), other, joined);
      }
  }
  return result;
}

SmallVector<Value> NodeImporter::broadcastTogether(ArrayRef<Value> values) {
  SmallVector<Value> result(values);
  SmallVector<Extents> shapes;
  for (Value value : values)
    if (value)
      shapes.push_back(extents(value));
  FailureOr<Extents> joined = broadcastExtents(shapes);
  if (llvm::failed(joined))
    return result;
  int64_t rank = joined->size();
  for (Value &value : result) {
    if (!value)
      continue;
    value = raiseRank(value, rank);
    bool fits = true;
    Extents own = extents(value);
    if (hasFailed)
      return result;
    for (int64_t i = 0; i < rank; ++i)
      fits &= own[i].is(1) || own[i] == (*joined)[i];
    if (fits)
      continue;
    Extents sizes = *joined;
    for (int64_t i = 0; i < rank; ++i)
      if (own[i].is(1))
        sizes[i] = Extent(1); // unit extents stretch by themselves
    value = broadcastTo(value, sizes);
  }
  return result;
}
