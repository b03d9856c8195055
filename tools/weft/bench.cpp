// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// weft bench: how long a model takes, compiled and run, and how much memory.
#include "Commands.h"

#include "weft/Support/File.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <nlohmann/json.hpp>

using namespace weft;
using namespace weft::driver;

namespace {

double now(clockid_t clock) {
  timespec time;
  clock_gettime(clock, &time);
  return time.tv_sec * 1e3 + time.tv_nsec * 1e-6;
}

/// Most memory this process ever had resident: VmHWM, which unlike ru_maxrss starts anew at exec.
Result<int64_t> peakResidentBytes() {
  WEFT_ASSIGN_OR_RETURN(std::string text, readFile("/proc/self/status"));
  size_t at = text.find("VmHWM:");
  long long kib = 0;
  if (at == std::string::npos || std::sscanf(text.c_str() + at, "VmHWM: %lld kB", &kib) != 1)
    return unavailable("/proc/self/status has no VmHWM");
  return int64_t(kib) * 1024;
}

/// The CPU clocks of this process's threads. Linux has one for each thread's number, as
/// pthread_getcpuclockid makes them: its complement, then three bits for "scheduled time of a thread".
std::vector<clockid_t> threadClocks() {
  std::vector<clockid_t> clocks;
  std::error_code none;
  for (const auto &task : std::filesystem::directory_iterator("/proc/self/task", none))
    clocks.push_back(clockid_t(~unsigned(std::stoul(task.path().filename())) << 3 | 6));
  return clocks;
}

struct BenchCommand {
  CompileFlags flags;
  DeviceFlags device;
  InputFlags inputs;
  std::string model;
  int threads = 0;
  double minTime = 1, warmup = 0.1;
  bool json = false;

  int run() {
    if (inputs.inputs.empty())
      inputs.inputs = {"random:1"};
    inputs.images.verbose = flags.verbose;
    if (Status status = device.open(model, flags); !status.isOk())
      return fail(status);
    CompiledInfo info;
    auto executable = prepare(model, flags, &inputs, info);
    if (!executable.isOk())
      return fail(executable.status());
    SessionOptions options;
    options.threads = threads;
    device.apply(options);
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
    for (auto &[name, tensor] : *named)
      arguments.push_back(tensor);
    auto outputs = (*session)->run(arguments);
    if (!outputs.isOk())
      return fail(outputs.status().context(model));

    const std::vector<clockid_t> clocks = threadClocks();
    std::vector<double> cpu, wall, busiest, before(clocks.size());
    double start = now(CLOCK_MONOTONIC);
    while (cpu.size() < 3 || now(CLOCK_MONOTONIC) - start < (minTime + warmup) * 1e3) {
      std::ranges::transform(clocks, before.begin(), now);
      double cpuStart = now(CLOCK_PROCESS_CPUTIME_ID), wallStart = now(CLOCK_MONOTONIC);
      Status status = (*session)->runInto(arguments, *outputs);
      if (!status.isOk())
        return fail(status.context(model));
      double cpuEnd = now(CLOCK_PROCESS_CPUTIME_ID), wallEnd = now(CLOCK_MONOTONIC);
      double most = 0;
      for (size_t i = 0; i < clocks.size(); ++i)
        most = std::max(most, now(clocks[i]) - before[i]);
      flags.progress->update("measuring, seconds", int64_t((wallEnd - start) / 1e3),
                             int64_t(std::max(2.0, minTime + warmup)));
      if (wallStart - start < warmup * 1e3)
        continue;
      wall.push_back(wallEnd - wallStart);
      cpu.push_back(cpuEnd - cpuStart);
      busiest.push_back(most);
    }
    flags.progress->clear();
    std::sort(cpu.begin(), cpu.end());
    std::sort(wall.begin(), wall.end());
    std::sort(busiest.begin(), busiest.end());
    auto peak = peakResidentBytes();
    if (!peak.isOk())
      return fail(peak.status());
    return report(cpu, wall, busiest.front(), info, *peak, (*session)->memoryUse());
  }

  int report(const std::vector<double> &cpu, const std::vector<double> &wall, double busiest,
             const CompiledInfo &info, int64_t peak, const runtime::MemoryUse &memory) {
    std::string text;
    if (json) {
      nlohmann::ordered_json object = {{"model", model},
                                       {"threads", threads},
                                       {"runs", cpu.size()},
                                       {"best_cpu_ms", cpu.front()},
                                       {"median_cpu_ms", cpu[cpu.size() / 2]},
                                       {"best_cpu_ms_of_busiest_thread", busiest},
                                       {"best_wall_ms", wall.front()},
                                       {"median_wall_ms", wall[wall.size() / 2]},
                                       {"compile_ms", info.milliseconds},
                                       {"compile_cpu_ms", info.cpuMilliseconds},
                                       {"from_cache", info.fromCache},
                                       {"device", memory.device},
                                       {"peak_rss_bytes", peak},
                                       {"arena_bytes", memory.planBytes},
                                       {"constant_bytes", memory.constantBytes}};
      text = object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
    } else {
      const std::string &where = memory.device;
      char lines[768];
      std::snprintf(
          lines, sizeof lines,
          ": %zu runs%s%s\n  CPU   best %9.3f ms   median %9.3f ms\n  wall  best %9.3f ms   median %9.3f ms\n"
          "  %s in %.1f ms; peak memory %.1f MiB (constants %.1f, temporaries %.1f)\n",
          cpu.size(), where.empty() ? "" : " on ", where.c_str(), cpu.front(), cpu[cpu.size() / 2],
          wall.front(), wall[wall.size() / 2],
          info.fromCache                             ? "found in the cache"
          : modelKindOf(model) == ModelKind::Program ? "loaded"
                                                     : "compiled",
          info.milliseconds, double(peak) / 0x1p20, double(memory.constantBytes) / 0x1p20,
          double(memory.planBytes) / 0x1p20);
      text = model + lines;
    }
    Status status = writeStdout(text);
    return status.isOk() ? 0 : fail(status);
  }
};
} // namespace

void weft::driver::addBench(CLI::App &app, int &exitCode) {
  CLI::App *command = app.add_subcommand("bench", "Measure how long a model takes");
  auto state = std::make_shared<BenchCommand>();
  command->add_option("model", state->model, "The model (.onnx, .mlir) or program (.weft)")
      ->required()
      ->type_name("");
  state->inputs.add(*command, true);
  addThreads(*command, state->threads);
  state->device.add(*command);
  command->add_option("--min-time", state->minTime, "Seconds to measure for, at least 3 runs")
      ->capture_default_str()
      ->type_name("")
      ->check(CLI::Range(0.0, 1e6).description(""));
  command->add_option("--warmup", state->warmup, "Seconds to run before that")
      ->capture_default_str()
      ->type_name("")
      ->check(CLI::Range(0.0, 1e6).description(""));
  command->add_flag("--json", state->json, "Print one JSON object");
  state->flags.add(*command, false);
  command->footer("Examples:\n"
                  "  weft bench model.onnx\n"
                  "  weft bench model.onnx --shape x=8x3x224x224 --threads 1 --min-time 5 --json\n"
                  "Flags that look into the compiler (weft compile --help) work here too.");
  command->callback([state, &exitCode] { exitCode = state->run(); });
}
