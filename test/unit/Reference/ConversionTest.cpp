// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// convert and bitcast_convert.
#include "Harness.h"

using namespace weft;
using namespace weft::test;

static HostTensor convert(const HostTensor &x, const std::string &type, const char *how = "") {
  return evaluate(std::string("weft.convert %0 ") + how, {x}, std::to_string(x.dim(0)) + "x" + type);
}

TEST(ReferenceConvert, FloatToInteger) {
  expectNumbers(convert(f32({1.9, -1.9, 3e9, -3e9, NaN, inf, -inf}), "i32"),
                {1, -1, 2147483647, -2147483648.0, 0, 2147483647, -2147483648.0});
  expectNumbers(convert(f32({300, -5, 255.9, NaN}), "ui8"), {255, 0, 255, 0});
  EXPECT_EQ(integers(convert(vec(DType::F64, {1e19, -1e19, 9223372036854774784.0}), "i64")),
            (std::vector<int64_t>{INT64_MAX, INT64_MIN, 9223372036854774784}));
  EXPECT_EQ(integers(convert(vec(DType::F64, {1e20, -1, 18446744073709549568.0}), "ui64")),
            (std::vector<int64_t>{-1, 0, -2048}));
  expectNumbers(convert(f32({9, -9, -8.5}), "i4"), {7, -8, -8});
  expectNumbers(convert(f32({9, -9, 3.7}), "ui2"), {3, 0, 3});
}

TEST(ReferenceConvert, IntegerToInteger) {
  expectNumbers(convert(vec(DType::I32, {300, -1, 128}), "i8"), {44, -1, -128});
  expectNumbers(convert(vec(DType::I32, {300, -1}), "ui8"), {44, 255});
  expectNumbers(convert(vec(DType::I8, {-1}), "ui16"), {65535});
  expectNumbers(convert(vec(DType::I32, {9, -9}), "i4"), {-7, 7});
}

TEST(ReferenceConvert, Booleans) {
  expectNumbers(convert(f32({0, -0.0, NaN, 0.1, 256}), "i1"), {0, 0, 1, 1, 1});
  expectNumbers(convert(vec(DType::I32, {256, 0, -1}), "i1"), {1, 0, 1});
  expectNumbers(convert(vec(DType::I1, {0, 1}), "f16"), {0, 1});
  expectNumbers(convert(vec(DType::I1, {0, 1}), "i8"), {0, 1});
}

TEST(ReferenceConvert, IntegerToFloatRoundsOnce) {
  // 2^60 + 2^36 + 1 lies just above a tie of f32; by way of double the 1 is lost and the tie would go to
  // even.
  int64_t value = (int64_t(1) << 60) + (int64_t(1) << 36) + 1;
  HostTensor x = *HostTensor::fromValues<int64_t>({2}, {value, -value});
  expectNumbers(convert(x, "f32"), {1152921642045800448.0, -1152921642045800448.0});
  // 2^62 + 2^53 + 1 lies just above a tie of bf16 (8 bits)... 2^62 (1 + 2^-8) + 1.
  HostTensor y = *HostTensor::fromValues<int64_t>({1}, {(int64_t(1) << 62) + (int64_t(1) << 54) + 1});
  expectNumbers(convert(y, "bf16"), {4611686018427387904.0 * (1 + 1.0 / 128)});
  HostTensor most = *HostTensor::fromValues<uint64_t>({1}, {UINT64_MAX});
  expectNumbers(convert(most, "f32"), {18446744073709551616.0});
  expectNumbers(convert(vec(DType::I32, {70000}), "f16"), {inf});
}

TEST(ReferenceConvert, FloatToFloat) {
  expectNumbers(convert(vec(DType::F64, {1e300, 1.0 + 1e-10, NaN, 1e-46}), "f32"), {inf, 1, NaN, 0});
  expectNumbers(convert(f32({65519, 65520, 1.0009765625}), "f16"), {65504, inf, 1.0009765625});
  expectNumbers(convert(f32({449, 464, 1000, -1000, NaN}), "f8E4M3FN"), {448, 448, NaN, NaN, NaN});
  expectNumbers(convert(f32({1000, -inf, NaN}), "f8E4M3FN", "saturate"), {448, -448, NaN});
  expectNumbers(convert(f32({1e6}), "f8E5M2"), {inf});
  expectNumbers(convert(f32({1e6}), "f8E5M2", "saturate"), {57344});
  expectNumbers(convert(f32({2.5, 5, -0.25, 100}), "f4E2M1FN"), {2, 4, 0, 6});
  expectNumbers(convert(vec(DType::F4E2M1FN, {1.5, -6, 0.5}), "f32"), {1.5, -6, 0.5});
}

TEST(ReferenceBitcast, EqualWidths) {
  EXPECT_EQ(integers(evaluate("weft.bitcast_convert %0", {f32({1, -0.0})}, "2xui32")),
            (std::vector<int64_t>{0x3F800000, 0x80000000}));
}

TEST(ReferenceBitcast, OtherWidths) {
  HostTensor words = *HostTensor::fromValues<uint32_t>({2}, {0x04030201, 0x08070605});
  HostTensor bytes = evaluate("weft.bitcast_convert %0", {words}, "2x4xui8");
  EXPECT_EQ(integers(bytes), (std::vector<int64_t>{1, 2, 3, 4, 5, 6, 7, 8}));
  EXPECT_EQ(integers(evaluate("weft.bitcast_convert %0", {bytes}, "2xui32")), integers(words));
  // Low nibble first.
  EXPECT_EQ(integers(evaluate("weft.bitcast_convert %0", {vec(DType::UI8, {0x21, 0x43})}, "2x2xui4")),
            (std::vector<int64_t>{1, 2, 3, 4}));
}
