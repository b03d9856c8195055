// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels of several ops: prologues, epilogues, reshapes between them, several results.
#include "Compiled.h"

using namespace weft;
using namespace weft::test;

static const Tolerance nearly = {2e-5, 1e-5};

TEST(FusedKernel, BiasGelu) {
  expectSame(R"(func.func @k(%x: tensor<7x33xf32>, %b: tensor<1x33xf32>) -> tensor<7x33xf32> {
    %c = weft.constant dense<0.5> : tensor<1x1xf32>
    %r = weft.constant dense<0.70710678> : tensor<1x1xf32>
    %one = weft.constant dense<1.0> : tensor<1x1xf32>
    %0 = weft.add %x, %b : (tensor<7x33xf32>, tensor<1x33xf32>) -> tensor<7x33xf32>
    %1 = weft.mul %0, %r : (tensor<7x33xf32>, tensor<1x1xf32>) -> tensor<7x33xf32>
    %2 = weft.erf %1 : (tensor<7x33xf32>) -> tensor<7x33xf32>
    %3 = weft.add %2, %one : (tensor<7x33xf32>, tensor<1x1xf32>) -> tensor<7x33xf32>
    %4 = weft.mul %0, %c : (tensor<7x33xf32>, tensor<1x1xf32>) -> tensor<7x33xf32>
    %5 = weft.mul %4, %3 : (tensor<7x33xf32>, tensor<7x33xf32>) -> tensor<7x33xf32>
    return %5 : tensor<7x33xf32>
  })",
             {sample(DType::F32, {7, 33}, 1), sample(DType::F32, {1, 33}, 2)}, nearly);
}

TEST(FusedKernel, SoftmaxWithScaleAndMask) {
  expectSame(R"(func.func @k(%x: tensor<2x3x5x40xf32>, %m: tensor<2x1x1x40xf32>) -> tensor<2x3x5x40xf32> {
    %s = weft.constant dense<0.125> : tensor<1x1x1x1xf32>
    %0 = weft.mul %x, %s : (tensor<2x3x5x40xf32>, tensor<1x1x1x1xf32>) -> tensor<2x3x5x40xf32>
    %1 = weft.add %0, %m : (tensor<2x3x5x40xf32>, tensor<2x1x1x40xf32>) -> tensor<2x3x5x40xf32>
    %2 = weft.softmax %1 axis 3 : (tensor<2x3x5x40xf32>) -> tensor<2x3x5x40xf32>
    return %2 : tensor<2x3x5x40xf32>
  })",
             {sample(DType::F32, {2, 3, 5, 40}, 1), sample(DType::F32, {2, 1, 1, 40}, 2)}, nearly);
}

TEST(FusedKernel, LayerNorm) {
  expectSame(
      R"(func.func @k(%x: tensor<6x50xf32>, %r: tensor<6x50xf32>, %g: tensor<1x50xf32>, %b: tensor<1x50xf32>) -> (tensor<6x50xf32>, tensor<6x50xf32>) {
    %0 = weft.add %x, %r : (tensor<6x50xf32>, tensor<6x50xf32>) -> tensor<6x50xf32>
    %y, %m, %v = weft.normalize %0 axes [1] epsilon 1.0e-5 : (tensor<6x50xf32>) -> (tensor<6x50xf32>, tensor<6x1xf32>, tensor<6x1xf32>)
    %1 = weft.mul %y, %g : (tensor<6x50xf32>, tensor<1x50xf32>) -> tensor<6x50xf32>
    %2 = weft.add %1, %b : (tensor<6x50xf32>, tensor<1x50xf32>) -> tensor<6x50xf32>
    return %0, %2 : tensor<6x50xf32>, tensor<6x50xf32>
  })",
      {sample(DType::F32, {6, 50}, 1), sample(DType::F32, {6, 50}, 2), sample(DType::F32, {1, 50}, 3),
       sample(DType::F32, {1, 50}, 4)},
      nearly);
}

TEST(FusedKernel, GroupNorm) {
  expectSame(R"(func.func @k(%x: tensor<2x8x3x5xf32>, %g: tensor<1x8x1x1xf32>) -> tensor<2x8x3x5xf32> {
    %0 = weft.reshape %x sizes [2, 4, 30] : (tensor<2x8x3x5xf32>) -> tensor<2x4x30xf32>
    %y, %m, %v = weft.normalize %0 axes [2] epsilon 1.0e-5 : (tensor<2x4x30xf32>) -> (tensor<2x4x30xf32>, tensor<2x4x1xf32>, tensor<2x4x1xf32>)
    %1 = weft.reshape %y sizes [2, 8, 3, 5] : (tensor<2x4x30xf32>) -> tensor<2x8x3x5xf32>
    %2 = weft.mul %1, %g : (tensor<2x8x3x5xf32>, tensor<1x8x1x1xf32>) -> tensor<2x8x3x5xf32>
    return %2 : tensor<2x8x3x5xf32>
  })",
             {sample(DType::F32, {2, 8, 3, 5}, 1), sample(DType::F32, {1, 8, 1, 1}, 2)}, nearly);
}

TEST(FusedKernel, ReshapesBetween) {
  expectSame(R"(func.func @k(%x: tensor<6x20xf32>, %b: tensor<1x20xf32>) -> tensor<4x6x5xf32> {
    %0 = weft.add %x, %b : (tensor<6x20xf32>, tensor<1x20xf32>) -> tensor<6x20xf32>
    %1 = weft.reshape %0 sizes [6, 4, 5] : (tensor<6x20xf32>) -> tensor<6x4x5xf32>
    %2 = weft.transpose %1 by [1, 0, 2] : (tensor<6x4x5xf32>) -> tensor<4x6x5xf32>
    return %2 : tensor<4x6x5xf32>
  })",
             {sample(DType::F32, {6, 20}, 1), sample(DType::F32, {1, 20}, 2)});
  expectSame(
      R"(func.func @k(%x: tensor<6x4x5xf32>, %b: tensor<1x1x5xf32>, %c: tensor<1x20xf32>) -> tensor<6x20xf32> {
    %0 = weft.add %x, %b : (tensor<6x4x5xf32>, tensor<1x1x5xf32>) -> tensor<6x4x5xf32>
    %1 = weft.reshape %0 sizes [6, 20] : (tensor<6x4x5xf32>) -> tensor<6x20xf32>
    %2 = weft.mul %1, %c : (tensor<6x20xf32>, tensor<1x20xf32>) -> tensor<6x20xf32>
    return %2 : tensor<6x20xf32>
  })",
      {sample(DType::F32, {6, 4, 5}, 1), sample(DType::F32, {1, 1, 5}, 2), sample(DType::F32, {1, 20}, 3)});
}

TEST(FusedKernel, ConcatPadSliceOfComputed) {
  expectSame(R"(func.func @k(%x: tensor<6x20xf32>, %y: tensor<6x3xf32>) -> tensor<6x23xf32> {
    %0 = weft.exp %x : (tensor<6x20xf32>) -> tensor<6x20xf32>
    %1 = weft.neg %y : (tensor<6x3xf32>) -> tensor<6x3xf32>
    %2 = weft.concat %0, %1 axis 1 : (tensor<6x20xf32>, tensor<6x3xf32>) -> tensor<6x23xf32>
    %3 = weft.relu %2 : (tensor<6x23xf32>) -> tensor<6x23xf32>
    return %3 : tensor<6x23xf32>
  })",
             {sample(DType::F32, {6, 20}, 1), sample(DType::F32, {6, 3}, 2)}, nearly);
  expectSame(R"(func.func @k(%x: tensor<6x20xf32>, %v: tensor<f32>) -> tensor<5x10xf32> {
    %0 = weft.pad constant %x, %v low [1, 1] high [1, 1] interior [0, 0] : (tensor<6x20xf32>, tensor<f32>) -> tensor<8x22xf32>
    %1 = weft.slice %0 starts [0, 1] sizes [5, 10] strides [1, 2] : (tensor<8x22xf32>) -> tensor<5x10xf32>
    %2 = weft.abs %1 : (tensor<5x10xf32>) -> tensor<5x10xf32>
    return %2 : tensor<5x10xf32>
  })",
             {sample(DType::F32, {6, 20}, 1), HostTensor::scalar<float>(-3)});
}

TEST(FusedKernel, SeveralResults) {
  expectSame(
      R"(func.func @k(%x: tensor<9x20xf32>) -> (tensor<9x20xf32>, tensor<20xf32>, tensor<9xf32>, tensor<9x20xi1>) {
    %0 = weft.exp %x : (tensor<9x20xf32>) -> tensor<9x20xf32>
    %1 = weft.reduce add %0 axes [0] : (tensor<9x20xf32>) -> tensor<20xf32>
    %2 = weft.reduce max %x axes [1] : (tensor<9x20xf32>) -> tensor<9xf32>
    %3 = weft.compare lt %0, %x : (tensor<9x20xf32>, tensor<9x20xf32>) -> tensor<9x20xi1>
    return %0, %1, %2, %3 : tensor<9x20xf32>, tensor<20xf32>, tensor<9xf32>, tensor<9x20xi1>
  })",
      {sample(DType::F32, {9, 20}, 1)}, nearly);
}

TEST(FusedKernel, LargeEnoughForChunks) {
  expectSame(R"(func.func @k(%x: tensor<300x1000xf32>, %b: tensor<1x1000xf32>) -> tensor<300x1000xf32> {
    %0 = weft.add %x, %b : (tensor<300x1000xf32>, tensor<1x1000xf32>) -> tensor<300x1000xf32>
    %1 = weft.tanh %0 : (tensor<300x1000xf32>) -> tensor<300x1000xf32>
    return %1 : tensor<300x1000xf32>
  })",
             {sample(DType::F32, {300, 1000}, 1), sample(DType::F32, {1, 1000}, 2)}, nearly);
  expectSame(R"(func.func @k(%x: tensor<100003xf32>) -> tensor<100003xf32> {
    %0 = weft.mul %x, %x : (tensor<100003xf32>, tensor<100003xf32>) -> tensor<100003xf32>
    return %0 : tensor<100003xf32>
  })",
             {sample(DType::F32, {100003}, 1)});
  expectSame(R"(func.func @k(%x: tensor<?x1000xf32>) -> tensor<?x1000xf32> {
    %0 = weft.softmax %x axis 1 : (tensor<?x1000xf32>) -> tensor<?x1000xf32>
    return %0 : tensor<?x1000xf32>
  })",
             {sample(DType::F32, {130, 1000}, 1)}, nearly);
  expectSame(R"(func.func @k(%x: tensor<4x200x3000xf32>) -> tensor<4x3000xf32> {
    %0 = weft.reduce add %x axes [1] : (tensor<4x200x3000xf32>) -> tensor<4x3000xf32>
    return %0 : tensor<4x3000xf32>
  })",
             {sample(DType::F32, {4, 200, 3000}, 1)}, {1e-3, 1e-3});
}

TEST(FusedKernel, SumOfSquaresThenScale) {
  expectSame(R"(func.func @k(%x: tensor<9x20xf32>) -> tensor<9x20xf32> {
    %0 = weft.mul %x, %x : (tensor<9x20xf32>, tensor<9x20xf32>) -> tensor<9x20xf32>
    %1 = weft.reduce add %0 axes [0, 1] : (tensor<9x20xf32>) -> tensor<f32>
    %2 = weft.rsqrt %1 : (tensor<f32>) -> tensor<f32>
    %3 = weft.reshape %2 sizes [1, 1] : (tensor<f32>) -> tensor<1x1xf32>
    %4 = weft.mul %x, %3 : (tensor<9x20xf32>, tensor<1x1xf32>) -> tensor<9x20xf32>
    return %4 : tensor<9x20xf32>
  })",
             {sample(DType::F32, {9, 20}, 1)}, nearly);
}

TEST(FusedKernel, UnknownExtents) {
  expectSame(R"(func.func @k(%x: tensor<?x?x?x?xf32>, %m: tensor<?x?x?x?xf32>) -> tensor<?x?x?x?xf32> {
    %0 = weft.add %x, %m : (tensor<?x?x?x?xf32>, tensor<?x?x?x?xf32>) -> tensor<?x?x?x?xf32>
    %1 = weft.softmax %0 axis 3 : (tensor<?x?x?x?xf32>) -> tensor<?x?x?x?xf32>
    return %1 : tensor<?x?x?x?xf32>
  })",
             {sample(DType::F32, {2, 3, 5, 40}, 1), sample(DType::F32, {2, 3, 5, 40}, 2)}, nearly);
}
