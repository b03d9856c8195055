// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ops that make, move and rearrange elements.
#include "Harness.h"

using namespace weft;
using namespace weft::test;

TEST(ReferenceShape, ConstantIotaDim) {
  Outcome run = runModule("func.func @main() -> tensor<3xi8> {\n %c = weft.constant dense<[1, -2, 3]> : "
                          "tensor<3xi8>\n return %c : tensor<3xi8>\n}",
                          {});
  ASSERT_EQ(run.results.size(), 1u) << run.errors;
  expectNumbers(run.results[0], {1, -2, 3});
  run = runModule("func.func @main() -> tensor<2x2xf32> {\n %c = weft.constant dense<2.5> : "
                  "tensor<2x2xf32>\n return %c : tensor<2x2xf32>\n}",
                  {});
  ASSERT_EQ(run.results.size(), 1u) << run.errors;
  expectNumbers(run.results[0], {2.5, 2.5, 2.5, 2.5});
  expectNumbers(evaluate("weft.iota axis 1 sizes [2, 3]", {}, "2x3xf32"), {0, 1, 2, 0, 1, 2});
  expectNumbers(evaluate("weft.iota axis 0 sizes [%0, 2]", {shapeValue(3)}, "?x2xi32"), {0, 0, 1, 1, 2, 2});
  EXPECT_EQ(evaluate("weft.iota axis 0 sizes [300]", {}, "300xui8").asInt(299), 43); // wraps
  expectNumbers(evaluate("weft.dim %0, 1", {tensor(DType::F32, {2, 0}, {})}, "i64"), {0});
}

TEST(ReferenceShape, Reshape) {
  HostTensor x = count(DType::F32, {2, 3});
  EXPECT_EQ(evaluate("weft.reshape %0 sizes [3, 2]", {x}, "3x2xf32").shape(), (std::vector<int64_t>{3, 2}));
  EXPECT_EQ(evaluate("weft.reshape %0 sizes [-1, 1]", {x}, "6x1xf32").shape(), (std::vector<int64_t>{6, 1}));
  Outcome run =
      evaluateAll("weft.reshape %0 sizes [%1, 2]", {x, shapeValue(3)}, {"?x2xf32"}, {"?x?xf32", "i64"});
  ASSERT_EQ(run.results.size(), 1u) << run.errors;
  run = evaluateAll("weft.reshape %0 sizes [%1, 2]", {x, shapeValue(4)}, {"?x2xf32"}, {"?x?xf32", "i64"});
  EXPECT_THAT(run.errors, testing::HasSubstr("found f32[2x3], wanted elements of 4x2"));
}

TEST(ReferenceShape, TransposeAndReverse) {
  HostTensor x = count(DType::I16, {2, 3});
  expectNumbers(evaluate("weft.transpose %0 by [1, 0]", {x}, "3x2xi16"), {0, 3, 1, 4, 2, 5});
  expectNumbers(evaluate("weft.transpose %0 by [2, 0, 1]", {count(DType::F64, {2, 1, 2})}, "2x2x1xf64"),
                {0, 2, 1, 3});
  expectNumbers(evaluate("weft.reverse %0 axes [1]", {x}, "2x3xi16"), {2, 1, 0, 5, 4, 3});
  expectNumbers(evaluate("weft.reverse %0 axes [0, 1]", {x}, "2x3xi16"), {5, 4, 3, 2, 1, 0});
  EXPECT_EQ(evaluate("weft.reverse %0 axes [0]", {tensor(DType::F32, {0}, {})}, "0xf32").numElements(), 0);
  // Nibbles: an odd row length makes them cross bytes.
  HostTensor nibbles = tensor(DType::I4, {2, 3}, {-8, 1, 2, 3, 4, 7});
  expectNumbers(evaluate("weft.transpose %0 by [1, 0]", {nibbles}, "3x2xi4"), {-8, 3, 1, 4, 2, 7});
  HostTensor crumbs = tensor(DType::UI2, {5}, {0, 1, 2, 3, 1});
  expectNumbers(evaluate("weft.reverse %0 axes [0]", {crumbs}, "5xui2"), {1, 3, 2, 1, 0});
}

TEST(ReferenceShape, Broadcast) {
  expectNumbers(evaluate("weft.broadcast %0 sizes [2, 3] dims [1]", {f32({1, 2, 3})}, "2x3xf32"),
                {1, 2, 3, 1, 2, 3});
  expectNumbers(
      evaluate("weft.broadcast %0 sizes [2, 2] dims [0, 1]", {tensor(DType::F32, {2, 1}, {1, 2})}, "2x2xf32"),
      {1, 1, 2, 2});
  expectNumbers(evaluate("weft.broadcast %0 sizes [2] dims []", {tensor(DType::I1, {}, {1})}, "2xi1"),
                {1, 1});
  // Dimensions may be permuted, and a `?` may turn out to be 1.
  expectNumbers(
      evaluate("weft.broadcast %0 sizes [2, 3] dims [1, 0]", {count(DType::F32, {3, 2})}, "2x3xf32"),
      {0, 2, 4, 1, 3, 5});
  Outcome run = evaluateAll("weft.broadcast %0 sizes [%1] dims [0]", {f32({7}), shapeValue(2)}, {"?xf32"},
                            {"?xf32", "i64"});
  ASSERT_EQ(run.results.size(), 1u) << run.errors;
  expectNumbers(run.results[0], {7, 7});
  run = evaluateAll("weft.broadcast %0 sizes [%1] dims [0]", {f32({7, 8}), shapeValue(3)}, {"?xf32"},
                    {"?xf32", "i64"});
  EXPECT_THAT(run.errors, testing::HasSubstr("found extent 2 in dimension 0 of x, wanted 3 or 1"));
}

TEST(ReferenceShape, Slice) {
  HostTensor x = count(DType::F32, {3, 4});
  expectNumbers(evaluate("weft.slice %0 starts [1, 0] sizes [2, 2] strides [1, 3]", {x}, "2x2xf32"),
                {4, 7, 8, 11});
  HostTensor line = f32({0, 1, 2, 3, 4});
  // A run-time size is clamped to the extent, then the start so that the window fits.
  auto dynamic = [&](int64_t start, int64_t size) {
    return numbers(evaluate("weft.slice %0 starts [%1] sizes [%2] strides [2]",
                            {line, shapeValue(start), shapeValue(size)}, "?xf32"));
  };
  EXPECT_EQ(dynamic(1, 2), (std::vector<double>{1, 3}));
  EXPECT_EQ(dynamic(9, 2), (std::vector<double>{2, 4}));
  EXPECT_EQ(dynamic(1, 9), (std::vector<double>{0, 2, 4}));
  EXPECT_EQ(dynamic(-5, 1), (std::vector<double>{0}));
  EXPECT_EQ(dynamic(2, -3), (std::vector<double>{}));
  EXPECT_EQ(dynamic(INT64_MAX, INT64_MAX), (std::vector<double>{0, 2, 4}));
  Outcome run =
      evaluateAll("weft.slice %0 starts [0] sizes [3] strides [1]", {f32({1, 2})}, {"3xf32"}, {"?xf32"});
  EXPECT_THAT(run.errors, testing::HasSubstr("wanted room for 3 elements"));
}

TEST(ReferenceShape, UpdateSlice) {
  HostTensor x = count(DType::I32, {2, 3}), update = tensor(DType::I32, {1, 2}, {10, 20});
  expectNumbers(evaluate("weft.update_slice %0, %1 starts [1, 0]", {x, update}, "2x3xi32"),
                {0, 1, 2, 10, 20, 5});
  expectNumbers(evaluate("weft.update_slice %0, %1 starts [%2, 9]", {x, update, shapeValue(-1)}, "2x3xi32",
                         {"?x?xi32", "1x2xi32", "i64"}),
                {0, 10, 20, 3, 4, 5});
  HostTensor nibbles = vec(DType::UI4, {1, 2, 3}), one = vec(DType::UI4, {15});
  expectNumbers(evaluate("weft.update_slice %0, %1 starts [1]", {nibbles, one}, "3xui4"), {1, 15, 3});
}

TEST(ReferenceShape, Concat) {
  HostTensor a = count(DType::F32, {2, 1}), b = count(DType::F32, {2, 2}),
             none = tensor(DType::F32, {2, 0}, {});
  expectNumbers(evaluate("weft.concat %0, %1, %2 axis 1", {a, none, b}, "2x3xf32"), {0, 0, 1, 1, 2, 3});
  expectNumbers(
      evaluate("weft.concat %0, %1 axis 0", {vec(DType::I4, {1, 2, 3}), vec(DType::I4, {4, 5})}, "5xi4"),
      {1, 2, 3, 4, 5});
}

TEST(ReferenceShape, PadModes) {
  HostTensor x = f32({1, 2, 3}), v = tensor(DType::F32, {}, {9});
  auto pad = [&](const char *mode, int64_t low, int64_t high, int64_t interior, int64_t size) {
    return numbers(evaluate("weft.pad " + std::string(mode) + " %0, %1 low [" + std::to_string(low) +
                                "] high [" + std::to_string(high) + "] interior [" +
                                std::to_string(interior) + "]",
                            {x, v}, std::to_string(size) + "xf32"));
  };
  EXPECT_EQ(pad("constant", 1, 2, 0, 6), (std::vector<double>{9, 1, 2, 3, 9, 9}));
  EXPECT_EQ(pad("constant", -1, 1, 0, 3), (std::vector<double>{2, 3, 9}));
  EXPECT_EQ(pad("constant", 1, -1, 1, 5), (std::vector<double>{9, 1, 9, 2, 9}));
  EXPECT_EQ(pad("constant", -2, -2, 0, 0), (std::vector<double>{}));
  EXPECT_EQ(pad("reflect", 2, 1, 0, 6), (std::vector<double>{3, 2, 1, 2, 3, 2}));
  EXPECT_EQ(pad("reflect", 5, 0, 0, 8), (std::vector<double>{2, 1, 2, 3, 2, 1, 2, 3})); // more than once
  EXPECT_EQ(pad("edge", 2, 1, 0, 6), (std::vector<double>{1, 1, 1, 2, 3, 3}));
  EXPECT_EQ(pad("wrap", 2, 1, 0, 6), (std::vector<double>{2, 3, 1, 2, 3, 1}));
  HostTensor square = count(DType::F32, {2, 2});
  expectNumbers(evaluate("weft.pad constant %0, %1 low [0, %2] high [1, 0] interior [0, 0]",
                         {square, v, shapeValue(1)}, "3x?xf32"),
                {9, 0, 1, 9, 2, 3, 9, 9, 9});
  Outcome run = evaluateAll("weft.pad constant %0, %1 low [%2] high [0] interior [0]",
                            {x, v, shapeValue(INT64_MAX)}, {"?xf32"});
  EXPECT_THAT(run.errors, testing::HasSubstr("wanted at most 2^48"));
}

TEST(ReferenceShape, CastShape) {
  Outcome run = evaluateAll("weft.cast_shape %0", {f32({1, 2})}, {"2xf32"}, {"?xf32"});
  ASSERT_EQ(run.results.size(), 1u) << run.errors;
  run = evaluateAll("weft.cast_shape %0", {f32({1, 2})}, {"3xf32"}, {"?xf32"});
  EXPECT_THAT(run.errors, testing::HasSubstr("found extent 2 in dimension 0, wanted 3"));
}
