// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tuner without a clock and without kernels: which way it picks from times that are made up, and what it
// makes of files of records, good, broken and of others.
#include "PickFastest.h"
#include "TuningRecords.h"

#include "llvm/ADT/SmallVector.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

using namespace weft;
using ::testing::HasSubstr;

namespace {

constexpr double margin = 0.02;

/// Ways that take a fixed time each, and more when something disturbs them.
struct Ways {
  std::vector<double> ms;
  std::vector<int> runs;
  double disturbed = 0; ///< at most this share is added
  std::mt19937 random{7};

  explicit Ways(std::vector<double> ms) : ms(std::move(ms)), runs(this->ms.size()) {}
  Picked pick(int rounds = 1000) {
    return pickFastest(
        ms.size(), margin,
        [&](size_t way) {
          ++runs[way];
          return ms[way] * (1 + disturbed * std::uniform_real_distribution<double>(0, 1)(random));
        },
        [&] { return rounds-- > 0; });
  }
};

TEST(PickFastest, TakesTheFastest) {
  Ways ways({1.0, 1.1, 0.8, 0.9});
  const Picked picked = ways.pick();
  EXPECT_EQ(picked.way, 2u);
  EXPECT_DOUBLE_EQ(picked.ms, 0.8);
  EXPECT_DOUBLE_EQ(picked.firstMs, 1.0);
}

TEST(PickFastest, KeepsTheFirstWithinTheMargin) {
  EXPECT_EQ(Ways({1.0, 0.985}).pick().way, 0u);
  EXPECT_EQ(Ways({1.0, 0.975}).pick().way, 1u);
  EXPECT_EQ(Ways({1.0}).pick().way, 0u);
}

TEST(PickFastest, LeavesOutWhatIsFarBehind) {
  Ways ways({1.0, 3.0, 0.9});
  ways.pick();
  EXPECT_LE(ways.runs[1], 3);
  EXPECT_GT(ways.runs[2], 3);
}

TEST(PickFastest, IsNotMisledByDisturbance) {
  Ways equal({1.0, 1.0, 1.0, 1.0, 1.0, 1.0});
  equal.disturbed = 0.2;
  Ways better({1.0, 1.0, 0.8, 1.0, 1.0, 1.0});
  better.disturbed = 0.2;
  int won = 0, mistaken = 0;
  for (unsigned seed = 0; seed < 200; ++seed) {
    equal.random.seed(seed), better.random.seed(seed);
    mistaken += equal.pick().way != 0;
    won += better.pick().way == 2;
  }
  // The least of a few times is sometimes 2 % off: about 10 of 200 by calculation.
  EXPECT_LT(mistaken, 40);
  EXPECT_EQ(won, 200);
}

TEST(PickFastest, StopsWhenTimeIsUp) {
  Ways ways({1.0, 0.5});
  EXPECT_EQ(ways.pick(5).way, 0u) << "no time for the duel";
  EXPECT_EQ(ways.runs[0], 5);
  Ways none({1.0, 0.5});
  const Picked picked = none.pick(0);
  EXPECT_EQ(picked.way, 0u);
  EXPECT_EQ(none.runs[0], 0);
}

const TuningRecords::Owner owner{"5f3c", "x86_64-linux/here", "x86_64-linux/here/+avx2"};

/// The text of three records.
std::string sample() {
  TuningRecords records(owner);
  records.add("gemm 128x768x768 rows f32 packed f32 to f32", {"rows=8 panel=48", 1.25, 1.5});
  records.add("conv 1x7x7x8 to 16 window 3x3 f32 by f32 to f32", {"pixels=6", 0.5, 0.75});
  records.add("gemm 1x10x20 batch 2x3 rows f32 rows f32 to f32 + 1x10xf32", {"rows=1", 0.001, 0.001});
  return records.print();
}

/// A source's answer when the generator's own choice is "rows=9 panel=48", and 99 rows are not
/// possible.
std::optional<std::string> ask(const TuningRecords &records, const std::string &kernel) {
  return records.find(kernel, "rows=9 panel=48", [](llvm::StringRef from, int) {
    return from.starts_with("rows=99") ? std::vector<std::string>() : std::vector<std::string>{from.str()};
  });
}

TEST(TuningRecords, ReadWhatTheyPrint) {
  const std::string text = sample();
  TuningRecords read(owner);
  ASSERT_TRUE(read.parse(text).isOk()) << read.parse(text);
  EXPECT_EQ(read.print(), text);
  EXPECT_EQ(ask(read, "gemm 128x768x768 rows f32 packed f32 to f32"), "rows=8 panel=48");
  EXPECT_EQ(ask(read, "gemm 9x9x9 rows f32 packed f32 to f32"), std::nullopt);
  EXPECT_EQ(read.numUsed(), 1);
  TuningRecords empty(owner);
  EXPECT_TRUE(empty.parse(TuningRecords(owner).print()).isOk());
}

TEST(TuningRecords, TheOwnChoiceIsNoNews) {
  TuningRecords records(owner);
  records.add("gemm", {"rows=9 panel=48", 1, 1});
  EXPECT_EQ(ask(records, "gemm"), std::nullopt);
  EXPECT_TRUE(records.get("gemm"));
  EXPECT_FALSE(records.get("conv"));
  EXPECT_EQ(records.numUsed(), 0);
}

TEST(TuningRecords, WhatIsNotPossibleIsNotUsed) {
  TuningRecords records(owner);
  records.add("gemm", {"rows=99 panel=48", 1, 2});
  EXPECT_EQ(ask(records, "gemm"), std::nullopt);
  EXPECT_EQ(records.numUsed(), 0);
}

TEST(TuningRecords, RefuseFilesOfOthers) {
  const std::string text = sample();
  for (TuningRecords::Owner other : {TuningRecords::Owner{"77", owner.target, owner.machine},
                                     TuningRecords::Owner{owner.build, "aarch64-linux", owner.machine},
                                     TuningRecords::Owner{owner.build, owner.target, "another"}}) {
    TuningRecords records(other);
    EXPECT_THAT(records.parse(text).message(), HasSubstr("wanted '"));
    EXPECT_EQ(records.print(), TuningRecords(other).print());
    EXPECT_NE(other.key(), owner.key());
  }
}

TEST(TuningRecords, SayWhatIsBroken) {
  const std::string head =
      "weft tuning 1\nbuild 5f3c\ntarget x86_64-linux/here\nmachine x86_64-linux/here/+avx2\n";
  const std::pair<std::string, std::string> cases[] = {
      {"", "line 1: found '', wanted 'weft tuning 1'"},
      {"weft tuning 2\n", "line 1: found 'weft tuning 2'"},
      {"weft tuning 1\nbuild 5f3c\n", "line 3: found ''"},
      {head, "wanted 'end 0' as the last line"},
      {head + "end 1\n", "wanted 'end 0' as the last line"},
      {head + "end 0\nmore\n", "wanted 'end 0' as the last line"},
      {head + "gemm rows=9\nend 1\n", "line 5: wanted KERNEL: TILING: TIME ms, own TIME ms"},
      {head + "gemm: rows=9: 1 ms\nend 1\n", "line 5: wanted two times"},
      {head + "gemm: rows=9: 1 ms, own nan ms\nend 1\n", "line 5: wanted two times"},
      {head + "gemm: rows=9: -1 ms, own 1 ms\nend 1\n", "line 5: wanted two times"},
      {head + "g: r=9: 1 ms, own 1 ms\ng: r=9: 1 ms, own 1 ms\nend 2\n", "line 6: a second record of 'g'"},
      {head + "gemm: rows=9: 1 ms, own 1 ms\n", "wanted 'end 1' as the last line"}};
  for (const auto &[text, message] : cases) {
    TuningRecords records(owner);
    EXPECT_THAT(records.parse(text).message(), HasSubstr(message)) << text;
    EXPECT_EQ(records.print(), TuningRecords(owner).print()) << "records of a broken file were taken";
  }
}

// Whatever a file holds, it is taken as a whole or not at all.
TEST(TuningRecords, SurviveDamage) {
  const std::string text = sample(), none = TuningRecords(owner).print();
  std::mt19937 random(3);
  for (int i = 0; i < 5000; ++i) {
    std::string damaged = text;
    for (unsigned n = random() % 4 + 1; n > 0 && !damaged.empty(); --n) {
      const size_t at = random() % damaged.size();
      switch (random() % 4) {
      case 0:
        damaged[at] = char(random());
        break;
      case 1:
        damaged.erase(at, random() % 20);
        break;
      case 2:
        damaged.insert(at, damaged.substr(random() % damaged.size(), random() % 30));
        break;
      default:
        damaged.resize(at);
      }
    }
    TuningRecords records(owner);
    if (records.parse(damaged).isOk()) {
      EXPECT_TRUE(TuningRecords(owner).parse(records.print()).isOk()) << damaged;
    } else {
      EXPECT_EQ(records.print(), none) << damaged;
    }
  }
}

} // namespace
