// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// sin, cos, tan and their inverses. The argument is reduced by pi/2 in two doubles for any finite x: by three
// parts of pi/2 while that is exact, else by a product with the needed 192 bits of 2/pi (Payne and Hanek),
// which runs only when some lane asks for it. f32 is reduced in f64 and evaluated in f32.
#include "VectorMath.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <functional>

using namespace mlir;
using namespace weft::codegen;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kTwoOverPi = 0.6366197723675814;

/// x = q pi/2 + hi + lo; all f64 and i64.
struct Quadrant {
  V hi, lo, q;
};

// The bits of 2/pi after the point, with a word of zeros before.
constexpr uint64_t kTwoOverPiBits[] = {0,
                                       0xa2f9836e4e441529ull,
                                       0xfc2757d1f534ddc0ull,
                                       0xdb6295993c439041ull,
                                       0xfe5163abdebbc561ull,
                                       0xb7246e3a424dd2e0ull,
                                       0x06492eea09d1921cull,
                                       0xfe1deb1cb129a73eull,
                                       0xe88235f52ebb4484ull,
                                       0xe99c7026b45f7e41ull,
                                       0x3991d639835339f4ull,
                                       0x9c845f8bbdf9283bull,
                                       0x1ff897ffde05980full,
                                       0xef2f118b5a0a6d1full,
                                       0x6d367ecf27cb09b7ull,
                                       0x4f463f669e5fea2dull,
                                       0x7527bac7ebe5f17bull,
                                       0x3d0739f78a5292eaull,
                                       0x6bfb5fb11f8d5d08ull,
                                       0x56033046fc7b6babull,
                                       0xf0cfbc209af4361dull};
constexpr size_t kWords = std::size(kTwoOverPiBits);

/// The upper 64 bits of a product of unsigned 64-bit integers, of 32-bit pieces: vectors have no wider
/// multiply.
V multiplyHigh(V a, V b) {
  V al = a & 0xffffffffll, ah = a >> 32, bl = b & 0xffffffffll, bh = b >> 32;
  V low = al * bl, m1 = ah * bl + (low >> 32);
  V m2 = al * bh + (m1 & 0xffffffffll);
  return ah * bh + (m1 >> 32) + (m2 >> 32);
}
V carry(V sum, V addend) {
  V c = compare(arith::CmpIPredicate::ult, sum, addend);
  return select(c, sum.i(1), sum.i(0));
}

/// Payne and Hanek. x = m 2^E; of m 2^E 2/pi only the value mod 4 matters, so the bits of 2/pi above weight
/// 2^1 (after the shift by E) are skipped, and the next 192 are multiplied by m.
Quadrant reduceBig(V x) {
  V bits = asInt(x);
  V biased = (bits >> 52) & 0x7ff;
  V m = (bits & bits.i(0x000fffffffffffffull)) | bits.i(0x0010000000000000ull);
  V skip = biased - 1075 + (64 - 2); // counted from the word of zeros
  V word = skip >> 6, bit = skip & 63;
  // Words word..word+3 by a barrel shifter of selects.
  SmallVector<V> w;
  for (size_t k = 0; k < kWords; ++k)
    w.push_back(bits.i(kTwoOverPiBits[k]));
  for (int stage = 4; stage >= 0; --stage) {
    V taken = ne((word >> stage) & 1, 0);
    size_t distance = size_t(1) << stage, needed = std::min(size_t(3) + distance, w.size());
    SmallVector<V> next;
    for (size_t k = 0; k < needed; ++k)
      next.push_back(select(taken, k + distance < w.size() ? w[k + distance] : bits.i(0), w[k]));
    w = next;
  }
  SmallVector<V> s;
  for (int k = 0; k < 3; ++k)
    s.push_back((w[k] << bit) | ((w[k + 1] >> 1) >> (63 - bit)));
  // The product mod 2^192; its lowest word carries nothing that matters.
  V l1 = m * s[1], h1 = multiplyHigh(m, s[1]), h2 = multiplyHigh(m, s[2]);
  V r1 = h2 + l1;
  V r0 = m * s[0] + h1 + carry(r1, l1);
  // Two bits of quadrant, then the fraction; rounded to nearest by reading the fraction as signed.
  V f = (r0 << 2) | (r1 >> 62), fLow = r1 << 2;
  V q = (r0 >> 62) + (f >> 63);
  auto signedToF64 = [](V i) { return toFloat(i); };
  V hi = signedToF64(f & bits.i(~0x7ffull)) * 0x1p-64;
  V lo = fma(signedToF64(f & 0x7ff), 0x1p-64, signedToF64(fLow >> 11) * 0x1p-117);
  // Times pi/2.
  V p = hi * 0x1.921fb54442d18p+0;
  V tail = fma(hi, 0x1.921fb54442d18p+0, -p);
  tail = fma(hi, 0x1.1a62633145c06p-54, tail);
  tail = fma(lo, 0x1.921fb54442d18p+0, tail);
  V rhi = p + tail, rlo = (p - rhi) + tail;
  V negative = lt(bits, 0);
  return {select(negative, -rhi, rhi), select(negative, -rlo, rlo), select(negative, -q, q)};
}

/// Whether any lane of a vector of bools is set; a scalar is its own answer.
Value anyLane(V condition) {
  auto type = dyn_cast<VectorType>(condition.type());
  if (!type)
    return condition.value;
  OpBuilder &b = *condition.builder;
  Value flat = condition.value;
  if (type.getRank() != 1)
    flat = vector::ShapeCastOp::create(b, condition.loc,
                                       VectorType::get({type.getNumElements()}, b.getI1Type()), flat);
  return vector::ReductionOp::create(b, condition.loc, vector::CombiningKind::OR, flat);
}

/// Replaces the lanes of `small` that `big` marks, computing the big reduction only when there are any.
Quadrant mergeBig(V x, V big, Quadrant small) {
  OpBuilder &b = *x.builder;
  auto ifOp = scf::IfOp::create(b, x.loc, TypeRange{small.hi.type(), small.lo.type(), small.q.type()},
                                anyLane(big), true);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(ifOp.thenBlock());
    Quadrant r = reduceBig(x);
    V hi = select(big, r.hi, small.hi), lo = select(big, r.lo, small.lo), q = select(big, r.q, small.q);
    scf::YieldOp::create(b, x.loc, ValueRange{hi.value, lo.value, q.value});
    b.setInsertionPointToStart(ifOp.elseBlock());
    scf::YieldOp::create(b, x.loc, ValueRange{small.hi.value, small.lo.value, small.q.value});
  }
  return {x.with(ifOp.getResult(0)), x.with(ifOp.getResult(1)), x.with(ifOp.getResult(2))};
}

Quadrant reduceArgument(V x) {
  V limit = abs(x);
  if (!x.is64()) {
    // 24 bits of x and 30 of n: two fused steps leave about 2^-45 of relative error.
    V d = toF64(x);
    Rounded n = roundFma(d, kTwoOverPi);
    V r = fma(n.real, -0x1.921fb54442d18p+0, d);
    r = fma(n.real, -0x1.1a62633145c06p-54, r);
    V big = compare(arith::CmpFPredicate::OGE, limit, limit.c(0x1p30));
    return mergeBig(d, big & lt(limit, kInf), {r, r.c(0), n.integer});
  }
  Rounded n = roundFma(x, kTwoOverPi);
  V a = fma(n.real, -0x1.921fb54400000p+0, x); // exact, as the next product is
  V w = n.real * 0x1.0b4611a600000p-34;
  V b = a - w, t = b - a;
  V error = (a - (b - t)) - (w + t);
  V low = fma(n.real, -0x1.3198a2e037073p-69, error);
  V hi = b + low, lo = (b - hi) + low;
  V big = compare(arith::CmpFPredicate::OGE, limit, limit.c(1.6e6));
  return mergeBig(x, big & lt(limit, kInf), {hi, lo, n.integer});
}

struct SinCos {
  V sin, cos;
};
SinCos kernels(Quadrant a, bool is64) {
  if (!is64) {
    static constexpr double kSin[] = {-0.166666561, 0.00833222958, -0.000195227386};
    static constexpr double kCos[] = {0.0416666539, -0.0013887659, 2.4467526e-5};
    V r = toF32(a.hi), z = r * r;
    V s = fma(r * z, horner(z, kSin), r);
    V c = fma(z * z, horner(z, kCos), fma(z, -0.5, z.c(1.0)));
    return {s, c};
  }
  static constexpr double kSin[] = {8.33333333332248946124e-03, -1.98412698298579493134e-04,
                                    2.75573137070700676789e-06, -2.50507602534068634195e-08,
                                    1.58969099521155010221e-10};
  static constexpr double kCos[] = {4.16666666666666019037e-02, -1.38888888888741095749e-03,
                                    2.48015872894767294178e-05, -2.75573143513906633035e-07,
                                    2.08757232129817482790e-09, -1.13596475577881948265e-11};
  V r = a.hi, z = r * r, v = z * r;
  V s = r - ((z * (0.5 * a.lo - v * horner(z, kSin)) - a.lo) - v * -1.66666666666666324348e-01);
  V half = z * 0.5, w = 1.0 - half;
  V c = w + (((1.0 - w) - half) + (z * z * horner(z, kCos) - r * a.lo));
  return {s, c};
}

/// The quadrant's bits in the width of the result.
V quadrantOf(V x, V q) { return x.is64() ? q : convertTo<arith::TruncIOp>(q, x.builder->getI32Type()); }

V sinOrCos(V x, int shift) {
  Quadrant a = reduceArgument(x);
  SinCos k = kernels(a, x.is64());
  V q = quadrantOf(x, a.q) + shift;
  V r = select(ne(q & 1, 0), k.cos, k.sin);
  V sign = (q & 2) << (x.is64() ? 62 : 30);
  r = asFloat(asInt(r) ^ sign);
  if (shift == 0) // sin keeps the sign of zero
    r = select(eq(x, 0.0), x, r);
  return select(lt(abs(x), kInf), r, x.nan());
}

/// (asin(x) - x) / x^3 of x^2 <= 1/4.
constexpr double kAsin[] = {0.1666666666666668226,   0.07499999999989530577, 0.04464285715855410641,
                            0.03038194341112195278,  0.02237219668509653518, 0.01735191840590967849,
                            0.01397737272894592625,  0.0114255519746750628,  0.01063853239875773208,
                            0.004216724157223000826, 0.02051927186135712919, -0.01938466185648810065,
                            0.03165645273687125826};
V asinSmall(V x, V z) { return fma(x * z, horner(z, kAsin), x); }
constexpr double kPi = 0x1.921fb54442d18p+1, kPiLow = 0x1.1a62633145c06p-53;

} // namespace

V weft::codegen::emitSin(V x) { return sinOrCos(x, 0); }
V weft::codegen::emitCos(V x) { return sinOrCos(x, 1); }

V weft::codegen::emitTan(V x) {
  Quadrant a = reduceArgument(x);
  SinCos k = kernels(a, x.is64());
  V odd = ne(quadrantOf(x, a.q) & 1, 0);
  V r = select(odd, -k.cos, k.sin) / select(odd, k.sin, k.cos);
  r = select(eq(x, 0.0), x, r);
  return select(lt(abs(x), kInf), r, x.nan());
}

V weft::codegen::emitAsin(V x) {
  if (!x.is64())
    return toF32(emitAsin(toF64(x)));
  V y = abs(x);
  V far = gt(y, 0.5);
  V z = select(far, (1.0 - y) * 0.5, y * y);
  V t = select(far, sqrt(z), y);
  V p = asinSmall(t, z);
  V r = select(far, kPi / 2 - (p * 2.0 - kPiLow / 2), p);
  return copysign(r, x);
}

V weft::codegen::emitAcos(V x) {
  if (!x.is64())
    return toF32(emitAcos(toF64(x)));
  V y = abs(x);
  V far = gt(y, 0.5);
  V z = select(far, (1.0 - y) * 0.5, y * y);
  V t = select(far, sqrt(z), x);
  V p = asinSmall(t, z);
  V near = kPi / 2 - (p - kPiLow / 2);
  V twice = p * 2.0;
  V farValue = select(lt(x, 0.0), kPi - (twice - kPiLow), twice);
  return select(far, farValue, near);
}

/// The angle of (x, y) from the smaller over the larger coordinate, t = lesser / greater within [0, 1]; above
/// tan(pi/8) it is turned by pi/4.
static V angle(V lesser, V greater) {
  static constexpr double kAtan[] = {-0.3333333333333333222, 0.1999999999999907372,   -0.1428571428553823858,
                                     0.1111111109634321682,  -0.09090908405871652666, 0.07692288070877042093,
                                     -0.0666629803476121066, 0.05877661598675676183,  -0.05222207640315146887,
                                     0.04517920479658993997, -0.03378705399662607272, 0.01549317923524178035};
  V turned = gt(lesser, greater * 0.41421356237309503);
  V n = select(turned, lesser - greater, lesser), d = select(turned, lesser + greater, greater);
  V t = n / d, z = t * t;
  V p = t * z * horner(z, kAtan);
  V zero = t.c(0.0);
  return select(turned, t.c(kPi / 4), zero) + (t + (p + select(turned, t.c(kPiLow / 4), zero)));
}

V weft::codegen::emitAtan(V x) {
  if (!x.is64())
    return toF32(emitAtan(toF64(x)));
  V y = abs(x), one = x.c(1.0);
  V swap = gt(y, 1.0);
  V r = angle(select(swap, one, y), select(swap, y, one));
  r = select(swap, kPi / 2 - (r - kPiLow / 2), r);
  r = select(eq(x, 0.0), y, r);
  return copysign(r, x);
}

V weft::codegen::emitAtan2(V y, V x) {
  if (!x.is64())
    return toF32(emitAtan2(toF64(y), toF64(x)));
  V ay = abs(y), ax = abs(x);
  // Two infinities are a diagonal; huge ones are scaled so that their sum stays finite.
  V bothInf = eq(ay, kInf) & eq(ax, kInf);
  V one = x.c(1.0);
  V swap = gt(ay, ax);
  V lesser = select(swap, ax, ay), greater = select(swap, ay, ax);
  V huge = gt(greater, 0x1p1000);
  V scale = select(huge, x.c(0x1p-4), one);
  lesser = select(bothInf, one, lesser * scale);
  greater = select(bothInf, one, greater * scale);
  V isZero = eq(greater, 0.0);
  V r = angle(lesser, select(isZero, one, greater));
  r = select(eq(lesser, 0.0), x.c(0.0), r);
  r = select(swap, kPi / 2 - (r - kPiLow / 2), r);
  V negative = lt(asInt(x), 0);
  r = select(negative, kPi - (r - kPiLow), r);
  return select(isNaN(x) | isNaN(y), x + y, copysign(r, y));
}
