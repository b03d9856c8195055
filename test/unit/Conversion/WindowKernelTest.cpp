// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiled windows, convolutions, resampling, random bits and quantisation against the reference.
#include "Compiled.h"

using namespace weft;
using namespace weft::test;

static const Tolerance nearly = {1e-5, 1e-5};
static const std::string pooling =
    "axes [2, 3] {window = array<i64: 3, 2>, strides = array<i64: 2, 1>, padding_low = array<i64: 1, 0>, "
    "padding_high = array<i64: 1, 1>, base_dilation = array<i64: 1, 1>, window_dilation = array<i64: 1, 2>}";

TEST(WindowKernel, Pools) {
  // Extents: (9 + 2 - 3) / 2 + 1 = 5, (8 + 1 - 3) / 1 + 1 = 7.
  for (const char *kind : {"add", "max", "min", "mul", "logaddexp"})
    expectSameOp(std::string("weft.reduce_window ") + kind + " %0 " + pooling,
                 {sample(DType::F32, {2, 3, 9, 8}, 1)}, {"2x3x5x7xf32"}, nearly);
  expectSameOp("weft.reduce_window max %0 " + pooling, {sample(DType::F32, {2, 3, 9, 8}, 1, true)},
               {"2x3x5x7xf32"});
  for (const char *kind : {"max", "min"})
    expectSameOp(std::string("weft.window_arg ") + kind + " %0 " + pooling,
                 {sample(DType::F32, {2, 3, 9, 8}, 1, true)}, {"2x3x5x7xi64"});
}

TEST(WindowKernel, Scatter) {
  std::string text =
      "func.func @k(%x: tensor<2x3x9x8xf32>, %dy: tensor<2x3x5x7xf32>) -> tensor<2x3x9x8xf32> {\n"
      "  %i = weft.window_arg max %x " +
      pooling +
      " : (tensor<2x3x9x8xf32>) -> tensor<2x3x5x7xi64>\n"
      "  %0 = weft.window_scatter %dy at %i " +
      pooling +
      " : (tensor<2x3x5x7xf32>, tensor<2x3x5x7xi64>) -> tensor<2x3x9x8xf32>\n"
      "  return %0 : tensor<2x3x9x8xf32>\n}";
  expectSame(text, {sample(DType::F32, {2, 3, 9, 8}, 1), sample(DType::F32, {2, 3, 5, 7}, 2)}, nearly);
}

TEST(WindowKernel, Conv) {
  struct {
    const char *attributes, *result;
    std::vector<int64_t> x, w;
  } cases[] = {
      {"x_dims = array<i64: 0, 1, 2, 3>, w_dims = array<i64: 0, 1, 2, 3>, y_dims = array<i64: 0, 1, 2, 3>, "
       "strides = array<i64: 1, 1>, "
       "padding_low = array<i64: 1, 1>, padding_high = array<i64: 1, 1>, input_dilation = array<i64: 1, 1>, "
       "kernel_dilation = array<i64: 1, 1>",
       "2x4x6x7xf32",
       {2, 3, 6, 7},
       {4, 3, 3, 3}},
      {"x_dims = array<i64: 0, 3, 1, 2>, w_dims = array<i64: 3, 2, 0, 1>, y_dims = array<i64: 0, 3, 1, 2>, "
       "strides = array<i64: 2, 1>, "
       "padding_low = array<i64: 0, 2>, padding_high = array<i64: 1, -1>, input_dilation = array<i64: 1, 1>, "
       "kernel_dilation = array<i64: 1, 2>, feature_groups = 2 : i64",
       "2x3x4x4xf32",
       {2, 6, 7, 6},
       {3, 3, 3, 4}},
      {"x_dims = array<i64: 0, 1, 2>, w_dims = array<i64: 0, 1, 2>, y_dims = array<i64: 0, 1, 2>, strides = "
       "array<i64: 1>, "
       "padding_low = array<i64: 2>, padding_high = array<i64: 2>, input_dilation = array<i64: 2>, "
       "kernel_dilation = array<i64: 1>, reverse = array<i1: true>",
       "1x2x11xf32",
       {1, 3, 5},
       {2, 3, 3}},
  };
  for (auto &c : cases)
    expectSameOp(std::string("weft.conv %0, %1 {") + c.attributes + "}",
                 {sample(DType::F32, c.x, 1), sample(DType::F32, c.w, 2)}, {c.result}, nearly);
}

TEST(WindowKernel, Resample) {
  expectSameOp(
      "weft.resample %0, %1, %2 axis 1",
      {sample(DType::F32, {3, 5, 4}, 1), uniform(DType::I64, {7, 2}, -2, 8), sample(DType::F32, {7, 2}, 3)},
      {"3x7x4xf32"}, nearly);
}

TEST(WindowKernel, RandomBits) {
  for (const char *algorithm : {"philox", "threefry"})
    expectSameOp(std::string("weft.random_bits %0, %1 {algorithm = #weft<random_algorithm ") + algorithm +
                     ">}",
                 {sample(DType::UI32, {2}, 1, true), sample(DType::UI64, {50}, 2, true)}, {"50xui32"});
}

TEST(WindowKernel, Quantisation) {
  expectSameOp(
      "weft.quantize %0, %1, %2",
      {sample(DType::F32, {40}, 1, true), HostTensor::scalar<float>(0.05f), HostTensor::scalar<uint8_t>(7)},
      {"40xui8"});
  expectSameOp("weft.quantize %0, %1 {axis = 1 : i64}",
               {sample(DType::F32, {4, 3}, 1), uniform(DType::F32, {3}, 0.01, 0.1)}, {"4x3xi8"});
  expectSameOp(
      "weft.dequantize %0, %1, %2 {axis = 0 : i64}",
      {sample(DType::I8, {4, 3}, 1, true), uniform(DType::F32, {4}, 0.01, 0.1), sample(DType::I8, {4}, 3)},
      {"4x3xf32"}, {1e-6, 0});
  expectSameOp("weft.dequantize %0, %1 {axis = 1 : i64, block = 2 : i64}",
               {sample(DType::I8, {4, 6}, 1, true), uniform(DType::F32, {4, 3}, 0.01, 0.1)}, {"4x6xf32"},
               {1e-6, 0});
}

TEST(WindowKernel, PackedTypes) {
  for (DType type : {DType::I4, DType::UI4, DType::I2, DType::UI2, DType::F4E2M1FN}) {
    std::string name(dtypeName(type));
    HostTensor x = sample(type, {3, 5}, 1);
    expectSameOp("weft.convert %0", {x}, {"3x5xf32"});
    expectSameOp("weft.convert %0", {sample(DType::F32, {3, 5}, 2, true)}, {"3x5x" + name});
    expectSameOp("weft.transpose %0 by [1, 0]", {x}, {"5x3x" + name});
    expectSameOp("weft.dequantize %0, %1", {x, HostTensor::scalar<float>(0.5f)}, {"3x5xf32"});
  }
  expectSameOp("weft.quantize %0, %1", {sample(DType::F32, {7}, 2), HostTensor::scalar<float>(0.5f)},
               {"7xi4"});
}
