// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Two SHA-256 states in turn by the x86 SHA extensions (about 2.5 GB/s): a round takes four cycles until the
// next one of the same message can start, and half of that until one of another can.
#include "weft/Support/Sha256Each.h"

#include "Sha256Rounds.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace weft {
namespace {

#if defined(__x86_64__)
/// A message on its way: whole blocks of the data, then its rest with the padding.
struct Lane {
  const uint8_t *data = nullptr;
  size_t blocks = 0;
  uint8_t tail[128];
  size_t tailBlocks = 0;
  uint32_t state[8] = {};

  void begin(std::span<const std::byte> message) {
    data = reinterpret_cast<const uint8_t *>(message.data());
    blocks = message.size() / 64;
    const size_t rest = message.size() % 64;
    tailBlocks = rest < 56 ? 1 : 2;
    std::memset(tail, 0, sizeof tail);
    if (rest)
      std::memcpy(tail, data + blocks * 64, rest);
    tail[rest] = 0x80;
    const uint64_t bits = uint64_t(message.size()) * 8;
    for (size_t i = 0; i < 8; ++i)
      tail[tailBlocks * 64 - 1 - i] = uint8_t(bits >> 8 * i);
    std::memcpy(state, sha::initialState, sizeof state);
    toTail();
  }
  /// Steps over `count` blocks; false when none are left.
  bool advance(size_t count) {
    data += count * 64;
    blocks -= count;
    toTail();
    return blocks > 0;
  }
  void toTail() {
    if (blocks > 0 || tailBlocks == 0)
      return;
    data = tail;
    blocks = tailBlocks;
    tailBlocks = 0;
  }
};

__attribute__((target("sha,sse4.1,ssse3"))) void pairOfBlocks(Lane &first, Lane &second, size_t blocks) {
  const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bll, 0x0405060700010203ll);
  uint32_t *states[2] = {first.state, second.state};
  const uint8_t *data[2] = {first.data, second.data};
  __m128i abef[2], cdgh[2];
  for (int m = 0; m < 2; ++m) {
    const __m128i abcd = _mm_loadu_si128(reinterpret_cast<const __m128i *>(states[m]));
    const __m128i efgh = _mm_loadu_si128(reinterpret_cast<const __m128i *>(states[m] + 4));
    // The instructions want (a b e f) and (c d g h).
    const __m128i badc = _mm_shuffle_epi32(abcd, 0xb1), hgfe = _mm_shuffle_epi32(efgh, 0x1b);
    abef[m] = _mm_alignr_epi8(badc, hgfe, 8);
    cdgh[m] = _mm_blend_epi16(hgfe, badc, 0xf0);
  }
  for (size_t block = 0; block < blocks; ++block) {
    __m128i w[2][4], abefBefore[2], cdghBefore[2];
    for (int m = 0; m < 2; ++m) {
      abefBefore[m] = abef[m];
      cdghBefore[m] = cdgh[m];
      for (int i = 0; i < 4; ++i)
        w[m][i] = _mm_shuffle_epi8(
            _mm_loadu_si128(reinterpret_cast<const __m128i *>(data[m] + block * 64) + i), swap);
    }
#pragma clang loop unroll(full)
    for (int r = 0; r < 16; ++r) {
      const __m128i constants = _mm_load_si128(reinterpret_cast<const __m128i *>(sha::roundConstants) + r);
#pragma clang loop unroll(full)
      for (int m = 0; m < 2; ++m) {
        __m128i(&v)[4] = w[m];
        if (r >= 4) {
          __m128i next = _mm_sha256msg1_epu32(v[r & 3], v[(r + 1) & 3]);
          next = _mm_add_epi32(next, _mm_alignr_epi8(v[(r + 3) & 3], v[(r + 2) & 3], 4));
          v[r & 3] = _mm_sha256msg2_epu32(next, v[(r + 3) & 3]);
        }
        const __m128i k = _mm_add_epi32(v[r & 3], constants);
        cdgh[m] = _mm_sha256rnds2_epu32(cdgh[m], abef[m], k);
        abef[m] = _mm_sha256rnds2_epu32(abef[m], cdgh[m], _mm_shuffle_epi32(k, 0x0e));
      }
    }
    for (int m = 0; m < 2; ++m) {
      abef[m] = _mm_add_epi32(abef[m], abefBefore[m]);
      cdgh[m] = _mm_add_epi32(cdgh[m], cdghBefore[m]);
    }
  }
  for (int m = 0; m < 2; ++m) {
    const __m128i feba = _mm_shuffle_epi32(abef[m], 0x1b), dchg = _mm_shuffle_epi32(cdgh[m], 0xb1);
    _mm_storeu_si128(reinterpret_cast<__m128i *>(states[m]), _mm_blend_epi16(feba, dchg, 0xf0));
    _mm_storeu_si128(reinterpret_cast<__m128i *>(states[m] + 4), _mm_alignr_epi8(dchg, feba, 8));
  }
}

/// Longest first, so that two messages are there to the end as far as can be.
void hashInPairs(std::span<const std::span<const std::byte>> messages, std::vector<Sha256Digest> &digests) {
  std::vector<size_t> order(messages.size());
  std::iota(order.begin(), order.end(), size_t(0));
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t x, size_t y) { return messages[x].size() > messages[y].size(); });
  size_t next = 0;
  size_t which[2];
  Lane lanes[2];
  bool busy[2] = {};
  const auto take = [&](int m) {
    busy[m] = next < order.size();
    if (!busy[m])
      return;
    which[m] = order[next++];
    lanes[m].begin(messages[which[m]]);
  };
  take(0);
  take(1);
  while (busy[0] || busy[1]) {
    for (int m = 0; m < 2; ++m)
      if (!busy[m])
        lanes[m].data = lanes[1 - m].data; // nobody reads this state
    const size_t blocks = !busy[0]   ? lanes[1].blocks
                          : !busy[1] ? lanes[0].blocks
                                     : std::min(lanes[0].blocks, lanes[1].blocks);
    pairOfBlocks(lanes[0], lanes[1], blocks);
    for (int m = 0; m < 2; ++m) {
      if (!busy[m] || lanes[m].advance(blocks))
        continue;
      for (size_t i = 0; i < 32; ++i)
        digests[which[m]][i] = uint8_t(lanes[m].state[i / 4] >> (24 - 8 * (i % 4)));
      take(m);
    }
  }
}
#endif

} // namespace

std::vector<Sha256Digest> sha256Each(std::span<const std::span<const std::byte>> messages) {
  std::vector<Sha256Digest> digests(messages.size());
#if defined(__x86_64__)
  if (sha::hasInstructions()) {
    hashInPairs(messages, digests);
    return digests;
  }
#endif
  for (size_t i = 0; i < messages.size(); ++i)
    digests[i] = sha256(messages[i].data(), messages[i].size());
  return digests;
}

Sha256Digest sha256OfHalves(std::span<const std::byte> bytes) {
  const size_t half = bytes.size() / 2;
  const std::span<const std::byte> halves[] = {bytes.first(half), bytes.subspan(half)};
  Sha256 hash;
  for (const Sha256Digest &digest : sha256Each(halves))
    hash.update(digest.data(), digest.size());
  return hash.finish();
}

} // namespace weft
