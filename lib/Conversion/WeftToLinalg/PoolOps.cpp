// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Windows sliding over a tensor, and resampling. Stage: tensor. Loops: the result's dimensions, then the
// window's as reductions; an empty tensor of the window's shape tells linalg their extents. Nothing outside x
// is read.
#include "Windows.h"

using namespace mlir;
using namespace weft;
using namespace weft::lowering;
using ir::CompareKind;

namespace {

template <typename Op> SmallVector<WindowDim> getWindow(Op op) {
  SmallVector<WindowDim> window;
  for (size_t i = 0; i < op.getAxes().size(); ++i)
    window.push_back({op.getWindow()[i], op.getStrides()[i], op.getPaddingLow()[i], op.getPaddingHigh()[i],
                      op.getBaseDilation()[i], op.getWindowDilation()[i]});
  return window;
}

/// The loops of a window op: maps of the window's shape and of the result, and the reduced dimensions.
struct WindowLoops {
  WindowLoops(OpBuilder &b, Location loc, int64_t rank, ArrayRef<WindowDim> window) : rank(rank) {
    int64_t total = rank + window.size();
    SmallVector<AffineExpr> windowDims, resultDims;
    SmallVector<OpFoldResult> sizes;
    for (int64_t i = 0; i < total; ++i)
      (i < rank ? resultDims : windowDims).push_back(b.getAffineDimExpr(i));
    for (auto [i, dim] : llvm::enumerate(window)) {
      sizes.push_back(b.getIndexAttr(dim.size));
      reduced.push_back(rank + i);
    }
    windowMap = AffineMap::get(total, 0, windowDims, b.getContext());
    resultMap = AffineMap::get(total, 0, resultDims, b.getContext());
    shape = createEmpty(b, loc, sizes, b.getI8Type());
  }

  /// Where in x the current window element lies, and whether it does.
  std::pair<SmallVector<Value>, Value> read(const Scalars &s, ArrayRef<WindowDim> window,
                                            ArrayRef<int64_t> axes, ArrayRef<Value> extents) const {
    SmallVector<Value> index;
    Value inside;
    for (int64_t i = 0; i < rank; ++i)
      index.push_back(linalg::IndexOp::create(s.b, s.loc, i));
    for (auto [i, axis] : llvm::enumerate(axes)) {
      Value k = linalg::IndexOp::create(s.b, s.loc, rank + i);
      auto [position, ok] = windowRead(s, window[i], index[axis], k, extents[axis]);
      index[axis] = position;
      if (ok)
        inside = inside ? s.conjunction(inside, ok) : ok;
    }
    return {index, inside};
  }

  int64_t rank;
  Value shape;
  AffineMap windowMap, resultMap;
  SmallVector<int64_t> reduced;
};

SmallVector<Value> getExtents(OpBuilder &b, Location loc, Value x) {
  SmallVector<Value> extents;
  for (OpFoldResult size : getSizes(b, loc, x))
    extents.push_back(asIndex(b, loc, size));
  return extents;
}

/// Extents of the result: static from its type, else by the window's formula.
SmallVector<OpFoldResult> getResultSizes(OpBuilder &b, Location loc, RankedTensorType type,
                                         ArrayRef<int64_t> axes, ArrayRef<WindowDim> window,
                                         ArrayRef<Value> extents) {
  SmallVector<OpFoldResult> sizes;
  Scalars s(b, loc);
  for (int64_t i = 0; i < type.getRank(); ++i) {
    if (!type.isDynamicDim(i)) {
      sizes.push_back(b.getIndexAttr(type.getDimSize(i)));
      continue;
    }
    const int64_t *found = llvm::find(axes, i);
    if (found == axes.end()) {
      sizes.push_back(extents[i]);
      continue;
    }
    const WindowDim &dim = window[found - axes.begin()];
    Value zero = s.index(0), one = s.index(1);
    Value dilated = s.add(s.mul(s.sub(extents[i], one), s.index(dim.baseDilation)), one);
    dilated = arith::MaxSIOp::create(b, loc, dilated, zero);
    int64_t reach = dim.size == 0 ? 0 : (dim.size - 1) * dim.windowDilation + 1;
    Value room = s.add(dilated, s.index(dim.low + dim.high - reach));
    Value count = s.add(arith::FloorDivSIOp::create(b, loc, room, s.index(dim.stride)), one);
    sizes.push_back(arith::MaxSIOp::create(b, loc, count, zero).getResult());
  }
  return sizes;
}

Value finish(OpBuilder &b, Location loc, Value accumulated, Type elementType) {
  auto type = cast<RankedTensorType>(accumulated.getType());
  Type memory = getMemoryElementType(elementType);
  AffineMap map = b.getMultiDimIdentityMap(type.getRank());
  Value empty = createEmpty(b, loc, getSizes(b, loc, accumulated), memory);
  return createGeneric(b, loc, accumulated, empty, {map, map}, {},
                       [&](const Scalars &s, ValueRange args) {
                         return SmallVector<Value>{s.store(args[0], elementType)};
                       })
      .getResult(0);
}

class ReduceWindowLowering : public OpConversionPattern<ir::ReduceWindowOp> {
public:
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(ir::ReduceWindowOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value x = adaptor.getX();
    Type elementType = op.getX().getType().getElementType();
    auto type = cast<RankedTensorType>(getTypeConverter()->convertType(op.getResult().getType()));
    SmallVector<WindowDim> window = getWindow(op);
    SmallVector<Value> extents = getExtents(b, loc, x);
    SmallVector<OpFoldResult> sizes = getResultSizes(b, loc, type, op.getAxes(), window, extents);
    WindowLoops loops(b, loc, type.getRank(), window);
    bool boolean = elementType.isInteger(1), asUnsigned = isUnsigned(elementType);
    ir::ReduceKind kind = op.getKind();
    Scalars outer(b, loc);
    Value neutral = accumulatorIdentity(outer, kind, elementType);
    Value init = createFilled(b, loc, neutral, sizes);
    Value sum = createGeneric(b, loc, loops.shape, init, {loops.windowMap, loops.resultMap}, loops.reduced,
                              [&](const Scalars &s, ValueRange args) {
                                auto [index, inside] = loops.read(s, window, op.getAxes(), extents);
                                Value raw = x, value;
                                Value padding =
                                    s.integer(cast<RankedTensorType>(x.getType()).getElementType(), 0);
                                value = readIf(s, inside, raw, index, padding);
                                value = boolean ? value : s.load(value, elementType);
                                if (inside)
                                  value = s.select(inside, value, neutral);
                                return SmallVector<Value>{combine(s, kind, args[1], value, asUnsigned)};
                              })
                    .getResult(0);
    if (!boolean)
      sum = finish(b, loc, sum, elementType);
    b.replaceOp(op, castTo(b, loc, sum, type));
    return success();
  }
};

/// Two accumulators: the best value so far and its flat index (-1: none yet).
class WindowArgLowering : public OpConversionPattern<ir::WindowArgOp> {
public:
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(ir::WindowArgOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value x = adaptor.getX();
    Type elementType = op.getX().getType().getElementType();
    auto type = cast<RankedTensorType>(getTypeConverter()->convertType(op.getResult().getType()));
    bool greatest = op.getKind() == ir::ArgKind::max, asUnsigned = isUnsigned(elementType);
    SmallVector<WindowDim> window = getWindow(op);
    SmallVector<Value> extents = getExtents(b, loc, x);
    SmallVector<OpFoldResult> sizes = getResultSizes(b, loc, type, op.getAxes(), window, extents);
    WindowLoops loops(b, loc, type.getRank(), window);
    Scalars outer(b, loc);
    Value best = createFilled(b, loc, outer.extreme(computeType(elementType), !greatest, asUnsigned), sizes);
    Value where = createFilled(b, loc, outer.integer(b.getI64Type(), -1), sizes);
    auto body = [&](const Scalars &s, ValueRange args) -> SmallVector<Value> {
      auto [index, inside] = loops.read(s, window, op.getAxes(), extents);
      Value padding = s.integer(cast<RankedTensorType>(x.getType()).getElementType(), 0);
      Value value = s.load(readIf(s, inside, x, index, padding), elementType);
      Value better = s.compare(greatest ? CompareKind::gt : CompareKind::lt, value, args[1], asUnsigned);
      if (isa<FloatType>(value.getType()))
        better = s.disjunction(better, s.conjunction(s.isNaN(value), s.negation(s.isNaN(args[1]))));
      Value first = s.compare(CompareKind::lt, args[2], s.integer(s.b.getI64Type(), 0));
      better = s.disjunction(better, first);
      if (inside)
        better = s.conjunction(better, inside);
      Value flat;
      for (int64_t axis : op.getAxes())
        flat = flat ? s.add(s.mul(flat, extents[axis]), index[axis]) : index[axis];
      if (!flat)
        flat = s.index(0);
      return {s.select(better, value, args[1]),
              s.select(better, s.fromIndex(flat, s.b.getI64Type()), args[2])};
    };
    auto generic = createGeneric(b, loc, loops.shape, {best, where},
                                 {loops.windowMap, loops.resultMap, loops.resultMap}, loops.reduced, body);
    b.replaceOp(op, castTo(b, loc, generic.getResult(1), type));
    return success();
  }
};

/// Gather form: every input position visits the windows over it and takes what points to it.
class WindowScatterLowering : public OpConversionPattern<ir::WindowScatterOp> {
public:
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(ir::WindowScatterOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value dy = adaptor.getDy(), at = adaptor.getIndex();
    Type elementType = op.getDy().getType().getElementType();
    auto type = cast<RankedTensorType>(getTypeConverter()->convertType(op.getResult().getType()));
    if (!type.hasStaticShape())
      return op.emitOpError("found a result of unknown extents, wanted static ones");
    SmallVector<WindowDim> window = getWindow(op);
    SmallVector<Value> windows = getExtents(b, loc, dy);
    SmallVector<OpFoldResult> sizes;
    for (int64_t extent : type.getShape())
      sizes.push_back(b.getIndexAttr(extent));
    WindowLoops loops(b, loc, type.getRank(), window);
    Value zero = Scalars(b, loc).integer(computeType(elementType), 0);
    Value init = createFilled(b, loc, zero, sizes);
    auto body = [&](const Scalars &s, ValueRange args) -> SmallVector<Value> {
      SmallVector<Value> index;
      for (int64_t i = 0; i < loops.rank; ++i)
        index.push_back(linalg::IndexOp::create(s.b, s.loc, i));
      Value inside = s.boolean(true), flat;
      for (auto [i, axis] : llvm::enumerate(op.getAxes())) {
        const WindowDim &dim = window[i];
        Value here = index[axis];
        flat = flat ? s.add(s.mul(flat, s.index(type.getDimSize(axis))), here) : here;
        // Window elements from the last, so that windows come in order.
        Value k = s.sub(s.index(dim.size - 1), linalg::IndexOp::create(s.b, s.loc, loops.rank + i));
        Value distance = s.sub(s.add(s.mul(here, s.index(dim.baseDilation)), s.index(dim.low)),
                               s.mul(k, s.index(dim.windowDilation)));
        Value rest = arith::RemSIOp::create(s.b, s.loc, distance, s.index(dim.stride));
        Value o = arith::DivSIOp::create(s.b, s.loc, distance, s.index(dim.stride));
        inside = s.conjunction(inside, s.compare(CompareKind::ge, distance, s.index(0)));
        inside = s.conjunction(inside, s.compare(CompareKind::eq, rest, s.index(0)));
        inside = s.conjunction(inside, s.compare(CompareKind::lt, o, windows[axis]));
        index[axis] = o;
      }
      if (!flat)
        flat = s.index(0);
      Value pointed = readIf(s, inside, at, index, s.integer(s.b.getI64Type(), -1));
      Value hit = s.compare(CompareKind::eq, pointed, s.fromIndex(flat, s.b.getI64Type()));
      Type memory = cast<RankedTensorType>(dy.getType()).getElementType();
      Value value = s.load(readIf(s, hit, dy, index, s.integer(memory, 0)), elementType);
      return {s.add(args[1], value)};
    };
    Value sum =
        createGeneric(b, loc, loops.shape, init, {loops.windowMap, loops.resultMap}, loops.reduced, body)
            .getResult(0);
    b.replaceOp(op, castTo(b, loc, finish(b, loc, sum, elementType), type));
    return success();
  }
};

class ResampleLowering : public OpConversionPattern<ir::ResampleOp> {
public:
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(ir::ResampleOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value x = adaptor.getX();
    Type elementType = op.getX().getType().getElementType(),
         weightType = op.getWeight().getType().getElementType();
    auto type = cast<RankedTensorType>(getTypeConverter()->convertType(op.getResult().getType()));
    int64_t rank = type.getRank(), axis = op.getAxis();
    SmallVector<OpFoldResult> sizes = getSizes(b, loc, x);
    Value extent = asIndex(b, loc, sizes[axis]);
    sizes[axis] = getSize(b, loc, adaptor.getIndex(), 0);
    Type held = computeType(elementType);
    Value init = createFilled(b, loc, Scalars(b, loc).constant(held, 0), sizes);
    SmallVector<AffineExpr> resultDims;
    for (int64_t i = 0; i < rank; ++i)
      resultDims.push_back(b.getAffineDimExpr(i));
    AffineMap table =
        AffineMap::get(rank + 1, 0, {b.getAffineDimExpr(axis), b.getAffineDimExpr(rank)}, b.getContext());
    AffineMap result = AffineMap::get(rank + 1, 0, resultDims, b.getContext());
    auto body = [&](const Scalars &s, ValueRange args) -> SmallVector<Value> {
      SmallVector<Value> index;
      for (int64_t i = 0; i < rank; ++i)
        index.push_back(linalg::IndexOp::create(s.b, s.loc, i));
      index[axis] = s.clamp(s.toIndex(args[0]), s.index(0), s.sub(extent, s.index(1)));
      Value value = s.load(tensor::ExtractOp::create(s.b, s.loc, x, index), elementType);
      Value weight = s.load(args[1], weightType);
      if (weight.getType() != held)
        weight = s.convert(weight, weight.getType(), held, false);
      return {s.add(args[2], s.mul(weight, value), true)};
    };
    Value sum = createGeneric(b, loc, {adaptor.getIndex(), adaptor.getWeight()}, init, {table, table, result},
                              {rank}, body)
                    .getResult(0);
    b.replaceOp(op, castTo(b, loc, finish(b, loc, sum, elementType), type));
    return success();
  }
};

} // namespace

void lowering::populatePool(RewritePatternSet &patterns, const TypeConverter &converter) {
  patterns.add<ReduceWindowLowering, WindowArgLowering, WindowScatterLowering, ResampleLowering>(
      converter, patterns.getContext());
}
