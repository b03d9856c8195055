// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrix units, as the table of functions calls them.
#ifndef WEFT_LIB_RUNTIME_EMULATOR_MATRIX_H
#define WEFT_LIB_RUNTIME_EMULATOR_MATRIX_H

#include "Machine.h"

namespace weft::runtime::emulator {

// Of a warp (Matrix.cpp).
void loadMatrix(Thread &, void *row, uint32_t count, uint32_t transpose, void *result, const char *site);
void storeMatrix(Thread &, void *row, uint32_t count, uint32_t transpose, const void *values,
                 const char *site);
void multiply(Thread &, const WeftMma *shape, const void *a, const void *b, const void *c, void *d,
              const char *site);

// Of a warpgroup (Wgmma.cpp).
void multiplyAsync(Thread &, const WeftWgmma *shape, uint64_t descriptorA, const void *registersA,
                   uint64_t descriptorB, void *accumulators, const char *site);
void fenceWgmma(Thread &, const char *site);
void commitWgmma(Thread &, const char *site);
void waitWgmma(Thread &, uint32_t pending, const char *site);

/// Element `index` of an array of an operand's type; f32 holds them all exactly.
float elementAt(uint8_t type, const void *array, size_t index);

} // namespace weft::runtime::emulator

#endif // WEFT_LIB_RUNTIME_EMULATOR_MATRIX_H
