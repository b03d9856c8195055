// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How reductions of each kind combine widened elements, and what they start from. Sums of floats are kept in
// double and rounded once; NaN propagates.
#ifndef WEFT_LIB_REFERENCE_COMBINE_H
#define WEFT_LIB_REFERENCE_COMBINE_H

#include "Evaluate.h"
#include "llvm/Support/ErrorHandling.h"

#include <cmath>
#include <limits>

namespace weft::reference {

inline double logAddExp(double a, double b) {
  if (std::isnan(a) || std::isnan(b))
    return a + b;
  double high = std::fmax(a, b), low = std::fmin(a, b);
  return std::isinf(high) ? high : high + std::log1p(std::exp(low - high));
}

/// The value of an empty reduction, widened. `type` matters where it is the lowest or highest of the type.
template <class T> T identityOf(ir::ReduceKind kind, DType type) {
  constexpr bool real = std::is_same_v<T, double>;
  switch (kind) {
  case ir::ReduceKind::mul:
    return 1;
  case ir::ReduceKind::max:
    if constexpr (real)
      return -std::numeric_limits<double>::infinity();
    else
      return T(lowestInteger(type));
  case ir::ReduceKind::min:
    if constexpr (real)
      return std::numeric_limits<double>::infinity();
    else
      return T(highestInteger(type));
  case ir::ReduceKind::bit_and:
    if constexpr (real)
      break;
    else
      return T(~uint64_t(0));
  case ir::ReduceKind::logaddexp:
    if constexpr (real)
      return -std::numeric_limits<double>::infinity();
    else
      break;
  case ir::ReduceKind::add:
  case ir::ReduceKind::bit_or:
  case ir::ReduceKind::bit_xor:
    break;
  }
  return 0;
}

/// Calls use(combine) with a function of (accumulated, next).
template <class T, class Use> auto withCombiner(ir::ReduceKind kind, Use use) {
  constexpr bool real = std::is_same_v<T, double>;
  switch (kind) {
  case ir::ReduceKind::add:
    if constexpr (real)
      return use([](T a, T b) { return a + b; });
    else
      return use([](T a, T b) { return T(uint64_t(a) + uint64_t(b)); });
  case ir::ReduceKind::mul:
    if constexpr (real)
      return use([](T a, T b) { return a * b; });
    else
      return use([](T a, T b) { return T(uint64_t(a) * uint64_t(b)); });
  case ir::ReduceKind::max:
    return use([](T a, T b) { return a != a || a > b ? a : b; });
  case ir::ReduceKind::min:
    return use([](T a, T b) { return a != a || a < b ? a : b; });
  default:
    break;
  }
  if constexpr (real) {
    if (kind == ir::ReduceKind::logaddexp)
      return use(logAddExp);
  } else {
    if (kind == ir::ReduceKind::bit_and)
      return use([](T a, T b) { return a & b; });
    if (kind == ir::ReduceKind::bit_or)
      return use([](T a, T b) { return a | b; });
    if (kind == ir::ReduceKind::bit_xor)
      return use([](T a, T b) { return a ^ b; });
  }
  llvm_unreachable("the verifier refuses this kind for this type");
}

} // namespace weft::reference

#endif // WEFT_LIB_REFERENCE_COMBINE_H
