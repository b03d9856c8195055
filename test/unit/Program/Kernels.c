// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels for tests, with the ABI of compiled programs.
#include "weft/Program/Abi.h"

enum { block = 64 };

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/// out = a + b over dim[0] floats, 64 to a chunk.
int32_t k_add(const WeftCall *call, int64_t lo, int64_t hi) {
  const float *a = call->buf[0], *b = call->buf[1];
  float *out = call->buf[2];
  for (int64_t i = lo * block; i < least(hi * block, call->dim[0]); ++i)
    out[i] = a[i] + b[i];
  return 0;
}

/// out = x * 2 through the scratch memory, dim[0] floats.
int32_t k_double(const WeftCall *call, int64_t lo, int64_t hi) {
  const float *x = call->buf[0];
  float *out = call->buf[1], *room = call->scratch;
  for (int64_t c = lo; c < hi; ++c) {
    const int64_t begin = c * block, end = least(begin + block, call->dim[0]);
    for (int64_t i = begin; i < end; ++i)
      room[i - begin] = x[i] * 2;
    for (int64_t i = begin; i < end; ++i)
      out[i] = room[i - begin];
  }
  return 0;
}

/// out = table[index] for i64 indices; dims: how many, size of the table.
int32_t k_gather(const WeftCall *call, int64_t lo, int64_t hi) {
  const float *table = call->buf[0];
  const int64_t *index = call->buf[1];
  float *out = call->buf[2];
  for (int64_t i = lo * block; i < least(hi * block, call->dim[0]); ++i) {
    if (index[i] < 0 || index[i] >= call->dim[1]) {
      uint32_t none = 0;
      if (__atomic_compare_exchange_n(&call->fault->check, &none, 1, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        call->fault->found = index[i];
        call->fault->limit = call->dim[1];
        call->fault->at = i;
      }
      return 1;
    }
    out[i] = table[index[i]];
  }
  return 0;
}

/// i64 scalars: out = a + b.
int32_t k_add_int(const WeftCall *call, int64_t lo, int64_t hi) {
  *(int64_t *)call->buf[2] = *(const int64_t *)call->buf[0] + *(const int64_t *)call->buf[1];
  return 0;
}

/// i64 scalars to i1: out = a < b.
int32_t k_less(const WeftCall *call, int64_t lo, int64_t hi) {
  *(uint8_t *)call->buf[2] = *(const int64_t *)call->buf[0] < *(const int64_t *)call->buf[1];
  return 0;
}

static const float table[4] = {1, 10, 100, 1000};
const float *const rows[2] = {table, table + 2}; // exported data with relocations
/// out[i] = a constant of the image.
int32_t k_constant(const WeftCall *call, int64_t lo, int64_t hi) {
  float *out = call->buf[0];
  for (int64_t i = lo; i < hi; ++i)
    out[i] = rows[i / 2 % 2][i % 2];
  return 0;
}
