// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Linear maps over bits: fragments against the formulas of the PTX manual, ldmatrix on permuted shared memory
// against fragments, and no conflict between banks in any copy or load.
#include "LinearMap.h"
#include "MmaFragments.h"

#include <gtest/gtest.h>

#include <set>

using namespace weft::gpu;

namespace {

TEST(LinearMap, CombinesBits) {
  LinearMap swap({2, 1}), spread({1, 4 | 1});
  EXPECT_EQ(swap(1), 2u);
  EXPECT_EQ(swap(3), 3u);
  EXPECT_EQ(spread(3), 4u); // 1 xor 5
  EXPECT_EQ(spread.image(), 5u);
}

// The manual's formulas: element `element` of register `reg` of a lane.

uint64_t elementOfA(uint64_t lane, uint64_t reg, uint64_t element) {
  return packRowColumn(lane / 4 + (reg & 1) * 8, lane % 4 * 2 + element + (reg & 2) * 4);
}
uint64_t elementOfB(uint64_t lane, uint64_t reg, uint64_t element) {
  return packRowColumn(lane % 4 * 2 + element + reg * 8, lane / 4);
}

TEST(MmaFragments, AccumulatorsAreThoseOfTheManual) {
  for (uint64_t lane = 0; lane < 32; ++lane)
    for (uint64_t i = 0; i < 4; ++i)
      EXPECT_EQ(fragmentC()(lane << 2 | i), packRowColumn(lane / 4 + i / 2 * 8, lane % 4 * 2 + i % 2));
}

TEST(Swizzle, PermutesGroupsOfEachRow) {
  for (uint64_t rowBytes : {32, 64, 128, 256, 512}) {
    LinearMap map = swizzle(rowBytes, 32);
    std::set<uint64_t> seen;
    for (uint64_t byte = 0; byte < rowBytes * 32; ++byte) {
      uint64_t at = map(byte);
      EXPECT_TRUE(seen.insert(at).second);
      EXPECT_EQ(at / std::max<uint64_t>(rowBytes, 128), byte / std::max<uint64_t>(rowBytes, 128));
      EXPECT_EQ(at % 16, byte % 16); // groups stay whole
    }
  }
}

/// What ldmatrix.x4 puts into element `element` of register `reg` of a lane, as a byte number of the block as
/// if unpermuted: the matrix of the register, its row lane / 4, elements 2 (lane % 4) and the next; with
/// transposition the row and the column change places.
uint64_t elementOfLdmatrix(const LinearMap &rows, uint64_t rowBytes, bool transposed, uint64_t lane,
                           uint64_t reg, uint64_t element) {
  uint64_t row = lane / 4, column = lane % 4 * 2 + element;
  if (transposed)
    std::swap(row, column);
  uint64_t start = rows(reg * 8 + row);
  return (start >> 16) * rowBytes + ((start & 0xffff) + column) * 2;
}

TEST(Ldmatrix, DeliversFragments) {
  for (Major major : {Major::K, Major::Outer}) {
    constexpr uint64_t rowBytes = 64;
    bool outer = major == Major::Outer;
    for (uint64_t lane = 0; lane < 32; ++lane)
      for (uint64_t reg = 0; reg < 4; ++reg)
        for (uint64_t element = 0; element < 2; ++element) {
          auto byteOf = [&](uint64_t m, uint64_t k) {
            return outer ? k * rowBytes + m * 2 : m * rowBytes + k * 2;
          };
          uint64_t a = elementOfA(lane, reg, element);
          EXPECT_EQ(elementOfLdmatrix(ldmatrixRowsA(major), rowBytes, outer, lane, reg, element),
                    byteOf(a >> 16, a & 0xffff));
          // Two tiles of B: registers 2 and 3 are those of the next eight columns.
          uint64_t b = elementOfB(lane, reg & 1, element);
          EXPECT_EQ(elementOfLdmatrix(ldmatrixRowsB(major), rowBytes, outer, lane, reg, element),
                    byteOf((b & 0xffff) + reg / 2 * 8, b >> 16));
        }
  }
}

TEST(BankConflict, NoneInPermutedMemory) {
  for (uint64_t rowBytes : {32, 64, 128, 256}) {
    LinearMap map = swizzle(rowBytes, 64);
    for (const LinearMap &rows : {ldmatrixRowsA(Major::K), ldmatrixRowsA(Major::Outer),
                                  ldmatrixRowsB(Major::K), ldmatrixRowsB(Major::Outer)}) {
      llvm::SmallVector<uint64_t> plain, permuted;
      for (uint64_t basis : rows.getBases()) {
        plain.push_back((basis >> 16) * rowBytes + (basis & 0xffff) * 2);
        permuted.push_back(map(plain.back()));
      }
      EXPECT_EQ(bankConflict(LinearMap(permuted), 16), 1) << rowBytes;
      if (rowBytes >= 128)
        EXPECT_EQ(bankConflict(LinearMap(plain), 16), 8) << "what the permutation is for";
    }
    // The copies: 16 bytes per lane, row by row.
    llvm::SmallVector<uint64_t> copies;
    for (uint64_t bit = 16; bit < 16 * 32; bit *= 2)
      copies.push_back(map(bit));
    EXPECT_EQ(bankConflict(LinearMap(copies), 16), 1) << rowBytes;
  }
}

} // namespace
