// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// gather, scatter, sort, top_k, non_zero.
#include "Harness.h"

using namespace weft;
using namespace weft::test;

static std::string addressing(const char *dims, const char *batch, const char *indexBatch, int64_t at) {
  return std::string(" {dims = array<i64") + dims + ">, batch_dims = array<i64" + batch +
         ">, index_batch_dims = array<i64" + indexBatch + ">, at = " + std::to_string(at) + " : i64}";
}

TEST(ReferenceGather, TakesRowsAndClamps) {
  HostTensor x = count(DType::F32, {3, 2}), index = tensor(DType::I64, {4, 1}, {2, 0, -1, 7});
  expectNumbers(evaluate("weft.gather %0 at %1" + addressing(": 0", "", "", 0), {x, index}, "4x2xf32"),
                {4, 5, 0, 1, 0, 1, 4, 5});
  // Along the last dimension, placed behind the rows.
  HostTensor columns = tensor(DType::I32, {3, 1}, {1, 1, 0});
  expectNumbers(evaluate("weft.gather %0 at %1" + addressing(": 1", "", "", 1), {x, columns}, "3x3xf32"),
                {1, 1, 0, 3, 3, 2, 5, 5, 4});
}

TEST(ReferenceGather, PointsAndBatches) {
  HostTensor x = count(DType::F32, {2, 3}),
             points = tensor(DType::I64, {2, 2}, {2, 1, 0, 0}); // (dim 1, dim 0)
  expectNumbers(evaluate("weft.gather %0 at %1" + addressing(": 1, 0", "", "", 0), {x, points}, "2xf32"),
                {5, 0});
  // take_along_axis: dimension 0 of x pairs with dimension 0 of the indices.
  HostTensor along = tensor(DType::I64, {2, 2, 1}, {2, 0, 1, 1});
  expectNumbers(evaluate("weft.gather %0 at %1" + addressing(": 1", ": 0", ": 0", 0), {x, along}, "2x2xf32"),
                {2, 0, 4, 4});
  HostTensor nibbles = vec(DType::I4, {-1, 2, -3}), order = tensor(DType::I64, {3, 1}, {2, 1, 0});
  expectNumbers(evaluate("weft.gather %0 at %1" + addressing(": 0", "", "", 0), {nibbles, order}, "3xi4"),
                {-3, 2, -1});
  // No dimension is addressed: x for every index.
  HostTensor nothing = tensor(DType::I64, {2, 0}, {});
  expectNumbers(
      evaluate("weft.gather %0 at %1" + addressing("", "", "", 1), {f32({1, 2}), nothing}, "2x2xf32"),
      {1, 1, 2, 2});
}

TEST(ReferenceGather, EmptyExtents) {
  HostTensor x = tensor(DType::F32, {0, 2}, {}), none = tensor(DType::I64, {0, 1}, {}),
             some = tensor(DType::I64, {1, 1}, {0});
  EXPECT_EQ(
      evaluate("weft.gather %0 at %1" + addressing(": 0", "", "", 0), {x, none}, "0x2xf32").numElements(), 0);
  Outcome run = evaluateAll("weft.gather %0 at %1" + addressing(": 0", "", "", 0), {x, some}, {"1x2xf32"},
                            {"?x2xf32", "1x1xi64"});
  EXPECT_THAT(run.errors, testing::HasSubstr("wanted elements to gather"));
}

TEST(ReferenceScatter, KindsOrderAndBounds) {
  HostTensor x = f32({1, 1, 1}), index = tensor(DType::I64, {5, 1}, {1, 1, -1, 3, 2}),
             u = f32({5, 7, 100, 100, 3});
  auto scatter = [&](const std::string &kind) {
    return numbers(evaluate("weft.scatter " + kind + " %0 at %1, %2" + addressing(": 0", "", "", 0),
                            {x, index, u}, "3xf32"));
  };
  EXPECT_EQ(scatter("set"), (std::vector<double>{1, 7, 3}));
  EXPECT_EQ(scatter("add"), (std::vector<double>{1, 13, 4}));
  EXPECT_EQ(scatter("mul"), (std::vector<double>{1, 35, 3}));
  EXPECT_EQ(scatter("max"), (std::vector<double>{1, 7, 3}));
  EXPECT_EQ(scatter("min"), (std::vector<double>{1, 1, 1}));
}

TEST(ReferenceScatter, RowsAndBatches) {
  HostTensor x = count(DType::I32, {2, 2}), index = tensor(DType::I64, {1, 1}, {1}),
             u = tensor(DType::I32, {1, 2}, {8, 9});
  expectNumbers(
      evaluate("weft.scatter set %0 at %1, %2" + addressing(": 0", "", "", 0), {x, index, u}, "2x2xi32"),
      {0, 1, 8, 9});
  // The gathered shape with at = 1 is [rows, index]: u holds a column.
  HostTensor column = tensor(DType::I32, {2, 1}, {8, 9});
  expectNumbers(
      evaluate("weft.scatter add %0 at %1, %2" + addressing(": 1", "", "", 1), {x, index, column}, "2x2xi32"),
      {0, 9, 2, 12});
  HostTensor along = tensor(DType::I64, {2, 1, 1}, {1, 0});
  expectNumbers(evaluate("weft.scatter set %0 at %1, %2" + addressing(": 1", ": 0", ": 0", 0),
                         {x, along, column}, "2x2xi32"),
                {0, 8, 9, 3});
}

TEST(ReferenceSort, TotalOrder) {
  HostTensor x = f32({3, NaN, -inf, 0, -NaN, -1, inf});
  expectNumbers(evaluate("weft.sort %0 axis 0", {x}, "7xf32"), {-inf, -1, 0, 3, inf, NaN, NaN});
  expectNumbers(evaluate("weft.sort %0 axis 0 {descending = true}", {x}, "7xf32"),
                {NaN, NaN, inf, 3, 0, -1, -inf});
  expectNumbers(evaluate("weft.sort %0 axis 0", {vec(DType::UI8, {200, 3, 100})}, "3xui8"), {3, 100, 200});
  HostTensor big = *HostTensor::fromValues<int64_t>({3}, {INT64_MAX, INT64_MIN, INT64_MAX - 1});
  EXPECT_EQ(integers(evaluate("weft.sort %0 axis 0", {big}, "3xi64")),
            (std::vector<int64_t>{INT64_MIN, INT64_MAX - 1, INT64_MAX}));
}

TEST(ReferenceSort, StableWithPayloads) {
  HostTensor key = f32({1, 0, -0.0, 1}), payload = i64({0, 1, 2, 3});
  Outcome run = evaluateAll("weft.sort %0, %1 axis 0", {key, payload}, {"4xf32", "4xi64"});
  ASSERT_EQ(run.results.size(), 2u) << run.errors;
  expectNumbers(run.results[1], {1, 2, 0, 3});
  run = evaluateAll("weft.sort %0, %1 axis 0 {descending = true}", {key, payload}, {"4xf32", "4xi64"});
  ASSERT_EQ(run.results.size(), 2u) << run.errors;
  expectNumbers(run.results[1], {0, 3, 1, 2});
  run = evaluateAll("weft.sort %0, %1, %2 axis 0 {num_keys = 2 : i64}",
                    {i64({1, 0, 1}), f32({5, 9, 4}), i64({0, 1, 2})}, {"3xi64", "3xf32", "3xi64"});
  ASSERT_EQ(run.results.size(), 3u) << run.errors;
  expectNumbers(run.results[2], {1, 2, 0});
  expectNumbers(evaluate("weft.sort %0 axis 0", {tensor(DType::I32, {2, 2}, {5, 1, 3, 2})}, "2x2xi32"),
                {3, 1, 5, 2});
}

TEST(ReferenceTopK, TiesAndNaN) {
  HostTensor x = f32({2, NaN, 5, 5, -1});
  Outcome run = evaluateAll("weft.top_k %0 k [3] axis 0", {x}, {"3xf32", "3xi64"});
  ASSERT_EQ(run.results.size(), 2u) << run.errors;
  expectNumbers(run.results[0], {NaN, 5, 5});
  expectNumbers(run.results[1], {1, 2, 3});
  run = evaluateAll("weft.top_k %0 k [%1] axis 0 {largest = false}", {x, shapeValue(2)}, {"?xf32", "?xi64"});
  ASSERT_EQ(run.results.size(), 2u) << run.errors;
  expectNumbers(run.results[0], {-1, 2});
  expectNumbers(run.results[1], {4, 0});
  run = evaluateAll("weft.top_k %0 k [1] axis 0", {tensor(DType::I8, {2, 3}, {1, 5, -3, 4, 5, -9})},
                    {"1x3xi8", "1x3xi64"});
  ASSERT_EQ(run.results.size(), 2u) << run.errors;
  expectNumbers(run.results[0], {4, 5, -3});
  expectNumbers(run.results[1], {1, 0, 0});
  run = evaluateAll("weft.top_k %0 k [%1] axis 0", {x, shapeValue(6)}, {"?xf32", "?xi64"});
  EXPECT_THAT(run.errors, testing::HasSubstr("found k = 6, wanted 0 to 5"));
}

TEST(ReferenceNonZero, Positions) {
  HostTensor positions =
      evaluate("weft.non_zero %0", {tensor(DType::F32, {2, 3}, {0, 1, NaN, -0.0, 0, -2})}, "?x2xi64");
  EXPECT_EQ(positions.shape(), (std::vector<int64_t>{3, 2}));
  expectNumbers(positions, {0, 1, 0, 2, 1, 2});
  EXPECT_EQ(evaluate("weft.non_zero %0", {vec(DType::I1, {0, 0})}, "?x1xi64").shape(),
            (std::vector<int64_t>{0, 1}));
  EXPECT_EQ(evaluate("weft.non_zero %0", {tensor(DType::I32, {}, {4})}, "?x0xi64").shape(),
            (std::vector<int64_t>{1, 0}));
}
