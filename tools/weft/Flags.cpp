// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Flags and messages that the subcommands share.
#include "Commands.h"

#include <chrono>
#include <cstdio>
#include <unistd.h>

using namespace weft;
using namespace weft::driver;

int weft::driver::fail(const Status &status) {
  std::fprintf(stderr, "weft: error: %s\n", status.message().c_str());
  return 1;
}

void CompileFlags::add(CLI::App &command) {
  command.add_option("--target", options.target, "What to compile for: cpu")->capture_default_str();
  command.add_option("--target-cpu", options.targetCpu, "native, x86-64-v3, x86-64-v4, or a CPU name of LLVM")
      ->capture_default_str();
  command.add_option("--dynamic-dim", options.dynamicDims, "NAME:LOWER:UPPER or NAME: a dimension that stays dynamic");
  command.add_option("--shape", options.shapes, "INPUT=1x3x224x224: extents to specialise an input to");
  command.add_option("--numerics", options.numerics, "strict, default or fast")->capture_default_str();
  command.add_flag("--no-cache", noCache, "Compile even if the program is in the cache, and do not keep it");
  command.add_option("--time-stages", timeStages, "Print the time of each stage of the compiler (text or json)")
      ->expected(0, 1)
      ->default_str("text");
  command.add_option("--dump-stages", options.dumpDir, "Write the IR after each stage into this folder");
  command.add_option("--from", options.from, "Stage the .mlir input is in: import, graph, host");
  command.add_option("--reproducer", options.reproducer, "Write a reproducer here when a pass fails or crashes");
  command.add_flag("--verify-ir", options.verify, "Verify the IR between passes");
  command.add_option("--compile-threads", options.threads, "Threads of the compiler (0: one per core)");
  command.add_flag("-v,--verbose", verbose, "Say what is done");
}

void CompileFlags::finish() {
  options.useCache = !noCache;
  auto progress = std::make_shared<Progress>();
  options.progress = [progress](std::string_view stage, int64_t done, int64_t total) {
    progress->update(stage, done, total);
  };
  bool all = verbose;
  options.diagnostic = [progress, all](Severity severity, std::string_view text) {
    // Errors come back in the Status.
    if (severity == Severity::Error || (severity != Severity::Warning && !all))
      return;
    progress->clear();
    static constexpr const char *names[] = {"note", "remark", "warning", "error"};
    std::fprintf(stderr, "weft: %s: %.*s\n", names[int(severity)], int(text.size()), text.data());
  };
  if (!timeStages.empty()) {
    bool json = timeStages == "json";
    options.stageTime = [json](std::string_view stage, double wall, double cpu) {
      std::fprintf(stderr, json ? "{\"stage\": \"%.*s\", \"wall_ms\": %.3f, \"cpu_ms\": %.3f}\n"
                                : "%-10.*s %9.1f ms wall %9.1f ms CPU\n",
                   int(stage.size()), stage.data(), wall, cpu);
    };
  }
}

static int64_t nowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

Progress::Progress() : terminal(isatty(2)), start(nowMs()) {}
Progress::~Progress() { clear(); }

void Progress::update(std::string_view stage, int64_t done, int64_t total) {
  if (!terminal || nowMs() - start < 1000)
    return;
  std::fprintf(stderr, "\r\033[Kweft: %.*s %lld/%lld", int(stage.size()), stage.data(), (long long)done,
               (long long)total);
  std::fflush(stderr);
  shown = true;
}

void Progress::clear() {
  if (!shown)
    return;
  std::fprintf(stderr, "\r\033[K");
  std::fflush(stderr);
  shown = false;
}

Result<std::vector<NamedFile>> weft::driver::parseNamedFiles(const std::vector<std::string> &texts, const char *flag) {
  std::vector<NamedFile> files;
  for (const std::string &text : texts) {
    size_t at = text.find("=@");
    if (at == std::string::npos || at == 0 || at + 2 == text.size())
      return invalidArgument(flag, " '", text, "', wanted NAME=@FILE");
    files.push_back({text.substr(0, at), text.substr(at + 2)});
  }
  return files;
}
