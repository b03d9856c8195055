// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reductions, running reductions, softmax, normalize.
#include "Harness.h"

#include <cmath>

using namespace weft;
using namespace weft::test;

TEST(ReferenceReduce, Kinds) {
  HostTensor x = tensor(DType::F32, {2, 3}, {1, 2, 3, 4, 5, 6});
  expectNumbers(evaluate("weft.reduce add %0 axes [1]", {x}, "2xf32"), {6, 15});
  expectNumbers(evaluate("weft.reduce add %0 axes [0]", {x}, "3xf32"), {5, 7, 9});
  expectNumbers(evaluate("weft.reduce mul %0 axes [0, 1]", {x}, "f32"), {720});
  expectNumbers(evaluate("weft.reduce max %0 axes [0]", {f32({1, NaN, 3})}, "f32"), {NaN});
  expectNumbers(evaluate("weft.reduce min %0 axes [0]", {f32({1, -inf, 3})}, "f32"), {-inf});
  expectNumbers(evaluate("weft.reduce add %0 axes []", {f32({1, 2})}, "2xf32"), {1, 2});
  expectNumbers(evaluate("weft.reduce and %0 axes [0]", {vec(DType::I1, {1, 0})}, "i1"), {0});
  expectNumbers(evaluate("weft.reduce or %0 axes [0]", {vec(DType::UI8, {1, 4})}, "ui8"), {5});
  expectNumbers(evaluate("weft.reduce xor %0 axes [0]", {vec(DType::I8, {-1, 1})}, "i8"), {-2});
  expectNumbers(evaluate("weft.reduce add %0 axes [0]", {vec(DType::I8, {100, 100})}, "i8"), {-56});
}

TEST(ReferenceReduce, MiddleAxis) {
  expectNumbers(evaluate("weft.reduce add %0 axes [1]", {count(DType::I32, {2, 3, 2})}, "2x2xi32"),
                {6, 9, 24, 27});
  expectNumbers(evaluate("weft.reduce add %0 axes [0, 2]", {count(DType::I32, {2, 3, 2})}, "3xi32"),
                {14, 22, 30});
}

TEST(ReferenceReduce, EmptyGivesIdentity) {
  auto empty = [](const char *kind, DType type, const char *result) {
    return numbers(evaluate(std::string("weft.reduce ") + kind + " %0 axes [0]", {vec(type, {})}, result))[0];
  };
  EXPECT_EQ(empty("add", DType::F32, "f32"), 0);
  EXPECT_EQ(empty("mul", DType::I32, "i32"), 1);
  EXPECT_EQ(empty("max", DType::F16, "f16"), -inf);
  EXPECT_EQ(empty("min", DType::F64, "f64"), inf);
  EXPECT_EQ(empty("max", DType::I8, "i8"), -128);
  EXPECT_EQ(empty("min", DType::I16, "i16"), 32767);
  EXPECT_EQ(empty("max", DType::UI8, "ui8"), 0);
  EXPECT_EQ(empty("and", DType::I1, "i1"), 1);
  EXPECT_EQ(empty("or", DType::I1, "i1"), 0);
  EXPECT_EQ(empty("and", DType::I32, "i32"), -1);
  EXPECT_EQ(empty("logaddexp", DType::F32, "f32"), -inf);
}

TEST(ReferenceReduce, LogAddExp) {
  expectNumbers(evaluate("weft.reduce logaddexp %0 axes [0]", {vec(DType::F64, {1000, 1000})}, "f64"),
                {1000.6931471805599}, 1e-15);
  expectNumbers(evaluate("weft.reduce logaddexp %0 axes [0]", {f32({-inf, -inf})}, "f32"), {-inf});
  expectNumbers(evaluate("weft.reduce logaddexp %0 axes [0]", {f32({inf, 1})}, "f32"), {inf});
  expectNumbers(evaluate("weft.reduce logaddexp %0 axes [0]", {f32({1, NaN, 2})}, "f32"), {NaN});
}

TEST(ReferenceReduce, NarrowSumsRoundOnce) {
  std::vector<double> ones(300, 1);
  ones[0] = 256;
  expectNumbers(evaluate("weft.reduce add %0 axes [0]", {vec(DType::BF16, ones)}, "bf16"), {556});
}

TEST(ReferenceArgReduce, TiesAndNaN) {
  HostTensor x = tensor(DType::F32, {2, 4}, {1, 3, 3, 2, 1, NaN, 9, NaN});
  expectNumbers(evaluate("weft.arg_reduce max %0 axis 1", {x}, "2xi64"), {1, 1});
  expectNumbers(evaluate("weft.arg_reduce max %0 axis 1 tie last", {x}, "2xi64"), {2, 1});
  expectNumbers(evaluate("weft.arg_reduce min %0 axis 1", {x}, "2xi64"), {0, 1});
  expectNumbers(
      evaluate("weft.arg_reduce min %0 axis 0", {tensor(DType::I8, {2, 2}, {1, 5, 1, -5})}, "2xi64"), {0, 1});
  expectNumbers(evaluate("weft.arg_reduce min %0 axis 0", {f32({0, -0.0})}, "i64"), {0}); // equal
  Outcome run = evaluateAll("weft.arg_reduce max %0 axis 0", {f32({})}, {"i64"}, {"?xf32"});
  EXPECT_THAT(run.errors, testing::HasSubstr("found no elements along axis 0"));
}

TEST(ReferenceCumulative, Directions) {
  HostTensor x = f32({1, 2, 3});
  expectNumbers(evaluate("weft.cumulative add %0 axis 0", {x}, "3xf32"), {1, 3, 6});
  expectNumbers(evaluate("weft.cumulative add %0 axis 0 {reverse = true}", {x}, "3xf32"), {6, 5, 3});
  expectNumbers(evaluate("weft.cumulative add %0 axis 0 {exclusive = true}", {x}, "3xf32"), {0, 1, 3});
  expectNumbers(evaluate("weft.cumulative mul %0 axis 0 {exclusive = true, reverse = true}", {x}, "3xf32"),
                {6, 3, 1});
  expectNumbers(evaluate("weft.cumulative max %0 axis 0", {f32({1, NaN, 3})}, "3xf32"), {1, NaN, NaN});
  expectNumbers(
      evaluate("weft.cumulative max %0 axis 0 {exclusive = true}", {vec(DType::I8, {3, 5})}, "2xi8"),
      {-128, 3});
  expectNumbers(evaluate("weft.cumulative add %0 axis 0", {count(DType::I32, {3, 2})}, "3x2xi32"),
                {0, 1, 2, 4, 6, 9});
}

TEST(ReferenceNorm, Softmax) {
  HostTensor x = tensor(DType::F64, {2, 2}, {0, std::log(3), 1000, 1000});
  expectNumbers(evaluate("weft.softmax %0 axis 1", {x}, "2x2xf64"), {0.25, 0.75, 0.5, 0.5}, 1e-15);
  HostTensor y = tensor(DType::F32, {3, 2}, {-inf, -inf, -inf, 0, NaN, 0});
  expectNumbers(evaluate("weft.softmax %0 axis 1", {y}, "3x2xf32"), {NaN, NaN, 0, 1, NaN, NaN});
  EXPECT_EQ(evaluate("weft.softmax %0 axis 1", {tensor(DType::F32, {2, 0}, {})}, "2x0xf32").numElements(), 0);
}

TEST(ReferenceNorm, Normalize) {
  HostTensor x = tensor(DType::F32, {2, 2}, {1, 3, 5, 5});
  Outcome run = evaluateAll("weft.normalize %0 axes [1] epsilon 0.0", {x}, {"2x2xf32", "2x1xf32", "2x1xf32"});
  ASSERT_EQ(run.results.size(), 3u) << run.errors;
  expectNumbers(run.results[0], {-1, 1, NaN, NaN});
  expectNumbers(run.results[1], {2, 5});
  expectNumbers(run.results[2], {1, 0});
  run = evaluateAll("weft.normalize %0 axes [0, 1] epsilon 1.000000e+00 {center = false}",
                    {tensor(DType::F16, {1, 2}, {1, 3})}, {"1x2xf16", "1x1xf32", "1x1xf32"});
  ASSERT_EQ(run.results.size(), 3u) << run.errors;
  expectNumbers(run.results[0], {1 / std::sqrt(6), 3 / std::sqrt(6)}, 1e-3);
  expectNumbers(run.results[1], {0});
  expectNumbers(run.results[2], {5});
}
