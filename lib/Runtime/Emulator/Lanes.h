// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Exchanges between the lanes of a warp, as the table of functions calls them.
#ifndef WEFT_LIB_RUNTIME_EMULATOR_LANES_H
#define WEFT_LIB_RUNTIME_EMULATOR_LANES_H

#include "Machine.h"

namespace weft::runtime::emulator {

/// Calls `each(lane)` for the lanes of a mask, lowest first.
template <class F> void eachLane(uint32_t mask, F &&each) {
  for (; mask; mask &= mask - 1)
    each(uint32_t(__builtin_ctz(mask)));
}

void warpBarrier(Thread &thread, uint32_t mask, const char *site);
uint64_t shuffle(Thread &thread, uint32_t mask, uint32_t kind, uint32_t value, uint32_t offset,
                 uint32_t maskAndClamp, const char *site);
uint32_t vote(Thread &thread, uint32_t mask, uint32_t kind, uint32_t predicate, const char *site);
uint64_t match(Thread &thread, uint32_t mask, uint32_t kind, uint64_t value, const char *site);
uint32_t reduce(Thread &thread, uint32_t mask, uint32_t kind, uint32_t flags, uint32_t value,
                const char *site);
uint32_t elect(Thread &thread, uint32_t mask, const char *site);

} // namespace weft::runtime::emulator

#endif // WEFT_LIB_RUNTIME_EMULATOR_LANES_H
