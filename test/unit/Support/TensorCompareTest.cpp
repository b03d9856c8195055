// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Comparing tensors within tolerances.
#include "weft/Support/TensorCompare.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace weft;

namespace {

HostTensor floats(std::vector<float> values) {
  return *HostTensor::fromValues<float>({int64_t(values.size())}, values);
}

TEST(TensorCompare, ToleratesAndCounts) {
  const HostTensor wanted = floats({1, 100, 0, -5}), found = floats({1.001f, 100.5f, 0.0005f, -5});
  EXPECT_TRUE(compareTensors(found, wanted, {0.01, 0.001}).agrees());
  const TensorComparison strict = compareTensors(found, wanted, {0.002, 0});
  EXPECT_EQ(strict.numMismatches, 2); // 0.5 of 100, and anything beside 0
  EXPECT_EQ(strict.worstElement, 1) << strict.toString();
  EXPECT_FLOAT_EQ(float(strict.maxAbsoluteError), 0.5f);
  EXPECT_TRUE(std::isinf(strict.maxRelativeError));
}

TEST(TensorCompare, SpecialValues) {
  EXPECT_TRUE(compareTensors(floats({NAN, INFINITY}), floats({NAN, INFINITY})).agrees());
  EXPECT_EQ(compareTensors(floats({NAN, INFINITY}), floats({1, -INFINITY}), {1e9, 1e9}).numMismatches, 2);
  EXPECT_EQ(compareTensors(floats({3e38f}), floats({INFINITY}), {1, 1}).numMismatches, 1);
}

TEST(TensorCompare, WorstIndexAndTypes) {
  HostTensor wanted = *HostTensor::zeros(DType::I64, {2, 3}), found = *HostTensor::zeros(DType::I64, {2, 3});
  wanted.setInt(4, (int64_t(1) << 53) + 1);
  found.setInt(4, int64_t(1) << 53); // equal as doubles
  const TensorComparison comparison = compareTensors(found, wanted);
  EXPECT_EQ(comparison.numMismatches, 1);
  EXPECT_EQ(comparison.worstIndex, (std::vector<int64_t>{1, 1}));
  EXPECT_EQ(compareTensors(floats({1}), wanted).mismatchedType, "found f32[1], wanted i64[2x3]");
  EXPECT_FALSE(compareTensors(floats({1}), wanted).agrees());
}

} // namespace
