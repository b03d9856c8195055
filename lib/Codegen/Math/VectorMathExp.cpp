// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// exp and what is made of it: exp2, expm1, sinh, cosh, tanh, erf, erfc. x = n ln2 + r with |r| <= ln2 / 2, a
// minimax polynomial of r (Remez, fitted with 220 bits), and a scaling by 2^n in two steps, which makes
// overflow and denormals come out of the multiplication. f32 functions off the hot path are computed in f64.
#include "VectorMath.h"

using namespace weft::codegen;

namespace {

constexpr double kLog2e = 1.4426950408889634;
// ln2 in two parts; products of the first with the n that occur are exact.
constexpr double kLn2Hi64 = 0x1.62e42fefa3800p-1, kLn2Lo64 = 0x1.ef35793c76730p-45;
constexpr double kLn2Hi32 = 0.693145751953125, kLn2Lo32 = 1.42860682031e-6;

double ln2Hi(V x) { return x.is64() ? kLn2Hi64 : kLn2Hi32; }
double ln2Lo(V x) { return x.is64() ? kLn2Lo64 : kLn2Lo32; }

// (exp(r) - 1 - r) / r^2 on |r| <= ln2 / 2; of the f32 versions the longer one has a small error relative to
// r.
constexpr double kExp64[] = {0.4999999999999999999,     0.1666666666666667708,   0.04166666666666670305,
                             0.008333333333321027278,   0.001388888888886564491, 0.0001984126988805640162,
                             0.00002480158736328344528, 2.755724192471040844e-6, 2.75572402341101982e-7,
                             2.510993649695602841e-8,   2.092526315014956409e-9};
constexpr double kExp32[] = {0.499999944, 0.166665191, 0.0416681899, 0.00836902882, 0.00138258273};
constexpr double kExpm132[] = {0.500000005,   0.166666668,   0.0416663493,
                               0.00833327054, 0.00139416214, 0.000199156645};

/// Both keep NaN: a comparison with NaN is false.
V atLeast(V x, double low) { return select(lt(x, low), x.c(low), x); }
V clampTo(V x, double low, double high) { return atLeast(select(gt(x, high), x.c(high), x), low); }

/// exp(r) * scale, |r| <= ln2 / 2, scale a power of two. f32 goes the way with fewer operations, which costs
/// a tenth of an ulp.
V expReduced(V r, double scale = 1) {
  if (r.is64()) {
    V p = fma(r * r, horner(r, kExp64), r) + 1.0;
    return scale == 1 ? p : p * scale;
  }
  double c[std::size(kExp32)];
  for (auto [to, from] : llvm::zip(c, kExp32))
    to = from * scale;
  return fma(fma(horner(r, c), r, scale), r, scale);
}

/// n, the integer nearest to x * factor, and 2^(n + shift), where n + shift is an exponent of normal numbers
/// or one below, which gives 0. The number that rounds is one that leaves the biased exponent in the low
/// bits, from where a shift takes it to its place.
struct RoundedPower {
  V n, power;
};
RoundedPower roundToPower(V x, double factor, int shift) {
  double magic = roundingMagic(x.is64()) + shift + (x.is64() ? 1023 : 127);
  V t = fma(x, factor, x.c(magic));
  return {t - magic, asFloat(asInt(t) << (x.is64() ? 52 : 23))};
}

/// x = n ln2 + r + low.
struct Reduced {
  V n, r, low;
};
Reduced reduce(V x) {
  Rounded n = roundFma(x, kLog2e);
  V high = fma(n.real, x.c(-ln2Hi(x)), x);
  V r = fma(n.real, x.c(-ln2Lo(x)), high);
  V low = fma(n.real, x.c(-ln2Lo(x)), high - r);
  return {n.integer, r, low};
}

/// exp(x) - 1 for x below the overflow threshold, with an error little above half an ulp. Everything is
/// computed at half scale, so that 2^n does not overflow before the result does.
V expm1Core(V x) {
  Reduced p = reduce(x);
  V tail = fma(p.r * p.r, p.r.is64() ? horner(p.r, kExp64) : horner(p.r, kExpm132), p.low);
  V s = exp2i(p.n - 1);
  V a = s - 0.5, b = s * p.r;
  V sum = a + b;
  V error = b - (sum - a);
  return (sum + fma(s, tail, error)) * 2.0;
}

} // namespace

V weft::codegen::emitExpScaled(V x, V low, int extra) {
  Rounded n = roundFma(x, kLog2e);
  V r = fma(n.real, x.c(-ln2Hi(x)), x);
  r = fma(n.real, x.c(-ln2Lo(x)), r) + low;
  V p = expReduced(r);
  return scaleBy(p, extra ? n.integer + extra : n.integer);
}

V weft::codegen::emitExp(V x) {
  V y = x.is64() ? clampTo(x, -746, 711) : clampTo(x, -104, 89);
  Rounded n = roundFma(y, kLog2e);
  V r = fma(n.real, y.c(-ln2Hi(y)), y);
  r = fma(n.real, y.c(-ln2Lo(y)), r);
  return scaleBy(expReduced(r), n.integer);
}

/// exp of x <= 0 from about the smallest denormal number up. The power is taken 2^64 too large and the
/// polynomial as much too small, so that a denormal result is rounded once, by their product.
static V expOfNegative(V x) {
  RoundedPower p = roundToPower(x, kLog2e, 64);
  V r = fma(p.n, x.c(-ln2Hi(x)), x);
  r = fma(p.n, x.c(-ln2Lo(x)), r);
  return expReduced(r, 0x1p-64) * p.power;
}

V weft::codegen::emitExpNonPositive(V x) { return expOfNegative(atLeast(x, x.is64() ? -746 : -104)); }

V weft::codegen::emitExp2(V x) {
  V y = x.is64() ? clampTo(x, -1080, 1025) : clampTo(x, -152, 129);
  Rounded n = roundFma(y, 1.0);
  V r = (y - n.real) * 0.6931471805599453;
  return scaleBy(expReduced(r), n.integer);
}

V weft::codegen::emitExp2Flushed(V x) {
  // n = -126 gives the power 0.
  V y = atLeast(x, -126);
  RoundedPower p = roundToPower(y, 1.0, -1);
  V r = (y - p.n) * 0.6931471805599453;
  return expReduced(r, 2) * p.power;
}

V weft::codegen::emitExpm1(V x) {
  V y = x.is64() ? clampTo(x, -50, 709.9) : clampTo(x, -30, 89); // n <= 1024
  return select(lt(abs(x), x.is64() ? 0x1p-60 : 0x1p-30), x, expm1Core(y));
}

V weft::codegen::emitTanh(V x) {
  V y = abs(x);
  y = select(gt(y, x.is64() ? 22.0 : 10.0), x.c(x.is64() ? 22.0 : 10.0), y);
  V t = expm1Core(y + y);
  V r = t / (t + 2.0);
  r = select(lt(y, x.is64() ? 0x1p-60 : 0x1p-30), y, r);
  return copysign(r, x);
}

// tanh(x) = x P(x^2) / Q(x^2) for |x| up to where it rounds to 1.
static constexpr double kTanhP[] = {4.89352455891786e-3,  6.37261928875436e-4,   1.48572235717979e-5,
                                    5.12229709037114e-8,  -8.60467152213735e-11, 2.00018790482477e-13,
                                    -2.76076847742355e-16};
static constexpr double kTanhQ[] = {4.89352518554385e-3, 2.26843463243900e-3, 1.18534705686654e-4,
                                    1.19825839466702e-6};

V weft::codegen::emitTanhApproximate(V x) {
  V y = clampTo(x, -7.905311, 7.905311);
  V s = y * y;
  return y * horner(s, kTanhP) / horner(s, kTanhQ);
}

V weft::codegen::emitSinh(V x) {
  if (!x.is64())
    return toF32(emitSinh(toF64(x)));
  V y = abs(x);
  V t = expm1Core(select(gt(y, 22.0), y.c(22.0), y));
  V small = 0.5 * (t + t / (t + 1.0));
  small = select(lt(y, 0x1p-30), y, small);
  V large = emitExpScaled(clampTo(y, 0, 712), y.c(0), -1);
  return copysign(select(gt(y, 22.0), large, small), x);
}

V weft::codegen::emitCosh(V x) {
  if (!x.is64())
    return toF32(emitCosh(toF64(x)));
  V half = emitExpScaled(clampTo(abs(x), 0, 712), x.c(0), -1);
  return half + 0.25 / half;
}

// erf of |x| < 1: x P(x^2).
static constexpr double kErf64[] = {
    1.128379167095512574,    -0.3761263890318374818,   0.112837916709548845,     -0.0268661706450778762,
    0.005223977624828423191, -0.000854832698142484777, 0.0001205533113293268754, -0.00001492559577178923457,
    1.646100847470430417e-6, -1.635039622398903488e-7, 1.466032894516782737e-8,  -1.137495735410561988e-9,
    5.96068923045980534e-11};
// exp(x^2) erfc(x) (1 + 2x) as a polynomial of (x - 4) / (x + 4), x within [0, 27.5].
static constexpr double kErfcx[] = {
    1.232995118625552509,     -0.1396211168405625158,     0.01537965210262008203,
    0.06809705425469295127,   -0.1010390660363277375,     0.09373283499833691898,
    -0.06633036581158678464,  0.03716751553780818264,     -0.0161977340665298637,
    0.005031969973016291416,  -0.0007577732183105673455,  -0.0001992566483510462981,
    0.0001506213269240585421, -0.00002439948144717887639, -0.0000112209406705120127,
    5.710700622505476634e-6,  2.917028750011677272e-7,    -8.27632315553260723e-7,
    7.699128475290718581e-8,  1.131364849969228101e-7,    -1.910676630055044978e-8,
    -1.651793263923391658e-8, 1.709258747269445971e-9,    2.078991474299607678e-9,
    2.810210021493936399e-10};

/// erfc of y >= 0.
static V erfcCore(V y) {
  V t = clampTo(y, 0, 28);
  V s = t * t;
  V low = fma(t, t, -s);
  V q = (t - 4.0) / (t + 4.0);
  V g = horner(q, kErfcx) / fma(t, 2.0, t.c(1.0));
  // exp(-s - low) is scaled after the product, so that denormal results round once.
  Rounded n = roundFma(-s, kLog2e);
  V r = fma(n.real, s.c(-kLn2Hi64), -s);
  r = fma(n.real, s.c(-kLn2Lo64), r) - low;
  V e = fma(r * r, horner(r, kExp64), r) + 1.0;
  return scaleBy(g * e, n.integer);
}

V weft::codegen::emitErfc(V x) {
  if (!x.is64())
    return toF32(emitErfc(toF64(x)));
  V y = abs(x);
  V far = erfcCore(y);
  far = select(lt(x, 0.0), 2.0 - far, far);
  return select(lt(y, 0.5), 1.0 - x * horner(x * x, kErf64), far);
}

V weft::codegen::emitErf(V x) {
  V y = abs(x);
  if (x.is64()) {
    V near = x * horner(x * x, kErf64);
    V far = copysign(1.0 - erfcCore(y), x);
    return select(lt(y, 1.0), near, far);
  }
  // After N. Juffa: 1 - exp(P(|x|)) beyond 0.93, an odd polynomial within.
  V t = select(gt(y, 5.0), y.c(5.0), y);
  V s = t * t;
  V r = fma(t, -1.72853470e-5, t.c(3.83197126e-4));
  V u = fma(t, -3.88396438e-3, t.c(2.42546219e-2));
  r = fma(r, s, u);
  r = fma(r, t, -1.06777877e-1);
  r = fma(r, t, -6.34846687e-1);
  r = fma(r, t, -1.28717512e-1);
  r = fma(r, t, -t);
  V far = copysign(1.0 - expOfNegative(r), x);
  static constexpr double kNear[] = {1.28379166e-1,  -3.76125336e-1, 1.12819925e-1,
                                     -2.67681349e-2, 4.99119423e-3,  -5.96761703e-4};
  V near = fma(horner(x * x, kNear), x, x);
  return select(gt(y, 0.927734375), far, near);
}
