// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The one loop nest that dot_general and conv spend their time in.
#ifndef WEFT_LIB_REFERENCE_MATRIXPRODUCT_H
#define WEFT_LIB_REFERENCE_MATRIXPRODUCT_H

#include <cstdint>

namespace weft::reference {

/// c [m, n] += a [m, k] * b [k, n], dense and row-major. Integers wrap.
void addMatrixProduct(const double *a, const double *b, double *c, int64_t m, int64_t k, int64_t n);
void addMatrixProduct(const uint64_t *a, const uint64_t *b, uint64_t *c, int64_t m, int64_t k, int64_t n);

} // namespace weft::reference

#endif // WEFT_LIB_REFERENCE_MATRIXPRODUCT_H
