// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Layouts as linear maps over bits: fragments against the formulas of the PTX manual, ldmatrix on permuted
// shared memory against fragments, and no conflict between banks in any copy or load.
#include "weft/Dialect/Tile/TileDialect.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/MLIRContext.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

using namespace weft::tile;

namespace {

mlir::MLIRContext &context() {
  static mlir::MLIRContext made(mlir::MLIRContext::Threading::DISABLED);
  made.loadDialect<TileDialect>();
  return made;
}

DotOperandAttr operandOf(int64_t number, int64_t width, int64_t warpsM = 1, int64_t warpsN = 1) {
  return DotOperandAttr::get(&context(), number, width, MmaAttr::get(&context(), {warpsM, warpsN}));
}

SharedType sharedOf(int64_t rows, int64_t rowBytes, int64_t elementBytes) {
  mlir::OpBuilder b(&context());
  mlir::Type type = elementBytes == 2 ? b.getF16Type() : b.getF32Type();
  return SharedType::get(&context(), {rows, rowBytes / elementBytes}, type,
                         SwizzledAttr::forRows(&context(), rowBytes, elementBytes));
}

TEST(LinearLayout, MapsItsBases) {
  LinearLayout layout{{{0, 1}}, {{1, 0}, {2, 0}}, {{0, 2}}};
  LinearLayout places = layout.mapped([](const Coordinates &x) { return Coordinates{x[0] * 8 ^ x[1]}; });
  EXPECT_EQ(places.at(1, 7), (Coordinates{3 * 8 + 3}));
}

TEST(MmaLayout, AccumulatorsAreThoseOfTheManual) {
  LinearLayout layout = MmaAttr::get(&context(), {2, 2}).toLinear({64, 32});
  EXPECT_EQ(layout.numRegisters(), 16);
  for (int64_t lane = 0; lane < 32; ++lane)
    for (int64_t i = 0; i < 4; ++i) {
      EXPECT_EQ(layout.at(i, lane), (Coordinates{lane / 4 + i / 2 * 8, lane % 4 * 2 + i % 2}));
      // The next piece is beside, then come those below; warps are numbered down first.
      EXPECT_EQ(layout.at(8 + 4 + i, 3 * 32 + lane),
                (Coordinates{32 + 16 + lane / 4 + i / 2 * 8, 16 + 8 + lane % 4 * 2 + i % 2}));
    }
}

TEST(MmaLayout, FactorsAreThoseOfTheManual) {
  for (int64_t width : {1, 2}) {
    LinearLayout a = operandOf(0, width, 2, 2).toLinear({32, 8 * width}),
                 b = operandOf(1, width, 2, 2).toLinear({8 * width, 32});
    for (int64_t lane = 0; lane < 32; ++lane)
      for (int64_t reg = 0; reg < 4; ++reg)
        for (int64_t e = 0; e < width; ++e) {
          int64_t k = lane % 4 * width + e;
          EXPECT_EQ(a.at(reg * width + e, lane),
                    (Coordinates{lane / 4 + (reg & 1) * 8, k + (reg & 2) * 2 * width}));
          // Two registers of B, then those of the next eight columns.
          EXPECT_EQ(b.at(reg * width + e, lane),
                    (Coordinates{k + (reg & 1) * 4 * width, lane / 4 + (reg & 2) * 4}));
        }
    EXPECT_EQ(a.at(0, 32), (Coordinates{16, 0})) << "the warp below";
    EXPECT_EQ(a.at(0, 64), (Coordinates{0, 0})) << "the warp beside";
    EXPECT_EQ(b.at(0, 32), (Coordinates{0, 0}));
    EXPECT_EQ(b.at(0, 64), (Coordinates{0, 16}));
  }
}

TEST(Swizzle, PermutesGroupsOfEachRow) {
  for (int64_t rowBytes : {32, 64, 128, 256, 512}) {
    SharedType buffer = sharedOf(32, rowBytes, 2);
    int64_t line = std::max<int64_t>(rowBytes, 128);
    std::set<int64_t> seen;
    for (int64_t row = 0; row < 32; ++row)
      for (int64_t column = 0; column < rowBytes / 2; ++column) {
        int64_t plain = row * rowBytes + column * 2, at = buffer.byteOf({row, column});
        EXPECT_TRUE(seen.insert(at).second);
        EXPECT_EQ(at / line, plain / line);
        EXPECT_EQ(at % 16, plain % 16); // groups stay whole
      }
  }
}

/// What ldmatrix.x4 puts into element `element` of register `reg` of a lane: the matrix of the register, its
/// row lane / 4, elements `width` (lane % 4) and the next; turned, the row and the column change places.
Coordinates elementOfLdmatrix(const LinearLayout &rows, int64_t number, int64_t width, bool turned,
                              bool rowsDown, int64_t lane, int64_t reg, int64_t element) {
  int64_t row = lane / 4, column = lane % 4 * width + element;
  if (turned)
    std::swap(row, column);
  Coordinates point = rows.at(number, reg * 8 + row);
  point[rowsDown ? 1 : 0] += column;
  return point;
}

TEST(Ldmatrix, DeliversFactors) {
  for (int64_t operand : {0, 1})
    for (int64_t width : {1, 2})
      for (bool turned : {false, true}) {
        if (turned && width == 1)
          continue;
        std::vector<int64_t> shape{64, 8 * width};
        if (operand == 1)
          std::swap(shape[0], shape[1]);
        DotOperandAttr layout = operandOf(operand, width);
        LinearLayout wanted = layout.toLinear(shape), rows = layout.toLdmatrix(shape, turned);
        ASSERT_EQ(rows.numRegisters() * 4 * width, wanted.numRegisters());
        // Whether rows of memory run along the tile's second dimension.
        bool rowsDown = (operand == 0) != turned;
        for (int64_t number = 0; number < rows.numRegisters(); ++number)
          for (int64_t lane = 0; lane < 32; ++lane)
            for (int64_t reg = 0; reg < 4; ++reg)
              for (int64_t e = 0; e < width; ++e)
                EXPECT_EQ(elementOfLdmatrix(rows, number, width, turned, rowsDown, lane, reg, e),
                          wanted.at((number * 4 + reg) * width + e, lane));
      }
}

/// The most turns that shared memory takes for one access of `bytes` (4, 8 or 16) per lane at the places of
/// lanes 0 to 31, over the turns it takes at best: 1 is free of conflicts.
double bankConflict(const LinearLayout &places, int64_t bytes) {
  // Shared memory serves 128 bytes a turn: a warp's access of 16 bytes each is four groups of eight lanes.
  int64_t lanes = 128 / bytes;
  size_t worst = 1;
  for (int64_t from = 0; from < 32; from += lanes) {
    std::map<int64_t, std::set<int64_t>> words; // by bank
    for (int64_t lane = from; lane < std::min<int64_t>(from + lanes, 32); ++lane)
      for (int64_t offset = 0; offset < bytes; offset += 4) {
        int64_t word = (places.at(0, lane)[0] + offset) / 4;
        words[word % 32].insert(word);
      }
    for (const auto &[bank, distinct] : words)
      worst = std::max(worst, distinct.size());
  }
  return double(worst);
}

TEST(BankConflict, NoneInPermutedMemory) {
  for (int64_t rowBytes : {32, 64, 128, 256}) {
    SharedType buffer = sharedOf(64, rowBytes, 2);
    auto place = [&](Coordinates point) { return Coordinates{buffer.byteOf(point)}; };
    auto plain = [&](Coordinates point) { return Coordinates{point[0] * rowBytes + point[1] * 2}; };
    for (int64_t operand : {0, 1})
      for (bool turned : {false, true}) {
        LinearLayout rows = operandOf(operand, 2).toLdmatrix({16, 16}, turned);
        // As the operand lies in memory.
        if ((operand == 1) != turned)
          rows = rows.mapped([](const Coordinates &x) { return Coordinates{x[1], x[0]}; });
        EXPECT_EQ(bankConflict(rows.mapped(place), 16), 1) << rowBytes;
        if (rowBytes >= 128)
          EXPECT_EQ(bankConflict(rows.mapped(plain), 16), 8) << "what the permutation is for";
      }
    // The copies: 16 bytes per lane, row by row.
    int64_t perRow = std::min<int64_t>(rowBytes / 16, 32);
    auto copies = BlockedAttr::get(&context(), {1, 8}, {32 / perRow, perRow}, {1, 1}, {1, 0});
    EXPECT_EQ(bankConflict(copies.toLinear({64, rowBytes / 2}).mapped(place), 16), 1) << rowBytes;
  }
}

} // namespace
