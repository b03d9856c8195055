// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// weft bench: how long a model takes, compiled and run.
#include "Commands.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>
#include <sys/resource.h>

using namespace weft;
using namespace weft::driver;

namespace {

double now(clockid_t clock) {
  timespec time;
  clock_gettime(clock, &time);
  return time.tv_sec * 1e3 + time.tv_nsec * 1e-6;
}

struct BenchCommand {
  CompileFlags flags;
  InputFlags inputs;
  std::string model;
  int threads = 0;
  double minTime = 1, warmup = 0.1;
  bool json = false;

  int run() {
    if (inputs.inputs.empty())
      inputs.inputs = {"random:1"};
    flags.finish();
    Result<std::vector<std::string>> shapes = inputs.shapes();
    if (!shapes.isOk())
      return fail(shapes.status());
    if (modelKindOf(model) != ModelKind::Program && flags.options.dynamicDims.empty())
      for (const std::string &shape : *shapes)
        flags.options.shapes.push_back(shape);
    CompiledInfo info;
    auto executable = compile(model, flags.options, &info);
    if (!executable.isOk())
      return fail(executable.status());
    SessionOptions options;
    options.threads = threads;
    auto session = Session::create(*executable, options);
    if (!session.isOk())
      return fail(session.status());
    auto wanted = (*executable)->inputs();
    if (!wanted.isOk())
      return fail(wanted.status());
    auto named = inputs.read(*wanted);
    if (!named.isOk())
      return fail(named.status());
    std::vector<HostTensor> arguments;
    for (const runtime::ValueInfo &value : *wanted)
      for (const auto &[name, tensor] : *named)
        if (name == value.name)
          arguments.push_back(tensor);
    auto outputs = (*session)->run(arguments);
    if (!outputs.isOk())
      return fail(outputs.status());

    std::vector<double> cpu, wall;
    double start = now(CLOCK_MONOTONIC);
    while (cpu.size() < 3 || now(CLOCK_MONOTONIC) - start < (minTime + warmup) * 1e3) {
      double cpuStart = now(CLOCK_PROCESS_CPUTIME_ID), wallStart = now(CLOCK_MONOTONIC);
      Status status = (*session)->runInto(arguments, *outputs);
      if (!status.isOk())
        return fail(status);
      if (wallStart - start < warmup * 1e3)
        continue;
      wall.push_back(now(CLOCK_MONOTONIC) - wallStart);
      cpu.push_back(now(CLOCK_PROCESS_CPUTIME_ID) - cpuStart);
    }
    std::sort(cpu.begin(), cpu.end());
    std::sort(wall.begin(), wall.end());
    rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    nlohmann::ordered_json report = {{"model", model},
                                     {"threads", threads},
                                     {"runs", cpu.size()},
                                     {"best_cpu_ms", cpu.front()},
                                     {"median_cpu_ms", cpu[cpu.size() / 2]},
                                     {"best_wall_ms", wall.front()},
                                     {"median_wall_ms", wall[wall.size() / 2]},
                                     {"compile_ms", info.milliseconds},
                                     {"from_cache", info.fromCache},
                                     {"peak_rss_bytes", int64_t(usage.ru_maxrss) * 1024}};
    if (json) {
      std::printf("%s\n", report.dump().c_str());
      return 0;
    }
    std::printf("%s: %zu runs\n  CPU   best %9.3f ms   median %9.3f ms\n  wall  best %9.3f ms   median %9.3f ms\n"
                "  %s in %.1f ms, peak memory %.1f MiB\n",
                model.c_str(), cpu.size(), cpu.front(), cpu[cpu.size() / 2], wall.front(), wall[wall.size() / 2],
                info.fromCache ? "loaded from the cache" : "compiled", info.milliseconds,
                double(usage.ru_maxrss) / 1024);
    return 0;
  }
};
} // namespace

void weft::driver::addBench(CLI::App &app, int &exitCode) {
  CLI::App *command = app.add_subcommand("bench", "Measure how long a model takes");
  auto state = std::make_shared<BenchCommand>();
  command->add_option("model", state->model, "The model (.onnx, .mlir) or program (.weft)")->required();
  command->add_option("-i,--input", state->inputs.inputs, "As for run (default: random:1)");
  command->add_option("--threads", state->threads, "Threads of the run (0: all this process may use)");
  command->add_option("--min-time", state->minTime, "Seconds to measure for")->capture_default_str();
  command->add_option("--warmup", state->warmup, "Seconds to run before measuring")->capture_default_str();
  command->add_flag("--json", state->json, "Print one JSON object");
  state->flags.add(*command);
  command->callback([state, &exitCode] { exitCode = state->run(); });
}
