// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiled ops that move elements, and gather and scatter, against the reference.
#include "Compiled.h"

using namespace weft;
using namespace weft::test;

TEST(ShapeKernel, ReshapeTranspose) {
  expectSameOp("weft.reshape %0 sizes [6, 20]", {sample(DType::F32, {4, 5, 6}, 1)}, {"6x20xf32"});
  expectSameOp("weft.reshape %0 sizes [120]", {sample(DType::F32, {4, 5, 6}, 1)}, {"120xf32"});
  expectSameOp("weft.reshape %0 sizes [1, 1]", {sample(DType::F32, {}, 1)}, {"1x1xf32"});
  expectSameOp("weft.reshape %0 sizes []", {sample(DType::I8, {1, 1}, 1)}, {"i8"});
  for (const char *perm : {"[0, 2, 1]", "[2, 1, 0]", "[1, 0, 2]"}) {
    std::string p = perm;
    expectSameOp("weft.transpose %0 by " + p, {sample(DType::F32, {4, 5, 6}, 1)},
                 {p == "[0, 2, 1]"   ? "4x6x5xf32"
                  : p == "[2, 1, 0]" ? "6x5x4xf32"
                                     : "5x4x6xf32"});
  }
  expectSameOp("weft.transpose %0 by [1, 0]", {sample(DType::I1, {4, 70}, 1)}, {"70x4xi1"});
  expectSameOp("weft.broadcast %0 sizes [4, 7, 5] dims [0, 2]", {sample(DType::F32, {4, 1}, 1)},
               {"4x7x5xf32"});
  expectSameOp("weft.reverse %0 axes [0, 2]", {sample(DType::F32, {4, 5, 6}, 1)}, {"4x5x6xf32"});
  expectSame("func.func @k() -> tensor<3x4xi32> { %0 = weft.iota axis 1 sizes [3, 4] : () -> tensor<3x4xi32> "
             "return %0 : tensor<3x4xi32> }",
             {});
  expectSame("func.func @k() -> tensor<2x3xf32> { %0 = weft.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, "
             "6.0]]> : tensor<2x3xf32> return %0 : tensor<2x3xf32> }",
             {});
}

TEST(ShapeKernel, SliceConcat) {
  expectSameOp("weft.slice %0 starts [1, 2] sizes [2, 3] strides [2, 1]", {sample(DType::F32, {4, 5}, 1)},
               {"2x3xf32"});
  for (int64_t start : {-7, 0, 2, 9})
    expectSameOp("weft.slice %0 starts [%1, 2] sizes [2, 3] strides [1, 1]",
                 {sample(DType::F32, {4, 5}, 1), HostTensor::scalar<int64_t>(start)}, {"2x3xf32"});
  for (int64_t start : {-7, 0, 2, 9})
    expectSameOp(
        "weft.update_slice %0, %1 starts [%2, 1]",
        {sample(DType::F32, {4, 5}, 1), sample(DType::F32, {2, 3}, 2), HostTensor::scalar<int64_t>(start)},
        {"4x5xf32"});
  for (int axis : {0, 1, 2}) {
    std::vector<int64_t> shape = {3, 4, 5};
    shape[axis] = 2;
    std::vector<int64_t> total = {3, 4, 5};
    total[axis] += 4;
    std::string result;
    for (int64_t e : total)
      result += std::to_string(e) + "x";
    expectSameOp(
        "weft.concat %0, %1, %2 axis " + std::to_string(axis),
        {sample(DType::F32, {3, 4, 5}, 1), sample(DType::F32, shape, 2), sample(DType::F32, shape, 3)},
        {result + "f32"});
  }
  expectSameOp("weft.concat %0, %1 axis 0", {sample(DType::F32, {3, 4}, 1), sample(DType::F32, {6, 4}, 2)},
               {"?x4xf32"}, {}, {"?x4xf32", "?x4xf32"});
}

TEST(ShapeKernel, Pad) {
  HostTensor x = sample(DType::F32, {4, 5}, 1), v = HostTensor::scalar<float>(7);
  expectSameOp("weft.pad constant %0, %1 low [1, 2] high [0, 3] interior [0, 0]", {x, v}, {"5x10xf32"});
  expectSameOp("weft.pad constant %0, %1 low [-1, 2] high [1, -1] interior [0, 0]", {x, v}, {"4x6xf32"});
  expectSameOp("weft.pad constant %0, %1 low [1, -1] high [0, 3] interior [2, 1]", {x, v}, {"11x11xf32"});
  for (const char *mode : {"reflect", "edge", "wrap"})
    expectSameOp(std::string("weft.pad ") + mode + " %0, %1 low [1, 2] high [2, 3] interior [0, 0]", {x, v},
                 {"7x10xf32"});
}

TEST(ShapeKernel, Gather) {
  expectSameOp("weft.gather %0 at %1 {dims = array<i64: 0>, batch_dims = array<i64>, index_batch_dims = "
               "array<i64>, at = 0 : i64}",
               {sample(DType::F32, {10, 6}, 1), uniform(DType::I64, {3, 4, 1}, -3, 14)}, {"3x4x6xf32"});
  expectSameOp("weft.gather %0 at %1 {dims = array<i64: 1>, batch_dims = array<i64: 0>, index_batch_dims = "
               "array<i64: 0>, at = 0 : i64}",
               {sample(DType::F32, {3, 6}, 1), uniform(DType::I32, {3, 4, 1}, -3, 9)}, {"3x4xf32"});
  expectSameOp("weft.gather %0 at %1 {dims = array<i64: 1, 0>, batch_dims = array<i64>, index_batch_dims = "
               "array<i64>, at = 1 : i64}",
               {sample(DType::F32, {3, 6, 2}, 1), uniform(DType::I32, {5, 2}, -1, 7)}, {"2x5xf32"});
  // out[i, j] = x[i, index[i, j], j]: neighbours in memory are read at places that have nothing to do with
  // each other.
  expectSameOp(
      "weft.gather %0 at %1 {dims = array<i64: 1>, batch_dims = array<i64: 0, 2>, index_batch_dims = "
      "array<i64: 0, 1>, at = 0 : i64}",
      {sample(DType::F32, {3, 5, 64}, 1), uniform(DType::I64, {3, 64, 1}, 0, 4)}, {"3x64xf32"});
}

TEST(ShapeKernel, Scatter) {
  for (const char *kind : {"set", "add", "mul", "max", "min"})
    expectSameOp(std::string("weft.scatter ") + kind +
                     " %0 at %1, %2 {dims = array<i64: 0>, batch_dims = array<i64>, index_batch_dims = "
                     "array<i64>, at = 0 : i64}",
                 {sample(DType::F32, {10, 6}, 1), uniform(DType::I64, {3, 4, 1}, -3, 14),
                  sample(DType::F32, {3, 4, 6}, 2)},
                 {"10x6xf32"}, {1e-6, 1e-6});
  expectSameOp(
      "weft.scatter add %0 at %1, %2 {dims = array<i64: 1>, batch_dims = array<i64: 0>, index_batch_dims = "
      "array<i64: 0>, at = 0 : i64}",
      {sample(DType::I32, {3, 6}, 1), uniform(DType::I32, {3, 4, 1}, -3, 9), sample(DType::I32, {3, 4}, 2)},
      {"3x6xi32"});
}
