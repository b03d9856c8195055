// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Floats of 8 and 4 bits held in i8: decoding to f32 and encoding (nearest even) by integer arithmetic. One
// routine serves the formats with sign, exponent and mantissa; f8E8M0FNU (a bare exponent) has its own.
#include "Lowering.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace weft;
using namespace weft::lowering;
using ir::CompareKind;

namespace {
struct Format {
  int mantissa;     // bits
  int bias;         // of the exponent
  bool hasInfinity; // else all exponents but one code are numbers
  int64_t largest;  // bits of the largest finite value
  int64_t sign;     // its bit
  int64_t overflow; // bits of what is too large
  int64_t nan;      // bits of NaN; 0: the format has none
};
Format getFormat(Type type) {
  if (isa<Float8E5M2Type>(type))
    return {2, 15, true, 0x7B, 0x80, 0x7C, 0x7E};
  if (isa<Float4E2M1FNType>(type))
    return {1, 1, false, 0x7, 0x8, 0x7, 0x0};
  return {3, 7, false, 0x7E, 0x80, 0x7F, 0x7F}; // f8E4M3FN
}
} // namespace

static Value bitcast(const Scalars &s, Type type, Value value) {
  return arith::BitcastOp::create(s.b, s.loc, type, value);
}

Value lowering::decodeFloat8(const Scalars &s, Value bits, Type type) {
  Type i32 = s.b.getI32Type(), f32 = s.b.getF32Type();
  Value wide = arith::ExtUIOp::create(s.b, s.loc, i32, bits);
  Value nan = s.constant(f32, std::numeric_limits<double>::quiet_NaN());
  if (isa<Float8E8M0FNUType>(type)) {
    Value shifted = arith::ShLIOp::create(s.b, s.loc, wide, s.integer(i32, 23));
    Value least = s.compare(CompareKind::eq, wide, s.integer(i32, 0));
    Value number = s.select(least, s.constant(f32, std::ldexp(1.0, -127)), bitcast(s, f32, shifted));
    return s.select(s.compare(CompareKind::eq, wide, s.integer(i32, 255)), nan, number);
  }
  Format format = getFormat(type);
  Value magnitude = arith::AndIOp::create(s.b, s.loc, wide, s.integer(i32, format.sign - 1));
  // The magnitude as a float with the format's exponent read in f32's field, then scaled by the difference of
  // biases: exact for subnormals too.
  Value placed = arith::ShLIOp::create(s.b, s.loc, magnitude, s.integer(i32, 23 - format.mantissa));
  Value number = s.mul(bitcast(s, f32, placed), s.constant(f32, std::ldexp(1.0, 127 - format.bias)));
  if (format.hasInfinity) {
    number = s.select(s.compare(CompareKind::eq, magnitude, s.integer(i32, 0x7C)),
                      s.extreme(f32, true, false), number);
    number = s.select(s.compare(CompareKind::gt, magnitude, s.integer(i32, 0x7C)), nan, number);
  } else if (format.nan != 0) {
    number = s.select(s.compare(CompareKind::eq, magnitude, s.integer(i32, format.nan)), nan, number);
  }
  Value sign = arith::AndIOp::create(s.b, s.loc, wide, s.integer(i32, format.sign));
  sign = arith::ShLIOp::create(s.b, s.loc, sign, s.integer(i32, 31 - llvm::Log2_64(format.sign)));
  return bitcast(s, f32, arith::OrIOp::create(s.b, s.loc, bitcast(s, i32, number), sign));
}

Value lowering::encodeFloat8(const Scalars &s, Value value, Type type, bool saturate) {
  Type i32 = s.b.getI32Type(), f32 = s.b.getF32Type(), i8 = s.b.getI8Type();
  Value raw = bitcast(s, i32, value);
  Value magnitude = arith::AndIOp::create(s.b, s.loc, raw, s.integer(i32, 0x7FFFFFFF));
  Value isNaN = s.isNaN(value);
  if (isa<Float8E8M0FNUType>(type)) {
    // Nearest power of two, ties to the even exponent.
    Value exponent = arith::ShRUIOp::create(s.b, s.loc, magnitude, s.integer(i32, 23));
    Value fraction = arith::AndIOp::create(s.b, s.loc, magnitude, s.integer(i32, 0x7FFFFF));
    Value half = s.integer(i32, 0x400000);
    Value odd = s.compare(CompareKind::ne, arith::AndIOp::create(s.b, s.loc, exponent, s.integer(i32, 1)),
                          s.integer(i32, 0));
    Value tie = s.conjunction(s.compare(CompareKind::eq, fraction, half), odd);
    Value up = s.disjunction(s.compare(CompareKind::gt, fraction, half), tie);
    Value rounded = s.add(exponent, arith::ExtUIOp::create(s.b, s.loc, i32, up));
    Value over = s.compare(CompareKind::gt, rounded, s.integer(i32, 254));
    rounded = s.select(over, s.integer(i32, saturate ? 254 : 255), rounded);
    Value negative = s.compare(CompareKind::lt, value, s.constant(f32, 0));
    rounded = s.select(s.disjunction(isNaN, negative), s.integer(i32, 255), rounded);
    return arith::TruncIOp::create(s.b, s.loc, i8, rounded);
  }
  Format format = getFormat(type);
  int shift = 23 - format.mantissa;
  // Normal range: add half an ulp less the parity, drop bits, rebias.
  Value kept = arith::ShRUIOp::create(s.b, s.loc, magnitude, s.integer(i32, shift));
  Value parity = arith::AndIOp::create(s.b, s.loc, kept, s.integer(i32, 1));
  Value biased = s.add(s.add(magnitude, s.integer(i32, (int64_t(1) << (shift - 1)) - 1)), parity);
  Value normal = s.sub(arith::ShRUIOp::create(s.b, s.loc, biased, s.integer(i32, shift)),
                       s.integer(i32, int64_t(127 - format.bias) << format.mantissa));
  // Subnormal range: adding 2^k lets the float adder round to the format's fixed point.
  Value absolute = bitcast(s, f32, magnitude);
  double anchor = std::ldexp(1.0, 1 - format.bias - format.mantissa + 23);
  Value fixed = s.sub(bitcast(s, i32, s.add(absolute, s.constant(f32, anchor))),
                      bitcast(s, i32, s.constant(f32, anchor)));
  Value isSmall = s.compare(CompareKind::lt, absolute, s.constant(f32, std::ldexp(1.0, 1 - format.bias)));
  Value code = s.select(isSmall, fixed, normal);
  int64_t overflow = saturate ? format.largest : format.overflow;
  Value isOver = s.compare(CompareKind::gt, code, s.integer(i32, format.largest));
  code = s.select(isOver, s.integer(i32, overflow), code);
  code = s.select(isNaN, s.integer(i32, format.nan), code);
  Value sign = arith::AndIOp::create(s.b, s.loc, raw, s.integer(i32, 0x80000000LL));
  sign = arith::ShRUIOp::create(s.b, s.loc, sign, s.integer(i32, 31 - llvm::Log2_64(format.sign)));
  return arith::TruncIOp::create(s.b, s.loc, i8, arith::OrIOp::create(s.b, s.loc, code, sign));
}
