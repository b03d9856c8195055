// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Functions that the C library lacks, in the 80-bit type, so that a double rounded from them is right.
#ifndef WEFT_LIB_REFERENCE_SPECIALFUNCTIONS_H
#define WEFT_LIB_REFERENCE_SPECIALFUNCTIONS_H

#include <cstdint>

namespace weft::reference {

long double reciprocalSqrt(long double x);
/// 1 / (1 + exp(-x)).
long double logistic(long double x);
/// Logarithm of |gamma(x)|.
long double logGamma(long double x);
/// erf(y) = x; infinite at -1 and 1, NaN outside.
long double erfInv(long double x);
/// The n-th derivative of digamma. At 0 digamma is the infinity of the other sign; at negative integers it is
/// NaN. At those poles odd derivatives are +inf, even ones NaN. NaN for negative n.
long double polygamma(int64_t n, long double x);

} // namespace weft::reference

#endif // WEFT_LIB_REFERENCE_SPECIALFUNCTIONS_H
