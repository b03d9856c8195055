// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows of the product are built from rows of b, in blocks that stay in the caches. The order of additions is
// that of the columns of a, four at a time; no term is skipped, so NaN and infinities take part.
#include "MatrixProduct.h"

#include <algorithm>

using namespace weft;

template <class T> static void addProduct(const T *a, const T *b, T *c, int64_t m, int64_t k, int64_t n) {
  constexpr int64_t depth = 128, width = 512;
  for (int64_t j0 = 0; j0 < n; j0 += width) {
    const int64_t columns = std::min(width, n - j0);
    for (int64_t l0 = 0; l0 < k; l0 += depth) {
      const int64_t l1 = std::min(k, l0 + depth);
      for (int64_t i = 0; i < m; ++i) {
        T *__restrict row = c + i * n + j0;
        int64_t l = l0;
        for (; l + 4 <= l1; l += 4) {
          const T *x = a + i * k + l;
          const T x0 = x[0], x1 = x[1], x2 = x[2], x3 = x[3];
          const T *__restrict b0 = b + l * n + j0;
          const T *__restrict b1 = b0 + n;
          const T *__restrict b2 = b1 + n;
          const T *__restrict b3 = b2 + n;
          for (int64_t j = 0; j < columns; ++j)
            row[j] = (((row[j] + x0 * b0[j]) + x1 * b1[j]) + x2 * b2[j]) + x3 * b3[j];
        }
        for (; l < l1; ++l) {
          const T x = a[i * k + l];
          const T *__restrict source = b + l * n + j0;
          for (int64_t j = 0; j < columns; ++j)
            row[j] += x * source[j];
        }
      }
    }
  }
}

void reference::addMatrixProduct(const double *a, const double *b, double *c, int64_t m, int64_t k,
                                 int64_t n) {
  addProduct(a, b, c, m, k, n);
}

void reference::addMatrixProduct(const uint64_t *a, const uint64_t *b, uint64_t *c, int64_t m, int64_t k,
                                 int64_t n) {
  addProduct(a, b, c, m, k, n);
}
