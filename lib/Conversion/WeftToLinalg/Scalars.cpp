// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scalar arithmetic inside the bodies of linalg ops. 16-bit floats are held in f32 between load and store;
// floats are narrowed from f64 by rounding to odd first, so that each conversion rounds once.
#include "Lowering.h"

using namespace mlir;
using namespace weft;
using namespace weft::lowering;

Type weft::getMemoryElementType(Type type) {
  // What is narrower than a byte takes one between the packing at a kernel's boundary (PackedTypes.cpp).
  if (type.isInteger() && type.getIntOrFloatBitWidth() < 8)
    return IntegerType::get(type.getContext(), 8);
  if (isa<FloatType>(type) && type.getIntOrFloatBitWidth() <= 8)
    return IntegerType::get(type.getContext(), 8);
  if (auto integer = dyn_cast<IntegerType>(type))
    return IntegerType::get(type.getContext(), integer.getWidth());
  return type;
}

Type lowering::computeType(Type type) {
  if (auto integer = dyn_cast<IntegerType>(type))
    return IntegerType::get(type.getContext(), integer.getWidth());
  if (isa<FloatType>(type) && type.getIntOrFloatBitWidth() <= 16)
    return Float32Type::get(type.getContext());
  return type;
}

Value Scalars::constant(Type type, double value) const {
  if (auto floating = dyn_cast<FloatType>(type)) {
    APFloat number(value);
    bool loses = false;
    number.convert(floating.getFloatSemantics(), APFloat::rmNearestTiesToEven, &loses);
    return arith::ConstantFloatOp::create(b, loc, floating, number);
  }
  return integer(type, static_cast<int64_t>(value));
}

Value Scalars::integer(Type type, int64_t value) const {
  if (type.isIndex())
    return index(value);
  if (isa<FloatType>(type))
    return constant(type, static_cast<double>(value));
  APInt bits(64, value, /*isSigned=*/true);
  return arith::ConstantOp::create(b, loc,
                                   IntegerAttr::get(type, bits.sextOrTrunc(type.getIntOrFloatBitWidth())));
}

Value Scalars::extreme(Type type, bool highest, bool isUnsigned) const {
  if (auto floating = dyn_cast<FloatType>(type))
    return arith::ConstantFloatOp::create(
        b, loc, floating, APFloat::getInf(floating.getFloatSemantics(), /*Negative=*/!highest));
  unsigned width = type.getIntOrFloatBitWidth();
  APInt bits = isUnsigned ? (highest ? APInt::getMaxValue(width) : APInt::getMinValue(width))
                          : (highest ? APInt::getSignedMaxValue(width) : APInt::getSignedMinValue(width));
  return arith::ConstantOp::create(b, loc, IntegerAttr::get(type, bits));
}

static arith::FastMathFlags getFlags(bool reassociate, bool extreme = false) {
  arith::FastMathFlags flags = reassociate ? arith::FastMathFlags::reassoc : arith::FastMathFlags::none;
  return extreme ? flags | arith::FastMathFlags::nsz : flags;
}

Value Scalars::add(Value x, Value y, bool reassociate) const {
  if (isa<FloatType>(x.getType()))
    return arith::AddFOp::create(b, loc, x, y, getFlags(reassociate));
  return arith::AddIOp::create(b, loc, x, y);
}

Value Scalars::sub(Value x, Value y) const {
  if (isa<FloatType>(x.getType()))
    return arith::SubFOp::create(b, loc, x, y);
  return arith::SubIOp::create(b, loc, x, y);
}

Value Scalars::mul(Value x, Value y, bool reassociate) const {
  if (isa<FloatType>(x.getType()))
    return arith::MulFOp::create(b, loc, x, y, getFlags(reassociate));
  return arith::MulIOp::create(b, loc, x, y);
}

Value Scalars::max(Value x, Value y, bool isUnsigned, bool reassociate) const {
  if (isa<FloatType>(x.getType()))
    return arith::MaximumFOp::create(b, loc, x, y, getFlags(reassociate, true));
  if (isUnsigned)
    return arith::MaxUIOp::create(b, loc, x, y);
  return arith::MaxSIOp::create(b, loc, x, y);
}

Value Scalars::min(Value x, Value y, bool isUnsigned, bool reassociate) const {
  if (isa<FloatType>(x.getType()))
    return arith::MinimumFOp::create(b, loc, x, y, getFlags(reassociate, true));
  if (isUnsigned)
    return arith::MinUIOp::create(b, loc, x, y);
  return arith::MinSIOp::create(b, loc, x, y);
}

Value Scalars::compare(ir::CompareKind kind, Value x, Value y, bool isUnsigned) const {
  using F = arith::CmpFPredicate;
  using I = arith::CmpIPredicate;
  unsigned k = static_cast<unsigned>(kind);
  if (isa<FloatType>(x.getType())) {
    static constexpr F predicates[] = {F::OEQ, F::UNE, F::OLT, F::OLE, F::OGT, F::OGE};
    return arith::CmpFOp::create(b, loc, predicates[k], x, y);
  }
  static constexpr I byIsSigned[] = {I::eq, I::ne, I::slt, I::sle, I::sgt, I::sge};
  static constexpr I byUnsigned[] = {I::eq, I::ne, I::ult, I::ule, I::ugt, I::uge};
  bool asUnsigned = isUnsigned || x.getType().isInteger(1);
  return arith::CmpIOp::create(b, loc, asUnsigned ? byUnsigned[k] : byIsSigned[k], x, y);
}

Value Scalars::toIndex(Value x) const {
  return x.getType().isIndex() ? x : Value(arith::IndexCastOp::create(b, loc, b.getIndexType(), x));
}

Value Scalars::fromIndex(Value x, Type type) const {
  if (type.isIndex())
    return x;
  if (isa<IntegerType>(type))
    return arith::IndexCastOp::create(b, loc, type, x);
  Value wide = arith::IndexCastOp::create(b, loc, b.getI64Type(), x);
  return arith::SIToFPOp::create(b, loc, type, wide);
}

Value Scalars::clamp(Value x, Value low, Value high) const {
  return arith::MinSIOp::create(b, loc, arith::MaxSIOp::create(b, loc, x, low), high);
}

Value Scalars::load(Value memory, Type elementType) const {
  if (elementType.isInteger(1))
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, memory, integer(memory.getType(), 0));
  if (isa<FloatType>(elementType)) {
    unsigned width = elementType.getIntOrFloatBitWidth();
    if (width <= 8)
      return decodeFloat8(*this, memory, elementType);
    if (width == 16)
      return arith::ExtFOp::create(b, loc, b.getF32Type(), memory);
  } else if (elementType.getIntOrFloatBitWidth() < 8) {
    return arith::TruncIOp::create(b, loc, computeType(elementType), memory);
  }
  return memory;
}

Value Scalars::store(Value value, Type elementType) const {
  if (elementType.isInteger(1))
    return arith::ExtUIOp::create(b, loc, b.getI8Type(), value);
  if (auto floating = dyn_cast<FloatType>(elementType)) {
    if (floating.getWidth() <= 8)
      return encodeFloat8(*this, value, elementType, /*saturate=*/false);
    if (floating.getWidth() == 16)
      return arith::TruncFOp::create(b, loc, elementType, value);
  } else if (elementType.getIntOrFloatBitWidth() < 8) {
    return isUnsigned(elementType) ? Value(arith::ExtUIOp::create(b, loc, b.getI8Type(), value))
                                   : Value(arith::ExtSIOp::create(b, loc, b.getI8Type(), value));
  }
  return value;
}

Value Scalars::narrowFloat(Value value, FloatType to) const {
  // f64 to a 16-bit type goes by way of f32; rounding to odd there makes the second rounding the only one.
  Type f32 = b.getF32Type(), i32 = b.getI32Type();
  Value rounded = arith::TruncFOp::create(b, loc, f32, value);
  if (to.getWidth() > 16)
    return rounded;
  Value back = arith::ExtFOp::create(b, loc, b.getF64Type(), rounded);
  Value inexact = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::ONE, back, value);
  Value away = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OGT, math::AbsFOp::create(b, loc, back),
                                     math::AbsFOp::create(b, loc, value));
  Value bits = arith::BitcastOp::create(b, loc, i32, rounded);
  Value towardsZero = select(away, sub(bits, integer(i32, 1)), bits);
  Value odd = arith::OrIOp::create(b, loc, towardsZero, integer(i32, 1));
  return arith::BitcastOp::create(b, loc, f32, select(inexact, odd, bits));
}

Value Scalars::floatToInteger(Value value, Type to) const {
  Type from = value.getType();
  unsigned width = to.getIntOrFloatBitWidth();
  bool toUnsigned = isUnsigned(to);
  Type result = computeType(to);
  if (width < 32) {
    // Floats hold the bounds, so values are clamped to them. What is not greater than the lower becomes it,
    // NaN as well: that is 0 without a sign; with one NaN becomes 0 before.
    Value least = constant(from, toUnsigned ? 0.0 : -std::ldexp(1.0, width - 1));
    Value most = constant(from, std::ldexp(1.0, toUnsigned ? width : width - 1) - 1);
    if (!toUnsigned)
      value = select(isNaN(value), constant(from, 0), value);
    value = select(compare(ir::CompareKind::gt, value, least), value, least);
    value = select(compare(ir::CompareKind::lt, value, most), value, most);
    return arith::TruncIOp::create(b, loc, result, arith::FPToSIOp::create(b, loc, b.getI32Type(), value));
  }
  Value low = constant(from, toUnsigned ? -1.0 : -std::ldexp(1.0, width - 1));
  Value high = constant(from, std::ldexp(1.0, toUnsigned ? width : width - 1));
  // Signed bounds: x > -2^(w-1) - 1 cannot be written in every type; x >= -2^(w-1) leaves out only values
  // that truncate to the least integer, which is what saturation gives them.
  Value aboveLow = compare(toUnsigned ? ir::CompareKind::gt : ir::CompareKind::ge, value, low);
  Value belowHigh = compare(ir::CompareKind::lt, value, high);
  Value safe = select(conjunction(aboveLow, belowHigh), value, constant(from, 0));
  Value converted;
  if (toUnsigned && width == 64) {
    converted = arith::FPToUIOp::create(b, loc, result, safe);
  } else {
    unsigned through = toUnsigned || width > 32 ? 64 : 32;
    converted = arith::FPToSIOp::create(b, loc, b.getIntegerType(through), safe);
    if (through != width)
      converted = arith::TruncIOp::create(b, loc, result, converted);
  }
  converted = select(compare(ir::CompareKind::ge, value, high), extreme(result, true, toUnsigned), converted);
  if (!toUnsigned)
    converted = select(compare(ir::CompareKind::lt, value, low), extreme(result, false, false), converted);
  return converted;
}

Value Scalars::convert(Value value, Type from, Type to, bool saturate) const {
  Type result = computeType(to);
  bool fromFloat = isa<FloatType>(from), toFloat = isa<FloatType>(to);
  if (to.isInteger(1)) {
    if (from.isInteger(1))
      return value;
    return compare(ir::CompareKind::ne, value, integer(value.getType(), 0));
  }
  if (fromFloat && !toFloat)
    return floatToInteger(value, to);
  if (!fromFloat && !toFloat) {
    unsigned before = value.getType().getIntOrFloatBitWidth(), after = result.getIntOrFloatBitWidth();
    if (before == after)
      return value;
    if (before > after)
      return arith::TruncIOp::create(b, loc, result, value);
    if (isUnsigned(from))
      return arith::ExtUIOp::create(b, loc, result, value);
    return arith::ExtSIOp::create(b, loc, result, value);
  }
  if (!fromFloat) {
    // 32-bit integers reach 16-bit floats through f64, which holds them exactly.
    bool wide = to.getIntOrFloatBitWidth() <= 16 && value.getType().getIntOrFloatBitWidth() > 16;
    Type through = wide ? Type(b.getF64Type()) : result;
    Value number = isUnsigned(from) ? Value(arith::UIToFPOp::create(b, loc, through, value))
                                    : Value(arith::SIToFPOp::create(b, loc, through, value));
    value = number;
  }
  if (value.getType() == result)
    ;
  else if (value.getType().isF64())
    value = narrowFloat(value, cast<FloatType>(to));
  else
    value = arith::ExtFOp::create(b, loc, result, value);
  if (to.getIntOrFloatBitWidth() == 16)
    value = arith::ExtFOp::create(b, loc, result, Value(arith::TruncFOp::create(b, loc, to, value)));
  else if (to.getIntOrFloatBitWidth() <= 8)
    value = decodeFloat8(*this, encodeFloat8(*this, value, to, saturate), to);
  return value;
}

Value lowering::combine(const Scalars &s, ir::ReduceKind kind, Value x, Value y, bool isUnsigned) {
  using K = ir::ReduceKind;
  switch (kind) {
  case K::add:
    return s.add(x, y, true);
  case K::mul:
    return s.mul(x, y, true);
  case K::max:
    return s.max(x, y, isUnsigned, true);
  case K::min:
    return s.min(x, y, isUnsigned, true);
  case K::bit_and:
    return arith::AndIOp::create(s.b, s.loc, x, y);
  case K::bit_or:
    return arith::OrIOp::create(s.b, s.loc, x, y);
  case K::bit_xor:
    return arith::XOrIOp::create(s.b, s.loc, x, y);
  case K::logaddexp: {
    // max + log1p(exp(-|x - y|)); equal infinities give themselves, NaN stays.
    Value top = s.max(x, y, false);
    Value gap = math::AbsFOp::create(s.b, s.loc, s.sub(x, y));
    Value tail = math::Log1pOp::create(
        s.b, s.loc, math::ExpOp::create(s.b, s.loc, arith::NegFOp::create(s.b, s.loc, gap)));
    return s.select(s.compare(ir::CompareKind::eq, x, y),
                    s.add(x, s.constant(x.getType(), 0.69314718055994530942)), s.add(top, tail));
  }
  }
  llvm_unreachable("all kinds are handled");
}

Value lowering::identity(const Scalars &s, ir::ReduceKind kind, Type type, bool isUnsigned) {
  using K = ir::ReduceKind;
  switch (kind) {
  case K::add:
  case K::bit_or:
  case K::bit_xor:
    return s.integer(type, 0);
  case K::mul:
    return s.integer(type, 1);
  case K::max:
  case K::logaddexp:
    return s.extreme(type, false, isUnsigned);
  case K::min:
    return s.extreme(type, true, isUnsigned);
  case K::bit_and:
    return s.integer(type, -1);
  }
  llvm_unreachable("all kinds are handled");
}

Type lowering::accumulatorType(Type elementType) {
  return elementType.isInteger(1) ? IntegerType::get(elementType.getContext(), 8) : computeType(elementType);
}

Value lowering::accumulatorIdentity(const Scalars &s, ir::ReduceKind kind, Type elementType) {
  if (elementType.isInteger(1))
    return s.integer(s.b.getI8Type(), kind == ir::ReduceKind::bit_and);
  return identity(s, kind, accumulatorType(elementType), isUnsigned(elementType));
}
