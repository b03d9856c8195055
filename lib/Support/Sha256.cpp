// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// SHA-256 (FIPS 180-4), portable and by the x86 SHA extensions (about 1.5 GB/s).
#include "weft/Support/Sha256.h"

#include "Sha256Rounds.h"

#include <algorithm>
#include <bit>
#include <cstring>
#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

namespace weft {
namespace {

void portableBlocks(uint32_t *state, const uint8_t *data, size_t blocks) {
  for (; blocks; --blocks, data += 64) {
    uint32_t w[64];
    for (int i = 0; i < 16; ++i)
      w[i] = uint32_t(data[4 * i]) << 24 | uint32_t(data[4 * i + 1]) << 16 | uint32_t(data[4 * i + 2]) << 8 |
             data[4 * i + 3];
    for (int i = 16; i < 64; ++i) {
      const uint32_t s0 = std::rotr(w[i - 15], 7) ^ std::rotr(w[i - 15], 18) ^ w[i - 15] >> 3;
      const uint32_t s1 = std::rotr(w[i - 2], 17) ^ std::rotr(w[i - 2], 19) ^ w[i - 2] >> 10;
      w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    uint32_t v[8];
    std::memcpy(v, state, sizeof v);
    for (int i = 0; i < 64; ++i) {
      const uint32_t s1 = std::rotr(v[4], 6) ^ std::rotr(v[4], 11) ^ std::rotr(v[4], 25);
      const uint32_t t1 = v[7] + s1 + ((v[4] & v[5]) ^ (~v[4] & v[6])) + sha::roundConstants[i] + w[i];
      const uint32_t s0 = std::rotr(v[0], 2) ^ std::rotr(v[0], 13) ^ std::rotr(v[0], 22);
      const uint32_t t2 = s0 + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
      std::memmove(v + 1, v, 7 * sizeof *v);
      v[4] += t1;
      v[0] = t1 + t2;
    }
    for (int i = 0; i < 8; ++i)
      state[i] += v[i];
  }
}

#if defined(__x86_64__)
__attribute__((target("sha,sse4.1,ssse3"))) void shaBlocks(uint32_t *state, const uint8_t *data,
                                                           size_t blocks) {
  const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bll, 0x0405060700010203ll);
  __m128i abcd = _mm_loadu_si128(reinterpret_cast<const __m128i *>(state));
  __m128i efgh = _mm_loadu_si128(reinterpret_cast<const __m128i *>(state + 4));
  // The instructions want (a b e f) and (c d g h).
  __m128i t = _mm_shuffle_epi32(abcd, 0xb1);
  efgh = _mm_shuffle_epi32(efgh, 0x1b);
  __m128i abef = _mm_alignr_epi8(t, efgh, 8), cdgh = _mm_blend_epi16(efgh, t, 0xf0);
  for (; blocks; --blocks, data += 64) {
    const __m128i abefBefore = abef, cdghBefore = cdgh;
    __m128i w[4];
    for (int i = 0; i < 4; ++i)
      w[i] = _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i *>(data) + i), swap);
    for (int r = 0; r < 16; ++r) {
      if (r >= 4) {
        __m128i next = _mm_sha256msg1_epu32(w[r & 3], w[(r + 1) & 3]);
        next = _mm_add_epi32(next, _mm_alignr_epi8(w[(r + 3) & 3], w[(r + 2) & 3], 4));
        w[r & 3] = _mm_sha256msg2_epu32(next, w[(r + 3) & 3]);
      }
      const __m128i k =
          _mm_add_epi32(w[r & 3], _mm_load_si128(reinterpret_cast<const __m128i *>(sha::roundConstants) + r));
      cdgh = _mm_sha256rnds2_epu32(cdgh, abef, k);
      abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(k, 0x0e));
    }
    abef = _mm_add_epi32(abef, abefBefore);
    cdgh = _mm_add_epi32(cdgh, cdghBefore);
  }
  t = _mm_shuffle_epi32(abef, 0x1b);
  cdgh = _mm_shuffle_epi32(cdgh, 0xb1);
  abcd = _mm_blend_epi16(t, cdgh, 0xf0);
  efgh = _mm_alignr_epi8(cdgh, t, 8);
  _mm_storeu_si128(reinterpret_cast<__m128i *>(state), abcd);
  _mm_storeu_si128(reinterpret_cast<__m128i *>(state + 4), efgh);
}
#endif

} // namespace

bool sha::hasInstructions() {
#if defined(__x86_64__)
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSE4_1) || !(c & bit_SSSE3))
    return false;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA);
#else
  return false;
#endif
}

Sha256::Sha256() : blocks(portableBlocks) {
#if defined(__x86_64__)
  static const bool fast = sha::hasInstructions();
  if (fast)
    blocks = shaBlocks;
#endif
  std::memcpy(state, sha::initialState, sizeof state);
}

void Sha256::usePortable() { blocks = portableBlocks; }

Sha256 &Sha256::update(const void *data, size_t size) {
  if (size == 0)
    return *this; // `data` may be null
  const auto *bytes = static_cast<const uint8_t *>(data);
  const size_t filled = total % 64;
  total += size;
  if (filled) {
    const size_t part = std::min(size, 64 - filled);
    std::memcpy(pending + filled, bytes, part);
    bytes += part;
    size -= part;
    if (filled + part < 64)
      return *this;
    blocks(state, pending, 1);
  }
  blocks(state, bytes, size / 64);
  if (size % 64)
    std::memcpy(pending, bytes + size / 64 * 64, size % 64);
  return *this;
}

Sha256 &Sha256::updateInt(uint64_t number) {
  uint8_t bytes[8];
  for (int i = 0; i < 8; ++i)
    bytes[i] = uint8_t(number >> 8 * i);
  return update(bytes, 8);
}

Sha256Digest Sha256::finish() {
  const uint64_t bits = total * 8;
  uint8_t tail[72] = {0x80};
  const size_t pad = (total % 64 < 56 ? 56 : 120) - total % 64;
  for (int i = 0; i < 8; ++i)
    tail[pad + size_t(i)] = uint8_t(bits >> (56 - 8 * i));
  update(tail, pad + 8);
  Sha256Digest digest;
  for (size_t i = 0; i < 32; ++i)
    digest[i] = uint8_t(state[i / 4] >> (24 - 8 * (i % 4)));
  return digest;
}

std::string Sha256::finishHex() { return toHex(finish()); }

Sha256Digest sha256(const void *data, size_t size) { return Sha256().update(data, size).finish(); }
std::string sha256Hex(std::string_view bytes) { return Sha256().update(bytes).finishHex(); }

std::string toHex(std::span<const uint8_t> bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (uint8_t byte : bytes) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

std::string toHex(const Sha256Digest &digest) { return toHex(std::span<const uint8_t>(digest)); }

std::optional<Sha256Digest> digestFromHex(std::string_view hex) {
  if (hex.size() != 64)
    return std::nullopt;
  Sha256Digest digest{};
  for (size_t i = 0; i < 64; ++i) {
    const char c = hex[i];
    int digit = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
    if (digit < 0)
      return std::nullopt;
    digest[i / 2] = uint8_t(digest[i / 2] << 4 | digit);
  }
  return digest;
}

} // namespace weft
