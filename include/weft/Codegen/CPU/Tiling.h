// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tilings as text, "rows=9 kblock=1024", and where a generator takes one from that is not its own choice: the
// seam between the generators and the tuner, which keeps tilings in a file.
#ifndef WEFT_CODEGEN_CPU_TILING_H
#define WEFT_CODEGEN_CPU_TILING_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

namespace weft::cpu {

/// A number of a tiling: its name in text, where it is, and the largest value that makes sense.
template <typename Tiling> struct TilingNumber {
  llvm::StringRef name;
  int64_t Tiling::*value;
  int64_t most;
};

/// The numbers of `tiling`, each with its name. `Tiling::numbers()` lists them.
template <typename Tiling> std::string tilingText(const Tiling &tiling) {
  std::string text;
  for (const TilingNumber<Tiling> &number : Tiling::numbers())
    text += (text.empty() ? "" : " ") + number.name.str() + "=" + std::to_string(tiling.*number.value);
  return text;
}

/// The same backwards: nothing unless all numbers are there once, in order, from 1 to their largest.
template <typename Tiling> std::optional<Tiling> parseTiling(llvm::StringRef text) {
  Tiling tiling;
  const llvm::StringRef whole = text;
  for (const TilingNumber<Tiling> &number : Tiling::numbers()) {
    auto [word, rest] = text.split(' ');
    int64_t value = 0;
    if (!word.consume_front(number.name) || !word.consume_front("=") || word.getAsInteger(10, value) ||
        value < 1 || value > number.most)
      return std::nullopt;
    tiling.*number.value = value;
    text = rest;
  }
  return tilingText(tiling) == whole ? std::optional<Tiling>(tiling) : std::nullopt;
}

/// Knows tilings better than the generators' own.
class TilingSource {
public:
  /// Tilings that differ a little from `from`, itself first, as text; none if that is not possible. Round 0
  /// varies what stays in registers, round 1 the blocks around it.
  using Neighbours = llvm::function_ref<std::vector<std::string>(llvm::StringRef from, int round)>;

  virtual ~TilingSource() = default;
  /// The tiling of a kernel, which `kernel` describes in a line; nothing: its generator's own choice, `own`.
  virtual std::optional<std::string> find(const std::string &kernel, const std::string &own,
                                          Neighbours neighbours) const = 0;
};

/// The tiling that `source` knows for the kernel that `kernel` describes, where it is possible; else `own`.
/// `near` lists those that differ a little from `from`.
template <typename Tiling>
Tiling findTiling(const TilingSource &source, const std::string &kernel, const Tiling &own,
                  llvm::function_ref<bool(const std::type_identity_t<Tiling> &)> isPossible,
                  llvm::function_ref<std::vector<std::type_identity_t<Tiling>>(
                      const std::type_identity_t<Tiling> &from, int round)>
                      near) {
  auto parse = [&](llvm::StringRef text) {
    std::optional<Tiling> tiling = parseTiling<Tiling>(text);
    return tiling && isPossible(*tiling) ? tiling : std::nullopt;
  };
  auto neighbours = [&](llvm::StringRef from, int round) {
    std::vector<std::string> texts;
    if (std::optional<Tiling> tiling = parse(from))
      for (const Tiling &one : near(*tiling, round))
        texts.push_back(tilingText(one));
    return texts;
  };
  std::optional<std::string> found = source.find(kernel, tilingText(own), neighbours);
  return found ? parse(*found).value_or(own) : own;
}

} // namespace weft::cpu

#endif // WEFT_CODEGEN_CPU_TILING_H
