// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Variables across runs: each session has its own, they go on from run to run, and can be read and set
// between runs.
#include "SmallGraph.h"

#include <cstdio>
#include <fstream>
#include <unistd.h>

using namespace weft;
using namespace weft::test;

namespace {

/// A step of gradient descent: w -= 0.5 * g, and the loop's number; y is w before the step.
constexpr const char *stepText = R"(
weft.variable @w : tensor<4xf32> = dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32> trainable
weft.variable @n : tensor<i64>
func.func @main(%g: tensor<4xf32> {weft.name = "g"}) -> (tensor<4xf32> {weft.name = "y"}, tensor<i64> {weft.name = "m"}) {
  %w = weft.read @w : tensor<4xf32>
  %h = weft.constant dense<0.5> : tensor<1xf32>
  %s = weft.mul %g, %h : (tensor<4xf32>, tensor<1xf32>) -> tensor<4xf32>
  %v = weft.sub %w, %s : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  weft.write %v, @w : tensor<4xf32>
  %n = weft.read @n : tensor<i64>
  %one = weft.constant dense<1> : tensor<i64>
  %m = weft.add %n, %one : (tensor<i64>, tensor<i64>) -> tensor<i64>
  weft.write %m, @n : tensor<i64>
  return %w, %m : tensor<4xf32>, tensor<i64>
}
)";

/// A variable that a loop writes: five times w = w + g.
constexpr const char *loopText = R"(
weft.variable @w : tensor<2xf32>
func.func @main(%g: tensor<2xf32> {weft.name = "g"}) -> (tensor<2xf32> {weft.name = "y"}) {
  %before = weft.read @w : tensor<2xf32>
  %zero = weft.constant dense<0> : tensor<i64>
  %five = weft.constant dense<5> : tensor<i64>
  %one = weft.constant dense<1> : tensor<i64>
  %i = weft.while %zero : (tensor<i64>) -> tensor<i64> {
  ^bb0(%k: tensor<i64>):
    %more = weft.compare lt %k, %five : (tensor<i64>, tensor<i64>) -> tensor<i1>
    weft.yield %more : tensor<i1>
  } do {
  ^bb0(%k: tensor<i64>):
    %w = weft.read @w : tensor<2xf32>
    %v = weft.add %w, %g : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
    weft.write %v, @w : tensor<2xf32>
    %next = weft.add %k, %one : (tensor<i64>, tensor<i64>) -> tensor<i64>
    weft.yield %next : tensor<i64>
  }
  return %before : tensor<2xf32>
}
)";

std::shared_ptr<const Executable> compiledText(const char *text) {
  std::string path = testing::TempDir() + "/variables-" + std::to_string(::getpid()) + ".mlir";
  std::ofstream(path) << text;
  CompileOptions options;
  options.useCache = false;
  auto executable = compile(path, options);
  std::remove(path.c_str());
  EXPECT_TRUE(executable.isOk()) << executable.status();
  return executable.isOk() ? *executable : nullptr;
}

std::vector<float> floats(const HostTensor &x) {
  return {x.data<float>(), x.data<float>() + x.numElements()};
}

TEST(Variables, GoOnFromRunToRun) {
  auto executable = compiledText(stepText);
  ASSERT_TRUE(executable);
  auto session = Session::create(executable), other = Session::create(executable);
  ASSERT_TRUE(session.isOk() && other.isOk());
  std::vector<HostTensor> gradient = {*HostTensor::fromValues<float>({4}, {2, 2, 2, 2})};
  for (int step = 0; step < 3; ++step) {
    auto results = (*session)->run(gradient);
    ASSERT_TRUE(results.isOk()) << results.status();
    const float done = float(step);
    EXPECT_EQ(floats((*results)[0]), (std::vector<float>{1 - done, 2 - done, 3 - done, 4 - done}));
    EXPECT_EQ((*results)[1].asInt(0), step + 1);
  }
  EXPECT_EQ(floats(*(*session)->variable("w")), (std::vector<float>{-2, -1, 0, 1}));
  EXPECT_EQ(floats(*(*other)->variable("w")), (std::vector<float>{1, 2, 3, 4}));

  ASSERT_TRUE((*session)->setVariable("w", *HostTensor::fromValues<float>({4}, {8, 8, 8, 8})).isOk());
  auto results = (*session)->run(gradient);
  ASSERT_TRUE(results.isOk()) << results.status();
  EXPECT_EQ(floats((*results)[0]), (std::vector<float>{8, 8, 8, 8}));
  EXPECT_EQ(floats(*(*session)->variable("w")), (std::vector<float>{7, 7, 7, 7}));
}

TEST(Variables, LoopsWriteThem) {
  auto executable = compiledText(loopText);
  ASSERT_TRUE(executable);
  auto session = Session::create(executable);
  std::vector<HostTensor> input = {*HostTensor::fromValues<float>({2}, {1, -2})};
  auto first = (*session)->run(input), second = (*session)->run(input);
  ASSERT_TRUE(first.isOk() && second.isOk()) << first.status() << second.status();
  EXPECT_EQ(floats((*first)[0]), (std::vector<float>{0, 0}));
  EXPECT_EQ(floats((*second)[0]), (std::vector<float>{5, -10}));
  EXPECT_EQ(floats(*(*session)->variable("w")), (std::vector<float>{10, -20}));
}

} // namespace
