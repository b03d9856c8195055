// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reductions and running reductions. Stage: tensor. 16-bit floats accumulate in f32 and are rounded by a last
// elementwise generic; only the combining op of a reduction may be regrouped (fastmath<reassoc>).
#include "Lowering.h"

#include "weft/Dialect/Marks.h"

using namespace mlir;
using namespace weft;
using namespace weft::lowering;
using ir::CompareKind;

namespace {

/// An elementwise generic from accumulators to the element type of a result.
Value roundTo(OpBuilder &b, Location loc, Value accumulated, Type elementType) {
  auto type = cast<RankedTensorType>(accumulated.getType());
  Type memory = getMemoryElementType(elementType);
  if (type.getElementType() == memory)
    return accumulated;
  AffineMap map = b.getMultiDimIdentityMap(type.getRank());
  Value empty = createEmpty(b, loc, getSizes(b, loc, accumulated), memory);
  return createGeneric(b, loc, accumulated, empty, {map, map}, {},
                       [&](const Scalars &s, ValueRange args) {
                         return SmallVector<Value>{s.store(args[0], elementType)};
                       })
      .getResult(0);
}

Value loadAccumulable(const Scalars &s, Value memory, Type elementType) {
  return elementType.isInteger(1) ? memory : s.load(memory, elementType);
}

class ReduceLowering : public OpConversionPattern<ir::ReduceOp> {
public:
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(ir::ReduceOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Type elementType = op.getX().getType().getElementType();
    Value result = op.getKind() == ir::ReduceKind::logaddexp
                       ? lowerLogAddExp(b, loc, adaptor.getX(), op.getAxes(), elementType)
                       : reduce(b, loc, adaptor.getX(), op.getKind(), op.getAxes(), elementType,
                                op->hasAttr(ignoresNaNMark));
    result = roundTo(b, loc, result, elementType);
    b.replaceOp(op, castTo(b, loc, result, getTypeConverter()->convertType(op.getResult().getType())));
    return success();
  }

private:
  struct Shape {
    AffineMap in, out;
    SmallVector<OpFoldResult> sizes;
  };
  static Shape getShape(OpBuilder &b, Location loc, Value x, ArrayRef<int64_t> axes) {
    Shape shape;
    int64_t rank = cast<RankedTensorType>(x.getType()).getRank();
    SmallVector<AffineExpr> kept;
    for (int64_t i = 0; i < rank; ++i)
      if (!llvm::is_contained(axes, i)) {
        kept.push_back(b.getAffineDimExpr(i));
        shape.sizes.push_back(getSize(b, loc, x, i));
      }
    shape.in = b.getMultiDimIdentityMap(rank);
    shape.out = AffineMap::get(rank, 0, kept, b.getContext());
    return shape;
  }

  static Value reduce(OpBuilder &b, Location loc, Value x, ir::ReduceKind kind, ArrayRef<int64_t> axes,
                      Type elementType, bool ignoresNaN = false) {
    Shape shape = getShape(b, loc, x, axes);
    Value init = createFilled(b, loc, accumulatorIdentity(Scalars(b, loc), kind, elementType), shape.sizes);
    return createGeneric(b, loc, x, init, {shape.in, shape.out}, axes,
                         [&](const Scalars &s, ValueRange args) {
                           Value value = loadAccumulable(s, args[0], elementType);
                           Value combined = combine(s, kind, args[1], value, isUnsigned(elementType));
                           auto op = combined.getDefiningOp<arith::ArithFastMathInterface>();
                           if (ignoresNaN && op)
                             op->setAttr(op.getFastMathAttrName(),
                                         arith::FastMathFlagsAttr::get(s.b.getContext(),
                                                                       op.getFastMathFlagsAttr().getValue() |
                                                                           arith::FastMathFlags::nnan));
                           return SmallVector<Value>{combined};
                         })
        .getResult(0);
  }

  /// log(sum(exp(x - max))) + max; a max that is not finite is left out of the difference.
  static Value lowerLogAddExp(OpBuilder &b, Location loc, Value x, ArrayRef<int64_t> axes, Type elementType) {
    Shape shape = getShape(b, loc, x, axes);
    Value max = reduce(b, loc, x, ir::ReduceKind::max, axes, elementType);
    auto shiftOf = [](const Scalars &s, Value max) {
      Value infinity = s.extreme(max.getType(), true, false);
      Value finite = s.compare(CompareKind::lt, math::AbsFOp::create(s.b, s.loc, max), infinity);
      return s.select(finite, max, s.constant(max.getType(), 0));
    };
    Value init = createFilled(b, loc, Scalars(b, loc).constant(accumulatorType(elementType), 0), shape.sizes);
    Value sum = createGeneric(b, loc, ValueRange{x, max}, init, {shape.in, shape.out, shape.out}, axes,
                              [&](const Scalars &s, ValueRange args) {
                                Value value = s.sub(s.load(args[0], elementType), shiftOf(s, args[1]));
                                Value term = math::ExpOp::create(s.b, s.loc, value);
                                return SmallVector<Value>{s.add(args[2], term, true)};
                              })
                    .getResult(0);
    AffineMap map = b.getMultiDimIdentityMap(shape.sizes.size());
    Value empty = createEmpty(b, loc, shape.sizes, accumulatorType(elementType));
    return createGeneric(b, loc, ValueRange{sum, max}, empty, {map, map, map}, {},
                         [&](const Scalars &s, ValueRange args) {
                           return SmallVector<Value>{
                               s.add(math::LogOp::create(s.b, s.loc, args[0]), shiftOf(s, args[1]))};
                         })
        .getResult(0);
  }
};

class ArgReduceLowering : public OpConversionPattern<ir::ArgReduceOp> {
public:
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(ir::ArgReduceOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value x = adaptor.getX();
    Type elementType = op.getX().getType().getElementType();
    Type memory = cast<RankedTensorType>(x.getType()).getElementType();
    bool greatest = op.getKind() == ir::ArgKind::max, last = op.getTie() == ir::Tie::last;
    Type held = elementType.isInteger(1) ? memory : computeType(elementType);
    bool asUnsigned = isUnsigned(elementType);
    int64_t rank = cast<RankedTensorType>(x.getType()).getRank();
    SmallVector<AffineExpr> kept;
    SmallVector<OpFoldResult> sizes;
    for (int64_t i = 0; i < rank; ++i)
      if (i != static_cast<int64_t>(op.getAxis())) {
        kept.push_back(b.getAffineDimExpr(i));
        sizes.push_back(getSize(b, loc, x, i));
      }
    Scalars s(b, loc);
    // Every element is at least as good as the start, whose position 0 is then right for the first of equals
    // too.
    Value best = createFilled(b, loc, s.extreme(held, !greatest, asUnsigned), sizes);
    Value where = createFilled(b, loc, s.integer(b.getI64Type(), 0), sizes);
    AffineMap in = b.getMultiDimIdentityMap(rank), out = AffineMap::get(rank, 0, kept, b.getContext());
    auto generic = createGeneric(
        b, loc, x, {best, where}, {in, out, out}, {static_cast<int64_t>(op.getAxis())},
        [&](const Scalars &s, ValueRange args) {
          Value value = loadAccumulable(s, args[0], elementType);
          CompareKind kind = greatest ? (last ? CompareKind::ge : CompareKind::gt)
                                      : (last ? CompareKind::le : CompareKind::lt);
          Value better = s.compare(kind, value, args[1], asUnsigned);
          if (isa<FloatType>(value.getType()))
            better = s.disjunction(better, s.conjunction(s.isNaN(value), s.negation(s.isNaN(args[1]))));
          Value index = linalg::IndexOp::create(s.b, s.loc, op.getAxis());
          return SmallVector<Value>{s.select(better, value, args[1]),
                                    s.select(better, s.fromIndex(index, s.b.getI64Type()), args[2])};
        });
    generic->setAttr(argReductionAttrName, b.getDenseBoolArrayAttr({greatest, last, asUnsigned}));
    b.replaceOp(
        op, castTo(b, loc, generic.getResult(1), getTypeConverter()->convertType(op.getResult().getType())));
    return success();
  }
};

/// Two outputs: the running values, and the accumulator that the axis reduces.
class CumulativeLowering : public OpConversionPattern<ir::CumulativeOp> {
public:
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(ir::CumulativeOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value x = adaptor.getX();
    auto type = cast<RankedTensorType>(x.getType());
    Type elementType = op.getX().getType().getElementType();
    ir::ReduceKind kind = op.getKind();
    int64_t axis = op.getAxis(), rank = type.getRank();
    SmallVector<OpFoldResult> sizes = getSizes(b, loc, x), outer;
    SmallVector<AffineExpr> kept;
    for (int64_t i = 0; i < rank; ++i)
      if (i != axis) {
        kept.push_back(b.getAffineDimExpr(i));
        outer.push_back(sizes[i]);
      }
    Value init = createFilled(b, loc, accumulatorIdentity(Scalars(b, loc), kind, elementType), outer);
    Value empty = createEmpty(b, loc, sizes, type.getElementType());
    AffineMap all = b.getMultiDimIdentityMap(rank), carried = AffineMap::get(rank, 0, kept, b.getContext());
    Value source = op.getReverse() ? reverse(b, loc, x, axis) : x;
    Value result = createGeneric(b, loc, source, {empty, init}, {all, all, carried}, {axis},
                                 [&](const Scalars &s, ValueRange args) {
                                   Value value = loadAccumulable(s, args[0], elementType);
                                   Value next = combine(s, kind, args[2], value, isUnsigned(elementType));
                                   Value shown = op.getExclusive() ? args[2] : next;
                                   Value stored =
                                       elementType.isInteger(1) ? shown : s.store(shown, elementType);
                                   return SmallVector<Value>{stored, next};
                                 })
                       .getResult(0);
    if (op.getReverse())
      result = reverse(b, loc, result, axis);
    b.replaceOp(op, castTo(b, loc, result, getTypeConverter()->convertType(op.getResult().getType())));
    return success();
  }

private:
  static Value reverse(OpBuilder &b, Location loc, Value x, int64_t axis) {
    SmallVector<OpFoldResult> sizes = getSizes(b, loc, x);
    Type elementType = cast<RankedTensorType>(x.getType()).getElementType();
    return createFromIndices(b, loc, sizes, elementType, [&](const Scalars &s, ValueRange at) {
      SmallVector<Value> index(at);
      index[axis] = s.sub(s.sub(asIndex(b, loc, sizes[axis]), s.index(1)), at[axis]);
      return Value(tensor::ExtractOp::create(s.b, s.loc, x, index));
    });
  }
};

} // namespace

void lowering::populateReduce(RewritePatternSet &patterns, const TypeConverter &converter) {
  patterns.add<ReduceLowering, ArgReduceLowering, CumulativeLowering>(converter, patterns.getContext());
}
