// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The project's own elementary functions, as sequences of arith and math ops that every target executes
// inline. Operands are f32 or f64, scalars or vectors of any shape; both operands of a binary function have
// the same type. Errors: at most 2 ulp for exp, log, tanh, erf, sin, cos and their relatives, at most 4 for
// the rest. NaN goes in, NaN comes out; denormals are kept.
#ifndef WEFT_LIB_CODEGEN_MATH_VECTORMATH_H
#define WEFT_LIB_CODEGEN_MATH_VECTORMATH_H

#include "weft/Codegen/Math/ValueMath.h"

namespace weft::codegen {

// VectorMathExp.cpp
V emitExp(V x);
V emitExp2(V x);
/// exp of x <= 0.
V emitExpNonPositive(V x);
/// 2^x of an f32 x <= 0, or 0 where that is below 2^-125.5.
V emitExp2Flushed(V x);
V emitExpm1(V x);
V emitSinh(V x);
V emitCosh(V x);
V emitTanh(V x);
/// f32 only, within 8 ulp.
V emitTanhApproximate(V x);
V emitErf(V x);
V emitErfc(V x);

// VectorMathLog.cpp
V emitLog(V x);
V emitLog2(V x);
V emitLog10(V x);
V emitLog1p(V x);
V emitAsinh(V x);
V emitAcosh(V x);
V emitAtanh(V x);
V emitCbrt(V x);
V emitPow(V x, V y);

// VectorMathTrig.cpp
V emitSin(V x);
V emitCos(V x);
V emitTan(V x);
V emitAsin(V x);
V emitAcos(V x);
V emitAtan(V x);
V emitAtan2(V y, V x);

// VectorMathInteger.cpp
/// C's fmod, exact.
V emitRem(V x, V y);
/// Wrapping power of integers; a negative exponent gives 1, -1 or 0 as 1/base^n truncates to, and 0^-n = 0.
V emitIntPow(V base, V exponent);

// What the files above share.
/// exp(x + low) * 2^extra, of x already clamped by the caller; for x in about +-1500.
V emitExpScaled(V x, V low, int extra);
/// log(1 + ...) pieces: x = m * 2^e, m within [sqrt(1/2), sqrt(2)). Returns e as a float and log(m).
struct LogParts {
  V exponent, logMantissa;
};
LogParts emitLogParts(V x);

} // namespace weft::codegen

#endif // WEFT_LIB_CODEGEN_MATH_VECTORMATH_H
