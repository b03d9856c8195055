// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Philox4x32-10 and Threefry2x32-20.
#include "weft/Reference/RandomBits.h"

#include <bit>

using namespace weft;

std::array<uint32_t, 4> reference::philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    uint64_t a = uint64_t(0xD2511F53u) * counter[0], b = uint64_t(0xCD9E8D57u) * counter[2];
    counter = {uint32_t(b >> 32) ^ counter[1] ^ key[0], uint32_t(b), uint32_t(a >> 32) ^ counter[3] ^ key[1],
               uint32_t(a)};
    key[0] += 0x9E3779B9u; // the golden ratio
    key[1] += 0xBB67AE85u; // sqrt(3) - 1
  }
  return counter;
}

std::array<uint32_t, 2> reference::threefry2x32(std::array<uint32_t, 2> counter,
                                                std::array<uint32_t, 2> key) {
  constexpr int rotations[8] = {13, 15, 26, 6, 17, 29, 16, 24};
  const uint32_t keys[3] = {key[0], key[1], key[0] ^ key[1] ^ 0x1BD11BDAu};
  auto [x, y] = counter;
  x += keys[0];
  y += keys[1];
  for (uint32_t round = 0; round < 20; ++round) {
    x += y;
    y = std::rotl(y, rotations[round % 8]) ^ x;
    if (round % 4 == 3) {
      const uint32_t injection = round / 4 + 1;
      x += keys[injection % 3];
      y += keys[(injection + 1) % 3] + injection;
    }
  }
  return {x, y};
}

uint32_t reference::philoxWord(std::array<uint32_t, 2> key, uint64_t counter) {
  uint64_t block = counter / 4;
  return philox4x32({uint32_t(block), uint32_t(block >> 32), 0, 0}, key)[counter % 4];
}

uint32_t reference::threefryWord(std::array<uint32_t, 2> key, uint64_t counter) {
  uint64_t block = counter / 2;
  return threefry2x32({uint32_t(block), uint32_t(block >> 32)}, key)[counter % 2];
}
