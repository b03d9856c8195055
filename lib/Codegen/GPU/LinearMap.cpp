// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Linear maps over bits: applied, composed, counted, and written as code.
#include "LinearMap.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/bit.h"

#include <map>
#include <set>

using namespace weft::gpu;
using weft::codegen::V;

uint64_t LinearMap::operator()(uint64_t input) const {
  uint64_t result = 0;
  for (auto [bit, basis] : llvm::enumerate(bases))
    if (input >> bit & 1)
      result ^= basis;
  return result;
}

uint64_t LinearMap::image() const {
  uint64_t bits = 0;
  for (uint64_t basis : bases)
    bits |= basis;
  return bits;
}

V LinearMap::emit(V input) const {
  std::map<int, uint64_t> masks; // by distance, of input bits
  for (auto [bit, basis] : llvm::enumerate(bases))
    for (uint64_t rest = basis; rest; rest &= rest - 1)
      masks[llvm::countr_zero(rest) - int(bit)] |= uint64_t(1) << bit;
  V result = input.i(0);
  bool first = true;
  for (auto [distance, mask] : masks) {
    V part = input & mask;
    if (distance > 0)
      part = part << distance;
    else if (distance < 0)
      part = part >> -distance;
    result = first ? part : result ^ part;
    first = false;
  }
  return result;
}

LinearMap weft::gpu::swizzle(uint64_t rowBytes, uint64_t rows) {
  llvm::SmallVector<uint64_t> bases;
  // Banks repeat every 128 bytes: short rows lie side by side there and only lines of 128 bytes are permuted,
  // by as many groups as a row has.
  uint64_t line = std::max<uint64_t>(rowBytes, 128), groups = std::min<uint64_t>(rowBytes, 128) / 16;
  for (uint64_t bit = 1; bit < rowBytes * rows; bit *= 2) {
    uint64_t phase = bit / line;
    bases.push_back(bit | (phase && phase < groups ? phase * 16 : 0));
  }
  return LinearMap(bases);
}

double weft::gpu::bankConflict(const LinearMap &map, uint64_t bytes) {
  // Shared memory serves 128 bytes a turn: a warp's access of 16 bytes each is four groups of eight lanes.
  uint64_t lanes = 128 / bytes;
  double worst = 1;
  for (uint64_t from = 0; from < 32; from += lanes) {
    std::map<uint64_t, std::set<uint64_t>> words; // by bank
    for (uint64_t lane = from; lane < std::min<uint64_t>(from + lanes, 32); ++lane)
      for (uint64_t offset = 0; offset < bytes; offset += 4) {
        uint64_t word = (map(lane) + offset) / 4;
        words[word % 32].insert(word);
      }
    for (const auto &[bank, distinct] : words)
      worst = std::max(worst, double(distinct.size()));
  }
  return worst;
}
