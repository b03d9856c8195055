// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// SHA-256, by the CPU's instructions where it has them. It names programs, sections and cache entries.
#ifndef WEFT_SUPPORT_SHA256_H
#define WEFT_SUPPORT_SHA256_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace weft {

using Sha256Digest = std::array<uint8_t, 32>;

/// Hashes bytes given piece by piece.
class Sha256 {
public:
  Sha256();
  Sha256 &update(const void *data, size_t size);
  Sha256 &update(std::string_view text) { return update(text.data(), text.size()); }
  /// The number as 8 bytes, least significant first: for keys made of several fields.
  Sha256 &updateInt(uint64_t number);
  /// Length, then bytes: so that "ab","c" and "a","bc" differ.
  Sha256 &updateField(std::string_view text) { return updateInt(text.size()).update(text); }
  /// The digest of all so far. Call once.
  Sha256Digest finish();
  std::string finishHex();

  /// Only for tests: never the CPU's instructions.
  void usePortable();

private:
  using Blocks = void (*)(uint32_t *state, const uint8_t *data, size_t blocks);
  Blocks blocks;
  uint32_t state[8];
  uint8_t pending[64];
  uint64_t total = 0;
};

Sha256Digest sha256(const void *data, size_t size);
std::string sha256Hex(std::string_view bytes);
/// 64 lower-case digits.
std::string toHex(const Sha256Digest &digest);
std::string toHex(std::span<const uint8_t> bytes);
/// The digest of 64 hex digits of either case; nothing for anything else.
std::optional<Sha256Digest> digestFromHex(std::string_view hex);

} // namespace weft

#endif // WEFT_SUPPORT_SHA256_H
