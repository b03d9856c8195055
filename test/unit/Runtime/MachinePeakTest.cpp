// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The roofline, computed and measured.
#include "weft/Runtime/MachinePeak.h"

#include <gtest/gtest.h>

using namespace weft::runtime;

namespace {

MachinePeak made() {
  MachinePeak peak;
  peak.flopsPerSecond = 100e9;
  peak.memory = {{1 << 10, 80e9}, {1 << 20, 20e9}, {1 << 21, 10e9}};
  return peak;
}

TEST(MachinePeak, ReadsBetweenMeasuredSizes) {
  const MachinePeak peak = made();
  EXPECT_DOUBLE_EQ(peak.bytesPerSecondAt(1), 80e9);
  EXPECT_DOUBLE_EQ(peak.bytesPerSecondAt(1 << 15), 50e9); // half the way in doublings
  EXPECT_DOUBLE_EQ(peak.bytesPerSecondAt(1 << 20), 20e9);
  EXPECT_DOUBLE_EQ(peak.bytesPerSecondAt(int64_t(1) << 40), 10e9);
}

TEST(MachinePeak, BoundsByTheSlowerOfTheTwo) {
  const MachinePeak peak = made();
  EXPECT_DOUBLE_EQ(peak.leastSeconds(200'000'000, 1 << 20), 2e-3);
  EXPECT_TRUE(peak.isBoundByCompute(200'000'000, 1 << 20));
  EXPECT_DOUBLE_EQ(peak.leastSeconds(1, 1 << 20), double(1 << 20) / 20e9);
  EXPECT_FALSE(peak.isBoundByCompute(1, 1 << 20));
  EXPECT_EQ(peak.leastSeconds(0, 0), 0);
}

TEST(MachinePeak, MeasuresWhatAnyMachineCanDo) {
  int64_t steps = 0;
  const MachinePeak peak = measureMachinePeak(2, [&](int64_t done, int64_t total) {
    EXPECT_LT(done, total);
    ++steps;
  });
  EXPECT_EQ(peak.threads, 2);
  EXPECT_EQ(steps, int64_t(peak.memory.size()));
  EXPECT_GT(peak.flopsPerSecond, 1e6);
  for (size_t i = 0; i < peak.memory.size(); ++i) {
    EXPECT_GT(peak.memory[i].bytesPerSecond, 1e6);
    EXPECT_TRUE(i == 0 || peak.memory[i].bytes > peak.memory[i - 1].bytes);
  }
}

} // namespace
