// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The two counter-based generators behind weft.random_bits, block by block (Salmon et al., "Parallel random
// numbers: as easy as 1, 2, 3", 2011).
#ifndef WEFT_REFERENCE_RANDOMBITS_H
#define WEFT_REFERENCE_RANDOMBITS_H

#include <array>
#include <cstdint>

namespace weft::reference {

/// One block of Philox4x32-10.
std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);
/// One block of Threefry2x32-20.
std::array<uint32_t, 2> threefry2x32(std::array<uint32_t, 2> counter, std::array<uint32_t, 2> key);

/// Word `counter` of a stream: word counter mod 4 of Philox's block counter div 4, whose number fills the two
/// low words of the block counter, low word first. Likewise for Threefry with mod 2 and div 2.
uint32_t philoxWord(std::array<uint32_t, 2> key, uint64_t counter);
uint32_t threefryWord(std::array<uint32_t, 2> key, uint64_t counter);

} // namespace weft::reference

#endif // WEFT_REFERENCE_RANDOMBITS_H
