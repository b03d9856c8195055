// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Programs on a CUDA device, and the driver as it is found, against a driver made for tests
// (FakeCudaDriver.cpp).
#include "FakeCuda.h"
#include "Program/SamplePrograms.h"
#include "Runtime/CUDA/Driver.h"
#include "Support/TempDir.h"
#include "weft/Program/Writer.h"
#include "weft/Runtime/Communicator.h"
#include "weft/Runtime/HostFunctions.h"
#include "weft/Runtime/Session.h"
#include <atomic>
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <thread>
#include <unistd.h>

using namespace weft;
using namespace weft::runtime;
using testing::HasSubstr;
namespace samples = weft::program::samples;

namespace {

HostTensor ramp(int64_t n) {
  HostTensor tensor = *HostTensor::zeros(DType::F32, {n});
  for (int64_t i = 0; i < n; ++i)
    tensor.mutableData<float>()[i] = float(i % 97);
  return tensor;
}
HostTensor scalar(int64_t value) { return HostTensor::scalar<int64_t>(value); }
HostTensor flag(bool value) {
  HostTensor tensor = *HostTensor::zeros(DType::I1, {});
  tensor.setInt(0, value);
  return tensor;
}

class Cuda : public testing::Test {
protected:
  void SetUp() override {
    ASSERT_EQ(setenv("WEFT_CUDA_DRIVER", WEFT_FAKE_CUDA_DRIVER, 1), 0);
    void *library = dlopen(WEFT_FAKE_CUDA_DRIVER, RTLD_NOW | RTLD_LOCAL);
    ASSERT_TRUE(library) << dlerror();
    fake = reinterpret_cast<fake::Cuda *(*)()>(dlsym(library, "fakeCuda"))();
    *fake = {};
  }
  /// Everything that was asked of the driver is given back.
  void TearDown() override {
    EXPECT_EQ(fake->liveAllocations, 0u);
    EXPECT_EQ(fake->liveModules, 0u);
    EXPECT_EQ(fake->liveStreams, 0u);
    EXPECT_EQ(fake->liveEvents, 0u);
    EXPECT_EQ(fake->liveContexts, 0u);
    EXPECT_EQ(fake->livePinned, 0u);
    unsetenv("WEFT_CUDA_DRIVER");
  }

  static std::shared_ptr<const Executable> load(const program::Program &program) {
    const std::string file = *program::serializeProgram(program);
    auto executable = Executable::load(std::as_bytes(std::span<const char>(file)), nullptr);
    EXPECT_TRUE(executable.isOk()) << executable.status();
    return executable.isOk() ? *executable : nullptr;
  }
  static std::unique_ptr<Session> session(const program::Program &program,
                                          const SessionOptions &options = {}) {
    auto made = Session::create(load(program), options);
    EXPECT_TRUE(made.isOk()) << made.status();
    return made.isOk() ? *std::move(made) : nullptr;
  }
  static std::string refusal(const program::Program &program, const SessionOptions &options = {}) {
    return Session::create(load(program), options).status().message();
  }
  /// Runs on the CPU and on the device: the same bits.
  static void expectSame(const program::Program &program,
                         const std::vector<std::vector<HostTensor>> &inputs) {
    const auto here = session(program), there = session(samples::onGpu(program));
    for (int round = 0; round < 2; ++round)
      for (const std::vector<HostTensor> &set : inputs) {
        const auto wanted = here->run(set), found = there->run(set);
        ASSERT_TRUE(wanted.isOk() && found.isOk()) << wanted.status() << found.status();
        for (size_t i = 0; i < wanted->size(); ++i) {
          ASSERT_EQ((*found)[i].shape(), (*wanted)[i].shape());
          ASSERT_EQ(std::memcmp((*found)[i].raw(), (*wanted)[i].raw(), size_t((*wanted)[i].numBytes())), 0);
        }
      }
  }

  fake::Cuda *fake = nullptr;
};

TEST_F(Cuda, RunsProgramsLikeTheCpu) {
  expectSame(samples::staticProgram(), {{ramp(200)}});
  expectSame(samples::dynamicProgram(),
             {{ramp(5), ramp(5)}, {ramp(10000), ramp(10000)}, {ramp(64), ramp(64)}});
  expectSame(samples::loopProgram(), {{scalar(5), scalar(5), scalar(1)},
                                      {scalar(0), scalar(1), scalar(1)},
                                      {scalar(0), scalar(2), scalar(1)},
                                      {scalar(0), scalar(1000), scalar(7)}});
  expectSame(samples::branchProgram(), {{flag(true), ramp(4)}, {flag(false), ramp(4)}});
  // Its host function works on copies; extents depend on data.
  expectSame(samples::nonZeroProgram(), {{ramp(300)}, {ramp(10)}, {ramp(0)}});
}

TEST_F(Cuda, LaunchesAsTheProgramSays) {
  program::Program p = samples::onGpu(samples::dynamicProgram());
  p.kernels[samples::DoubleKernel].sharedBytes = 100000;
  p.kernels[samples::DoubleKernel].cluster = 16;
  const program::ExprId n = p.exprs.symbol(0), block = p.exprs.constant(1024), cluster = p.exprs.constant(16);
  for (const size_t command : {1, 3})
    std::get<program::Launch>(p.functions[0].commands[command].what).chunks =
        p.exprs.mul(p.exprs.ceilDiv(n, block), cluster);
  const auto s = session(p);
  ASSERT_TRUE(s->run(std::vector<HostTensor>{ramp(300), ramp(300)}).isOk());
  ASSERT_EQ(fake->launches.size(), 4u);
  const fake::Launch &plain = fake->launches[0], &large = fake->launches[1];
  EXPECT_EQ(plain.kernel, "k_add");
  EXPECT_EQ(plain.grid, 5u); // ceil(300 / 64) chunks
  EXPECT_EQ(plain.block, 128u);
  EXPECT_EQ(plain.sharedBytes, 1024u);
  EXPECT_EQ(plain.cluster, 1u);
  EXPECT_EQ(plain.parameters[3], 300u);
  for (const uint64_t buffer : {plain.parameters[0], plain.parameters[1], plain.parameters[2]})
    EXPECT_EQ(buffer % 64, 0u);
  EXPECT_NE(plain.parameters[4], large.parameters[3]); // a fault record each
  EXPECT_EQ(large.grid, 16u);
  EXPECT_EQ(large.cluster, 16u);
  EXPECT_EQ(large.sharedBytes, 100000u);
  EXPECT_EQ(fake->functionAttributes["k_double/8"], 100000);
  EXPECT_EQ(fake->functionAttributes["k_double/14"], 1);
  EXPECT_FALSE(fake->functionAttributes.contains("k_add/8"));
}

TEST_F(Cuda, TellsOfFailedChecks) {
  const auto s = session(samples::onGpu(samples::gatherProgram()));
  const HostTensor table = ramp(4);
  const auto run = [&](std::vector<int64_t> indices) {
    const auto count = int64_t(indices.size());
    return s->run(
        std::vector<HostTensor>{table, *HostTensor::fromValues<int64_t>({count}, std::move(indices))});
  };
  EXPECT_EQ(run({1, 2, 99, 3}).status().message(),
            "'emb/Gather_3' (sample.mlir:emb/Gather_3): index 99 at 2 is not below 4");
  EXPECT_EQ((*run({3, 0}))[0].data<float>()[0], 3); // the record is clear again
}

TEST_F(Cuda, NamesTheFirstCommandThatFailed) {
  // The check fails in the first of two launches; it is seen only when the condition after them is read.
  program::Program p = samples::onGpu(samples::gatherProgram());
  program::Function &main = p.functions[0];
  program::Command again = main.commands[0];
  again.name = "again";
  main.commands.push_back(again);
  main.commands.push_back({"assert", "m.onnx:1", program::Check{1, "the first index is not 0"}});
  const auto s = session(p);
  EXPECT_EQ(s->run(std::vector<HostTensor>{ramp(4), *HostTensor::fromValues<int64_t>({2}, {1, 7})})
                .status()
                .message(),
            "'emb/Gather_3' (sample.mlir:emb/Gather_3): index 7 at 1 is not below 4");
  EXPECT_EQ(s->run(std::vector<HostTensor>{ramp(4), *HostTensor::fromValues<int64_t>({2}, {0, 1})})
                .status()
                .message(),
            "'assert' (m.onnx:1): the first index is not 0");
}

TEST_F(Cuda, MoreLaunchesThanFaultRecords) {
  // A loop that is turned often enough to run out of records, which are then looked at and used again.
  const auto s = session(samples::onGpu(samples::loopProgram()));
  const auto result = s->run(std::vector<HostTensor>{scalar(0), scalar(5000), scalar(1)});
  ASSERT_TRUE(result.isOk()) << result.status();
  EXPECT_EQ((*result)[0].asInt(0), 5000);
  program::Program p = samples::onGpu(samples::dynamicProgram());
  const program::Command first = p.functions[0].commands[0];
  p.functions[0].commands.insert(p.functions[0].commands.begin(), 5000, first);
  ASSERT_TRUE(session(p)->run(std::vector<HostTensor>{ramp(3), ramp(3)}).isOk());
}

TEST_F(Cuda, NamesKernelsThatDoNotFit) {
  program::Program p = samples::onGpu(samples::staticProgram());
  p.kernels[0].threads = 1000;
  fake->maxThreads = 512;
  EXPECT_EQ(refusal(p), "cuda:0: kernel 'add': blocks of 1000 threads, at most 512 fit");
  fake->maxThreads = 1024;
  p.kernels[0].sharedBytes = 200 << 10;
  EXPECT_EQ(refusal(p), "cuda:0: kernel 'add': 204800 bytes of shared memory, a block has at most 166912");
}

TEST_F(Cuda, OutOfMemory) {
  fake->memoryBytes = 3000;
  EXPECT_THAT(refusal(samples::onGpu(samples::variableProgram())), testing::IsEmpty());
  const auto s = session(samples::onGpu(samples::dynamicProgram()));
  const auto result = s->run(std::vector<HostTensor>{ramp(1000), ramp(1000)});
  EXPECT_EQ(result.code(), Code::ResourceExhausted);
  EXPECT_EQ(result.status().message(),
            "temporary memory: cuda:0 has no memory for 8064 bytes: 3000 of 3000 are free");
  EXPECT_TRUE(s->run(std::vector<HostTensor>{ramp(50), ramp(50)}).isOk());
  fake->memoryBytes = 500;
  EXPECT_THAT(refusal(samples::onGpu(samples::staticProgram())),
              HasSubstr("constant 'c': cuda:0 has no memory for 800 bytes"));
}

TEST_F(Cuda, AKernelThatCrashes) {
  auto s = session(samples::onGpu(samples::staticProgram()));
  fake->nextLaunchResult = 700;
  EXPECT_EQ(s->run(std::vector<HostTensor>{ramp(200)}).status().message(),
            "cuStreamSynchronize: CUDA_ERROR_ILLEGAL_ADDRESS (an illegal memory access was encountered)");
  EXPECT_THAT(s->run(std::vector<HostTensor>{ramp(200)}).status().message(),
              HasSubstr("CUDA_ERROR_ILLEGAL_ADDRESS"));
  fake->lost = 0; // as a new process would find it
}

TEST_F(Cuda, WhatTheDriverSaysOfPtx) {
  program::Program p = samples::onGpu(samples::staticProgram());
  p.images[0].bytes = program::Blob::fromString("hello");
  EXPECT_EQ(refusal(p),
            "cuda:0: ptx-sm_80: the driver refuses the kernels: CUDA_ERROR_INVALID_PTX\n"
            "ptxas application ptx input, line 1; fatal   : Missing .version directive at start of file");
  p.images[0].bytes = program::Blob::fromString(".version 99.0\n");
  EXPECT_THAT(refusal(p), HasSubstr("the driver of version 12.4 is too old for this program"));
  p.images[0].bytes = program::Blob::fromString(".version 8.0\n.entry other()\n");
  EXPECT_EQ(refusal(p), "cuda:0: kernel 'add': cuModuleGetFunction: CUDA_ERROR_NOT_FOUND");
}

TEST_F(Cuda, ChoosesTheImageForTheArchitecture) {
  program::Program p = samples::onGpu(samples::staticProgram());
  EXPECT_EQ(load(p)->isa(), "ptx-sm_80");
  fake->architecture = 75;
  EXPECT_EQ(refusal(p),
            "the program has code for sm_80; cuda:0 (Fake GPU 0) is of architecture sm_75: wanted code for "
            "that or an older one (--target=cuda:sm_80)");
  // Code with a letter runs on its own architecture alone.
  program::CodeImage exact = p.images[0];
  exact.isa = "ptx-sm_90a";
  exact.bytes = program::Blob::fromString("not even PTX");
  p.images.push_back(exact);
  for (const int other : {80, 89, 100}) {
    fake->architecture = other;
    EXPECT_EQ(refusal(p), "") << other;
  }
  fake->architecture = 90;
  EXPECT_THAT(refusal(p), HasSubstr("ptx-sm_90a: the driver refuses"));
  p.images.erase(p.images.begin());
  fake->architecture = 100;
  EXPECT_THAT(refusal(p), HasSubstr("the program has code for sm_90a; cuda:0"));
}

TEST_F(Cuda, OtherDevices) {
  const program::Program p = samples::onGpu(samples::staticProgram());
  SessionOptions options;
  options.deviceNumber = 1;
  EXPECT_THAT(session(p, options)->memoryUse().device, testing::StartsWith("cuda:1 (Fake GPU 1, sm_80"));
  options.deviceNumber = 7;
  EXPECT_EQ(refusal(p, options), "no CUDA device 7; there is 0 (Fake GPU 0), 1 (Fake GPU 1)");
  options.deviceNumber = 0;
  options.device = "cpu";
  EXPECT_EQ(refusal(p, options), "the program was compiled for cuda, asked to run on the CPU");
  options.device = "cuda";
  EXPECT_EQ(refusal(samples::staticProgram(), options),
            "the program was compiled for the CPU, asked to run on cuda");
}

TEST_F(Cuda, KeepsVariablesOnTheDevice) {
  const auto s = session(samples::onGpu(samples::variableProgram()));
  const std::vector<HostTensor> ones = {*HostTensor::fromValues<float>({4}, {1, 1, 1, 1})};
  EXPECT_EQ((*s->run(ones, "step"))[0].data<float>()[3], 5);
  EXPECT_EQ((*s->run(ones, "step"))[0].data<float>()[3], 6);
  EXPECT_EQ(s->variable("total")->data<float>()[0], 3);
  ASSERT_TRUE(s->setVariable("total", *HostTensor::fromValues<float>({4}, {5, 6, 7, 8})).isOk());
  EXPECT_EQ((*s->run(ones, "step"))[0].data<float>()[3], 9);
  ASSERT_TRUE(s->run(std::vector<HostTensor>{}, "reset").isOk());
  EXPECT_EQ(s->variable("total")->data<float>()[1], 1.0f); // what reset fills in
  EXPECT_EQ(s->setVariable("total", ramp(3)).message(), "variable 'total' is f32[4], given f32[3]");
}

TEST_F(Cuda, ASteadyStateAllocatesNothing) {
  const auto s = session(samples::onGpu(samples::nonZeroProgram()));
  const auto dynamic = session(samples::onGpu(samples::dynamicProgram()));
  const auto all = [&] {
    std::vector<HostTensor> outputs = {*HostTensor::zeros(DType::F32, {100}),
                                       *HostTensor::zeros(DType::F32, {100})};
    ASSERT_TRUE(dynamic->runInto(std::vector<HostTensor>{ramp(100), ramp(100)}, outputs).isOk());
    EXPECT_EQ(outputs[0].data<float>()[7], 35);
    ASSERT_TRUE(s->run(std::vector<HostTensor>{ramp(300)}).isOk());
  };
  all();
  fake->calls.clear();
  all();
  for (const char *call : {"cuMemAlloc", "cuMemAllocAsync", "cuMemFree", "cuMemFreeAsync", "cuMemHostAlloc",
                           "cuStreamCreate", "cuEventCreate", "cuModuleLoadDataEx", "cuFuncSetAttribute"})
    EXPECT_EQ(fake->calls[call], 0) << call;
  EXPECT_EQ(fake->calls["cuLaunchKernelEx"], 6);
}

TEST_F(Cuda, SessionsShareCodeAndConstants) {
  const auto executable = load(samples::onGpu(samples::staticProgram()));
  const auto first = *Session::create(executable);
  const int uploads = fake->calls["cuMemcpyHtoDAsync"];
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      const auto s = *Session::create(executable);
      for (int round = 0; round < 20; ++round)
        good += (*s->run(std::vector<HostTensor>{ramp(200)}))[0].data<float>()[3] == 7;
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(good, 80);
  EXPECT_EQ(fake->calls["cuModuleLoadDataEx"], 1);
  EXPECT_EQ(fake->calls["cuDevicePrimaryCtxRetain"], 1);
  EXPECT_EQ(fake->calls["cuMemcpyHtoDAsync"], uploads + 80);
}

TEST_F(Cuda, WithoutMemoryPools) {
  fake->hasPools = false;
  expectSame(samples::dynamicProgram(), {{ramp(5), ramp(5)}, {ramp(500), ramp(500)}});
  EXPECT_EQ(fake->calls["cuMemAllocAsync"], 0);
  EXPECT_GT(fake->calls["cuMemAlloc"], 0);
}

/// The only rank of a job: every collective gives back what it is given, at the wait.
class Alone : public Communicator {
public:
  uint32_t rank() const override { return 0; }
  uint32_t numRanks() const override { return 1; }
  Status beginRun() override { return Status::ok(); }
  Status start(const CollectiveCall &call) override {
    calls[call.channel] = call;
    return Status::ok();
  }
  Status send(uint32_t, uint32_t, std::span<const std::byte>) override {
    return internalError("nobody is there");
  }
  Status receive(uint32_t, uint32_t, std::span<std::byte>) override {
    return internalError("nobody is there");
  }
  Status wait(uint32_t channel) override {
    const CollectiveCall &call = calls.at(channel);
    std::memcpy(call.to, call.from, size_t(call.count) * 4);
    return Status::ok();
  }
  void abort(const Status &) override {}

private:
  std::map<uint32_t, CollectiveCall> calls;
};

TEST_F(Cuda, SpeaksWithOtherRanksThroughTheHost) {
  Alone alone;
  SessionOptions options;
  options.communicator = &alone;
  const auto s = session(samples::onGpu(samples::meshProgram({{"data", 1}})), options);
  for (int round = 0; round < 2; ++round) {
    const auto result = s->run(std::vector<HostTensor>{ramp(8)});
    ASSERT_TRUE(result.isOk()) << result.status();
    for (size_t output = 0; output < 4; ++output)
      for (int64_t i = 0; i < 8; ++i)
        EXPECT_EQ((*result)[output].data<float>()[i], float(i)) << output;
    EXPECT_EQ((*result)[4].asInt(0), 0); // the coordinate
  }
}

TEST_F(Cuda, CancelEndsARun) {
  static Session *running = nullptr;
  registerHostFunction("cancel", [](std::span<const HostBuffer>, const HostAttributes &) {
    running->cancel();
    return Status::ok();
  });
  program::Program p = samples::onGpu(samples::dynamicProgram());
  p.functions[0].commands.insert(p.functions[0].commands.begin() + 1,
                                 {"cancel", "", program::Host{"cancel", {}, {}}});
  const auto s = session(p);
  running = s.get();
  EXPECT_EQ(s->run(std::vector<HostTensor>{ramp(9), ramp(9)}).status().message(),
            "the run was cancelled before 't1'");
  // After the last command, while the device still works: the results are not taken.
  std::rotate(p.functions[0].commands.begin() + 1, p.functions[0].commands.begin() + 2,
              p.functions[0].commands.end());
  const auto late = session(p);
  running = late.get();
  EXPECT_EQ(late->run(std::vector<HostTensor>{ramp(9), ramp(9)}).status().message(),
            "the run was cancelled before its results were taken from cuda:0");
}

TEST_F(Cuda, TracesTimesOfTheDevice) {
  SessionOptions options;
  options.trace = true;
  const auto s = session(samples::onGpu(samples::branchProgram()), options);
  for (int round = 0; round < 2; ++round)
    ASSERT_TRUE(s->run(std::vector<HostTensor>{flag(false), ramp(4)}).isOk());
  std::vector<std::string> there, here;
  for (const TraceEvent &event : s->trace().events()) {
    EXPECT_GE(event.end, event.start);
    (event.row == TraceEvent::deviceRow ? there : here).push_back(*event.name);
  }
  EXPECT_EQ(there, (std::vector<std::string>{"twice", "sum", "twice", "sum"}));
  EXPECT_EQ(here, (std::vector<std::string>{"choose", "main", "choose", "main"}));
  EXPECT_THAT(s->trace().toChromeJson(), HasSubstr("\"tid\":2,\"name\":\"twice\""));
}

TEST_F(Cuda, DescribesTheDevice) {
  EXPECT_EQ((*openDevice("cuda", 0))->description(), "cuda:0 (Fake GPU 0, sm_80, 1024 MiB, driver 12.4)");
}

// ---- The driver as it is found ----

std::string driverRefusal(const std::string &path) {
  setenv("WEFT_CUDA_DRIVER", path.c_str(), 1);
  return openDevice("cuda", 0).status().message();
}

TEST_F(Cuda, DriversThatCannotBeUsed) {
  EXPECT_EQ(driverRefusal("/nowhere/libcuda.so.1"),
            "no CUDA driver: /nowhere/libcuda.so.1: cannot open shared object file: No such file or "
            "directory; install "
            "NVIDIA's driver, or run the same kernels on the CPU with --target=cuda-emu");
  // The same library by another name is looked at anew.
  const TempDir dir;
  const std::string other = dir.file("libcuda.so.1");
  ASSERT_EQ(symlink(WEFT_FAKE_CUDA_DRIVER, other.c_str()), 0);
  fake->version = 11040;
  EXPECT_EQ(driverRefusal(other),
            concat("the CUDA driver (", other, ") is of version 11.4, wanted 12.0 or newer"));
  fake->version = 12040;
  fake->missing = "cuLaunchKernelEx";
  EXPECT_EQ(driverRefusal(other),
            concat("the CUDA driver (", other, ", version 12.4) lacks cuLaunchKernelEx"));
  fake->missing = "";
  fake->devices = 0;
  EXPECT_EQ(driverRefusal(other), "the CUDA driver (version 12.4) finds no GPU");
  // What may be missing: pools.
  fake->devices = 1;
  fake->missing = "cuMemAllocAsync";
  EXPECT_EQ(driverRefusal(other), "");
}

TEST(CudaStub, HasEveryFunction) {
  constexpr const char *stub = "/usr/local/cuda/lib64/stubs/libcuda.so";
  if (access(stub, R_OK) != 0)
    GTEST_SKIP() << "the CUDA toolkit is not installed";
  EXPECT_EQ(driverRefusal(stub), concat(stub, " is the toolkit's stub, not a driver"));
  unsetenv("WEFT_CUDA_DRIVER");
}

} // namespace
