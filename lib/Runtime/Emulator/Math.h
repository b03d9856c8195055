// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Functions of numbers, with the signatures of the table (Program/EmulatorAbi.h).
#ifndef WEFT_LIB_RUNTIME_EMULATOR_MATH_H
#define WEFT_LIB_RUNTIME_EMULATOR_MATH_H

#include "weft/Program/EmulatorAbi.h"

namespace weft::runtime::emulator {

float mathF32(const WeftEmulator *, uint32_t function, float x);
double mathF64(const WeftEmulator *, uint32_t function, double x);
float powF32(const WeftEmulator *, float x, float y);
double powF64(const WeftEmulator *, double x, double y);
double remainderOf(const WeftEmulator *, double x, double y);
uint32_t convertPair(const WeftEmulator *, uint32_t type, uint32_t saturate, float high, float low);

} // namespace weft::runtime::emulator

#endif // WEFT_LIB_RUNTIME_EMULATOR_MATH_H
