// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Convolutions, windows, resampling.
#include "Harness.h"

using namespace weft;
using namespace weft::test;

/// A convolution of one spatial dimension, [batch, feature, spatial] throughout.
static HostTensor conv1(const HostTensor &x, const HostTensor &w, const std::string &result, int64_t stride,
                        int64_t low, int64_t high, int64_t inputDilation = 1, int64_t kernelDilation = 1,
                        const std::string &more = "") {
  auto list = [](int64_t value) { return " = array<i64: " + std::to_string(value) + ">, "; };
  return evaluate("weft.conv %0, %1 {x_dims = array<i64: 0, 1, 2>, w_dims = array<i64: 0, 1, 2>, y_dims = "
                  "array<i64: 0, 1, 2>, strides" +
                      list(stride) + "padding_low" + list(low) + "padding_high" + list(high) +
                      "input_dilation" + list(inputDilation) +
                      "kernel_dilation = array<i64: " + std::to_string(kernelDilation) + ">" + more + "}",
                  {x, w}, result);
}

TEST(ReferenceConv, OneDimension) {
  HostTensor x = tensor(DType::F32, {1, 1, 5}, {1, 2, 3, 4, 5}),
             w = tensor(DType::F32, {1, 1, 3}, {1, 10, 100});
  expectNumbers(conv1(x, w, "1x1x3xf32", 1, 0, 0), {321, 432, 543});
  expectNumbers(conv1(x, w, "1x1x3xf32", 2, 1, 1), {210, 432, 54});
  expectNumbers(conv1(x, w, "1x1x1xf32", 1, 0, 0, 1, 2), {531});
  expectNumbers(conv1(x, w, "1x1x3xf32", 1, 0, 0, 1, 1, ", reverse = array<i1: true>"), {123, 234, 345});
  expectNumbers(conv1(x, w, "1x1x1xf32", 1, -1, -1), {432});       // cropped on both sides
  expectNumbers(conv1(x, w, "1x1x2xf32", 1, -2, 1), {543, 54});    // cropped and padded
  EXPECT_EQ(conv1(x, w, "1x1x0xf32", 1, -2, -2).numElements(), 0); // the window does not fit
  // With holes between the elements, 1 . 2 . 3 . 4 . 5.
  expectNumbers(conv1(x, w, "1x1x7xf32", 1, 0, 0, 2), {201, 20, 302, 30, 403, 40, 504});
}

TEST(ReferenceConv, InputDilationIsTransposedConvolution) {
  HostTensor x = tensor(DType::F32, {1, 1, 2}, {1, 2}), w = tensor(DType::F32, {1, 1, 3}, {1, 10, 100});
  // Stride 2, every input spreads the kernel: 1 10 100 . . + . . 2 20 200.
  expectNumbers(conv1(x, w, "1x1x5xf32", 1, 2, 2, 2, 1, ", reverse = array<i1: true>"),
                {1, 10, 102, 20, 200});
}

TEST(ReferenceConv, GroupsAndLayouts) {
  HostTensor x = tensor(DType::F32, {1, 4, 1}, {1, 2, 3, 4}),
             w = tensor(DType::F32, {2, 2, 1}, {1, 10, 100, 1000});
  expectNumbers(conv1(x, w, "1x2x1xf32", 1, 0, 0, 1, 1, ", feature_groups = 2 : i64"), {21, 4300});
  // Two spatial dimensions, x and y as [h, w, n, c], w as [kh, kw, in, out].
  HostTensor image = count(DType::F32, {3, 3, 1, 1}),
             kernel = tensor(DType::F32, {2, 2, 1, 2}, {1, 0, 10, 0, 100, 0, 1000, 1});
  expectNumbers(
      evaluate("weft.conv %0, %1 {x_dims = array<i64: 2, 3, 0, 1>, w_dims = array<i64: 3, 2, 0, 1>, "
               "y_dims = array<i64: 2, 3, 0, 1>, strides = array<i64: 1, 1>, padding_low = array<i64: 0, 0>, "
               "padding_high = array<i64: 0, 0>, input_dilation = array<i64: 1, 1>, kernel_dilation = "
               "array<i64: 1, 1>}",
               {image, kernel}, "2x2x1x2xf32"),
      {4310, 4, 5421, 5, 7643, 7, 8754, 8});
}

TEST(ReferenceConv, Integers) {
  HostTensor x = tensor(DType::I8, {1, 1, 2}, {-128, 127}), w = tensor(DType::I8, {1, 1, 2}, {127, 127});
  expectNumbers(conv1(x, w, "1x1x1xi32", 1, 0, 0, 1, 1, ", element_type = i32"), {-127});
  expectNumbers(conv1(x, w, "1x1x1xi32", 1, 1, -1, 1, 1, ", element_type = i32"), {-16256});
}

TEST(ReferenceConv, NoSpatialDimensions) {
  HostTensor x = tensor(DType::F32, {2, 2}, {1, 2, 3, 4}), w = tensor(DType::F32, {1, 2}, {10, 100});
  expectNumbers(evaluate("weft.conv %0, %1 {x_dims = array<i64: 0, 1>, w_dims = array<i64: 0, 1>, y_dims = "
                         "array<i64: 0, 1>, "
                         "strides = array<i64>, padding_low = array<i64>, padding_high = array<i64>, "
                         "input_dilation = array<i64>, kernel_dilation = array<i64>}",
                         {x, w}, "2x1xf32"),
                {210, 430});
}

static std::string window(int64_t axis, int64_t size, int64_t stride, int64_t low, int64_t high,
                          int64_t base = 1, int64_t dilation = 1) {
  auto list = [](int64_t value) { return " = array<i64: " + std::to_string(value) + ">"; };
  return " axes [" + std::to_string(axis) + "] {window" + list(size) + ", strides" + list(stride) +
         ", padding_low" + list(low) + ", padding_high" + list(high) + ", base_dilation" + list(base) +
         ", window_dilation" + list(dilation) + "}";
}

TEST(ReferenceWindow, Reductions) {
  HostTensor x = f32({1, 5, 2, NaN, 3, 4});
  expectNumbers(evaluate("weft.reduce_window max %0" + window(0, 2, 2, 0, 0), {x}, "3xf32"), {5, NaN, 4});
  expectNumbers(evaluate("weft.reduce_window min %0" + window(0, 2, 1, 0, 0), {f32({3, 1, 2})}, "2xf32"),
                {1, 1});
  expectNumbers(evaluate("weft.reduce_window add %0" + window(0, 3, 1, 1, 1), {f32({1, 2, 3})}, "3xf32"),
                {3, 6, 5});
  expectNumbers(
      evaluate("weft.reduce_window mul %0" + window(0, 2, 1, 0, 0), {vec(DType::I8, {100, 2, 3})}, "2xi8"),
      {-56, 6});
  expectNumbers(evaluate("weft.reduce_window add %0" + window(0, 2, 1, 0, 0, 2), {f32({1, 2})}, "2xf32"),
                {1, 2}); // 1 . 2
  expectNumbers(
      evaluate("weft.reduce_window add %0" + window(0, 2, 1, 0, 0, 1, 2), {f32({1, 2, 3})}, "1xf32"), {4});
  // Windows of padding alone hold the identity.
  expectNumbers(evaluate("weft.reduce_window max %0" + window(0, 1, 1, 1, 1), {f32({7})}, "3xf32"),
                {-inf, 7, -inf});
  expectNumbers(evaluate("weft.reduce_window max %0" + window(0, 1, 1, 1, 0), {vec(DType::I8, {7})}, "2xi8"),
                {-128, 7});
  expectNumbers(
      evaluate("weft.reduce_window min %0" + window(0, 1, 1, 1, 0), {vec(DType::UI8, {7})}, "2xui8"),
      {255, 7});
  expectNumbers(
      evaluate("weft.reduce_window logaddexp %0" + window(0, 2, 1, 1, 0), {vec(DType::F64, {0, 0})}, "2xf64"),
      {0, 0.6931471805599453}, 1e-15);
}

TEST(ReferenceWindow, InnerAxisOfSeveral) {
  HostTensor x = count(DType::F32, {2, 3, 2});
  expectNumbers(evaluate("weft.reduce_window add %0" + window(1, 2, 1, 0, 0), {x}, "2x2x2xf32"),
                {2, 4, 6, 8, 14, 16, 18, 20});
}

TEST(ReferenceWindow, ArgAndScatter) {
  HostTensor x = f32({1, 5, 5, NaN, 3, NaN});
  expectNumbers(evaluate("weft.window_arg max %0" + window(0, 2, 1, 0, 1), {x}, "6xi64"), {1, 1, 3, 3, 5, 5});
  expectNumbers(evaluate("weft.window_arg min %0" + window(0, 1, 1, 1, 0), {f32({7})}, "2xi64"), {-1, 0});
  // Two windowed axes of three: the index counts over these two.
  HostTensor image = tensor(DType::F32, {2, 2, 2}, {0, 1, 2, 3, 7, 6, 5, 4});
  std::string attributes =
      " axes [0, 2] {window = array<i64: 2, 2>, strides = array<i64: 1, 1>, padding_low = array<i64: 0, 0>, "
      "padding_high = array<i64: 0, 0>, base_dilation = array<i64: 1, 1>, window_dilation = array<i64: 1, "
      "1>}";
  HostTensor index = evaluate("weft.window_arg max %0" + attributes, {image}, "1x2x1xi64");
  expectNumbers(index, {2, 2});
  HostTensor dy = tensor(DType::F32, {1, 2, 1}, {10, 20});
  expectNumbers(evaluate("weft.window_scatter %0 at %1" + attributes, {dy, index}, "2x2x2xf32"),
                {0, 0, 0, 0, 10, 0, 20, 0});
  // Two windows meet at one element; -1 is dropped.
  expectNumbers(
      evaluate("weft.window_scatter %0 at %1" + window(0, 2, 1, 0, 0), {f32({1, 2}), i64({1, 1})}, "3xf32"),
      {0, 3, 0});
  expectNumbers(
      evaluate("weft.window_scatter %0 at %1" + window(0, 1, 1, 1, 0), {f32({1, 2}), i64({-1, 0})}, "1xf32"),
      {2});
}

TEST(ReferenceResample, WeightedAndClamped) {
  HostTensor x = tensor(DType::F32, {2, 2}, {1, 2, 3, 4}),
             index = tensor(DType::I64, {3, 2}, {0, 0, 0, 1, 1, 9}),
             weight = tensor(DType::F32, {3, 2}, {0.5, 0.5, 0.25, 0.75, 1, -1});
  expectNumbers(evaluate("weft.resample %0, %1, %2 axis 0", {x, index, weight}, "3x2xf32"),
                {1, 2, 2.5, 3.5, 0, 0});
  expectNumbers(evaluate("weft.resample %0, %1, %2 axis 1", {x, index, weight}, "2x3xf32"),
                {1, 1.75, 0, 3, 3.75, 0});
}
