// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What inference and verifiers of all families share; see Inference.h.
#include "Inference.h"

#include "mlir/IR/AffineExpr.h"
#include "weft/Dialect/Weft/ShapeOps.h"
#include "llvm/ADT/SmallBitVector.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace weft::ir;

//===-- Checker -----------------------------------------------------------------------------------------===//

LogicalResult Checker::axis(StringRef name, int64_t axis, int64_t rank) const {
  if (axis >= 0 && axis < rank)
    return success();
  if (rank == 0)
    return refuse("has ", name, " ", axis, ", wanted a tensor with a dimension: its rank is 0");
  return refuse("has ", name, " ", axis, ", wanted 0 to ", rank - 1);
}

LogicalResult Checker::axes(StringRef name, ArrayRef<int64_t> axes, int64_t rank) const {
  llvm::SmallBitVector seen(rank);
  for (int64_t entry : axes) {
    if (failed(axis(name, entry, rank)))
      return failure();
    if (seen[entry])
      return refuse("has ", name, " ", entry, " twice, wanted each at most once");
    seen.set(entry);
  }
  return success();
}

LogicalResult Checker::permutation(StringRef name, ArrayRef<int64_t> list, int64_t size) const {
  if (failed(length(name, list.size(), size, "dimension")))
    return failure();
  return axes(name, list, size);
}

LogicalResult Checker::length(StringRef name, size_t found, size_t wanted, StringRef what) const {
  if (found == wanted)
    return success();
  return refuse("has ", found, " entries in ", name, ", wanted ", wanted, ", one per ", what);
}

LogicalResult Checker::range(StringRef name, ArrayRef<int64_t> list, int64_t least, int64_t most) const {
  for (auto [i, entry] : llvm::enumerate(list)) {
    if (entry < least)
      return refuse("has ", entry, " at position ", i, " of ", name, ", wanted at least ", least);
    if (entry > most)
      return refuse("has ", entry, " at position ", i, " of ", name, ", wanted at most ", most);
  }
  return success();
}

LogicalResult Checker::mixed(StringRef name, ArrayRef<int64_t> statics, size_t numValues,
                             int64_t least) const {
  size_t holes = llvm::count_if(statics, ShapedType::isDynamic);
  if (holes != numValues)
    return refuse("has ", numValues, " values in ", name, ", wanted ", holes, ", one per dynamic entry");
  for (auto [i, entry] : llvm::enumerate(statics))
    if (!ShapedType::isDynamic(entry) && entry < least)
      return refuse("has ", entry, " at position ", i, " of ", name, ", wanted at least ", least);
  return success();
}

LogicalResult Checker::sizes(ArrayRef<Dim> sizes) const {
  for (auto [i, size] : llvm::enumerate(sizes))
    if (size.isStatic() && size.getStatic() < 0)
      return refuse("has size ", size.getStatic(), " in dimension ", i, ", wanted at least 0");
  return success();
}

LogicalResult Checker::extent(StringRef what, int64_t dimension, const Dim &found, const Dim &wanted) const {
  if (!found.conflictsWith(wanted))
    return success();
  return refuse("has extent ", found.str(), " in dimension ", dimension, " of ", what, ", wanted ",
                wanted.str());
}

LogicalResult Checker::rankAtLeast(StringRef what, Type type, int64_t least) const {
  int64_t rank = cast<RankedTensorType>(type).getRank();
  if (rank >= least)
    return success();
  return refuse("has ", what, " of rank ", rank, ", wanted at least ", least);
}

LogicalResult Checker::sameElementType(StringRef what, Type found, Type wanted) const {
  found = getElementTypeOrSelf(found);
  wanted = getElementTypeOrSelf(wanted);
  if (found == wanted)
    return success();
  return refuse("has element type ", found, " in ", what, ", wanted ", wanted);
}

LogicalResult Checker::reduceKind(ReduceKind kind, Type type) const {
  Type element = getElementTypeOrSelf(type);
  bool isFloat = isa<FloatType>(element), isBool = element.isInteger(1);
  switch (kind) {
  case ReduceKind::bit_and:
  case ReduceKind::bit_or:
  case ReduceKind::bit_xor:
    if (isFloat)
      return refuse("combines ", element, " by ", stringifyReduceKind(kind), ", wanted integers or booleans");
    return success();
  case ReduceKind::logaddexp:
    if (!isFloat)
      return refuse("combines ", element, " by logaddexp, wanted floats");
    return success();
  default:
    if (isBool)
      return refuse("combines booleans by ", stringifyReduceKind(kind), ", wanted and, or, xor");
    return success();
  }
}

LogicalResult Checker::result(StringRef what, Type found, ArrayRef<Dim> wanted) const {
  SmallVector<Dim> dims = getDims(found);
  if (dims.size() != wanted.size())
    return refuse("has ", what, " of rank ", dims.size(), ", wanted ", wanted.size());
  for (auto [i, pair] : llvm::enumerate(llvm::zip(dims, wanted)))
    if (failed(extent(what, i, std::get<0>(pair), std::get<1>(pair))))
      return failure();
  return success();
}

//===-- Bounds ------------------------------------------------------------------------------------------===//

DimBounds::DimBounds(Value near) {
  Block *block = near.getParentBlock();
  for (Operation *op = block ? block->getParentOp() : nullptr; op; op = op->getParentOp())
    if ((declared = op->getAttrOfType<DictionaryAttr>(WeftDialect::getDimsAttrName())))
      return;
}

namespace {
/// A closed interval; the ends of int64_t stand for infinities.
struct Interval {
  int64_t least, most;
};
constexpr int64_t infinity = std::numeric_limits<int64_t>::max();
constexpr int64_t minusInfinity = std::numeric_limits<int64_t>::min();

bool isInfinite(int64_t x) { return x == infinity || x == minusInfinity; }

int64_t addBounds(int64_t a, int64_t b) {
  if (isInfinite(a))
    return a;
  if (isInfinite(b))
    return b;
  int64_t sum;
  if (llvm::AddOverflow(a, b, sum))
    return a > 0 ? infinity : minusInfinity;
  return sum;
}

int64_t mulBounds(int64_t a, int64_t b) {
  if (a == 0 || b == 0)
    return 0;
  int64_t product;
  if (isInfinite(a) || isInfinite(b) || llvm::MulOverflow(a, b, product))
    return (a > 0) == (b > 0) ? infinity : minusInfinity;
  return product;
}

int64_t divBound(int64_t a, int64_t b, bool up) {
  if (isInfinite(a))
    return a;
  return up ? llvm::divideCeilSigned(a, b) : llvm::divideFloorSigned(a, b);
}

Interval intervalOf(AffineExpr expr, ArrayRef<Interval> symbols) {
  if (auto number = dyn_cast<AffineConstantExpr>(expr))
    return {number.getValue(), number.getValue()};
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return symbols[symbol.getPosition()];
  auto binary = cast<AffineBinaryOpExpr>(expr);
  Interval a = intervalOf(binary.getLHS(), symbols), b = intervalOf(binary.getRHS(), symbols);
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return {addBounds(a.least, b.least), addBounds(a.most, b.most)};
  case AffineExprKind::Mul: {
    int64_t corners[] = {mulBounds(a.least, b.least), mulBounds(a.least, b.most), mulBounds(a.most, b.least),
                         mulBounds(a.most, b.most)};
    return {*llvm::min_element(corners), *llvm::max_element(corners)};
  }
  case AffineExprKind::FloorDiv:
  case AffineExprKind::CeilDiv: {
    if (b.least != b.most || b.least <= 0)
      return {minusInfinity, infinity};
    bool up = expr.getKind() == AffineExprKind::CeilDiv;
    return {divBound(a.least, b.least, up), divBound(a.most, b.least, up)};
  }
  case AffineExprKind::Mod:
    if (b.least >= 1)
      return {0, b.most == infinity ? infinity : b.most - 1};
    return {minusInfinity, infinity};
  default:
    return {minusInfinity, infinity};
  }
}
} // namespace

bool DimBounds::provesAtMost(const Dim &a, const Dim &b) const {
  Dim gap = b - a;
  if (gap.isUnknown())
    return false;
  if (gap.isStatic())
    return gap.getStatic() >= 0;
  SmallVector<Interval> symbols;
  for (StringAttr name : gap.getSymbols()) {
    Interval bounds{0, infinity};
    auto pair = declared ? declared.getAs<DenseI64ArrayAttr>(name) : DenseI64ArrayAttr();
    if (pair && pair.size() == 2) {
      bounds.least = std::max<int64_t>(pair[0], 0);
      bounds.most = pair[1] < 0 ? infinity : pair[1];
    }
    symbols.push_back(bounds);
  }
  return intervalOf(gap.getExpr(), symbols).least >= 0;
}

//===-- Windows -----------------------------------------------------------------------------------------===//

FailureOr<Dim> weft::ir::inferWindow(const Checker &check, int64_t dimension, const Dim &in,
                                     const Dim &window, int64_t stride, int64_t low, int64_t high,
                                     int64_t baseDilation, int64_t windowDilation) {
  // Twice the magnitude of the paddings is below 2^33; what remains is the product with the dilation.
  auto fits = [](const Dim &extent, int64_t dilation) {
    int64_t product;
    return !extent.isStatic() || (!llvm::MulOverflow(extent.getStatic(), dilation, product) &&
                                  product < std::numeric_limits<int64_t>::max() / 4);
  };
  if (!fits(in, baseDilation) || !fits(window, windowDilation))
    return check.refuse("has a window in dimension ", dimension,
                        " over more than 2^61 positions, wanted fewer");
  if (window.isStatic())
    return windowedExtent(in, window.getStatic(), stride, low, high, baseDilation, windowDilation);
  // The expression holds where the window has an extent and fits.
  Dim dilated = (in - Dim(1)) * Dim(baseDilation) + Dim(1);
  if (in.is(0))
    dilated = Dim(0);
  Dim reach = (window - Dim(1)) * Dim(windowDilation) + Dim(1);
  return (dilated + Dim(low + high) - reach).floorDiv(Dim(stride)) + Dim(1);
}

//===-- Mixed lists -------------------------------------------------------------------------------------===//

bool weft::ir::isExtentOf(Value size, Value x, int64_t axis) {
  if (auto dim = size.getDefiningOp<DimOp>())
    if (dim.getX() == x && int64_t(dim.getAxis()) == axis)
      return true;
  return getDimOf(size) == getDim(x, axis);
}

SmallVector<Value> weft::ir::valuePerEntry(ArrayRef<int64_t> statics, ValueRange values) {
  SmallVector<Value> entries;
  size_t next = 0;
  for (int64_t number : statics)
    entries.push_back(ShapedType::isDynamic(number) ? values[next++] : Value());
  return entries;
}

MixedList weft::ir::foldMixed(ArrayRef<int64_t> statics, ValueRange values, int64_t least, bool &changed) {
  MixedList list;
  for (auto [number, value] : llvm::zip(statics, valuePerEntry(statics, values))) {
    Dim known = value ? getDimOf(value) : Dim(number);
    if (value && (!known.isStatic() || known.getStatic() < least)) {
      list.push(value);
      continue;
    }
    changed |= bool(value);
    list.push(known.getStatic());
  }
  return list;
}

void weft::ir::pushExtent(MixedList &list, OpBuilder &builder, Location loc, Value x, int64_t axis) {
  Dim extent = getDim(x, axis);
  if (extent.isStatic())
    list.push(extent.getStatic());
  else
    list.push(DimOp::create(builder, loc, x, axis).getResult());
}

void weft::ir::replaceWithCast(PatternRewriter &rewriter, Operation *op, Value value) {
  Type wanted = op->getResult(0).getType();
  if (value.getType() != wanted)
    value = CastShapeOp::create(rewriter, op->getLoc(), wanted, value);
  rewriter.replaceOp(op, value);
}
