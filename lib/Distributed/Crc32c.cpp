// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// CRC-32C, in three ways. Wide carry-less products fold 256 bytes at once: a message is a polynomial, and a
// block may be replaced by what it leaves, modulo the checksum's polynomial, as many bytes further on. The
// instruction made for it has a latency of three cycles: three stripes are summed side by side, then joined
// by tables that say what a checksum becomes when a stripe of zeros follows. Tables alone do for other CPUs.
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

/// x^n modulo the polynomial; the highest power is the lowest bit.
constexpr uint32_t powerOfX(unsigned n) {
  uint32_t value = 0x80000000;
  for (; n > 0; --n)
    value = value & 1 ? value >> 1 ^ polynomial : value >> 1;
  return value;
}

#define WEFT_FOLDS __attribute__((target("avx512f,vpclmulqdq,sse4.2")))

/// What moves 128 bits `Distance` bits on: factors of their first half and of their second. A product of two
/// reversed halves is one power too high.
template <unsigned Distance> WEFT_FOLDS inline __m512i fold(__m512i value, __m512i next) {
  constexpr auto first = int64_t(uint64_t(powerOfX(Distance + 63)) << 32),
                 second = int64_t(uint64_t(powerOfX(Distance - 1)) << 32);
  const __m512i factors = _mm512_set_epi64(second, first, second, first, second, first, second, first);
  return _mm512_ternarylogic_epi64(_mm512_clmulepi64_epi128(value, factors, 0x00),
                                   _mm512_clmulepi64_epi128(value, factors, 0x11), next,
                                   0x96); // xor of three
}

WEFT_FOLDS uint32_t crc32cFolding(const std::byte *data, size_t size, uint32_t crc) {
  constexpr size_t wide = 64, block = 4 * wide, ahead = 2048; // ahead: for what is in no cache yet
  if (size < block)
    return crc32cHardware(data, size, crc);
  __m512i sums[4];
  for (size_t i = 0; i < 4; ++i)
    sums[i] = _mm512_loadu_si512(data + i * wide);
  sums[0] = _mm512_xor_si512(sums[0], _mm512_zextsi128_si512(_mm_cvtsi32_si128(int(~crc))));
  size_t at = block;
  for (; at + block <= size; at += block)
    for (size_t i = 0; i < 4; ++i) {
      _mm_prefetch(reinterpret_cast<const char *>(uintptr_t(data) + at + i * wide + ahead), _MM_HINT_T0);
      sums[i] = fold<8 * block>(sums[i], _mm512_loadu_si512(data + at + i * wide));
    }
  for (size_t i = 1; i < 4; ++i)
    sums[i] = fold<8 * wide>(sums[i - 1], sums[i]);
  alignas(wide) std::byte rest[wide];
  _mm512_store_si512(rest, sums[3]);
  // What is left of all blocks is a message of 64 bytes, without a checksum before it.
  return crc32cHardware(data + at, size - at, crc32cHardware(rest, wide, ~uint32_t(0)));
}

bool canFold() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("vpclmulqdq") &&
         __builtin_cpu_supports("sse4.2");
}
#endif

uint32_t crc32cPortable(const std::byte *data, size_t size, uint32_t crc) {
  const Tables &table = tables();
  crc = ~crc;
  for (; size > 0; --size, ++data)
    crc = table.byte[(crc ^ uint8_t(*data)) & 255] ^ crc >> 8;
  return ~crc;
}

} // namespace

std::vector<detail::Crc32cWay> detail::crc32cWays() {
  std::vector<Crc32cWay> ways = {&crc32cPortable};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2"))
    ways.push_back(&crc32cHardware);
  if (canFold())
    ways.push_back(&crc32cFolding);
#endif
  return ways;
}

uint32_t crc32c(std::span<const std::byte> bytes, uint32_t crc) {
  static const detail::Crc32cWay fastest = detail::crc32cWays().back();
  return fastest(bytes.data(), bytes.size(), crc);
}

} // namespace weft::distributed
