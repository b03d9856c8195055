// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Elementwise ops become one linalg.generic each. Stage: tensor. A stretched operand loses its unit
// dimensions first, so that all maps are projected permutations and upstream fusion takes them. Nothing in a
// body traps.
#include "Lowering.h"

#include "weft/Dialect/Marks.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace weft;
using namespace weft::lowering;
using ir::CompareKind;

namespace {

template <typename MathOp> Value unary(const Scalars &s, Value x) { return MathOp::create(s.b, s.loc, x); }

/// The divisor where dividing by it is defined (nonzero, not least / -1), else 1; and whether it was zero.
std::pair<Value, Value> safeDivisor(const Scalars &s, Value x, Value y, bool isUnsigned) {
  Type type = x.getType();
  Value zero = s.compare(CompareKind::eq, y, s.integer(type, 0));
  Value unsafe = zero;
  if (!isUnsigned) {
    Value least = s.compare(CompareKind::eq, x, s.extreme(type, false, false));
    unsafe = s.disjunction(unsafe, s.conjunction(least, s.compare(CompareKind::eq, y, s.integer(type, -1))));
  }
  return {s.select(unsafe, s.integer(type, 1), y), zero};
}

Value emitDiv(const Scalars &s, Value x, Value y, bool isUnsigned) {
  if (isa<FloatType>(x.getType()))
    return s.divide(x, y);
  auto [divisor, zero] = safeDivisor(s, x, y, isUnsigned);
  Value quotient = isUnsigned ? Value(arith::DivUIOp::create(s.b, s.loc, x, divisor))
                              : Value(arith::DivSIOp::create(s.b, s.loc, x, divisor));
  return s.select(zero, s.integer(x.getType(), -1), quotient);
}

Value emitRem(const Scalars &s, Value x, Value y, bool isUnsigned) {
  if (isa<FloatType>(x.getType()))
    return arith::RemFOp::create(s.b, s.loc, x, y);
  auto [divisor, zero] = safeDivisor(s, x, y, isUnsigned);
  Value rest = isUnsigned ? Value(arith::RemUIOp::create(s.b, s.loc, x, divisor))
                          : Value(arith::RemSIOp::create(s.b, s.loc, x, divisor));
  return s.select(zero, x, rest);
}

/// Wrapping power by squaring; a negative exponent gives 1 for base 1, ±1 for base -1, else 0.
Value emitIntegerPow(const Scalars &s, Value base, Value exponent, bool isUnsigned) {
  Type type = base.getType();
  Value one = s.integer(type, 1), zero = s.integer(type, 0);
  auto loop = scf::ForOp::create(s.b, s.loc, s.index(0), s.index(type.getIntOrFloatBitWidth()), s.index(1),
                                 ValueRange{one, base, exponent},
                                 [&](OpBuilder &b, Location loc, Value, ValueRange carried) {
                                   Scalars n(b, loc);
                                   Value bit = arith::AndIOp::create(b, loc, carried[2], one);
                                   Value odd = n.compare(CompareKind::ne, bit, zero);
                                   Value result = n.select(odd, n.mul(carried[0], carried[1]), carried[0]);
                                   Value square = n.mul(carried[1], carried[1]);
                                   Value rest = arith::ShRUIOp::create(b, loc, carried[2], one);
                                   scf::YieldOp::create(b, loc, ValueRange{result, square, rest});
                                 });
  Value power = loop.getResult(0);
  if (isUnsigned)
    return power;
  Value minusOne = s.integer(type, -1);
  Value odd = s.compare(CompareKind::ne, arith::AndIOp::create(s.b, s.loc, exponent, one), zero);
  Value unitPower = s.select(s.compare(CompareKind::eq, base, minusOne), s.select(odd, minusOne, one), zero);
  Value inverse = s.select(s.compare(CompareKind::eq, base, one), one, unitPower);
  return s.select(s.compare(CompareKind::lt, exponent, zero), inverse, power);
}

Value emitShift(const Scalars &s, Value x, Value count, bool left, bool isUnsigned) {
  Type type = x.getType();
  int64_t width = type.getIntOrFloatBitWidth();
  Value tooFar = arith::CmpIOp::create(s.b, s.loc, arith::CmpIPredicate::uge, count, s.integer(type, width));
  Value last = s.integer(type, width - 1), zero = s.integer(type, 0);
  if (!left && !isUnsigned)
    return arith::ShRSIOp::create(s.b, s.loc, x, s.select(tooFar, last, count));
  Value safe = s.select(tooFar, zero, count);
  Value shifted = left ? Value(arith::ShLIOp::create(s.b, s.loc, x, safe))
                       : Value(arith::ShRUIOp::create(s.b, s.loc, x, safe));
  return s.select(tooFar, zero, shifted);
}

Value emitSign(const Scalars &s, Value x, bool isUnsigned) {
  Type type = x.getType();
  if (isa<FloatType>(type)) {
    Value one = math::CopySignOp::create(s.b, s.loc, s.constant(type, 1), x);
    Value nonzero = arith::CmpFOp::create(s.b, s.loc, arith::CmpFPredicate::ONE, x, s.constant(type, 0));
    return s.select(nonzero, one, x);
  }
  Value zero = s.integer(type, 0), one = s.integer(type, 1);
  Value positive = s.select(s.compare(CompareKind::ne, x, zero), one, zero);
  if (isUnsigned)
    return positive;
  return s.select(s.compare(CompareKind::lt, x, zero), s.integer(type, -1), positive);
}

/// By exp of a negative number only, so that neither tail overflows.
Value emitLogistic(const Scalars &s, Value x) {
  Type type = x.getType();
  Value one = s.constant(type, 1);
  Value t =
      math::ExpOp::create(s.b, s.loc, arith::NegFOp::create(s.b, s.loc, math::AbsFOp::create(s.b, s.loc, x)));
  Value top = s.select(s.compare(CompareKind::lt, x, s.constant(type, 0)), t, one);
  return s.divide(top, s.add(one, t));
}

Value emitFloatUnary(const Scalars &s, Operation *op, Value x) {
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case<ir::CeilOp>([&](auto) { return unary<math::CeilOp>(s, x); })
      .Case<ir::FloorOp>([&](auto) { return unary<math::FloorOp>(s, x); })
      .Case<ir::TruncOp>([&](auto) { return unary<math::TruncOp>(s, x); })
      .Case<ir::RoundOp>([&](auto round) {
        return round.getHalves() == ir::RoundKind::even ? unary<math::RoundEvenOp>(s, x)
                                                        : unary<math::RoundOp>(s, x);
      })
      .Case<ir::ExpOp>([&](auto exp) {
        Value y = unary<math::ExpOp>(s, x);
        if (exp->hasAttr(nonPositiveMark))
          y.getDefiningOp()->setAttr(nonPositiveMark, s.b.getUnitAttr());
        return y;
      })
      .Case<ir::Expm1Op>([&](auto) { return unary<math::ExpM1Op>(s, x); })
      .Case<ir::LogOp>([&](auto) { return unary<math::LogOp>(s, x); })
      .Case<ir::Log1pOp>([&](auto) { return unary<math::Log1pOp>(s, x); })
      .Case<ir::SqrtOp>([&](auto) { return unary<math::SqrtOp>(s, x); })
      .Case<ir::RsqrtOp>([&](auto) { return unary<math::RsqrtOp>(s, x); })
      .Case<ir::CbrtOp>([&](auto) { return unary<math::CbrtOp>(s, x); })
      .Case<ir::SinOp>([&](auto) { return unary<math::SinOp>(s, x); })
      .Case<ir::CosOp>([&](auto) { return unary<math::CosOp>(s, x); })
      .Case<ir::TanOp>([&](auto) { return unary<math::TanOp>(s, x); })
      .Case<ir::AsinOp>([&](auto) { return unary<math::AsinOp>(s, x); })
      .Case<ir::AcosOp>([&](auto) { return unary<math::AcosOp>(s, x); })
      .Case<ir::AtanOp>([&](auto) { return unary<math::AtanOp>(s, x); })
      .Case<ir::SinhOp>([&](auto) { return unary<math::SinhOp>(s, x); })
      .Case<ir::CoshOp>([&](auto) { return unary<math::CoshOp>(s, x); })
      .Case<ir::TanhOp>([&](auto) { return unary<math::TanhOp>(s, x); })
      .Case<ir::AsinhOp>([&](auto) { return unary<math::AsinhOp>(s, x); })
      .Case<ir::AcoshOp>([&](auto) { return unary<math::AcoshOp>(s, x); })
      .Case<ir::AtanhOp>([&](auto) { return unary<math::AtanhOp>(s, x); })
      .Case<ir::ErfOp>([&](auto) { return unary<math::ErfOp>(s, x); })
      .Case<ir::ErfcOp>([&](auto) { return unary<math::ErfcOp>(s, x); })
      .Case<ir::ErfInvOp>([&](auto) { return emitErfInv(s, x); })
      .Case<ir::LogisticOp>([&](auto) { return emitLogistic(s, x); })
      .Case<ir::LgammaOp>([&](auto) { return emitLgamma(s, x); })
      .Case<ir::PolygammaOp>([&](auto op) { return emitPolygamma(s, x, op.getN()); })
      .Default([](Operation *) { return Value(); });
}

} // namespace

bool lowering::hasElementwiseLowering(Operation *op) { return op->hasTrait<ir::Elementwise>(); }

Value lowering::emitElementwise(const Scalars &s, Operation *op, ValueRange x) {
  Type elementType = getElementTypeOrSelf(op->getOperand(0).getType());
  bool isUnsigned = lowering::isUnsigned(elementType);
  bool isFloat = isa<FloatType>(elementType);
  Type type = x[0].getType();
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case<ir::AddOp>([&](auto) { return s.add(x[0], x[1]); })
      .Case<ir::SubOp>([&](auto) { return s.sub(x[0], x[1]); })
      .Case<ir::MulOp>([&](auto) { return s.mul(x[0], x[1]); })
      .Case<ir::DivOp>([&](auto) { return emitDiv(s, x[0], x[1], isUnsigned); })
      .Case<ir::RemOp>([&](auto) { return emitRem(s, x[0], x[1], isUnsigned); })
      .Case<ir::PowOp>([&](auto) {
        return isFloat ? Value(math::PowFOp::create(s.b, s.loc, x[0], x[1]))
                       : emitIntegerPow(s, x[0], x[1], isUnsigned);
      })
      .Case<ir::MaxOp>([&](auto) { return s.max(x[0], x[1], isUnsigned); })
      .Case<ir::MinOp>([&](auto) { return s.min(x[0], x[1], isUnsigned); })
      .Case<ir::Atan2Op>([&](auto) { return math::Atan2Op::create(s.b, s.loc, x[0], x[1]); })
      .Case<ir::AndOp>([&](auto) { return arith::AndIOp::create(s.b, s.loc, x[0], x[1]); })
      .Case<ir::OrOp>([&](auto) { return arith::OrIOp::create(s.b, s.loc, x[0], x[1]); })
      .Case<ir::XorOp>([&](auto) { return arith::XOrIOp::create(s.b, s.loc, x[0], x[1]); })
      .Case<ir::ShlOp>([&](auto) { return emitShift(s, x[0], x[1], true, isUnsigned); })
      .Case<ir::ShrOp>([&](auto) { return emitShift(s, x[0], x[1], false, isUnsigned); })
      .Case<ir::CompareOp>([&](auto op) { return s.compare(op.getRelation(), x[0], x[1], isUnsigned); })
      .Case<ir::SelectOp>([&](auto) { return s.select(x[0], x[1], x[2]); })
      .Case<ir::ClampOp>([&](auto) { return s.min(s.max(x[1], x[0], isUnsigned), x[2], isUnsigned); })
      .Case<ir::ConvertOp>([&](auto op) {
        return s.convert(x[0], elementType, getElementTypeOrSelf(op.getResult().getType()), op.getSaturate());
      })
      .Case<ir::AbsOp>([&](auto) -> Value {
        if (isFloat)
          return math::AbsFOp::create(s.b, s.loc, x[0]);
        if (isUnsigned)
          return x[0];
        Value zero = s.integer(type, 0);
        return s.select(s.compare(CompareKind::lt, x[0], zero), s.sub(zero, x[0]), x[0]);
      })
      .Case<ir::NegOp>([&](auto) -> Value {
        if (isFloat)
          return arith::NegFOp::create(s.b, s.loc, x[0]);
        return s.sub(s.integer(type, 0), x[0]);
      })
      .Case<ir::SignOp>([&](auto) { return emitSign(s, x[0], isUnsigned); })
      .Case<ir::ReluOp>([&](auto) { return isUnsigned ? x[0] : s.max(x[0], s.integer(type, 0), false); })
      .Case<ir::NotOp>([&](auto) { return arith::XOrIOp::create(s.b, s.loc, x[0], s.integer(type, -1)); })
      .Case<ir::PopcntOp>([&](auto) { return unary<math::CtPopOp>(s, x[0]); })
      .Case<ir::ClzOp>([&](auto) { return unary<math::CountLeadingZerosOp>(s, x[0]); })
      .Default([&](Operation *other) { return emitFloatUnary(s, other, x[0]); });
}

namespace {

class ElementwiseLowering : public ConversionPattern {
public:
  ElementwiseLowering(const TypeConverter &converter, MLIRContext *context)
      : ConversionPattern(converter, MatchAnyOpTypeTag(), /*benefit=*/1, context) {}

  LogicalResult matchAndRewrite(Operation *op, ArrayRef<Value> operands,
                                ConversionPatternRewriter &b) const override {
    if (!hasElementwiseLowering(op))
      return b.notifyMatchFailure(op, "not elementwise");
    Location loc = op->getLoc();
    auto resultType = cast<RankedTensorType>(op->getResult(0).getType());
    auto lowered = cast<RankedTensorType>(getTypeConverter()->convertType(resultType));
    int64_t rank = lowered.getRank();

    SmallVector<Value> ins;
    SmallVector<AffineMap> maps;
    SmallVector<OpFoldResult> sizes(rank, b.getIndexAttr(1));
    for (Value operand : operands) {
      auto type = cast<RankedTensorType>(operand.getType());
      SmallVector<bool> dropped(rank, false);
      SmallVector<AffineExpr> dims;
      for (int64_t i = 0; i < rank; ++i) {
        dropped[i] = type.getDimSize(i) == 1 && lowered.getDimSize(i) != 1;
        if (dropped[i])
          continue;
        dims.push_back(b.getAffineDimExpr(i));
        if (!isa<Attribute>(sizes[i]) || sizes[i] == OpFoldResult(b.getIndexAttr(1)))
          sizes[i] = getSize(b, loc, operand, i);
      }
      ins.push_back(dropUnitDims(b, loc, operand, dropped));
      maps.push_back(AffineMap::get(rank, 0, dims, b.getContext()));
    }
    maps.push_back(b.getMultiDimIdentityMap(rank));
    Value empty = createEmpty(b, loc, lowered, sizes);
    auto generic = createGeneric(b, loc, ins, empty, maps, {}, [&](const Scalars &s, ValueRange args) {
      SmallVector<Value> values;
      for (auto [arg, operand] : llvm::zip(args, op->getOperands()))
        values.push_back(s.load(arg, getElementTypeOrSelf(operand.getType())));
      return SmallVector<Value>{s.store(emitElementwise(s, op, values), resultType.getElementType())};
    });
    b.replaceOp(op, castTo(b, loc, generic.getResult(0), lowered));
    return success();
  }
};

/// Equal widths: one bitcast per element. Narrower or wider: shifts over a trailing dimension, low part
/// first.
class BitcastConvertLowering : public OpConversionPattern<ir::BitcastConvertOp> {
public:
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(ir::BitcastConvertOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value x = adaptor.getOperand();
    auto lowered = cast<RankedTensorType>(getTypeConverter()->convertType(op.getResult().getType()));
    for (Type type : {op.getOperand().getType().getElementType(), op.getResult().getType().getElementType()})
      if (isPacked(type))
        return op.emitOpError("found ") << type << ", wanted elements of at least a byte";
    auto from = cast<RankedTensorType>(x.getType());
    unsigned before = from.getElementTypeBitWidth(), after = lowered.getElementTypeBitWidth();
    Type wideInt = b.getIntegerType(std::max(before, after)),
         narrowInt = b.getIntegerType(std::min(before, after));
    int64_t rank = lowered.getRank();
    SmallVector<OpFoldResult> sizes = getSizes(b, loc, x);
    auto bitcast = [](const Scalars &s, Value v, Type type) {
      return v.getType() == type ? v : Value(arith::BitcastOp::create(s.b, s.loc, type, v));
    };
    if (before <= after && before != after)
      sizes.pop_back();
    else if (before > after)
      sizes.push_back(b.getIndexAttr(before / after));
    Value result;
    if (before < after) {
      result =
          createFromIndices(b, loc, sizes, lowered.getElementType(), [&](const Scalars &s, ValueRange at) {
            Value bits;
            for (unsigned part = 0; part < after / before; ++part) {
              SmallVector<Value> index(at);
              index.push_back(s.index(part));
              Value piece = bitcast(s, tensor::ExtractOp::create(s.b, s.loc, x, index), narrowInt);
              piece = arith::ExtUIOp::create(s.b, s.loc, wideInt, piece);
              piece = arith::ShLIOp::create(s.b, s.loc, piece, s.integer(wideInt, part * before));
              bits = bits ? Value(arith::OrIOp::create(s.b, s.loc, bits, piece)) : piece;
            }
            return bitcast(s, bits, lowered.getElementType());
          });
    } else {
      SmallVector<AffineExpr> dims;
      for (int64_t i = 0; i < from.getRank(); ++i)
        dims.push_back(b.getAffineDimExpr(i));
      SmallVector<AffineMap> maps{AffineMap::get(rank, 0, dims, b.getContext()),
                                  b.getMultiDimIdentityMap(rank)};
      Value empty = createEmpty(b, loc, lowered, sizes);
      result = createGeneric(b, loc, x, empty, maps, {}, [&](const Scalars &s, ValueRange args) {
                 Value bits = args[0];
                 if (before > after) {
                   bits = bitcast(s, bits, wideInt);
                   Value part = linalg::IndexOp::create(s.b, s.loc, rank - 1);
                   Value shift = s.fromIndex(s.mul(part, s.index(after)), wideInt);
                   bits = arith::TruncIOp::create(s.b, s.loc, narrowInt,
                                                  arith::ShRUIOp::create(s.b, s.loc, bits, shift));
                 }
                 return SmallVector<Value>{bitcast(s, bits, lowered.getElementType())};
               }).getResult(0);
    }
    b.replaceOp(op, castTo(b, loc, result, lowered));
    return success();
  }
};

} // namespace

void lowering::populateElementwise(RewritePatternSet &patterns, const TypeConverter &converter) {
  patterns.add<ElementwiseLowering, BitcastConvertLowering>(converter, patterns.getContext());
}
