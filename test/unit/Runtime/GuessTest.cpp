// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Extents that nothing bounds: memory is planned for a guess, and a run that finds more begins again. Sizes
// grow and shrink within one Session.
#include "Program/SamplePrograms.h"
#include "weft/Program/Writer.h"
#include "weft/Runtime/HostFunctions.h"
#include "weft/Runtime/Session.h"
#include <gtest/gtest.h>

using namespace weft;
using namespace weft::runtime;
using namespace weft::program;

namespace {

int numCounts; // calls of the first host function: how often runs were begun

/// main(n: i64[]) -> y: f32[m], m bound to n without a bound: ones by a host function, then doubled by a
/// kernel.
Program unboundedProgram() {
  Program program = samples::withKernels();
  ExprTable &e = program.exprs;
  const ExprId m = e.symbol(0), four = e.constant(4), eight = e.constant(8);
  program.symbols = {{"m", 0, -1, e.constant(-1)}};
  Function main;
  main.name = "main";
  main.inputs = {{"n", DType::I64, {}}};
  main.outputs = {{"y", DType::F32, {m}}};
  const BufferId n = samples::addBuffer(main, BufferKind::Input, eight),
                 ones = samples::addBuffer(main, BufferKind::Arena, e.mul(m, four)),
                 y = samples::addBuffer(main, BufferKind::Output, e.mul(m, four));
  main.commands = {{"count", "", Host{"guess_test_count", {}, {}}},
                   {"set m", "guess.mlir:2:3", SetSymbol{0, n}},
                   {"ones", "", Host{"guess_test_ones", {{ones, DType::F32, {m}, true}}, {}}}};
  Launch twice;
  twice.kernel = samples::DoubleKernel;
  twice.buffers = {ones, y};
  twice.dims = {m};
  twice.chunks = e.ceilDiv(m, e.constant(64));
  twice.scratch = e.constant(256);
  main.commands.push_back({"twice", "", twice});
  program.functions = {main};
  return program;
}

class Guess : public testing::Test {
protected:
  void SetUp() override {
    registerHostFunction("guess_test_count", [](std::span<const HostBuffer>, const HostAttributes &) {
      ++numCounts;
      return Status::ok();
    });
    registerHostFunction("guess_test_ones", [](std::span<const HostBuffer> buffers, const HostAttributes &) {
      auto *data = static_cast<float *>(buffers[0].data);
      std::fill_n(data, buffers[0].dims[0], 1.0f);
      return Status::ok();
    });
    const Result<std::string> file = serializeProgram(unboundedProgram());
    ASSERT_TRUE(file.isOk()) << file.status();
    auto executable = Executable::load(std::as_bytes(std::span<const char>(*file)), nullptr);
    ASSERT_TRUE(executable.isOk()) << executable.status();
    session = *Session::create(*executable);
    numCounts = 0;
  }
  /// Runs with n and checks every element; the number of times the run was begun.
  int begun(int64_t n) {
    const int before = numCounts;
    const Result<std::vector<HostTensor>> outputs =
        session->run(std::vector<HostTensor>{HostTensor::scalar(n)});
    EXPECT_TRUE(outputs.isOk()) << outputs.status();
    if (!outputs.isOk())
      return -1;
    EXPECT_EQ((*outputs)[0].shape(), std::vector<int64_t>{n});
    for (int64_t i = 0; i < n; ++i)
      EXPECT_EQ((*outputs)[0].data<float>()[i], 2) << "of " << n << " at " << i;
    return numCounts - before;
  }
  std::unique_ptr<Session> session;
};

TEST_F(Guess, SmallSizesFitTheFirstGuess) {
  EXPECT_EQ(begun(0), 1);
  EXPECT_EQ(begun(8), 1);
}

TEST_F(Guess, MoreThanGuessedBeginsAgainOnce) {
  EXPECT_EQ(begun(9), 2);
  EXPECT_EQ(begun(9), 1);
}

TEST_F(Guess, SizesGrowAndShrink) {
  EXPECT_EQ(begun(1000), 2);
  EXPECT_EQ(begun(3), 1);
  EXPECT_EQ(begun(1000), 1);
  EXPECT_EQ(begun(100000), 2);
  EXPECT_EQ(begun(0), 1);
}

TEST_F(Guess, NegativeExtentsAreRefused) {
  const Status status = session->run(std::vector<HostTensor>{HostTensor::scalar(int64_t(-1))}).status();
  EXPECT_FALSE(status.isOk());
  EXPECT_NE(status.message().find("m"), std::string::npos) << status;
  EXPECT_EQ(begun(5), 1); // the session goes on
}

TEST_F(Guess, AbsurdExtentsAreErrors) {
  EXPECT_FALSE(session->run(std::vector<HostTensor>{HostTensor::scalar(int64_t(1) << 62)}).isOk());
  EXPECT_EQ(begun(5), 1);
}

} // namespace
