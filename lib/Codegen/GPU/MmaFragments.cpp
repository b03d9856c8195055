// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tables of the PTX manual as linear maps.
#include "MmaFragments.h"

using namespace weft::gpu;

static uint64_t row(uint64_t r) { return packRowColumn(r, 0); }
static uint64_t column(uint64_t c) { return packRowColumn(0, c); }

// Of a lane's number, the low two bits choose a pair of neighbours and the high three one of eight rows (of
// eight columns, for B).

LinearMap weft::gpu::fragmentC() {
  return LinearMap({column(1), row(8), column(2), column(4), row(1), row(2), row(4)});
}

// ldmatrix: the low three bits of the lane choose a row of a matrix, the two above one of four matrices.

LinearMap weft::gpu::ldmatrixRowsA(Major major) {
  // Matrices: rows 0-7, rows 8-15, then the same of columns 8-15.
  if (major == Major::K)
    return LinearMap({row(1), row(2), row(4), row(8), column(8)});
  return LinearMap({row(1), row(2), row(4), column(8), row(8)});
}

LinearMap weft::gpu::ldmatrixRowsB(Major major) {
  // Matrices: K 0-7, K 8-15, then the same of the next eight N.
  if (major == Major::K)
    return LinearMap({row(1), row(2), row(4), column(8), row(8)});
  return LinearMap({row(1), row(2), row(4), row(8), column(8)});
}
