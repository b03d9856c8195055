// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Evaluation of linear layouts.
#include "weft/Dialect/Tile/LinearLayout.h"

#include "llvm/ADT/STLExtras.h"

using namespace weft::tile;

static bool isZero(const Coordinates &basis) {
  return llvm::all_of(basis, [](int64_t x) { return x == 0; });
}

static void apply(llvm::ArrayRef<Coordinates> bases, int64_t number, Coordinates &result) {
  for (auto [bit, basis] : llvm::enumerate(bases)) {
    result.resize(std::max(result.size(), basis.size()), 0);
    if (number >> bit & 1)
      for (auto [x, contribution] : llvm::zip(result, basis))
        x ^= contribution;
  }
}

Coordinates LinearLayout::ofRegister(int64_t number) const { return at(number, 0); }

Coordinates LinearLayout::at(int64_t reg, int64_t thread) const {
  Coordinates result;
  apply(registers, reg, result);
  apply(lanes, thread % (int64_t(1) << lanes.size()), result);
  apply(warps, thread >> lanes.size(), result);
  return result;
}

int64_t LinearLayout::contiguous(int64_t dim, int64_t limit) const {
  int64_t run = 1;
  for (const Coordinates &basis : registers) {
    Coordinates next(basis.size(), 0);
    next[dim] = run;
    if (run >= limit || basis != next)
      break;
    run *= 2;
  }
  return run;
}

int64_t LinearLayout::replicatedThreadBits() const {
  int64_t bits = 0;
  for (auto [bit, basis] : llvm::enumerate(lanes))
    if (isZero(basis))
      bits |= int64_t(1) << bit;
  for (auto [bit, basis] : llvm::enumerate(warps))
    if (isZero(basis))
      bits |= int64_t(1) << (lanes.size() + bit);
  return bits;
}

bool LinearLayout::holdsAlike(const LinearLayout &other) const {
  return lanes == other.lanes && warps == other.warps && registers.size() == other.registers.size() &&
         llvm::all_of(registers,
                      [&](const Coordinates &basis) { return llvm::is_contained(other.registers, basis); });
}

LinearLayout LinearLayout::without(int64_t dim) const {
  LinearLayout rest = *this;
  for (auto *bases : {&rest.registers, &rest.lanes, &rest.warps})
    for (Coordinates &basis : *bases)
      basis.erase(basis.begin() + dim);
  llvm::erase_if(rest.registers, isZero);
  return rest;
}

LinearLayout LinearLayout::mapped(llvm::function_ref<Coordinates(const Coordinates &)> map) const {
  LinearLayout result = *this;
  for (auto *bases : {&result.registers, &result.lanes, &result.warps})
    for (Coordinates &basis : *bases)
      basis = map(basis);
  return result;
}
