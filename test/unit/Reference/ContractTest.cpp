// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Contractions, factorisations, Fourier transforms.
#include "Harness.h"

#include <cmath>

using namespace weft;
using namespace weft::test;

TEST(ReferenceDot, MatrixProduct) {
  HostTensor a = tensor(DType::F32, {2, 3}, {1, 2, 3, 4, 5, 6}),
             b = tensor(DType::F32, {3, 2}, {1, 0, 0, 1, 1, 1});
  expectNumbers(evaluate("weft.dot_general %0, %1 batch [] x [] contract [1] x [0]", {a, b}, "2x2xf32"),
                {4, 5, 10, 11});
  // Contracting the other way round: aᵀ a summed over rows.
  expectNumbers(evaluate("weft.dot_general %0, %1 batch [] x [] contract [0] x [0]", {a, a}, "3x3xf32"),
                {17, 22, 27, 22, 29, 36, 27, 36, 45});
}

TEST(ReferenceDot, BatchesAndSeveralDims) {
  HostTensor a = count(DType::F32, {2, 2, 3}), b = count(DType::F32, {3, 2});
  // Batch dimension 1 of a with dimension 1 of b; contracted 2 with 0; free 0 of a. Result [batch, free].
  expectNumbers(evaluate("weft.dot_general %0, %1 batch [1] x [1] contract [2] x [0]", {a, b}, "2x2xf32"),
                {10, 46, 40, 94});
  expectNumbers(evaluate("weft.dot_general %0, %1 batch [] x [] contract [0, 2] x [0, 2]", {a, a}, "2x2xf32"),
                {0 + 1 + 4 + 36 + 49 + 64, 0 + 4 + 10 + 54 + 70 + 88, 0 + 4 + 10 + 54 + 70 + 88,
                 9 + 16 + 25 + 81 + 100 + 121});
}

TEST(ReferenceDot, Integers) {
  HostTensor a = tensor(DType::I8, {1, 2}, {-128, 127}), b = tensor(DType::I8, {2, 1}, {127, -128});
  expectNumbers(evaluate("weft.dot_general %0, %1 batch [] x [] contract [1] x [0]", {a, b}, "1x1xi32"),
                {-32512});
  expectNumbers(evaluate("weft.dot_general %0, %1 batch [] x [] contract [1] x [0]", {a, b}, "1x1xi8"),
                {0}); // wraps
  HostTensor c = tensor(DType::UI8, {1, 1}, {255});
  expectNumbers(evaluate("weft.dot_general %0, %1 batch [] x [] contract [1] x [0]", {c, c}, "1x1xui32"),
                {65025});
}

TEST(ReferenceDot, EmptyContractionAndNaN) {
  HostTensor a = tensor(DType::F32, {2, 0}, {}), b = tensor(DType::F32, {0, 2}, {});
  expectNumbers(evaluate("weft.dot_general %0, %1 batch [] x [] contract [1] x [0]", {a, b}, "2x2xf32"),
                {0, 0, 0, 0});
  expectNumbers(evaluate("weft.dot_general %0, %1 batch [] x [] contract [0] x [0]",
                         {f32({0, 1}), f32({NaN, 1})}, "f32"),
                {NaN});
  expectNumbers(
      evaluate("weft.dot_general %0, %1 batch [] x [] contract [0] x [0]", {f32({0}), f32({inf})}, "f32"),
      {NaN});
}

TEST(ReferenceDot, SumsOfNarrowFloatsRoundOnce) {
  // In bf16 256 + 1 stays 256; in a wider accumulator the ones add up.
  std::vector<double> ones(300, 1);
  ones[0] = 256;
  HostTensor a = vec(DType::BF16, ones), b = vec(DType::BF16, std::vector<double>(300, 1));
  expectNumbers(evaluate("weft.dot_general %0, %1 batch [] x [] contract [0] x [0]", {a, b}, "bf16"), {556});
}

TEST(ReferenceDot, RefusesUnequalExtents) {
  Outcome run = evaluateAll("weft.dot_general %0, %1 batch [] x [] contract [0] x [0]",
                            {f32({1, 2}), f32({1})}, {"f32"}, {"?xf32", "?xf32"});
  EXPECT_THAT(run.errors, testing::HasSubstr("wanted equal extents in batch and contracted dimensions"));
}

TEST(ReferenceLinearAlgebra, Cholesky) {
  HostTensor a = tensor(DType::F64, {2, 2}, {4, 99, 2, 5});
  expectNumbers(evaluate("weft.cholesky %0", {a}, "2x2xf64"), {2, 0, 1, 2});
  HostTensor upper = tensor(DType::F64, {2, 2}, {4, 2, 99, 5});
  expectNumbers(evaluate("weft.cholesky %0 {lower = false}", {upper}, "2x2xf64"), {2, 1, 0, 2});
  HostTensor stack = tensor(DType::F32, {2, 1, 1}, {9, -1});
  expectNumbers(evaluate("weft.cholesky %0", {stack}, "2x1x1xf32"), {3, NaN});
  HostTensor indefinite = tensor(DType::F32, {2, 2}, {1, 2, 2, 1});
  expectNumbers(evaluate("weft.cholesky %0", {indefinite}, "2x2xf32"), {NaN, 0, NaN, NaN});
}

TEST(ReferenceLinearAlgebra, TriangularSolve) {
  HostTensor lower = tensor(DType::F64, {2, 2}, {2, 99, 3, 4}), b = tensor(DType::F64, {2, 1}, {4, 18});
  expectNumbers(evaluate("weft.triangular_solve %0, %1", {lower, b}, "2x1xf64"), {2, 3});
  expectNumbers(evaluate("weft.triangular_solve %0, %1 {transpose = true}", {lower, b}, "2x1xf64"),
                {-4.75, 4.5});
  expectNumbers(evaluate("weft.triangular_solve %0, %1 {unit_diagonal = true}", {lower, b}, "2x1xf64"),
                {4, 6});
  HostTensor upper = tensor(DType::F64, {2, 2}, {2, 3, 99, 4}), row = tensor(DType::F64, {1, 2}, {4, 18});
  expectNumbers(
      evaluate("weft.triangular_solve %0, %1 {lower = false, left = false}", {upper, row}, "1x2xf64"),
      {2, 3});
  expectNumbers(
      evaluate("weft.triangular_solve %0, %1 {left = false, transpose = true}", {lower, row}, "1x2xf64"),
      {2, 3});
  HostTensor singular = tensor(DType::F64, {1, 1}, {0}), one = tensor(DType::F64, {1, 1}, {1});
  expectNumbers(evaluate("weft.triangular_solve %0, %1", {singular, one}, "1x1xf64"), {inf});
}

TEST(ReferenceLinearAlgebra, Lu) {
  HostTensor a = tensor(DType::F64, {3, 2}, {1, 2, 4, 4, -4, 0});
  Outcome run = evaluateAll("weft.lu %0", {a}, {"3x2xf64", "2xi32", "3xi32"});
  ASSERT_EQ(run.results.size(), 3u) << run.errors;
  // The first of the two largest, row 1, leads; then row 2 with 4 against 1.
  expectNumbers(run.results[0], {4, 4, -1, 4, 0.25, 0.25});
  EXPECT_EQ(integers(run.results[1]), (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(integers(run.results[2]), (std::vector<int64_t>{1, 2, 0}));
  HostTensor zeros = tensor(DType::F32, {2, 2}, {0, 1, 0, 2});
  run = evaluateAll("weft.lu %0", {zeros}, {"2x2xf32", "2xi32", "2xi32"});
  ASSERT_EQ(run.results.size(), 3u) << run.errors;
  expectNumbers(run.results[0], {0, 1, 0, 2});
}

static void expectClose(const HostTensor &x, const std::vector<double> &wanted) {
  ASSERT_EQ(x.numElements(), int64_t(wanted.size()));
  for (size_t i = 0; i < wanted.size(); ++i)
    EXPECT_NEAR(x.asDouble(int64_t(i)), wanted[i], 1e-13) << i;
}

TEST(ReferenceFft, ComplexForwardAndBack) {
  for (int64_t n : {1, 2, 3, 4, 6, 7, 12, 30}) {
    std::vector<double> re(n), im(n), wantedRe(n, 0), wantedIm(n, 0);
    for (int64_t i = 0; i < n; ++i) {
      re[i] = std::cos(0.3 * i * i);
      im[i] = 0.1 * i;
    }
    for (int64_t k = 0; k < n; ++k)
      for (int64_t j = 0; j < n; ++j) {
        double c = std::cos(2 * M_PI * double(j * k % n) / double(n)),
               s = -std::sin(2 * M_PI * double(j * k % n) / double(n));
        wantedRe[k] += re[j] * c - im[j] * s;
        wantedIm[k] += re[j] * s + im[j] * c;
      }
    std::string type = std::to_string(n) + "xf64";
    Outcome run =
        evaluateAll("weft.fft c2c %0, %1 axes [0]", {vec(DType::F64, re), vec(DType::F64, im)}, {type, type});
    ASSERT_EQ(run.results.size(), 2u) << run.errors;
    expectClose(run.results[0], wantedRe);
    expectClose(run.results[1], wantedIm);
    run = evaluateAll("weft.fft c2c %0, %1 axes [0] {inverse = true}", run.results, {type, type});
    ASSERT_EQ(run.results.size(), 2u) << run.errors;
    expectClose(run.results[0], re);
    expectClose(run.results[1], im);
  }
}

TEST(ReferenceFft, RealForwardAndBack) {
  for (int64_t n : {1, 4, 5}) {
    HostTensor x = count(DType::F64, {2, 3, n});
    std::string half = "2x3x" + std::to_string(n / 2 + 1) + "xf64",
                whole = "2x3x" + std::to_string(n) + "xf64";
    Outcome run = evaluateAll("weft.fft r2c %0 axes [1, 2]", {x}, {half, half});
    ASSERT_EQ(run.results.size(), 2u) << run.errors;
    double sum = 0;
    for (int64_t i = 0; i < 3 * n; ++i)
      sum += double(i);
    EXPECT_NEAR(run.results[0].asDouble(0), sum, 1e-12);
    run = evaluateAll("weft.fft c2r %0, %1 axes [1, 2] {inverse = true, length = " + std::to_string(n) +
                          " : i64}",
                      run.results, {whole});
    ASSERT_EQ(run.results.size(), 1u) << run.errors;
    expectClose(run.results[0], numbers(x));
  }
  Outcome run = evaluateAll("weft.fft r2c %0 axes [0]", {f32({1, 2, 3, 4})}, {"3xf32", "3xf32"});
  ASSERT_EQ(run.results.size(), 2u) << run.errors;
  expectClose(run.results[0], {10, -2, -2});
  expectClose(run.results[1], {0, 2, 0});
}
