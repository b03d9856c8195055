// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// CRC-32C. The instruction has a latency of three cycles: three stripes are summed side by side, then joined
// by tables that say what a checksum becomes when a stripe of zeros follows.
#include "weft/Distributed/Frame.h"

#include <cstring>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace weft::distributed {
namespace {

constexpr uint32_t polynomial = 0x82f63b78; // bits reversed
constexpr size_t stripe = 4096;

struct Tables {
  uint32_t byte[256];
  uint32_t skip[4][256]; ///< what each byte of a checksum becomes behind `stripe` zeros
  Tables() {
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit)
        value = value & 1 ? value >> 1 ^ polynomial : value >> 1;
      byte[i] = value;
    }
    // Behind zeros each bit of a checksum goes its own way: follow the 32 bits once, then join them.
    uint32_t bits[32];
    for (int bit = 0; bit < 32; ++bit) {
      uint32_t value = uint32_t(1) << bit;
      for (size_t i = 0; i < stripe; ++i)
        value = byte[value & 255] ^ value >> 8;
      bits[bit] = value;
    }
    for (int part = 0; part < 4; ++part)
      for (uint32_t i = 0; i < 256; ++i) {
        skip[part][i] = 0;
        for (int bit = 0; bit < 8; ++bit)
          if (i >> bit & 1)
            skip[part][i] ^= bits[8 * part + bit];
      }
  }
};

const Tables &tables() {
  static const Tables instance;
  return instance;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) uint32_t crc32cHardware(const std::byte *data, size_t size, uint32_t crc) {
  const auto word = [](const std::byte *at) {
    uint64_t value;
    std::memcpy(&value, at, 8);
    return value;
  };
  const Tables &table = tables();
  const auto behindStripe = [&](uint32_t sum) {
    return table.skip[0][sum & 255] ^ table.skip[1][sum >> 8 & 255] ^ table.skip[2][sum >> 16 & 255] ^
           table.skip[3][sum >> 24];
  };
  uint64_t a = ~crc;
  for (; size >= 3 * stripe; size -= 3 * stripe, data += 3 * stripe) {
    uint64_t b = 0, c = 0;
    for (size_t i = 0; i < stripe; i += 8) {
      a = _mm_crc32_u64(a, word(data + i));
      b = _mm_crc32_u64(b, word(data + stripe + i));
      c = _mm_crc32_u64(c, word(data + 2 * stripe + i));
    }
    a = behindStripe(behindStripe(uint32_t(a)) ^ uint32_t(b)) ^ uint32_t(c);
  }
  for (; size >= 8; size -= 8, data += 8)
    a = _mm_crc32_u64(a, word(data));
  auto sum = uint32_t(a);
  for (; size > 0; --size, ++data)
    sum = _mm_crc32_u8(sum, uint8_t(*data));
  return ~sum;
}
#endif

} // namespace

uint32_t detail::crc32cPortable(std::span<const std::byte> bytes, uint32_t crc) {
  const Tables &table = tables();
  crc = ~crc;
  for (const std::byte b : bytes)
    crc = table.byte[(crc ^ uint8_t(b)) & 255] ^ crc >> 8;
  return ~crc;
}

uint32_t crc32c(std::span<const std::byte> bytes, uint32_t crc) {
#if defined(__x86_64__)
  static const bool hasInstruction = __builtin_cpu_supports("sse4.2");
  if (hasInstruction)
    return crc32cHardware(bytes.data(), bytes.size(), crc);
#endif
  return detail::crc32cPortable(bytes, crc);
}

} // namespace weft::distributed
