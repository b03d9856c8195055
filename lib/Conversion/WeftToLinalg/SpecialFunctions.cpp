// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Functions that the math dialect lacks, as arithmetic on scalars: erf_inv, lgamma, polygamma. All are
// computed in f64 and rounded once, so that f32 results are good to the last places also near their zeros.
#include "Lowering.h"

using namespace mlir;
using namespace weft;
using namespace weft::lowering;
using ir::CompareKind;

static Value polynomial(const Scalars &s, Value x, ArrayRef<double> highestFirst) {
  Value sum = s.constant(x.getType(), highestFirst.front());
  for (double c : highestFirst.drop_front())
    sum = s.add(s.mul(sum, x), s.constant(x.getType(), c));
  return sum;
}

static Value inDouble(const Scalars &s, Value x, llvm::function_ref<Value(Value)> function) {
  Type type = x.getType();
  if (type.isF64())
    return function(x);
  Value wide = arith::ExtFOp::create(s.b, s.loc, s.b.getF64Type(), x);
  return arith::TruncFOp::create(s.b, s.loc, type, function(wide));
}

Value lowering::emitErfInv(const Scalars &s, Value x) {
  return inDouble(s, x, [&](Value v) -> Value {
    Type type = v.getType();
    Value one = s.constant(type, 1);
    // Giles' single precision approximation as a start, then two Newton steps on erfc in the tail, erf
    // elsewhere.
    Value w = arith::NegFOp::create(s.b, s.loc,
                                    math::LogOp::create(s.b, s.loc, s.mul(s.sub(one, v), s.add(one, v))));
    static constexpr double central[] = {2.81022636e-08,  3.43273939e-07, -3.5233877e-06,
                                         -4.39150654e-06, 0.00021858087,  -0.00125372503,
                                         -0.00417768164,  0.246640727,    1.50140941};
    static constexpr double tail[] = {-0.000200214257, 0.000100950558, 0.00134934322,
                                      -0.00367342844,  0.00573950773,  -0.0076224613,
                                      0.00943887047,   1.00167406,     2.83297682};
    Value nearZero = s.mul(polynomial(s, s.sub(w, s.constant(type, 2.5)), central), v);
    Value root = math::SqrtOp::create(s.b, s.loc, s.max(w, s.constant(type, 0), false));
    Value nearOne = s.mul(polynomial(s, s.sub(root, s.constant(type, 3)), tail), v);
    Value y = s.select(s.compare(CompareKind::lt, w, s.constant(type, 5)), nearZero, nearOne);
    Value magnitude = math::AbsFOp::create(s.b, s.loc, v);
    for (int step = 0; step < 2; ++step) {
      // In the upper half 1 - |v| is exact, and so is the difference of complements.
      Value a = math::AbsFOp::create(s.b, s.loc, y);
      Value erf = s.sub(math::ErfOp::create(s.b, s.loc, a), magnitude);
      Value erfc = s.sub(s.sub(one, magnitude), math::ErfcOp::create(s.b, s.loc, a));
      Value error = s.select(s.compare(CompareKind::gt, magnitude, s.constant(type, 0.5)), erfc, erf);
      Value slope = s.mul(s.constant(type, 1.12837916709551257390),
                          math::ExpOp::create(s.b, s.loc, arith::NegFOp::create(s.b, s.loc, s.mul(a, a))));
      Value delta = s.divide(error, slope);
      delta = s.divide(delta, s.add(one, s.mul(a, delta))); // Halley
      y = math::CopySignOp::create(s.b, s.loc, s.sub(a, delta), v);
    }
    Value infinity = math::CopySignOp::create(s.b, s.loc, s.extreme(type, true, false), v);
    y = s.select(s.compare(CompareKind::eq, magnitude, one), infinity, y);
    y = s.select(s.compare(CompareKind::eq, v, s.constant(type, 0)), v, y);
    Value nan = s.constant(type, std::numeric_limits<double>::quiet_NaN());
    return s.select(s.compare(CompareKind::le, magnitude, one), y, nan);
  });
}

/// log of gamma for x >= 0.5 by Lanczos' series (g = 7, 9 terms).
static Value lanczos(const Scalars &s, Value x) {
  Type type = x.getType();
  static constexpr double terms[] = {676.5203681218851,     -1259.1392167224028,  771.32342877765313,
                                     -176.61502916214059,   12.507343278686905,   -0.13857109526572012,
                                     9.9843695780195716e-6, 1.5056327351493116e-7};
  Value z = s.sub(x, s.constant(type, 1));
  Value sum = s.constant(type, 0.99999999999980993);
  for (auto [i, term] : llvm::enumerate(terms))
    sum = s.add(sum, s.divide(s.constant(type, term), s.add(z, s.constant(type, i + 1.0))));
  Value t = s.add(z, s.constant(type, 7.5));
  Value log =
      s.mul(s.add(z, s.constant(type, 0.5)), s.sub(math::LogOp::create(s.b, s.loc, t), s.constant(type, 1)));
  Value rest = s.add(math::LogOp::create(s.b, s.loc, sum), s.constant(type, 0.91893853320467274178 - 7.0));
  return s.add(log, rest);
}

/// x minus the nearest integer: the part of x that sin(pi x) and cos(pi x) depend on.
static Value fraction(const Scalars &s, Value x) {
  return s.sub(x, math::RoundEvenOp::create(s.b, s.loc, x));
}

Value lowering::emitLgamma(const Scalars &s, Value x) {
  return inDouble(s, x, [&](Value v) -> Value {
    Type type = v.getType();
    Value low = s.compare(CompareKind::lt, v, s.constant(type, 0.5));
    Value reflected = s.select(low, s.sub(s.constant(type, 1), v), v);
    Value right = lanczos(s, reflected);
    Value angle = s.mul(fraction(s, v), s.constant(type, 3.14159265358979323846));
    Value sine = math::AbsFOp::create(s.b, s.loc, math::SinOp::create(s.b, s.loc, angle));
    Value left =
        s.sub(s.sub(s.constant(type, 1.14472988584940017414), math::LogOp::create(s.b, s.loc, sine)), right);
    Value result = s.select(low, left, right);
    Value infinity = s.extreme(type, true, false);
    Value isInfinite = s.compare(CompareKind::eq, math::AbsFOp::create(s.b, s.loc, v), infinity);
    return s.select(isInfinite, infinity, result);
  });
}

/// Digamma: recurrence up to 10, then the asymptotic series; reflection below zero.
static Value digamma(const Scalars &s, Value v) {
  Type type = v.getType();
  Value one = s.constant(type, 1), zero = s.constant(type, 0);
  Value low = s.compare(CompareKind::lt, v, zero);
  Value x = s.select(low, s.sub(one, v), v);
  Value sum = zero;
  for (int step = 0; step < 10; ++step) {
    Value small = s.compare(CompareKind::lt, x, s.constant(type, 10));
    sum = s.select(small, s.sub(sum, s.divide(one, x)), sum);
    x = s.select(small, s.add(x, one), x);
  }
  Value inverse = s.divide(one, x), square = s.mul(inverse, inverse);
  static constexpr double bernoulli[] = {1.0 / 12,  -691.0 / 32760, 1.0 / 132, -1.0 / 240,
                                         1.0 / 252, -1.0 / 120,     1.0 / 12};
  Value series = s.mul(polynomial(s, square, bernoulli), square);
  Value value = s.add(
      sum, s.sub(s.sub(math::LogOp::create(s.b, s.loc, x), s.mul(s.constant(type, 0.5), inverse)), series));
  Value part = fraction(s, v);
  Value pi = s.constant(type, 3.14159265358979323846);
  Value cotangent = s.divide(pi, math::TanOp::create(s.b, s.loc, s.mul(part, pi)));
  Value left = s.sub(value, cotangent);
  Value nan = s.constant(type, std::numeric_limits<double>::quiet_NaN());
  left = s.select(s.compare(CompareKind::eq, part, zero), nan, left);
  Value result = s.select(low, left, value);
  return s.select(s.compare(CompareKind::eq, v, s.extreme(type, true, false)), v, result);
}

Value lowering::emitPolygamma(const Scalars &s, Value x, int64_t n) {
  if (n == 0)
    return inDouble(s, x, [&](Value v) { return digamma(s, v); });
  // (-1)^(n+1) n! zeta(n+1, x) by Euler-Maclaurin with 10 leading terms; for x > 0.
  return inDouble(s, x, [&](Value v) -> Value {
    Type type = v.getType();
    double order = n + 1.0;
    Value exponent = s.constant(type, -order);
    auto power = [&](Value base) -> Value { return math::PowFOp::create(s.b, s.loc, base, exponent); };
    Value sum = s.constant(type, 0);
    for (int k = 0; k < 10; ++k)
      sum = s.add(sum, power(s.add(v, s.constant(type, k))));
    Value a = s.add(v, s.constant(type, 10));
    Value last = power(a);
    sum = s.add(sum, s.divide(s.mul(last, a), s.constant(type, order - 1)));
    sum = s.add(sum, s.mul(last, s.constant(type, 0.5)));
    static constexpr double bernoulli[] = {1.0 / 6,  -1.0 / 30,     1.0 / 42, -1.0 / 30,
                                           5.0 / 66, -691.0 / 2730, 7.0 / 6};
    double rising = order, factorial = 2.0;
    Value inverse = s.divide(s.constant(type, 1), a);
    Value term = s.mul(last, inverse);
    for (int j = 1; j <= 7; ++j) {
      sum = s.add(sum, s.mul(term, s.constant(type, bernoulli[j - 1] * rising / factorial)));
      rising *= (order + 2 * j - 1) * (order + 2 * j);
      factorial *= (2.0 * j + 1) * (2.0 * j + 2);
      term = s.mul(term, s.mul(inverse, inverse));
    }
    double scale = (n % 2 == 1 ? 1.0 : -1.0) * std::tgamma(order);
    Value result = s.mul(sum, s.constant(type, scale));
    Value nan = s.constant(type, std::numeric_limits<double>::quiet_NaN());
    return s.select(s.compare(CompareKind::ge, v, s.constant(type, 0)), result, nan);
  });
}
