// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// quantize and dequantize.
#include "Harness.h"

using namespace weft;
using namespace weft::test;

static HostTensor scalar(DType type, double value) { return tensor(type, {}, {value}); }

TEST(ReferenceQuantize, RoundsClampsAndShifts) {
  HostTensor x = f32({0.5, 1.5, -1.5, 1000, -1000, NaN, inf, -inf}), scale = scalar(DType::F32, 1);
  expectNumbers(evaluate("weft.quantize %0, %1", {x, scale}, "8xi8"), {0, 2, -2, 127, -128, 0, 127, -128});
  expectNumbers(evaluate("weft.quantize %0, %1, %2", {x, scale, scalar(DType::UI8, 128)}, "8xui8"),
                {128, 130, 126, 255, 0, 128, 255, 0});
  expectNumbers(evaluate("weft.quantize %0, %1", {x, scale}, "8xi4"), {0, 2, -2, 7, -8, 0, 7, -8});
  expectNumbers(evaluate("weft.quantize %0, %1", {f32({3e9}), scale}, "1xi32"), {2147483647});
}

TEST(ReferenceQuantize, QuotientIsRoundedToF32) {
  // 0.25 / 0.1f lies just below 2.5; as an f32 it is 2.5, whose even neighbour is 2. 0.35f / 0.1f
  // becomes 3.5, so 4.
  expectNumbers(evaluate("weft.quantize %0, %1", {f32({0.25, 0.35}), scalar(DType::F32, 0.1)}, "2xi8"),
                {2, 4});
}

TEST(ReferenceQuantize, AxesAndBlocks) {
  HostTensor x = tensor(DType::F32, {2, 3}, {1, 2, 3, 4, 5, 6});
  expectNumbers(evaluate("weft.quantize %0, %1, %2 {axis = 1 : i64}",
                         {x, f32({1, 2, 0.5}), vec(DType::I8, {0, 10, 20})}, "2x3xi8"),
                {1, 11, 26, 4, 12, 32});
  expectNumbers(evaluate("weft.quantize %0, %1 {axis = 1 : i64, block = 2 : i64}",
                         {x, tensor(DType::F32, {2, 2}, {1, 0.5, 2, 3})}, "2x3xi8"),
                {1, 2, 6, 2, 2, 2});
}

TEST(ReferenceQuantize, NarrowFloatsSaturate) {
  HostTensor x = f32({1000, -0.3, inf, NaN, 448});
  expectNumbers(evaluate("weft.quantize %0, %1", {x, scalar(DType::F32, 1)}, "5xf8E4M3FN"),
                {448, -0.3125, 448, NaN, 448});
  expectNumbers(evaluate("weft.quantize %0, %1", {f32({2.5, -100}), scalar(DType::F32, 0.5)}, "2xf4E2M1FN"),
                {4, -6});
}

TEST(ReferenceDequantize, Differences) {
  expectNumbers(evaluate("weft.dequantize %0, %1, %2",
                         {vec(DType::UI8, {0, 128, 255}), scalar(DType::F32, 0.5), scalar(DType::UI8, 128)},
                         "3xf32"),
                {-64, 0, 63.5});
  expectNumbers(evaluate("weft.dequantize %0, %1", {vec(DType::I4, {-8, 7}), scalar(DType::F32, 2)}, "2xf32"),
                {-16, 14});
  // The difference wraps in i32.
  expectNumbers(evaluate("weft.dequantize %0, %1, %2",
                         {vec(DType::I32, {2147483647}), scalar(DType::F64, 1), scalar(DType::I32, -1)},
                         "1xf64"),
                {-2147483648.0});
  expectNumbers(
      evaluate("weft.dequantize %0, %1", {vec(DType::F8E5M2, {1.5, -inf}), scalar(DType::F16, 2)}, "2xf16"),
      {3, -inf});
}

TEST(ReferenceDequantize, Blocks) {
  HostTensor q = tensor(DType::I8, {3, 2}, {1, 2, 3, 4, 5, 6}),
             scale = tensor(DType::F32, {2, 2}, {1, 10, 100, 1000}),
             zero = tensor(DType::I8, {2, 2}, {1, 0, 0, 1});
  expectNumbers(
      evaluate("weft.dequantize %0, %1, %2 {axis = 0 : i64, block = 2 : i64}", {q, scale, zero}, "3x2xf32"),
      {0, 20, 2, 40, 500, 5000});
}
