// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// CRC-32C. The instruction has a latency of three cycles: three stripes are summed side by side, then joined
// by tables that say what a checksum becomes when a stripe of zeros follows. Copying on the way costs little
// more: the instruction leaves the ports of loads and stores idle.
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
template <bool copies>
__attribute__((target("sse4.2"))) uint32_t crc32cHardware(std::byte *to, const std::byte *data, size_t size,
                                                          uint32_t crc) {
  // The word at an offset, copied on the way.
  const auto word = [&](size_t at) {
    uint64_t value;
    std::memcpy(&value, data + at, 8);
    if constexpr (copies)
      std::memcpy(to + at, &value, 8);
    return value;
  };
  const auto advance = [&](size_t by) {
    data += by;
    size -= by;
    if constexpr (copies)
      to += by;
  };
  const Tables &table = tables();
  const auto behindStripe = [&](uint32_t sum) {
    return table.skip[0][sum & 255] ^ table.skip[1][sum >> 8 & 255] ^ table.skip[2][sum >> 16 & 255] ^
           table.skip[3][sum >> 24];
  };
  uint64_t a = ~crc;
  for (; size >= 3 * stripe; advance(3 * stripe)) {
    uint64_t b = 0, c = 0;
    for (size_t i = 0; i < stripe; i += 8) {
      a = _mm_crc32_u64(a, word(i));
      b = _mm_crc32_u64(b, word(stripe + i));
      c = _mm_crc32_u64(c, word(2 * stripe + i));
    }
    a = behindStripe(behindStripe(uint32_t(a)) ^ uint32_t(b)) ^ uint32_t(c);
  }
  for (; size >= 8; advance(8))
    a = _mm_crc32_u64(a, word(0));
  auto sum = uint32_t(a);
  for (; size > 0; advance(1)) {
    sum = _mm_crc32_u8(sum, uint8_t(*data));
    if constexpr (copies)
      *to = *data;
  }
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

#if defined(__x86_64__)
static bool hasInstruction() {
  static const bool has = __builtin_cpu_supports("sse4.2");
  return has;
}
#endif

uint32_t crc32c(std::span<const std::byte> bytes, uint32_t crc) {
#if defined(__x86_64__)
  if (hasInstruction())
    return crc32cHardware<false>(nullptr, bytes.data(), bytes.size(), crc);
#endif
  return detail::crc32cPortable(bytes, crc);
}

uint32_t copyWithCrc32c(std::byte *to, std::span<const std::byte> from, uint32_t crc) {
#if defined(__x86_64__)
  if (hasInstruction())
    return crc32cHardware<true>(to, from.data(), from.size(), crc);
#endif
  if (!from.empty())
    std::memcpy(to, from.data(), from.size());
  return detail::crc32cPortable({to, from.size()}, crc);
}

} // namespace weft::distributed
