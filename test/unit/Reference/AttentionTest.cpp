// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention: which keys a query sees, tested with values 1, 10, 100, .. under equal scores.
#include "Harness.h"
#include "weft/Reference/RandomBits.h"

#include <cmath>

using namespace weft;
using namespace weft::test;

static Outcome attend(const std::string &operandsAndAttributes, const std::vector<HostTensor> &operands,
                      int64_t heads, int64_t queries, int64_t width) {
  std::string batch = std::to_string(heads) + "x" + std::to_string(queries);
  return evaluateAll("weft.attention " + operandsAndAttributes, operands,
                     {batch + "x" + std::to_string(width) + "xf32", batch + "xf32"});
}

/// All scores 0, so the result is the mean of the values a query sees.
static HostTensor zeros(int64_t heads, int64_t rows) {
  return *HostTensor::zeros(DType::F32, {heads, rows, 2});
}
static HostTensor values(int64_t keys) {
  std::vector<double> powers;
  for (int64_t i = 0; i < keys; ++i)
    powers.push_back(std::pow(10, double(i)));
  return tensor(DType::F32, {1, keys, 1}, powers);
}

TEST(ReferenceAttention, SoftmaxOfScaledScores) {
  HostTensor q = tensor(DType::F32, {1, 1, 1}, {2}), k = tensor(DType::F32, {1, 2, 1}, {0, 1}),
             v = tensor(DType::F32, {1, 2, 1}, {0, 1});
  Outcome run = attend("%0, %1, %2 {scale = 0.5 : f64}", {q, k, v}, 1, 1, 1);
  ASSERT_EQ(run.results.size(), 2u) << run.errors;
  expectNumbers(run.results[0], {std::exp(1.0) / (1 + std::exp(1.0))}, 1e-6);
  expectNumbers(run.results[1], {std::log(1 + std::exp(1.0))}, 1e-6);
  run = attend("%0, %1, %2 {scale = 0.5 : f64, softcap = 0.5 : f64}", {q, k, v}, 1, 1, 1);
  ASSERT_EQ(run.results.size(), 2u) << run.errors;
  double score = 0.5 * std::tanh(2.0);
  expectNumbers(run.results[0], {std::exp(score) / (1 + std::exp(score))}, 1e-6);
}

TEST(ReferenceAttention, GroupedHeads) {
  HostTensor v = tensor(DType::F32, {2, 1, 1}, {3, 7});
  Outcome run = attend("%0, %1, %2 {scale = 1.0 : f64}", {zeros(4, 1), zeros(2, 1), v}, 4, 1, 1);
  ASSERT_EQ(run.results.size(), 2u) << run.errors;
  expectNumbers(run.results[0], {3, 3, 7, 7});
}

TEST(ReferenceAttention, CausalAlignments) {
  std::vector<HostTensor> qkv = {zeros(1, 2), zeros(1, 3), values(3)};
  Outcome run = attend("%0, %1, %2 {scale = 1.0 : f64, causal = #weft<causal top_left>}", qkv, 1, 2, 1);
  ASSERT_EQ(run.results.size(), 2u) << run.errors;
  expectNumbers(run.results[0], {1, 5.5});
  run = attend("%0, %1, %2 {scale = 1.0 : f64, causal = #weft<causal bottom_right>}", qkv, 1, 2, 1);
  ASSERT_EQ(run.results.size(), 2u) << run.errors;
  expectNumbers(run.results[0], {5.5, 37});
  // More queries than keys: the first see nothing.
  qkv = {zeros(1, 3), zeros(1, 2), values(2)};
  run = attend("%0, %1, %2 {scale = 1.0 : f64, causal = #weft<causal bottom_right>}", qkv, 1, 3, 1);
  ASSERT_EQ(run.results.size(), 2u) << run.errors;
  expectNumbers(run.results[0], {0, 1, 5.5});
  expectNumbers(run.results[1], {-inf, 0, std::log(2)}, 1e-6);
}

TEST(ReferenceAttention, WindowAndKeyLength) {
  std::vector<HostTensor> qkv = {zeros(1, 3), zeros(1, 3), values(3)};
  Outcome run =
      attend("%0, %1, %2 {scale = 1.0 : f64, window_left = 1 : i64, window_right = 0 : i64}", qkv, 1, 3, 1);
  ASSERT_EQ(run.results.size(), 2u) << run.errors;
  expectNumbers(run.results[0], {1, 5.5, 55});
  qkv.push_back(shapeValue(2));
  run = attend("%0, %1, %2 kv_length %3 {scale = 1.0 : f64}", qkv, 1, 3, 1);
  ASSERT_EQ(run.results.size(), 2u) << run.errors;
  expectNumbers(run.results[0], {5.5, 5.5, 5.5});
  run = attend("%0, %1, %2 kv_length %3 {scale = 1.0 : f64, causal = #weft<causal bottom_right>}", qkv, 1, 3,
               1);
  ASSERT_EQ(run.results.size(), 2u) << run.errors;
  expectNumbers(run.results[0], {0, 1, 5.5});
}

TEST(ReferenceAttention, Masks) {
  std::vector<HostTensor> qkv = {zeros(1, 2), zeros(1, 2), values(2),
                                 tensor(DType::I1, {1, 2, 2}, {0, 1, 0, 0})};
  Outcome run = attend("%0, %1, %2 mask %3 {scale = 1.0 : f64}", qkv, 1, 2, 1);
  ASSERT_EQ(run.results.size(), 2u) << run.errors;
  expectNumbers(run.results[0], {10, 0});
  qkv[3] = tensor(DType::F32, {1, 1, 2}, {0, std::log(2)});
  run = attend("%0, %1, %2 mask %3 {scale = 1.0 : f64}", qkv, 1, 2, 1);
  ASSERT_EQ(run.results.size(), 2u) << run.errors;
  expectNumbers(run.results[0], {7, 7}, 1e-6);
  qkv[3] = tensor(DType::F32, {1, 1, 2}, {-inf, -inf});
  run = attend("%0, %1, %2 mask %3 {scale = 1.0 : f64}", qkv, 1, 2, 1);
  ASSERT_EQ(run.results.size(), 2u) << run.errors;
  expectNumbers(run.results[0], {0, 0});
}

TEST(ReferenceAttention, DropoutFollowsTheStream) {
  HostTensor key = *HostTensor::fromValues<uint32_t>({2}, {1, 2});
  std::vector<HostTensor> qkv = {zeros(1, 2), zeros(1, 4), values(4), key};
  Outcome run = attend("%0, %1, %2 rng %3 {scale = 1.0 : f64, dropout = 0.5 : f64}", qkv, 1, 2, 1);
  ASSERT_EQ(run.results.size(), 2u) << run.errors;
  std::vector<double> wanted;
  for (uint64_t i = 0; i < 2; ++i) {
    double sum = 0;
    for (uint64_t j = 0; j < 4; ++j)
      sum += reference::philoxWord({1, 2}, i * 4 + j) < 0x80000000u ? 0 : std::pow(10, double(j)) / 4 * 2;
    wanted.push_back(sum);
  }
  expectNumbers(run.results[0], wanted, 1e-6);
}
