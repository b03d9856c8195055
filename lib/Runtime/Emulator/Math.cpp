// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Functions of numbers that emulated code asks for. A GPU's approximations are computed exactly rounded: what
// they differ by is not emulated.
#include "Math.h"

#include "weft/Support/DType.h"

#include <cfloat>
#include <cmath>

namespace weft::runtime::emulator {

template <class T> static T evaluate(uint32_t function, T x) {
  switch (function & ~uint32_t(WEFT_MATH_FLUSH)) {
  case WEFT_MATH_EXP2:
    return std::exp2(x);
  case WEFT_MATH_LOG2:
    return std::log2(x);
  case WEFT_MATH_EXP:
    return std::exp(x);
  case WEFT_MATH_LOG:
    return std::log(x);
  case WEFT_MATH_SIN:
    return std::sin(x);
  case WEFT_MATH_COS:
    return std::cos(x);
  case WEFT_MATH_TANH:
    return std::tanh(x);
  case WEFT_MATH_RSQRT:
    return 1 / std::sqrt(x);
  case WEFT_MATH_EXP10:
    return std::pow(T(10), x);
  case WEFT_MATH_LOG10:
    return std::log10(x);
  }
  return std::nan("");
}

static float flush(float x) { return std::fabs(x) < FLT_MIN ? std::copysign(0.0f, x) : x; }

float mathF32(const WeftEmulator *, uint32_t function, float x) {
  if (!(function & WEFT_MATH_FLUSH))
    return float(evaluate<double>(function, x));
  return flush(float(evaluate<double>(function, flush(x))));
}

double mathF64(const WeftEmulator *, uint32_t function, double x) { return evaluate<double>(function, x); }
float powF32(const WeftEmulator *, float x, float y) { return float(std::pow(double(x), double(y))); }
double powF64(const WeftEmulator *, double x, double y) { return std::pow(x, y); }
double remainderOf(const WeftEmulator *, double x, double y) { return std::fmod(x, y); }

uint32_t convertPair(const WeftEmulator *, uint32_t type, uint32_t saturate, float high, float low) {
  switch (type) {
  case WEFT_F16:
    return uint32_t(floatToF16(high, saturate)) << 16 | floatToF16(low, saturate);
  case WEFT_BF16:
    return uint32_t(floatToBF16(high, saturate)) << 16 | floatToBF16(low, saturate);
  case WEFT_E4M3:
    return uint32_t(floatToF8E4M3FN(high, saturate)) << 8 | floatToF8E4M3FN(low, saturate);
  case WEFT_E5M2:
    return uint32_t(floatToF8E5M2(high, saturate)) << 8 | floatToF8E5M2(low, saturate);
  }
  return 0;
}

} // namespace weft::runtime::emulator
