// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Running: in place, from several threads, at several sizes.
#include "SmallGraph.h"

#include <atomic>
#include <thread>

using namespace weft;
using namespace weft::test;

TEST(Sessions, RunIntoWritesTheCallersMemory) {
  auto executable = compiled(buildSmallCnn);
  ASSERT_TRUE(executable);
  auto session = Session::create(executable);
  ASSERT_TRUE(session.isOk()) << session.status();
  std::vector<HostTensor> inputs = {weights({2, 1, 8, 8}, 53)};
  auto wanted = (*session)->run(inputs);
  ASSERT_TRUE(wanted.isOk()) << wanted.status();

  alignas(64) float memory[32];
  std::fill(std::begin(memory), std::end(memory), -1.0f);
  auto view = HostTensor::view(DType::F32, {2, 10}, memory, nullptr, /*writable=*/true);
  ASSERT_TRUE(view.isOk()) << view.status();
  std::vector<HostTensor> outputs = {*view};
  for (int i = 0; i < 3; ++i) {
    Status status = (*session)->runInto(inputs, outputs);
    ASSERT_TRUE(status.isOk()) << status;
    EXPECT_EQ(outputs[0].raw(), static_cast<const void *>(memory));
    EXPECT_TRUE(outputs[0].bitEquals((*wanted)[0]));
    EXPECT_EQ(memory[20], -1.0f); // nothing behind the output
    std::fill(std::begin(memory), std::begin(memory) + 20, 0.0f);
  }

  // Memory that is not aligned, in and out: copied, the same bits.
  alignas(64) float raw[129], shifted[21];
  std::copy_n(inputs[0].data<float>(), 128, raw + 1);
  std::vector<HostTensor> from = {*HostTensor::view(DType::F32, {2, 1, 8, 8}, raw + 1, nullptr)};
  std::vector<HostTensor> to = {*HostTensor::view(DType::F32, {2, 10}, shifted + 1, nullptr, true)};
  Status status = (*session)->runInto(from, to);
  ASSERT_TRUE(status.isOk()) << status;
  EXPECT_TRUE(to[0].bitEquals((*wanted)[0]));
}

TEST(Sessions, ThreadsShareAnExecutable) {
  auto executable = compiled(buildSmallCnn);
  ASSERT_TRUE(executable);
  constexpr int numThreads = 4;
  std::vector<HostTensor> wanted;
  for (int t = 0; t < numThreads; ++t) {
    auto session = Session::create(executable);
    auto results = (*session)->run(std::vector<HostTensor>{weights({2, 1, 8, 8}, 2 * t + 3)});
    ASSERT_TRUE(results.isOk()) << results.status();
    wanted.push_back((*results)[0]);
  }
  EXPECT_FALSE(wanted[0].bitEquals(wanted[1]));
  std::atomic<int> agreed{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < numThreads; ++t)
    threads.emplace_back([&, t] {
      auto session = Session::create(executable);
      if (!session.isOk())
        return;
      std::vector<HostTensor> inputs = {weights({2, 1, 8, 8}, 2 * t + 3)};
      for (int i = 0; i < 50; ++i) {
        auto results = (*session)->run(inputs);
        agreed += results.isOk() && (*results)[0].bitEquals(wanted[size_t(t)]);
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(agreed, numThreads * 50);
}

TEST(Sessions, ThreadsBuildAndCompileGraphsOfTheirOwn) {
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&] {
      auto graph = Graph::create();
      if (!graph.isOk())
        return;
      buildRows(**graph);
      auto executable = compile(**graph);
      if (!executable.isOk())
        return;
      auto session = Session::create(*executable);
      good += session.isOk() && (*session)->run(std::vector<HostTensor>{weights({3, 16}, 5)}).isOk();
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(good, 3);
}

TEST(Sessions, NamedDimensionsRunAtEverySize) {
  auto executable = compiled(buildRows);
  ASSERT_TRUE(executable);
  auto inputs = executable->inputs();
  ASSERT_TRUE(inputs.isOk());
  EXPECT_EQ((*inputs)[0].toString(), "f32[rows x 16]");
  auto session = Session::create(executable);
  HostTensor m = weights({16, 8}, 29);
  for (int64_t rows : {1, 3, 17, 2}) {
    HostTensor x = weights({rows, 16}, 5);
    auto results = (*session)->run(std::vector<HostTensor>{x});
    ASSERT_TRUE(results.isOk()) << results.status();
    const HostTensor &y = (*results)[0];
    ASSERT_EQ(y.shape(), (std::vector<int64_t>{rows, 8}));
    for (int64_t i = 0; i < rows * 8; ++i) {
      double sum = 0;
      for (int64_t k = 0; k < 16; ++k)
        sum += x.asDouble(i / 8 * 16 + k) * m.asDouble(k * 8 + i % 8);
      EXPECT_NEAR(y.asDouble(i), std::max(sum, 0.0), 1e-6);
    }
  }
}

TEST(Sessions, BoundsOfNamedDimensionsHold) {
  CompileOptions options;
  options.dynamicDims = {"rows:1:4"};
  auto executable = compiled(buildRows, options);
  ASSERT_TRUE(executable);
  auto session = Session::create(executable);
  EXPECT_TRUE((*session)->run(std::vector<HostTensor>{weights({4, 16}, 5)}).isOk());
  auto refused = (*session)->run(std::vector<HostTensor>{weights({5, 16}, 5)});
  EXPECT_EQ(refused.code(), Code::OutOfRange);
  EXPECT_NE(refused.status().message().find("'rows'"), std::string::npos) << refused.status();
  EXPECT_NE(refused.status().message().find("from 1 to 4"), std::string::npos) << refused.status();
}
