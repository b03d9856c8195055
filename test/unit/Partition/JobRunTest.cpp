// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Partitioned models, compiled and run by all ranks at once, against the model on one: bit-equal where
// nothing is summed between ranks, else within a tolerance.
#include "Support/TempDir.h"
#include "weft/Api/Compile.h"
#include "weft/Distributed/GroupCommunicator.h"
#include "weft/Distributed/Transport.h"
#include "weft/Program/Job.h"
#include "weft/Runtime/Session.h"
#include "weft/Support/Npy.h"

#include <cmath>
#include <cstdio>
#include <cstring>
#include <gtest/gtest.h>
#include <random>
#include <thread>

using namespace weft;
using namespace weft::program;
using runtime::Executable;
using runtime::Session;

namespace {

HostTensor randomTensor(DType type, std::vector<int64_t> shape, uint64_t seed) {
  HostTensor tensor = *HostTensor::zeros(type, shape);
  std::mt19937_64 bits(seed);
  for (int64_t i = 0; i < tensor.numElements(); ++i)
    if (isFloat(type))
      tensor.setDouble(i, double(bits() % 2048) / 1024 - 1);
    else
      tensor.setInt(i, int64_t(bits() % 50));
  return tensor;
}

struct Split {
  std::string mesh;
  int stages = 1;
  std::vector<std::string> shards;
};

class JobRun {
public:
  /// Compiles the model for one and for all, and makes inputs.
  JobRun(const std::string &path, const Split &split, const std::vector<std::string> &shapes = {}) {
    CompileOptions options;
    options.shapes = shapes;
    options.useCache = false;
    options.threads = 1;
    auto whole = weft::compile(path, options);
    EXPECT_TRUE(whole.isOk()) << whole.status();
    options.mesh = split.mesh;
    options.stages = split.stages;
    options.shards = split.shards;
    Result<std::string> bytes = compileToBytes(path, options);
    EXPECT_TRUE(bytes.isOk()) << bytes.status();
    if (!whole.isOk() || !bytes.isOk())
      return;
    file = *std::move(bytes);
    Result<Job> read =
        readJob(std::as_bytes(std::span<const char>(file)), std::shared_ptr<const void>(&file, [](auto) {}));
    EXPECT_TRUE(read.isOk()) << read.status();
    if (!read.isOk())
      return;
    job = *std::move(read);
    for (const JobValue &input : job.inputs)
      inputs.emplace_back(input.name, randomTensor(input.dtype, input.dims, inputs.size() + 1));
    auto session = Session::create(*whole);
    EXPECT_TRUE(session.isOk()) << session.status();
    auto run = (*session)->run(inputs);
    EXPECT_TRUE(run.isOk()) << run.status();
    expected = *std::move(run);
    isReady = true;
  }

  /// What all ranks together compute; the ranks that have a part of an output more than once agree on its
  /// bits.
  NamedTensors run(int steps = 1) {
    NamedTensors outputs;
    std::vector<std::shared_ptr<const Executable>> executables;
    for (const JobRole &role : job.roles) {
      auto executable = Executable::load(role.program.bytes, role.program.owner);
      EXPECT_TRUE(executable.isOk()) << role.name << ": " << executable.status();
      if (!executable.isOk())
        return outputs;
      executables.push_back(*executable);
    }
    std::vector<NamedTensors> parts(job.numRanks);
    std::vector<Status> statuses(job.numRanks);
    auto transports = distributed::makeInProcessTransports(job.numRanks);
    std::vector<std::thread> threads;
    for (uint32_t rank = 0; rank < job.numRanks; ++rank)
      threads.emplace_back([&, rank] {
        auto communicator = distributed::GroupCommunicator::create(std::move(transports[rank]), {});
        if (!communicator.isOk()) {
          statuses[rank] = communicator.status();
          return;
        }
        NamedTensors own;
        for (size_t i = 0; i < job.inputs.size(); ++i)
          if (job.inputs[i].role == job.roleOfRank[rank])
            own.emplace_back(job.inputs[i].name,
                             *takeBox(inputs[i].second, partOf(job, job.inputs[i], rank)));
        runtime::SessionOptions options;
        options.threads = 1;
        options.communicator = communicator->get();
        auto session = Session::create(executables[job.roleOfRank[rank]], options);
        statuses[rank] = session.status();
        for (int step = 0; step < steps && statuses[rank].isOk(); ++step) {
          auto result = (*session)->run(own);
          statuses[rank] = result.status();
          if (result.isOk())
            parts[rank] = *std::move(result);
        }
      });
    for (std::thread &thread : threads)
      thread.join();
    for (uint32_t rank = 0; rank < job.numRanks; ++rank) {
      EXPECT_TRUE(statuses[rank].isOk()) << "rank " << rank << ": " << statuses[rank];
      if (!statuses[rank].isOk())
        return outputs;
    }
    for (const JobValue &output : job.outputs) {
      HostTensor whole = *HostTensor::zeros(output.dtype, output.dims);
      for (uint32_t rank = 0; rank < job.numRanks; ++rank)
        for (const auto &[name, part] : parts[rank])
          if (name == output.name) {
            const Box box = partOf(job, output, rank);
            EXPECT_TRUE(putBox(whole, box, part).isOk());
          }
      for (uint32_t rank = 0; rank < job.numRanks; ++rank)
        for (const auto &[name, part] : parts[rank])
          if (name == output.name) {
            const HostTensor again = *takeBox(whole, partOf(job, output, rank));
            EXPECT_EQ(std::memcmp(again.raw(), part.raw(), size_t(part.numBytes())), 0)
                << "rank " << rank << " differs in '" << name << "'";
          }
      outputs.emplace_back(output.name, whole);
    }
    return outputs;
  }

  /// The largest difference between what one and what all compute; 0 means equal bits.
  double difference(int steps = 1) {
    if (!isReady)
      return INFINITY;
    const NamedTensors outputs = run(steps);
    double worst = 0;
    EXPECT_EQ(outputs.size(), expected.size());
    for (const auto &[name, wanted] : expected) {
      const HostTensor *found = nullptr;
      for (const auto &[other, tensor] : outputs)
        if (other == name)
          found = &tensor;
      if (!found || found->shape() != wanted.shape()) {
        ADD_FAILURE() << "output '" << name << "' is missing or of another shape";
        return INFINITY;
      }
      if (std::memcmp(found->raw(), wanted.raw(), size_t(wanted.numBytes())) == 0)
        continue;
      for (int64_t i = 0; i < wanted.numElements(); ++i) {
        const double a = found->asDouble(i), b = wanted.asDouble(i);
        worst = std::max(worst, std::max(std::abs(a - b) / std::max(1.0, std::abs(b)), 1e-300));
      }
    }
    return worst;
  }

  std::string file;
  Job job;
  NamedTensors inputs, expected;
  bool isReady = false;
};

/// Two products with an activation between, of weights that differ everywhere.
std::string mlp() {
  return R"(func.func @main(%x: tensor<12x32xf32> {weft.name = "x"}, %w1: tensor<32x48xf32> {weft.name = "w1"},
      %b: tensor<1x48xf32> {weft.name = "b"}, %w2: tensor<48x16xf32> {weft.name = "w2"}) -> (tensor<12x16xf32> {weft.name = "y"}) {
    %0 = weft.dot_general %x, %w1 batch [] x [] contract [1] x [0] : (tensor<12x32xf32>, tensor<32x48xf32>) -> tensor<12x48xf32>
    %1 = weft.add %0, %b : (tensor<12x48xf32>, tensor<1x48xf32>) -> tensor<12x48xf32>
    %2 = weft.relu %1 : (tensor<12x48xf32>) -> tensor<12x48xf32>
    %3 = weft.dot_general %2, %w2 batch [] x [] contract [1] x [0] : (tensor<12x48xf32>, tensor<48x16xf32>) -> tensor<12x16xf32>
    return %3 : tensor<12x16xf32>
  })";
}

std::string convolutions() {
  return R"(func.func @main(%x: tensor<12x3x10x10xf32> {weft.name = "x"}, %w1: tensor<8x3x3x3xf32> {weft.name = "w1"},
      %w2: tensor<4x8x3x3xf32> {weft.name = "w2"}) -> (tensor<12x4xf32> {weft.name = "y"}) {
    %0 = weft.conv %x, %w1 {x_dims = array<i64: 0, 1, 2, 3>, w_dims = array<i64: 0, 1, 2, 3>, y_dims = array<i64: 0, 1, 2, 3>,
      strides = array<i64: 1, 1>, padding_low = array<i64: 1, 1>, padding_high = array<i64: 1, 1>,
      input_dilation = array<i64: 1, 1>, kernel_dilation = array<i64: 1, 1>} : (tensor<12x3x10x10xf32>, tensor<8x3x3x3xf32>) -> tensor<12x8x10x10xf32>
    %1 = weft.relu %0 : (tensor<12x8x10x10xf32>) -> tensor<12x8x10x10xf32>
    %2 = weft.reduce_window max %1 axes [2, 3] {window = array<i64: 2, 2>, strides = array<i64: 2, 2>, padding_low = array<i64: 0, 0>,
      padding_high = array<i64: 0, 0>, base_dilation = array<i64: 1, 1>, window_dilation = array<i64: 1, 1>} : (tensor<12x8x10x10xf32>) -> tensor<12x8x5x5xf32>
    %3 = weft.conv %2, %w2 {x_dims = array<i64: 0, 1, 2, 3>, w_dims = array<i64: 0, 1, 2, 3>, y_dims = array<i64: 0, 1, 2, 3>,
      strides = array<i64: 1, 1>, padding_low = array<i64: 0, 0>, padding_high = array<i64: 0, 0>,
      input_dilation = array<i64: 1, 1>, kernel_dilation = array<i64: 1, 1>} : (tensor<12x8x5x5xf32>, tensor<4x8x3x3xf32>) -> tensor<12x4x3x3xf32>
    %4 = weft.reduce add %3 axes [2, 3] : (tensor<12x4x3x3xf32>) -> tensor<12x4xf32>
    return %4 : tensor<12x4xf32>
  })";
}

std::string attention() {
  return R"(func.func @main(%x: tensor<12x8x16xf32> {weft.name = "x"}, %wq: tensor<16x24xf32> {weft.name = "wq"},
      %wk: tensor<16x24xf32> {weft.name = "wk"}, %wv: tensor<16x24xf32> {weft.name = "wv"}, %wo: tensor<24x16xf32> {weft.name = "wo"})
      -> (tensor<12x8x16xf32> {weft.name = "y"}) {
    %q0 = weft.dot_general %x, %wq batch [] x [] contract [2] x [0] : (tensor<12x8x16xf32>, tensor<16x24xf32>) -> tensor<12x8x24xf32>
    %k0 = weft.dot_general %x, %wk batch [] x [] contract [2] x [0] : (tensor<12x8x16xf32>, tensor<16x24xf32>) -> tensor<12x8x24xf32>
    %v0 = weft.dot_general %x, %wv batch [] x [] contract [2] x [0] : (tensor<12x8x16xf32>, tensor<16x24xf32>) -> tensor<12x8x24xf32>
    %q1 = weft.reshape %q0 sizes [12, 8, 6, 4] : (tensor<12x8x24xf32>) -> tensor<12x8x6x4xf32>
    %k1 = weft.reshape %k0 sizes [12, 8, 6, 4] : (tensor<12x8x24xf32>) -> tensor<12x8x6x4xf32>
    %v1 = weft.reshape %v0 sizes [12, 8, 6, 4] : (tensor<12x8x24xf32>) -> tensor<12x8x6x4xf32>
    %q = weft.transpose %q1 by [0, 2, 1, 3] : (tensor<12x8x6x4xf32>) -> tensor<12x6x8x4xf32>
    %k = weft.transpose %k1 by [0, 2, 1, 3] : (tensor<12x8x6x4xf32>) -> tensor<12x6x8x4xf32>
    %v = weft.transpose %v1 by [0, 2, 1, 3] : (tensor<12x8x6x4xf32>) -> tensor<12x6x8x4xf32>
    %y, %lse = weft.attention %q, %k, %v {causal = #weft<causal top_left>, scale = 0.5 : f64} :
      (tensor<12x6x8x4xf32>, tensor<12x6x8x4xf32>, tensor<12x6x8x4xf32>) -> (tensor<12x6x8x4xf32>, tensor<12x6x8xf32>)
    %0 = weft.transpose %y by [0, 2, 1, 3] : (tensor<12x6x8x4xf32>) -> tensor<12x8x6x4xf32>
    %1 = weft.reshape %0 sizes [12, 8, 24] : (tensor<12x8x6x4xf32>) -> tensor<12x8x24xf32>
    %2 = weft.dot_general %1, %wo batch [] x [] contract [2] x [0] : (tensor<12x8x24xf32>, tensor<24x16xf32>) -> tensor<12x8x16xf32>
    return %2 : tensor<12x8x16xf32>
  })";
}

/// An argument of the model as a constant of random elements.
std::string withConstant(std::string text, const std::string &name, std::vector<int64_t> shape) {
  const HostTensor values = randomTensor(DType::F32, shape, name.size() + size_t(name.back()));
  std::string type, hex;
  for (const int64_t extent : shape)
    type += std::to_string(extent) + "x";
  for (const std::byte byte : values.bytes()) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02X", unsigned(byte));
    hex += digits;
  }
  type = "tensor<" + type + "f32>";
  const std::string argument = "%" + name + ": " + type + " {weft.name = \"" + name + "\"}";
  size_t at = text.find(argument);
  EXPECT_NE(at, std::string::npos) << argument;
  const size_t comma = text.rfind(',', at);
  text.erase(comma, at + argument.size() - comma);
  at = text.find("\n    %0 =");
  return text.insert(at, "\n    %" + name + " = weft.constant dense<\"0x" + hex + "\"> : " + type +
                             " loc(\"" + name + "\")");
}

class JobRunTest : public testing::Test {
protected:
  static void SetUpTestSuite() { setenv("WEFT_COMPILER", WEFT_TEST_COMPILER, /*overwrite=*/0); }
  std::string write(const std::string &text) {
    const std::string path = directory.file("model.mlir");
    EXPECT_TRUE(writeFileAtomically(path, text).isOk());
    return path;
  }
  TempDir directory;
};

constexpr double tolerance = 1e-5;

TEST_F(JobRunTest, BatchesNeedNoCommunicationAndGiveTheSameBits) {
  for (const std::string &model : {mlp(), convolutions(), attention()})
    for (const char *mesh : {"data:2", "data:3", "data:4"})
      EXPECT_EQ(JobRun(write(model), {mesh,
                                      1,
                                      {"x=data" + std::string(model == mlp()            ? ",_"
                                                              : model == convolutions() ? ",_,_,_"
                                                                                        : ",_,_")}})
                    .difference(2),
                0)
          << mesh;
}

TEST_F(JobRunTest, WeightsByColumnsThenRows) {
  EXPECT_LT(JobRun(write(mlp()), {"model:2", 1, {"w1=_,model"}}).difference(2), tolerance);
  EXPECT_LT(JobRun(write(mlp()), {"model:3", 1, {"w1=_,model"}}).difference(2), tolerance);
  EXPECT_LT(JobRun(write(convolutions()), {"model:4", 1, {"w1=model,_,_,_"}}).difference(2), tolerance);
  EXPECT_LT(JobRun(write(attention()), {"model:3", 1, {"wq=_,model"}}).difference(2), tolerance);
}

TEST_F(JobRunTest, BatchesAndWeights) {
  EXPECT_LT(JobRun(write(mlp()), {"data:2,model:2", 1, {"x=data,_", "w1=_,model"}}).difference(2), tolerance);
  EXPECT_LT(JobRun(write(attention()), {"data:2,model:2", 1, {"x=data,_,_", "wq=_,model"}}).difference(2),
            tolerance);
}

TEST_F(JobRunTest, PartsOfConstantsArePackedAndFoldedPerWorker) {
  std::string model = withConstant(withConstant(mlp(), "w1", {32, 48}), "w2", {48, 16});
  EXPECT_LT(JobRun(write(model), {"data:2,model:2", 1, {}}).difference(2), tolerance);
  EXPECT_LT(JobRun(write(model), {"model:2", 2, {"w1=_,model"}}).difference(2), tolerance);
  EXPECT_EQ(JobRun(write(model), {"data:3", 1, {}}).difference(2), 0);
  model = withConstant(withConstant(convolutions(), "w1", {8, 3, 3, 3}), "w2", {4, 8, 3, 3});
  EXPECT_LT(JobRun(write(model), {"model:2", 1, {"w1=model,_,_,_"}}).difference(2), tolerance);
  EXPECT_LT(JobRun(write(model), {"a:2,b:2", 1, {"w1=a+b,_,_,_", "x=_,_,_,_"}}).difference(), tolerance);
  EXPECT_EQ(JobRun(write(model), {"data:2", 2, {"x=data,_,_,_"}}).difference(2), 0);
}

TEST_F(JobRunTest, AwkwardPlacesAreReshardedRight) {
  // Rows of the contraction, a gathered output, an input split over both axes, an axis that changes its
  // dimension.
  EXPECT_LT(JobRun(write(mlp()), {"model:2", 1, {"x=_,model", "y=_,_"}}).difference(), tolerance);
  EXPECT_LT(JobRun(write(mlp()), {"a:2,b:2", 1, {"x=a+b,_", "y=_,a"}}).difference(), tolerance);
  EXPECT_LT(JobRun(write(mlp()), {"a:2", 1, {"x=a,_", "y=_,a"}}).difference(), tolerance);
  EXPECT_LT(JobRun(write(mlp()), {"a:2,b:2", 1, {"w1=a,b", "y=b,_"}}).difference(), tolerance);
  EXPECT_LT(JobRun(write(mlp()), {"a:2", 1, {"w1=a,_", "y=a,_"}}).difference(), tolerance);
  EXPECT_LT(JobRun(write(convolutions()), {"a:2", 1, {"x=_,_,a,_"}}).difference(), tolerance);
  EXPECT_LT(JobRun(write(attention()), {"a:2", 1, {"x=_,a,_", "y=_,_,a"}}).difference(), tolerance);
}

TEST_F(JobRunTest, StagesGiveTheSameBits) {
  for (const std::string &model : {mlp(), convolutions(), attention()})
    for (int stages : {2, 3, 4})
      EXPECT_EQ(JobRun(write(model), {"data:1", stages, {}}).difference(2), 0) << stages;
}

TEST_F(JobRunTest, StagesOfBatchesAndWeights) {
  EXPECT_EQ(JobRun(write(mlp()), {"data:2", 2, {"x=data,_"}}).difference(2), 0);
  EXPECT_LT(JobRun(write(mlp()), {"model:2", 2, {"w1=_,model"}}).difference(2), tolerance);
}

TEST_F(JobRunTest, Transformers) {
  const std::string models = WEFT_TEST_MODELS;
  for (const char *name : {"tiny_bert", "tiny_gpt"}) {
    const std::string path = models + "/" + name + ".onnx";
    const std::vector<std::string> shapes = {"ids=4x24"};
    EXPECT_EQ(JobRun(path, {"data:2", 1, {}}, shapes).difference(2), 0) << name;
    EXPECT_LT(JobRun(path, {"model:2", 1, {}}, shapes).difference(2), 1e-4) << name;
    EXPECT_LT(JobRun(path, {"data:2,model:2", 1, {}}, shapes).difference(), 1e-4) << name;
    EXPECT_EQ(JobRun(path, {"data:1", 3, {}}, shapes).difference(2), 0) << name;
    EXPECT_LT(JobRun(path, {"model:2", 2, {}}, shapes).difference(), 1e-4) << name;
  }
}

} // namespace
