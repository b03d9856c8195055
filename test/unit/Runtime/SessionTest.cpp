// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Whole programs through the file format, the loader and a Session.
#include "weft/Runtime/Session.h"

#include "Program/SamplePrograms.h"
#include "Support/TempDir.h"
#include "weft/Program/Writer.h"
#include "weft/Runtime/HostCpu.h"
#include "weft/Runtime/HostFunctions.h"
#include <gtest/gtest.h>
#include <thread>
#include <unistd.h>

using namespace weft;
using namespace weft::runtime;
namespace samples = weft::program::samples;

namespace {

std::shared_ptr<const Executable> load(const program::Program &program) {
  const Result<std::string> file = program::serializeProgram(program);
  EXPECT_TRUE(file.isOk()) << file.status();
  Result<std::shared_ptr<const Executable>> executable =
      Executable::load(std::as_bytes(std::span<const char>(*file)), nullptr);
  EXPECT_TRUE(executable.isOk()) << executable.status();
  return executable.isOk() ? *executable : nullptr;
}

std::unique_ptr<Session> session(const program::Program &program, const SessionOptions &options = {}) {
  return *Session::create(load(program), options);
}

HostTensor floats(std::vector<float> values) {
  return *HostTensor::fromValues<float>({int64_t(values.size())}, values);
}
HostTensor ramp(int64_t n) {
  HostTensor tensor = *HostTensor::zeros(DType::F32, {n});
  for (int64_t i = 0; i < n; ++i)
    tensor.mutableData<float>()[i] = float(i % 97);
  return tensor;
}

TEST(Session, RunsAStaticProgram) {
  const auto s = session(samples::staticProgram());
  const std::vector<HostTensor> inputs = {ramp(200)};
  Result<std::vector<HostTensor>> outputs = s->run(inputs);
  ASSERT_TRUE(outputs.isOk()) << outputs.status();
  for (int64_t i = 0; i < 200; ++i)
    ASSERT_EQ((*outputs)[0].data<float>()[i], (float(i % 97) + 0.5f) * 2);
  EXPECT_EQ(s->memoryUse().planBytes, 832);
  EXPECT_EQ(s->memoryUse().constantBytes, 800);
}

TEST(Session, RunsFromAFileInPlaceOfMemory) {
  const TempDir dir;
  ASSERT_TRUE(program::writeProgramFile(samples::staticProgram(), dir.file("p.weft")).isOk());
  const auto executable = *Executable::loadFile(dir.file("p.weft"));
  const auto s = *Session::create(executable);
  EXPECT_EQ((*s->run(std::vector<HostTensor>{ramp(200)}))[0].data<float>()[3], 7);
  // The file shrinks underneath: an error, not a crash.
  ASSERT_EQ(truncate(dir.file("p.weft").c_str(), 4096), 0);
  EXPECT_EQ(s->run(std::vector<HostTensor>{ramp(200)}).code(), Code::DataLoss);
}

TEST(Session, PlansForEachShape) {
  const auto s = session(samples::dynamicProgram());
  for (const int64_t n : {5, 10000, 64, 5, 1, 65, 4000}) {
    const std::vector<HostTensor> inputs = {ramp(n), ramp(n)};
    Result<std::vector<HostTensor>> outputs = s->run(inputs);
    ASSERT_TRUE(outputs.isOk()) << outputs.status();
    ASSERT_EQ((*outputs)[0].shape(), std::vector<int64_t>{n});
    for (int64_t i = 0; i < n; ++i) {
      ASSERT_EQ((*outputs)[0].data<float>()[i], 5 * float(i % 97));
      ASSERT_EQ((*outputs)[1].data<float>()[i], 2 * float(i % 97));
    }
  }
  EXPECT_GE(s->memoryUse().arenaBytes, 80000);
}

TEST(Session, DescribesItself) {
  const auto executable = load(samples::dynamicProgram());
  const std::vector<ValueInfo> inputs = *executable->inputs();
  ASSERT_EQ(inputs.size(), 2u);
  EXPECT_EQ(inputs[0].toString(), "f32[n]");
  EXPECT_EQ(inputs[0].dims[0], -1);
  EXPECT_EQ(inputs[0].upper[0], 10000);
  EXPECT_EQ((*load(samples::staticProgram())->outputs())[0].toString(), "f32[200]");
  EXPECT_EQ(load(samples::loopProgram())->functions(), std::vector<std::string>{"main"});
  EXPECT_EQ(executable->inputs("none").code(), Code::NotFound);
  EXPECT_EQ(executable->isa(), "native");
  EXPECT_EQ(executable->id().size(), 64u);
}

TEST(Session, NamesWhatIsWrongWithInputs) {
  const auto s = session(samples::dynamicProgram());
  const auto message = [&](std::vector<HostTensor> inputs) { return s->run(inputs).status().message(); };
  EXPECT_EQ(message({ramp(3)}), "function 'main' given 1 inputs, wanted 2");
  EXPECT_EQ(message({ramp(3), *HostTensor::zeros(DType::F64, {3})}),
            "input 'b' has element type f64, wanted f32");
  EXPECT_EQ(message({ramp(3), *HostTensor::zeros(DType::F32, {3, 1})}),
            "input 'b' has rank 2 (3x1), wanted 1");
  EXPECT_EQ(message({ramp(3), ramp(4)}), "input 'b': dimension 0 ('n') has extent 4, wanted 3 as before");
  EXPECT_EQ(message({ramp(0), ramp(0)}), "input 'a': dimension 0 ('n') has extent 0, wanted from 1 to 10000");
  EXPECT_EQ(message({ramp(10001), ramp(10001)}),
            "input 'a': dimension 0 ('n') has extent 10001, wanted from 1 to 10000");
  EXPECT_EQ(session(samples::staticProgram())->run(std::vector<HostTensor>{ramp(3)}).status().message(),
            "input 'x': dimension 0 has extent 3, wanted 200");
  EXPECT_EQ(s->run(std::vector<HostTensor>{}, "none").code(), Code::NotFound);
  EXPECT_EQ(message({HostTensor(), ramp(3)}), "input 'a' has element type invalid, wanted f32");
}

TEST(Session, ProgramsForSeveralRanksDoNotRunAlone) {
  const Result<std::unique_ptr<Session>> s = Session::create(load(samples::twoRankProgram()));
  EXPECT_EQ(s.status().message(),
            "the program is made for 2 ranks (mesh data:2) and cannot run alone: run the "
            "whole job with --mesh=data:2");
}

TEST(Session, InputsByName) {
  const auto s = session(samples::dynamicProgram());
  const NamedTensors outputs = *s->run(NamedTensors{{"b", ramp(3)}, {"a", floats({1, 1, 1})}});
  EXPECT_EQ(outputs[1].first, "z");
  EXPECT_EQ(outputs[1].second.data<float>()[2], 2);
  EXPECT_EQ(s->run(NamedTensors{{"a", ramp(3)}, {"c", ramp(3)}}).status().message(),
            "function 'main' has no input 'c', wanted 'a', 'b'");
  EXPECT_EQ(s->run(NamedTensors{{"a", ramp(3)}}).status().message(),
            "input 'b' of function 'main' is not given");
  EXPECT_EQ(s->run(NamedTensors{{"a", ramp(3)}, {"a", ramp(3)}}).status().message(), "input 'a' given twice");
}

TEST(Session, WritesIntoTheCallersTensors) {
  const auto s = session(samples::dynamicProgram());
  std::vector<HostTensor> inputs = {ramp(100), ramp(100)};
  std::vector<HostTensor> outputs = {*HostTensor::zeros(DType::F32, {100}),
                                     *HostTensor::zeros(DType::F32, {100})};
  ASSERT_TRUE(s->runInto(inputs, outputs).isOk());
  EXPECT_EQ(outputs[0].data<float>()[10], 50);
  // Misaligned memory works too, through copies.
  std::vector<float> room(303);
  const auto odd = [&](size_t at, bool writable) {
    return *HostTensor::view(DType::F32, {100},
                             room.data() + at + (reinterpret_cast<uintptr_t>(room.data()) % 64 == 0), nullptr,
                             writable);
  };
  for (int64_t i = 0; i < 100; ++i)
    room[size_t(i) + 1] = room[size_t(i)] = 3;
  std::vector<HostTensor> oddInputs = {odd(0, false), ramp(100)},
                          oddOutputs = {odd(100, true), odd(200, true)};
  ASSERT_TRUE(s->runInto(oddInputs, oddOutputs).isOk());
  EXPECT_EQ(oddOutputs[1].data<float>()[50], 6);
  const auto message = [&](std::vector<HostTensor> given) { return s->runInto(inputs, given).message(); };
  EXPECT_EQ(message({outputs[0]}), "function 'main' given 1 outputs, wanted 2");
  EXPECT_EQ(message({outputs[0], ramp(99)}), "output 'z' given as f32[99], wanted f32[100]");
  EXPECT_EQ(message({outputs[0], outputs[0]}), "outputs 'y' and 'z' share memory");
  EXPECT_EQ(message({outputs[0], inputs[1]}), "output 'z' shares memory with an input");
  EXPECT_EQ(message({outputs[0], odd(0, false)}), "output 'z' given as a tensor that cannot be written");
}

TEST(Session, FaultsNameOpValueAndPlace) {
  const auto s = session(samples::gatherProgram());
  const HostTensor table = floats({1, 2, 3, 4});
  const auto run = [&](std::vector<int64_t> index) {
    const auto n = int64_t(index.size());
    return s->run(std::vector<HostTensor>{table, *HostTensor::fromValues<int64_t>({n}, std::move(index))});
  };
  EXPECT_EQ((*run({3, 0}))[0].data<float>()[0], 4);
  EXPECT_EQ((*run({}))[0].numElements(), 0);
  std::vector<int64_t> many(1000, 1);
  many[700] = 31000;
  const Status status = run(many).status();
  EXPECT_EQ(status.code(), Code::OutOfRange);
  EXPECT_EQ(status.message(), "'emb/Gather_3' (sample.mlir:emb/Gather_3): index 31000 at 700 is not below 4");
  EXPECT_TRUE(run({1, 1}).isOk()); // the session goes on
}

TEST(Session, VariablesLiveBetweenRuns) {
  const auto executable = load(samples::variableProgram());
  const auto s = *Session::create(executable), other = *Session::create(executable);
  const std::vector<HostTensor> x = {floats({1, 1, 1, 1})};
  ASSERT_TRUE(s->run(x, "step").isOk());
  EXPECT_EQ((*s->run(x, "step"))[0].data<float>()[3], 6);
  EXPECT_EQ((*s->variable("total")).data<float>()[0], 3);
  EXPECT_EQ((*other->variable("total")).data<float>()[0], 1); // its own
  ASSERT_TRUE(s->run(std::vector<HostTensor>{}, "reset").isOk());
  EXPECT_EQ((*s->variable("total")).data<float>()[2], 1);
  ASSERT_TRUE(s->setVariable("total", floats({9, 9, 9, 9})).isOk());
  EXPECT_EQ((*s->run(x, "step"))[0].data<float>()[0], 10);
  EXPECT_EQ(s->setVariable("total", ramp(3)).message(), "variable 'total' is f32[4], given f32[3]");
  EXPECT_EQ(s->variable("none").code(), Code::NotFound);
  EXPECT_EQ(s->run(std::vector<HostTensor>{}).status().message(), "the program has no function 'main'");
}

TEST(Session, Loops) {
  const auto s = session(samples::loopProgram());
  const auto run = [&](int64_t count, int64_t limit, int64_t step) {
    return (*s->run(std::vector<HostTensor>{HostTensor::scalar(count), HostTensor::scalar(limit),
                                            HostTensor::scalar(step)}))[0]
        .asInt(0);
  };
  EXPECT_EQ(run(5, 5, 1), 5); // no turn
  EXPECT_EQ(run(0, 1, 1), 1); // one, into the result
  EXPECT_EQ(run(0, 2, 1), 2); // two, out of the temporary
  EXPECT_EQ(run(0, 1000, 7), 1001);
}

TEST(Session, Branches) {
  const auto s = session(samples::branchProgram());
  for (const bool condition : {true, false}) {
    HostTensor flag = *HostTensor::zeros(DType::I1, {});
    flag.setInt(0, condition);
    EXPECT_EQ((*s->run(std::vector<HostTensor>{flag, floats({1, 2, 3, 4})}))[0].data<float>()[1],
              condition ? 4 : 6);
  }
}

TEST(Session, ExtentsThatDependOnData) {
  const auto s = session(samples::nonZeroProgram());
  for (const int64_t n : {300, 10, 0}) {
    const HostTensor x = ramp(n); // zeros at multiples of 97
    Result<std::vector<HostTensor>> outputs = s->run(std::vector<HostTensor>{x});
    ASSERT_TRUE(outputs.isOk()) << outputs.status();
    std::vector<int64_t> expected;
    for (int64_t i = 0; i < n; ++i)
      if (x.data<float>()[i] != 0)
        expected.push_back(i);
    const auto m = int64_t(expected.size());
    ASSERT_EQ((*outputs)[0].shape(), (std::vector<int64_t>{m, 1}));
    ASSERT_EQ((*outputs)[1].shape(), (std::vector<int64_t>{m}));
    for (int64_t i = 0; i < m; ++i) {
      ASSERT_EQ((*outputs)[0].data<int64_t>()[i], expected[size_t(i)]);
      ASSERT_EQ((*outputs)[1].data<float>()[i], 2 * x.data<float>()[expected[size_t(i)]]);
    }
  }
  std::vector<HostTensor> outputs = {ramp(1), ramp(1)};
  EXPECT_EQ(s->runInto(std::vector<HostTensor>{ramp(1)}, outputs).code(), Code::Unimplemented);
}

TEST(Session, ChecksAndShapeChecks) {
  program::Program p = samples::dynamicProgram();
  const program::ExprId n = p.exprs.symbol(0), eight = p.exprs.constant(8);
  p.functions[0].commands.insert(
      p.functions[0].commands.begin(),
      {"reshape", "m.onnx:7", program::ShapeCheck{eight, n, program::Relation::Divides, "cannot split n"}});
  const auto s = session(p);
  EXPECT_TRUE(s->run(std::vector<HostTensor>{ramp(16), ramp(16)}).isOk());
  EXPECT_EQ(s->run(std::vector<HostTensor>{ramp(15), ramp(15)}).status().message(),
            "'reshape' (m.onnx:7): cannot split n: found 8, wanted a divisor of 15");
  program::Program q = samples::branchProgram();
  q.functions[0].commands.insert(q.functions[0].commands.begin(),
                                 {"assert", "m.onnx:9", program::Check{0, "condition must hold"}});
  EXPECT_EQ(
      session(q)->run(std::vector<HostTensor>{*HostTensor::zeros(DType::I1, {}), ramp(4)}).status().message(),
      "'assert' (m.onnx:9): condition must hold");
}

TEST(Session, RefusesSizesThatDoNotFit) {
  program::Program p = samples::dynamicProgram();
  p.functions[0].buffers[0].size = p.exprs.constant(400); // of an input of 4 n bytes
  EXPECT_TRUE(session(p)->run(std::vector<HostTensor>{ramp(100), ramp(100)}).isOk());
  const Status status = session(p)->run(std::vector<HostTensor>{ramp(10), ramp(10)}).status();
  EXPECT_EQ(status.code(), Code::OutOfRange) << status;
  SessionOptions options;
  options.memoryLimit = 1000;
  EXPECT_EQ(session(samples::dynamicProgram(), options)
                ->run(std::vector<HostTensor>{ramp(1000), ramp(1000)})
                .code(),
            Code::ResourceExhausted);
}

TEST(Session, RefusesCodeForOtherCpus) {
  program::Program p = samples::staticProgram();
  p.images[0].features = {"flux-capacitor"};
  const std::string file = *program::serializeProgram(p);
  const Status status = Executable::load(std::as_bytes(std::span<const char>(file)), nullptr).status();
  EXPECT_EQ(status.message(), "no code in the program runs on this CPU: native needs flux-capacitor");
  p.images.push_back({hostIsa(), {}, p.images[0].bytes});
  EXPECT_EQ(load(p)->isa(), hostIsa());
  program::Program host = samples::nonZeroProgram();
  std::get<program::Host>(host.functions[0].commands[0].what).function = "no_such";
  const std::string other = *program::serializeProgram(host);
  EXPECT_EQ(Executable::load(std::as_bytes(std::span<const char>(other)), nullptr).code(),
            Code::Unimplemented);
}

TEST(Session, OneRunAtATime) {
  // While one run waits in a host function, a second caller is refused, and cancel ends the first.
  static std::atomic<int> stage{0};
  stage = 0;
  registerHostFunction("wait", [](std::span<const HostBuffer>, const HostAttributes &) {
    stage = 1;
    while (stage != 2)
      std::this_thread::yield();
    return Status::ok();
  });
  program::Program p = samples::dynamicProgram();
  p.functions[0].commands.insert(p.functions[0].commands.begin(),
                                 {"wait", "", program::Host{"wait", {}, {}}});
  const auto s = session(p);
  const std::vector<HostTensor> inputs = {ramp(10), ramp(10)};
  Status first;
  std::thread runner([&] { first = s->run(inputs).status(); });
  while (stage != 1)
    std::this_thread::yield();
  EXPECT_EQ(s->run(inputs).code(), Code::FailedPrecondition);
  s->cancel();
  stage = 2;
  runner.join();
  EXPECT_EQ(first.code(), Code::Cancelled);
  EXPECT_EQ(first.message(), "the run was cancelled before 't0'");
  std::thread helper([&] {
    while (stage != 1)
      std::this_thread::yield();
    stage = 2;
  });
  EXPECT_TRUE(s->run(inputs).isOk()); // the cancellation is over
  helper.join();
}

TEST(Session, ManySessionsShareAnExecutable) {
  const auto executable = load(samples::dynamicProgram());
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      SessionOptions options;
      options.threads = 1 + t % 3;
      const auto s = *Session::create(executable, options);
      for (int round = 0; round < 50; ++round) {
        const int64_t n = 1 + (round * 37 + t * 101) % 2000;
        const Result<std::vector<HostTensor>> outputs = s->run(std::vector<HostTensor>{ramp(n), ramp(n)});
        good += outputs.isOk() && (*outputs)[0].data<float>()[n - 1] == 5 * float((n - 1) % 97);
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(good, 200);
}

TEST(Session, RecordsCommands) {
  SessionOptions options;
  options.trace = true;
  const auto s = session(samples::branchProgram(), options);
  ASSERT_TRUE(s->run(std::vector<HostTensor>{*HostTensor::zeros(DType::I1, {}), ramp(4)}).isOk());
  const std::vector<TraceEvent> events = s->trace().events();
  ASSERT_EQ(events.size(), 4u); // twice, sum, the branch around them, the run
  EXPECT_EQ(*events[0].name, "twice");
  EXPECT_STREQ(events[2].kind, "if");
  EXPECT_STREQ(events[3].kind, "run");
  EXPECT_LE(events[3].start, events[0].start);
  EXPECT_TRUE(session(samples::branchProgram())->trace().empty());
}

} // namespace
