// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Logarithms and what is made of them: log2, log10, log1p, asinh, acosh, atanh, pow; and cbrt. x = m 2^e with
// m within [sqrt(1/2), sqrt(2)), so that log(x) near 1 keeps its relative precision. f64 follows fdlibm's
// log; pow carries the logarithm in two doubles.
#include "VectorMath.h"

using namespace weft::codegen;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

/// x = mantissa * 2^exponent, mantissa in [sqrt(1/2), sqrt(2)); denormals included. Garbage for zero,
/// negative and non-finite x.
struct Split {
  V mantissa, exponent;
};
Split split(V x) {
  bool is64 = x.is64();
  V small = lt(x, is64 ? 0x1p-1022 : 0x1p-126);
  V bits = asInt(select(small, x * (is64 ? 0x1p54 : 0x1p25), x));
  int mantissaBits = is64 ? 52 : 23;
  V e = sar(bits - bits.i(is64 ? 0x3fe6a09e667f3bcdull : 0x3f3504f3ull), bits.i(mantissaBits));
  V m = asFloat(bits - (e << mantissaBits));
  e = e - select(small, e.i(is64 ? 54 : 25), e.i(0));
  if (!is64)
    return {m, toFloat(e)};
  // Small integers become f64 by bits: exact, and there is no i64 conversion on AVX2.
  V real = asFloat(e + e.i(0x4338000000000000ull)) - 6755399441055744.0;
  return {m, real};
}

/// log of a positive finite mantissa near 1.
V logMantissa(V m) {
  V f = m - 1.0;
  if (!m.is64()) {
    static constexpr double kLog32[] = {0.333333193,  -0.250000041, 0.200017334,  -0.16668005, 0.142264155,
                                        -0.124094599, 0.118460157,  -0.116376459, 0.0678861514};
    V s = f * f;
    return f + fma(f * s, horner(f, kLog32), s * -0.5);
  }
  V s = f / (f + 2.0), z = s * s, w = z * z;
  static constexpr double kEven[] = {3.999999999940941908e-01, 2.222219843214978396e-01,
                                     1.531383769920937332e-01};
  static constexpr double kOdd[] = {6.666666666666735130e-01, 2.857142874366239149e-01,
                                    1.818357216161805012e-01, 1.479819860511658591e-01};
  V r = fma(w, horner(w, kEven), z * horner(w, kOdd));
  V half = f * f * 0.5;
  return f - (half - s * (half + r));
}

/// The values that the arithmetic above does not give: log(0) = -inf, NaN below, inf and NaN as they are.
V logSpecial(V x, V r) {
  r = select(eq(x, 0.0), x.c(-kInf), r);
  r = select(lt(x, 0.0), x.nan(), r);
  return select(lt(x, kInf), r, x);
}

/// log(2^e m) from its parts with ln2 in two pieces.
V combine(V e, V lm) {
  if (e.is64())
    return fma(e, 0x1.62e42fefa3800p-1, fma(e, 0x1.ef35793c76730p-45, lm));
  return fma(e, 0.693145751953125, fma(e, 1.42860682031e-6, lm));
}

V logPositive(V x) {
  LogParts p = emitLogParts(x);
  return combine(p.exponent, p.logMantissa);
}

/// An unevaluated sum of two doubles.
struct Pair {
  V hi, lo;
};
Pair twoSum(V a, V b) {
  V s = a + b, t = s - a;
  return {s, (a - (s - t)) + (b - t)};
}
Pair quickTwoSum(V a, V b) {
  V s = a + b;
  return {s, b - (s - a)};
}
Pair twoProduct(V a, V b) {
  V p = a * b;
  return {p, fma(a, b, -p)};
}
Pair multiply(Pair a, Pair b) {
  Pair p = twoProduct(a.hi, b.hi);
  return quickTwoSum(p.hi, fma(a.hi, b.lo, fma(a.lo, b.hi, p.lo)));
}
Pair add(Pair a, Pair b) {
  Pair s = twoSum(a.hi, b.hi);
  return quickTwoSum(s.hi, s.lo + (a.lo + b.lo));
}

/// log of a positive finite f64 with about 67 bits.
Pair logPair(V x) {
  Split p = split(x);
  V f = p.mantissa - 1.0;
  Pair d = twoSum(p.mantissa, x.c(1.0));
  // s = f / (m + 1) in two doubles.
  V q = f / d.hi;
  V rest = fma(-q, d.hi, f);
  rest = fma(-q, d.lo, rest);
  Pair s = quickTwoSum(q, rest / d.hi);
  Pair z = multiply(s, s);
  // 2 atanh(s) = 2 s + s z (2/3 + z (2/5 + z P)).
  static constexpr double kP[] = {0.2857142857142869912, 0.2222222222192548169, 0.1818181829775450285,
                                  0.1538459733972480272, 0.1333473377518391546, 0.117070969631990202,
                                  0.1172154240674243313};
  V u = z.hi * fma(z.hi, horner(z.hi, kP), 0.4);
  Pair c = add({x.c(0x1.5555555555555p-1), x.c(0x1.5555555555555p-55)}, {u, x.c(0)});
  Pair series = multiply(multiply(s, z), c);
  Pair twice = {s.hi * 2.0, s.lo * 2.0};
  Pair mantissa = add(twice, series);
  Pair scaled = twoProduct(p.exponent, x.c(0x1.62e42fefa39efp-1));
  scaled.lo = fma(p.exponent, 0x1.abc9e3b39803fp-56, scaled.lo);
  return add(scaled, mantissa);
}

} // namespace

LogParts weft::codegen::emitLogParts(V x) {
  Split p = split(x);
  return {p.exponent, logMantissa(p.mantissa)};
}

V weft::codegen::emitLog(V x) { return logSpecial(x, logPositive(x)); }

V weft::codegen::emitLog2(V x) {
  LogParts p = emitLogParts(x);
  return logSpecial(x, fma(p.logMantissa, 1.4426950408889634, p.exponent));
}

V weft::codegen::emitLog10(V x) {
  if (!x.is64())
    return toF32(emitLog10(toF64(x)));
  LogParts p = emitLogParts(x);
  V low = fma(p.exponent, 0x1.fef311f12b358p-46, p.logMantissa * 0.4342944819032518);
  return logSpecial(x, fma(p.exponent, 0x1.34413509f7800p-2, low));
}

V weft::codegen::emitLog1p(V x) {
  V u = x + 1.0;
  V correction = (x - (u - 1.0)) / u;
  V r = logPositive(u) + correction;
  r = select(eq(u, 1.0), x, r);
  r = select(eq(x, -1.0), x.c(-kInf), r);
  r = select(lt(x, -1.0), x.nan(), r);
  return select(lt(x, kInf), r, x);
}

V weft::codegen::emitAsinh(V x) {
  if (!x.is64())
    return toF32(emitAsinh(toF64(x)));
  V y = abs(x), s = y * y;
  V small = emitLog1p(y + s / (sqrt(s + 1.0) + 1.0));
  V large = emitLog(y) + 0.6931471805599453;
  V r = select(gt(y, 0x1p28), large, small);
  return copysign(select(lt(y, 0x1p-28), y, r), x);
}

V weft::codegen::emitAcosh(V x) {
  if (!x.is64())
    return toF32(emitAcosh(toF64(x)));
  V t = x - 1.0;
  V small = emitLog1p(t + sqrt(fma(t, t, t * 2.0)));
  V large = emitLog(x) + 0.6931471805599453;
  V r = select(gt(x, 0x1p28), large, small);
  return select(lt(x, 1.0), x.nan(), r);
}

V weft::codegen::emitAtanh(V x) {
  if (!x.is64())
    return toF32(emitAtanh(toF64(x)));
  V y = abs(x);
  V r = 0.5 * emitLog1p((y + y) / (1.0 - y));
  r = select(eq(y, 1.0), y.c(kInf), r);
  r = select(gt(y, 1.0), y.nan(), r);
  return copysign(select(lt(y, 0x1p-28), y, r), x);
}

V weft::codegen::emitCbrt(V x) {
  if (!x.is64())
    return toF32(emitCbrt(toF64(x)));
  V y = abs(x);
  V small = lt(y, 0x1p-1022);
  V bits = asInt(select(small, y * 0x1p54, y));
  // Exponent + 3072 = 3 q + r; 43691 / 2^17 is a third for these sizes.
  V e = (bits >> 52) + (3072 - 1023) - select(small, bits.i(54), bits.i(0));
  V q = (e * 43691) >> 17;
  V r = e - q * 3;
  V m = asFloat((bits & bits.i(0x000fffffffffffffull)) | bits.i(0x3ff0000000000000ull));
  static constexpr double kGuess[] = {0.5076595740645822252, 0.7162210263712765896, -0.2985933148778471905,
                                      0.0851731800110668531, -0.01045018959167569291};
  V guess = horner(m, kGuess);
  V isOne = eq(r, 1), isTwo = eq(r, 2);
  guess = guess * select(isTwo, m.c(1.5874010519681994), select(isOne, m.c(1.2599210498948732), m.c(1.0)));
  m = m * select(isTwo, m.c(4.0), select(isOne, m.c(2.0), m.c(1.0)));
  // Newton: the error is squared each time, 2^-16 -> 2^-31 -> below an ulp.
  for (int step = 0; step < 2; ++step) {
    V square = guess * guess;
    V error = fma(square, guess, -m);
    guess = guess - error / (square * 3.0);
  }
  V result = guess * exp2i(q - 1024);
  result = select(eq(y, 0.0), y, result);
  result = select(lt(y, kInf), result, y);
  return copysign(result, x);
}

V weft::codegen::emitPow(V x, V y) {
  V ax = abs(x);
  V one = x.c(1.0), zero = x.c(0.0), inf = x.inf();
  V magnitude = [&]() -> V {
    if (!x.is64()) {
      // f64's logarithm leaves more than enough bits for an f32 result; its scaling gives inf and 0.
      V t = logPositive(toF64(ax)) * toF64(y);
      t = select(gt(t, 200.0), t.c(200.0), t);
      t = select(lt(t, -200.0), t.c(-200.0), t);
      return toF32(emitExpScaled(t, t.c(0), 0));
    }
    Pair l = logPair(ax);
    Pair p = twoProduct(l.hi, y);
    V low = fma(l.lo, y, p.lo);
    V t = select(gt(p.hi, 720.0), p.hi.c(720.0), p.hi);
    t = select(lt(t, -760.0), t.c(-760.0), t);
    low = select(lt(abs(p.hi), 750.0), low, zero);
    return emitExpScaled(t, low, 0);
  }();
  V yPositive = gt(y, 0.0);
  V up = select(yPositive, inf, zero), down = select(yPositive, zero, inf);
  magnitude = select(eq(ax, 0.0), down, magnitude);
  magnitude = select(eq(ax, kInf), up, magnitude);
  V infinite = select(gt(ax, 1.0), up, select(lt(ax, 1.0), down, one));
  magnitude = select(eq(abs(y), kInf), infinite, magnitude);
  // The sign: negative for an odd integer y; NaN for a negative finite x and a y that is no integer.
  V half = y * 0.5;
  V integer = eq(trunc(y), y);
  V odd = integer & ne(trunc(half), half);
  V negative = lt(asInt(x), 0);
  V signedValue = select(negative & odd, -magnitude, magnitude);
  V invalid = lt(x, 0.0) & gt(x, -kInf) & (integer ^ integer.i(1)) & lt(abs(y), kInf);
  V result = select(invalid, x.nan(), signedValue);
  result = select(isNaN(x) | isNaN(y), x + y, result);
  return select(eq(x, 1.0) | eq(y, 0.0), one, result);
}
