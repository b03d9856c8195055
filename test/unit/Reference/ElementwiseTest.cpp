// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Elementwise ops: special values of floats, edges of integers, unit broadcasting.
#include "Harness.h"

#include <cmath>

using namespace weft;
using namespace weft::test;

TEST(ReferenceElementwise, FloatArithmetic) {
  expectNumbers(binary("weft.add", f32({1, inf, NaN, -0.0}), f32({2, -inf, 1, 0})), {3, NaN, NaN, 0});
  expectNumbers(binary("weft.sub", f32({1, inf}), f32({2, inf})), {-1, NaN});
  expectNumbers(binary("weft.mul", f32({3, inf, 1e30}), f32({-2, 0, 1e30})), {-6, NaN, inf});
  expectNumbers(binary("weft.div", f32({1, -1, 0, 1}), f32({0, 0, 0, 4})), {inf, -inf, NaN, 0.25});
  expectNumbers(binary("weft.rem", f32({5.5, -5.5, 1, 5, NaN}), f32({2, 2, 0, inf, 1})),
                {1.5, -1.5, NaN, 5, NaN});
  expectNumbers(binary("weft.pow", f32({2, 0, -8, 0, NaN}), f32({10, 0, 1.0 / 3, -1, 0})),
                {1024, 1, NaN, inf, 1});
  expectNumbers(binary("weft.max", f32({1, NaN, 2, -inf}), f32({2, 1, NaN, 3})), {2, NaN, NaN, 3});
  expectNumbers(binary("weft.min", f32({1, NaN, 2, -inf}), f32({2, 1, NaN, 3})), {1, NaN, NaN, -inf});
  expectNumbers(binary("weft.atan2", vec(DType::F64, {1, -1, 0}), vec(DType::F64, {0, -1, -1})),
                {M_PI / 2, -3 * M_PI / 4, M_PI}, 1e-15);
}

TEST(ReferenceElementwise, NarrowFloatsRoundOnce) {
  // 1 + 2^-9 is halfway between two f16 only with 2^-11; in bf16 (8 bits) 1 + 2^-8 is a tie that goes to
  // even.
  expectNumbers(
      binary("weft.add", vec(DType::BF16, {1, 1.0078125}), vec(DType::BF16, {0.00390625, 0.00390625})),
      {1, 1.015625});
  expectNumbers(binary("weft.mul", vec(DType::F16, {256, 65504}), vec(DType::F16, {256, 1})), {inf, 65504});
  expectNumbers(unary("weft.exp", vec(DType::F16, {1})), {2.71875});
}

TEST(ReferenceElementwise, IntegersWrap) {
  expectNumbers(binary("weft.add", vec(DType::I8, {127, -128}), vec(DType::I8, {1, -1})), {-128, 127});
  expectNumbers(binary("weft.sub", vec(DType::UI8, {0}), vec(DType::UI8, {1})), {255});
  expectNumbers(binary("weft.mul", vec(DType::I16, {300}), vec(DType::I16, {300})), {24464});
  HostTensor most = *HostTensor::fromValues<int64_t>({2}, {INT64_MAX, INT64_MIN});
  HostTensor ones = *HostTensor::fromValues<int64_t>({2}, {1, -1});
  EXPECT_EQ(integers(binary("weft.add", most, ones)), (std::vector<int64_t>{INT64_MIN, INT64_MAX}));
  EXPECT_EQ(integers(unary("weft.abs", most)), (std::vector<int64_t>{INT64_MAX, INT64_MIN}));
  EXPECT_EQ(integers(unary("weft.neg", most)), (std::vector<int64_t>{-INT64_MAX, INT64_MIN}));
  HostTensor large = *HostTensor::fromValues<uint64_t>({1}, {UINT64_MAX});
  EXPECT_EQ(uint64_t(integers(binary("weft.mul", large, large))[0]), 1u);
}

TEST(ReferenceElementwise, IntegerDivisionNeverTraps) {
  expectNumbers(binary("weft.div", vec(DType::I8, {7, -7, 5, -128}), vec(DType::I8, {2, 2, 0, -1})),
                {3, -3, -1, -128});
  expectNumbers(binary("weft.rem", vec(DType::I8, {7, -7, 5, -128}), vec(DType::I8, {2, 2, 0, -1})),
                {1, -1, 5, 0});
  expectNumbers(binary("weft.div", vec(DType::UI16, {7, 5}), vec(DType::UI16, {2, 0})), {3, 65535});
  HostTensor least = *HostTensor::fromValues<int64_t>({2}, {INT64_MIN, INT64_MIN});
  HostTensor by = *HostTensor::fromValues<int64_t>({2}, {-1, 0});
  EXPECT_EQ(integers(binary("weft.div", least, by)), (std::vector<int64_t>{INT64_MIN, -1}));
  EXPECT_EQ(integers(binary("weft.rem", least, by)), (std::vector<int64_t>{0, INT64_MIN}));
  HostTensor unsignedBig = *HostTensor::fromValues<uint64_t>({2}, {UINT64_MAX, 7});
  HostTensor unsignedBy = *HostTensor::fromValues<uint64_t>({2}, {UINT64_MAX, 0});
  EXPECT_EQ(integers(binary("weft.div", unsignedBig, unsignedBy)), (std::vector<int64_t>{1, -1}));
}

TEST(ReferenceElementwise, IntegerPow) {
  expectNumbers(binary("weft.pow", vec(DType::I32, {3, 2, 1, -1, -1, 0, 5, 0}),
                       vec(DType::I32, {4, 31, -3, -3, -2, -1, -1, 0})),
                {81, -2147483648.0, 1, -1, 1, 0, 0, 1});
  expectNumbers(binary("weft.pow", vec(DType::UI8, {3}), vec(DType::UI8, {255})), {171}); // 3^255 mod 256
}

TEST(ReferenceElementwise, Shifts) {
  expectNumbers(binary("weft.shl", vec(DType::I8, {1, 1, 3, 1}), vec(DType::I8, {7, 8, 1, -1})),
                {-128, 0, 6, 0});
  expectNumbers(
      binary("weft.shr", vec(DType::I8, {-128, -128, 64, -1, 5}), vec(DType::I8, {1, 9, 9, -1, 64})),
      {-64, -1, 0, -1, 0});
  expectNumbers(binary("weft.shr", vec(DType::UI8, {128, 255}), vec(DType::UI8, {7, 8})), {1, 0});
  HostTensor one = *HostTensor::fromValues<uint64_t>({2}, {1, 1}),
             by = *HostTensor::fromValues<uint64_t>({2}, {63, 64});
  EXPECT_EQ(integers(binary("weft.shl", one, by)), (std::vector<int64_t>{INT64_MIN, 0}));
}

TEST(ReferenceElementwise, Bits) {
  expectNumbers(binary("weft.and", vec(DType::I8, {-1, 12}), vec(DType::I8, {5, 10})), {5, 8});
  expectNumbers(binary("weft.or", vec(DType::UI8, {8, 12}), vec(DType::UI8, {5, 10})), {13, 14});
  expectNumbers(binary("weft.xor", vec(DType::I1, {0, 1, 1}), vec(DType::I1, {1, 1, 0})), {1, 0, 1});
  expectNumbers(unary("weft.not", vec(DType::I1, {0, 1})), {1, 0});
  expectNumbers(unary("weft.not", vec(DType::UI8, {0, 170})), {255, 85});
  expectNumbers(unary("weft.popcnt", vec(DType::I8, {-1, 0, 5})), {8, 0, 2});
  expectNumbers(unary("weft.clz", vec(DType::I16, {0, 1, -1, 256})), {16, 15, 0, 7});
  expectNumbers(unary("weft.clz", i64({0, 1})), {64, 63});
}

TEST(ReferenceElementwise, SimpleFunctions) {
  expectNumbers(unary("weft.abs", f32({-2, 3, NaN, -inf})), {2, 3, NaN, inf});
  HostTensor signs = unary("weft.sign", f32({-2, 3, NaN, -0.0, 0}));
  expectNumbers(signs, {-1, 1, NaN, 0, 0});
  EXPECT_TRUE(std::signbit(signs.asDouble(3)));
  expectNumbers(unary("weft.sign", vec(DType::UI8, {0, 200})), {0, 1});
  expectNumbers(unary("weft.relu", f32({-2, 3, NaN, inf})), {0, 3, NaN, inf});
  expectNumbers(unary("weft.relu", vec(DType::I8, {-2, 3})), {0, 3});
  expectNumbers(unary("weft.round even", f32({0.5, 1.5, 2.5, -0.5, -1.5})), {0, 2, 2, 0, -2});
  expectNumbers(unary("weft.round away", f32({0.5, 1.5, 2.5, -0.5, -1.5})), {1, 2, 3, -1, -2});
  expectNumbers(unary("weft.floor", f32({1.5, -1.5})), {1, -2});
  expectNumbers(unary("weft.ceil", f32({1.5, -1.5})), {2, -1});
  expectNumbers(unary("weft.trunc", f32({1.5, -1.5})), {1, -1});
  expectNumbers(evaluate("weft.clamp %0, %1, %2",
                         {f32({0, 0, 0, 5}), f32({-1, 2, NaN, 0}), f32({1, 1, 1, 3})}, "4xf32"),
                {0, 1, NaN, 3}); // low > high: high wins
}

TEST(ReferenceElementwise, Transcendental) {
  auto of = [](const char *op, std::vector<double> x) {
    return unary(std::string("weft.") + op, vec(DType::F64, x));
  };
  expectNumbers(of("exp", {0, 1, -inf, inf, NaN}), {1, M_E, 0, inf, NaN}, 2.3e-16);
  expectNumbers(of("expm1", {1e-10}), {1.00000000005e-10}, 2.3e-16);
  expectNumbers(of("log", {1, M_E, 0, -1}), {0, 1, -inf, NaN}, 2.3e-16);
  expectNumbers(of("log1p", {1e-10, -1}), {9.9999999995e-11, -inf}, 2.3e-16);
  expectNumbers(of("sqrt", {2, -1, inf}), {M_SQRT2, NaN, inf}, 2.3e-16);
  expectNumbers(of("rsqrt", {4, 0, inf}), {0.5, inf, 0});
  expectNumbers(of("cbrt", {-27, 8}), {-3, 2});
  expectNumbers(of("sin", {1e22}), {-0.8522008497671888}, 1e-15); // full range reduction
  expectNumbers(of("cos", {M_PI / 3}), {0.5}, 1e-15);
  expectNumbers(of("tan", {M_PI / 4}), {1}, 1e-15);
  expectNumbers(of("asin", {1, 2}), {M_PI / 2, NaN}, 2.3e-16);
  expectNumbers(of("acos", {-1}), {M_PI}, 2.3e-16);
  expectNumbers(of("atan", {inf}), {M_PI / 2}, 2.3e-16);
  expectNumbers(of("sinh", {1}), {1.1752011936438014}, 1e-15);
  expectNumbers(of("cosh", {1}), {1.5430806348152437}, 1e-15);
  expectNumbers(of("tanh", {1, inf}), {0.7615941559557649, 1}, 1e-15);
  expectNumbers(of("asinh", {1}), {0.881373587019543}, 1e-15);
  expectNumbers(of("acosh", {2, 0.5}), {1.3169578969248166, NaN}, 1e-15);
  expectNumbers(of("atanh", {0.5, 1}), {0.5493061443340549, inf}, 1e-15);
  expectNumbers(of("erf", {0.5, inf}), {0.5204998778130465, 1}, 1e-15);
  expectNumbers(of("erfc", {5, 0}), {1.5374597944280347e-12, 1}, 1e-14);
  expectNumbers(of("logistic", {0, -750, inf, -inf}), {0.5, 0, 1, 0});
  expectNumbers(of("logistic", {2, -30}), {0.8807970779778823, 9.357622968839299e-14}, 1e-14);
}

TEST(ReferenceElementwise, SpecialFunctions) {
  auto of = [](const char *op, std::vector<double> x) {
    return unary(std::string("weft.") + op, vec(DType::F64, x));
  };
  // Values computed with mpmath to 40 digits.
  expectNumbers(
      of("erf_inv", {0, 0.5, -0.9, 1e-10, 0.999999, 1, -1, 1.5}),
      {0, 0.4769362762044699, -1.1630871536766743, 8.862269254527581e-11, 3.458910737275499, inf, -inf, NaN},
      1e-13);
  expectNumbers(
      of("lgamma", {1, 0.5, 10, -0.5, 0, -3, 1e300}),
      {0, 0.5723649429247001, 12.801827480081469, 1.2655121234846454, inf, inf, 6.897755278982137e302},
      1e-15);
  expectNumbers(of("polygamma 0", {1, 0.5, -0.5, 10, -20.3, 1e10}),
                {-0.5772156649015329, -1.9635100260214235, 0.03648997397857652, 2.251752589066721,
                 5.3175499242397496, 23.025850929890456},
                1e-13);
  expectNumbers(of("polygamma 1", {1, 0.5, 0, -1, -0.5}),
                {M_PI * M_PI / 6, M_PI * M_PI / 2, inf, inf, 8.934802200544679}, 1e-13);
  expectNumbers(of("polygamma 2", {1, -3, -30.25}), {-2.404113806319188, NaN, 124.02404942909005}, 1e-13);
  expectNumbers(of("polygamma 3", {2.5, -30.25}), {0.22390584881725205, 1558.5453877952364}, 1e-13);
  expectNumbers(of("polygamma 0", {0, -1}), {-inf, NaN});
}

TEST(ReferenceElementwise, Compare) {
  auto relation = [](const char *kind, const HostTensor &x, const HostTensor &y) {
    return numbers(
        evaluate(std::string("weft.compare ") + kind + " %0, %1", {x, y}, std::to_string(x.dim(0)) + "xi1"));
  };
  HostTensor a = f32({1, NaN, -0.0, 2}), b = f32({2, NaN, 0, 1});
  EXPECT_EQ(relation("eq", a, b), (std::vector<double>{0, 0, 1, 0}));
  EXPECT_EQ(relation("ne", a, b), (std::vector<double>{1, 1, 0, 1}));
  EXPECT_EQ(relation("lt", a, b), (std::vector<double>{1, 0, 0, 0}));
  EXPECT_EQ(relation("le", a, b), (std::vector<double>{1, 0, 1, 0}));
  EXPECT_EQ(relation("gt", a, b), (std::vector<double>{0, 0, 0, 1}));
  EXPECT_EQ(relation("ge", a, b), (std::vector<double>{0, 0, 1, 1}));
  EXPECT_EQ(relation("lt", vec(DType::I1, {0, 1}), vec(DType::I1, {1, 1})), (std::vector<double>{1, 0}));
  EXPECT_EQ(relation("lt", vec(DType::UI8, {200}), vec(DType::UI8, {100})), (std::vector<double>{0}));
  // 64-bit integers that are equal as doubles.
  HostTensor big = *HostTensor::fromValues<int64_t>({1}, {INT64_MAX}),
             less = *HostTensor::fromValues<int64_t>({1}, {INT64_MAX - 1});
  EXPECT_EQ(relation("gt", big, less), (std::vector<double>{1}));
}

TEST(ReferenceElementwise, UnitBroadcast) {
  HostTensor column = tensor(DType::F32, {2, 1}, {10, 20}), row = tensor(DType::F32, {1, 3}, {1, 2, 3});
  expectNumbers(evaluate("weft.add %0, %1", {column, row}, "2x3xf32"), {11, 12, 13, 21, 22, 23});
  HostTensor which = tensor(DType::I1, {1, 3}, {1, 0, 1});
  expectNumbers(evaluate("weft.select %0, %1, %2", {which, column, row}, "2x3xf32"), {10, 2, 10, 20, 2, 20});
  // An extent that is 1 only at run time does not stretch.
  Outcome run = evaluateAll("weft.add %0, %1", {tensor(DType::F32, {1}, {1}), f32({1, 2})}, {"2xf32"},
                            {"?xf32", "2xf32"});
  EXPECT_THAT(run.errors, testing::HasSubstr("found extents 1 and 2 in dimension 0"));
}

TEST(ReferenceElementwise, EmptyAndScalar) {
  EXPECT_EQ(evaluate("weft.add %0, %1",
                     {tensor(DType::F32, {0, 1}, {}), tensor(DType::F32, {1, 3}, {1, 2, 3})}, "0x3xf32")
                .numElements(),
            0);
  expectNumbers(evaluate("weft.exp %0", {tensor(DType::F32, {}, {0})}, "f32"), {1});
}

TEST(ReferenceElementwise, SelectStorageTypes) {
  HostTensor a = vec(DType::I4, {-8, 7, 1}), b = vec(DType::I4, {2, 3, -1}),
             which = vec(DType::I1, {1, 0, 0});
  expectNumbers(evaluate("weft.select %0, %1, %2", {which, a, b}, "3xi4"), {-8, 3, -1});
}
