// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Extents at the edges of tiles: rows, columns and products of every schedule that GPU kernels have, on the
// CPU and on the emulator.
#include "Compiled.h"

using namespace weft;
using namespace weft::test;

static const Tolerance nearly = {1e-5, 1e-5};

static std::string shapeText(std::initializer_list<int64_t> shape) {
  std::string text;
  for (int64_t extent : shape)
    text += std::to_string(extent) + "x";
  return text + "f32";
}

TEST(ScheduleKernel, ElementwiseExtents) {
  for (int64_t n : {0, 1, 3, 7, 17, 31, 127, 1023, 1024}) {
    expectSameOp("weft.exp %0", {uniform(DType::F32, {n}, -2, 2)}, {shapeText({n})}, nearly);
    expectSameOp("weft.exp %0", {uniform(DType::F32, {n}, -2, 2)}, {"?xf32"}, nearly, {"?xf32"});
  }
}

TEST(ScheduleKernel, RowExtents) {
  for (int64_t n : {1, 3, 7, 17, 31, 127, 1023, 2500}) {
    expectSameOp("weft.softmax %0 axis 1", {uniform(DType::F32, {3, n}, -2, 2)}, {shapeText({3, n})}, nearly);
    expectSameOp("weft.reduce add %0 axes [1]", {uniform(DType::F32, {5, n}, 0, 1)}, {"5xf32"}, {1e-4, 1e-4});
  }
  for (const char *axes : {"[0]", "[1]"})
    expectSameOp(std::string("weft.reduce max %0 axes ") + axes, {sample(DType::F32, {0, 0})}, {"0xf32"});
  expectSameOp("weft.reduce max %0 axes [1]", {sample(DType::BF16, {3, 2048}, 1)}, {"3xbf16"});
  expectSameOp("weft.softmax %0 axis 1", {uniform(DType::F32, {2, 20000}, -2, 2)}, {"2x20000xf32"}, nearly);
}

TEST(ScheduleKernel, ProductExtents) {
  auto product = [](int64_t m, int64_t k, int64_t n) {
    expectSameOp("weft.dot_general %0, %1 batch [] x [] contract [1] x [0]",
                 {uniform(DType::F32, {m, k}, -1, 1, 1), uniform(DType::F32, {k, n}, -1, 1, 2)},
                 {shapeText({m, n})}, {1e-4, 1e-4});
  };
  product(16, 8, 16);
  product(17, 31, 127);
  product(64, 64, 64);
  product(65, 33, 70);
  product(130, 20, 36);
  product(0, 8, 16);
  product(1, 127, 31);
}

TEST(ScheduleKernel, ProductLayouts) {
  HostTensor a = uniform(DType::F32, {3, 20, 24}, -1, 1, 1), b = uniform(DType::F32, {3, 24, 36}, -1, 1, 2),
             t = uniform(DType::F32, {3, 36, 24}, -1, 1, 3), at = uniform(DType::F32, {24, 3, 20}, -1, 1, 4);
  expectSameOp("weft.dot_general %0, %1 batch [0] x [0] contract [2] x [1]", {a, b}, {"3x20x36xf32"},
               {1e-4, 1e-4});
  expectSameOp("weft.dot_general %0, %1 batch [0] x [0] contract [2] x [2]", {a, t}, {"3x20x36xf32"},
               {1e-4, 1e-4});
  expectSameOp("weft.dot_general %0, %1 batch [1] x [0] contract [0] x [2]", {at, t}, {"3x20x36xf32"},
               {1e-4, 1e-4});
  expectSameOp("weft.dot_general %0, %1 batch [0] x [0] contract [2] x [1]", {a, b}, {"?x?x?xf32"},
               {1e-4, 1e-4}, {"?x?x?xf32", "?x?x?xf32"});
  expectSame("func.func @k(%x: tensor<40x24xf32>, %w: tensor<24x72xf32>, %b: tensor<1x72xf32>) -> "
             "tensor<40x72xf32> {\n"
             "  %0 = weft.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<40x24xf32>, "
             "tensor<24x72xf32>) -> tensor<40x72xf32>\n"
             "  %1 = weft.add %0, %b : (tensor<40x72xf32>, tensor<1x72xf32>) -> tensor<40x72xf32>\n"
             "  %2 = weft.relu %1 : (tensor<40x72xf32>) -> tensor<40x72xf32>\n"
             "  return %2 : tensor<40x72xf32>\n}\n",
             {uniform(DType::F32, {40, 24}, -1, 1, 1), uniform(DType::F32, {24, 72}, -1, 1, 2),
              uniform(DType::F32, {1, 72}, -1, 1, 3)},
             {1e-4, 1e-4});
}

TEST(ScheduleKernel, LargeProduct) {
  expectSameOp("weft.dot_general %0, %1 batch [] x [] contract [1] x [0]",
               {uniform(DType::F32, {1030, 12}, -1, 1, 1), uniform(DType::F32, {12, 1028}, -1, 1, 2)},
               {"1030x1028xf32"}, {1e-4, 1e-4});
}

TEST(ScheduleKernel, SameBitsInEveryOrder) {
  expectSameBitsInEveryOrder("func.func @k(%x: tensor<2x3000xf32>) -> tensor<2x3000xf32> {\n"
                             "  %0 = weft.softmax %x axis 1 : (tensor<2x3000xf32>) -> tensor<2x3000xf32>\n"
                             "  return %0 : tensor<2x3000xf32>\n}\n",
                             {uniform(DType::F32, {2, 3000}, -2, 2)});
  expectSameBitsInEveryOrder(
      "func.func @k(%x: tensor<70x40xf32>, %w: tensor<40x50xf32>) -> tensor<70x50xf32> {\n"
      "  %0 = weft.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<70x40xf32>, "
      "tensor<40x50xf32>) -> tensor<70x50xf32>\n"
      "  return %0 : tensor<70x50xf32>\n}\n",
      {uniform(DType::F32, {70, 40}, -1, 1, 1), uniform(DType::F32, {40, 50}, -1, 1, 2)});
}
