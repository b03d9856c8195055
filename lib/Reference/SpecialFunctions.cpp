// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Inverse error function, logarithm of gamma and its derivatives.
#include "SpecialFunctions.h"

#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

using namespace weft;

static constexpr long double infinity = std::numeric_limits<long double>::infinity();
static constexpr long double notANumber = std::numeric_limits<long double>::quiet_NaN();
static constexpr long double pi = std::numbers::pi_v<long double>;

long double reference::reciprocalSqrt(long double x) { return 1 / std::sqrt(x); }

long double reference::logistic(long double x) {
  // exp(-x) would overflow for very negative x, which 1 / inf = 0 survives; but exp(x) is the exact tail.
  if (x < 0) {
    long double e = std::exp(x);
    return e / (1 + e);
  }
  return 1 / (1 + std::exp(-x));
}

long double reference::logGamma(long double x) {
  int sign;
  return ::lgammal_r(x, &sign);
}

long double reference::erfInv(long double x) {
  if (!(std::fabs(x) <= 1))
    return notANumber;
  if (std::fabs(x) == 1)
    return std::copysign(infinity, x);
  if (x == 0)
    return x;
  // Winitzki's estimate (two digits) for |x|, refined by Halley's steps. In the tail erfc keeps the digits
  // that 1 - x carries; each step triples the number of correct ones.
  const long double a = std::fabs(x), a0 = 0.147L;
  const long double l = std::log1p(-a * a), b = 2 / (pi * a0) + l / 2;
  long double y = std::sqrt(std::sqrt(b * b - l / a0) - b);
  for (int step = 0; step < 4; ++step) {
    long double error = a < 0.5L ? std::erf(y) - a : (1 - a) - std::erfc(y);
    long double slope = 2 / std::sqrt(pi) * std::exp(-y * y);
    long double ratio = error / slope;
    y -= ratio / (1 + y * ratio);
  }
  return std::copysign(y, x);
}

/// d^n/dx^n of pi cot(pi x), by polynomials in c = cot(pi x): dc/dx = -pi (1 + c^2).
static long double cotangentDerivative(int64_t n, long double x) {
  long double reduced = x - std::round(x); // exact, and the cotangent has period 1
  long double c = 1 / std::tan(pi * reduced);
  std::vector<long double> q = {0, 1};
  for (int64_t i = 0; i < n; ++i) {
    std::vector<long double> next(q.size() + 1, 0);
    for (size_t k = 1; k < q.size(); ++k) {
      next[k - 1] -= q[k] * k;
      next[k + 1] -= q[k] * k;
    }
    q = std::move(next);
  }
  long double value = 0;
  for (size_t k = q.size(); k > 0; --k)
    value = value * c + q[k - 1];
  return value * std::pow(pi, (long double)(n + 1));
}

long double reference::polygamma(int64_t n, long double x) {
  if (std::isnan(x) || n < 0 || x == -infinity)
    return notANumber;
  if (x <= 0 && x == std::floor(x)) {
    if (n == 0)
      return x == 0 ? -std::copysign(infinity, x) : notANumber;
    return n % 2 ? infinity : notANumber;
  }
  const long double sign = n % 2 ? 1 : -1; // of every derivative for positive x
  if (x == infinity)
    return n == 0 ? infinity : sign * 0;
  if (x < -16)
    return (n % 2 ? -1 : 1) * polygamma(n, 1 - x) - cotangentDerivative(n, x);

  // psi_n(x) = psi_n(x + 1) + sign n! / x^(n+1) until the asymptotic series is exact to the last bit.
  const long double factorial = std::tgamma((long double)(n + 1));
  long double sum = 0;
  for (; x < 24 + n; x += 1)
    sum += sign * factorial / std::pow(x, (long double)(n + 1));

  // B_2k / (2k)!, applied to the 2k-th derivative of the leading term.
  static const long double bernoulli[] = {1.0L / 6,       -1.0L / 30,       1.0L / 42,      -1.0L / 30,
                                          5.0L / 66,      -691.0L / 2730,   7.0L / 6,       -3617.0L / 510,
                                          43867.0L / 798, -174611.0L / 330, 854513.0L / 138};
  long double series = 0;
  if (n == 0) {
    series = std::log(x) - 1 / (2 * x);
    long double power = 1;
    for (int k = 1; k <= 11; ++k) {
      power /= x * x;
      series -= bernoulli[k - 1] * power / (2 * k);
    }
    return series + sum;
  }
  series = factorial / n / std::pow(x, (long double)n) * (1 + n / (2 * x));
  // (2k + n - 1)! / (2k)! / x^(2k+n), starting from k = 0 without its Bernoulli number.
  long double term = factorial / n / std::pow(x, (long double)n);
  for (int k = 1; k <= 11; ++k) {
    term *= (2.0L * k + n - 2) * (2.0L * k + n - 1) / ((2.0L * k - 1) * (2.0L * k)) / (x * x);
    series += bernoulli[k - 1] * term;
  }
  return sign * series + sum;
}
