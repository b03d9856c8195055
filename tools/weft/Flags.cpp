// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Flags and messages that the subcommands share.
#include "Commands.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <set>
#include <unistd.h>

using namespace weft;
using namespace weft::driver;

int weft::driver::fail(const Status &status) {
  std::fflush(stdout);
  std::fprintf(stderr, "weft: error: %s\n", status.message().c_str());
  return 1;
}

int weft::driver::failUsage(const Status &status) {
  fail(status);
  return usageError;
}

Status weft::driver::writeStdout(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0)
    return Status::ok();
  return errnoStatus(errno, "cannot write to standard output");
}

/// Messages that were given already, and how many warnings were kept back.
struct CompileFlags::Warnings {
  static constexpr size_t shownFirst = 3;
  std::mutex mutex;
  std::set<std::string, std::less<>> seen;
  size_t hidden = 0;
};

static std::string isDynamicDim(const std::string &text) {
  size_t first = text.find(':'), second = first == std::string::npos ? first : text.find(':', first + 1);
  auto isNumber = [](std::string_view digits) {
    return !digits.empty() && digits.size() < 19 && std::all_of(digits.begin(), digits.end(), ::isdigit);
  };
  bool good = first == std::string::npos ? !text.empty()
                                         : first > 0 && second != std::string::npos &&
                                               isNumber(text.substr(first + 1, second - first - 1)) &&
                                               isNumber(text.substr(second + 1));
  return good ? "" : "'" + text + "', wanted NAME or NAME:LOWER:UPPER";
}

static std::string isShape(const std::string &text) {
  size_t at = text.rfind('=');
  bool good = at != std::string::npos && at > 0;
  bool digits = false;
  for (size_t i = at + 1; good && i < text.size(); ++i) {
    if (text[i] == 'x') {
      good = digits && i + 1 < text.size();
      digits = false;
    } else {
      good = std::isdigit(static_cast<unsigned char>(text[i])) || (text[i] == '?' && !digits);
      digits = true;
    }
  }
  return good ? "" : "'" + text + "', wanted INPUT=1x3x224x224";
}

static std::string isSeconds(const std::string &text) {
  double seconds = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  return error == std::errc() && end == text.data() + text.size() && seconds >= 0 && seconds <= 86400
             ? ""
             : "'" + text + "', wanted seconds, 0 to 86400";
}

void CompileFlags::add(CLI::App &command, bool forEngineers) {
  const char *group = "Compiling";
  targetOption = command.add_option("--target", options.target, "cpu, or cuda or cuda-emu[:sm_80|:sm_90a]")
                     ->capture_default_str()
                     ->type_name("")
                     ->group(group);
  command.add_flag("--allow-fallback", options.allowFallback, "Ops without a GPU kernel may run on the CPU")
      ->group(forEngineers ? group : "");
  command.add_option("--target-cpu", options.targetCpu, "native, x86-64-v3, x86-64-v4, or a CPU of LLVM")
      ->capture_default_str()
      ->group(group);
  command.add_option("--dynamic-dim", options.dynamicDims, "NAME:LOWER:UPPER or NAME: stays dynamic")
      ->type_name("DIM")
      ->allow_extra_args(false)
      ->check(CLI::Validator(isDynamicDim, ""))
      ->group(group);
  command.add_option("--shape", options.shapes, "INPUT=1x3x224x224: extents of an ONNX input")
      ->type_name("SHAPE")
      ->allow_extra_args(false)
      ->check(CLI::Validator(isShape, ""))
      ->group(group);
  command.add_option("--numerics", options.numerics, "strict, default or fast")
      ->capture_default_str()
      ->type_name("")
      ->check(CLI::IsMember({"strict", "default", "fast"}).description(""))
      ->group(group);
  command
      .add_option("--tune", options.tuneSeconds,
                  "Try tilings on this machine, keep the best in the cache (0: use none kept)")
      ->type_name("SECONDS")
      ->check(CLI::Validator(isSeconds, ""))
      ->group(group);
  command.add_flag("--no-cache", noCache, "Compile anew, keep nothing")->group(group);
  command.add_flag("--warnings", allWarnings, "Show all warnings, not the first three")->group(group);
  command.add_flag("-v,--verbose", verbose, "Say what is done")->group(group);
  const char *hidden = forEngineers ? "Looking into the compiler" : "";
  command.add_option("--from", options.from, "Stage an .mlir input is in: import, graph, host")
      ->type_name("")
      ->check(CLI::IsMember({"import", "graph", "host"}).description(""))
      ->group(hidden);
  command.add_option("--dump-stages", options.dumpDir, "Write the IR after each stage into DIR")
      ->type_name("DIR")
      ->group(hidden);
  command.add_option("--time-stages", timeStages, "Time of each stage: text (as if given none) or json")
      ->expected(0, 1)
      ->default_str("text")
      ->type_name("")
      ->check(CLI::IsMember({"text", "json"}).description(""))
      ->group(hidden);
  command.add_option("--reproducer", options.reproducer, "Write FILE when a pass fails or crashes")
      ->type_name("FILE")
      ->group(hidden);
  command.add_flag("--verify-ir", options.verify, "Verify the IR between passes")->group(hidden);
  command.add_option("--compile-threads", options.threads, "Threads of the compiler (0: one per core)")
      ->type_name("N")
      ->check(CLI::Range(0, 4096).description(""))
      ->group(hidden);
  command.add_option("--progress", progressWhen, "auto, always or never")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->group("");
}

static std::string isEmulatorMode(const std::string &text) {
  const bool hasSeed = text.starts_with("random:") && text.size() > 7 && text.size() < 26 &&
                       std::all_of(text.begin() + 7, text.end(), ::isdigit);
  return text == "fast" || text == "fifo" || text == "lifo" || hasSeed
             ? ""
             : "'" + text + "', wanted fast, fifo, lifo or random:SEED";
}

void weft::driver::addThreads(CLI::App &command, int &threads) {
  command.add_option("--threads", threads, "Threads of the run (0: all it may use)")
      ->type_name("N")
      ->check(CLI::Range(0, 4096).description(""));
}

void DeviceFlags::add(CLI::App &command) {
  command.add_option("--device", number, "Which of several GPUs")
      ->type_name("N")
      ->check(CLI::Range(0, 4096).description(""));
  command
      .add_option("--emulator", emulator, "fast; or with all checks, in an order: fifo, lifo, random:SEED")
      ->capture_default_str()
      ->type_name("")
      ->check(CLI::Validator(isEmulatorMode, ""));
}

Status DeviceFlags::open(const std::string &model, const CompileFlags &flags) {
  if (!flags.isTargetGiven())
    return Status::ok();
  WEFT_ASSIGN_OR_RETURN(const program::Target target, program::parseTarget(flags.options.target));
  const bool isProgram = modelKindOf(model) == ModelKind::Program;
  if (isProgram && (target.devices.size() > 1 || !target.architecture.empty()))
    return invalidArgument(model,
                           ": already compiled; --target names the device to run on: cpu, cuda or cuda-emu");
  if (isProgram)
    kind = target.devices.front();
  if (target.isForGpu()) {
    WEFT_ASSIGN_OR_RETURN(device, runtime::openDevice(target.devices.front(), number));
  }
  return Status::ok();
}

void DeviceFlags::apply(SessionOptions &options) const {
  options.device = kind;
  options.deviceNumber = number;
  options.emulator.checks = emulator != "fast";
  options.emulator.schedule = emulator == "fast" ? "fifo" : emulator;
}

void CompileFlags::finish(const std::string &model) {
  options.useCache = !noCache;
  progress = std::make_shared<Progress>(progressWhen);
  auto show = progress;
  options.progress = [show](std::string_view stage, int64_t done, int64_t total) {
    // Names a person understands, not those of the stages.
    if (stage.starts_with("tune: "))
      show->update("tuning kernels", done, total, stage.substr(6));
    else
      show->update(stage == "kernel"    ? "compiling kernels"
                   : stage == "import"  ? "reading the model"
                   : stage == "program" ? "writing the program"
                                        : "compiling",
                   done, total);
  };
  warnings = std::make_shared<Warnings>();
  auto told = warnings;
  bool all = verbose, every = allWarnings || verbose;
  options.diagnostic = [show, told, all, every](Severity severity, std::string_view text) {
    // Errors come back in the Status. Notes answer what was asked for.
    if (severity == Severity::Error || (severity == Severity::Remark && !all))
      return;
    std::lock_guard<std::mutex> lock(told->mutex);
    if (severity != Severity::Note && !told->seen.emplace(text).second)
      return;
    if (severity == Severity::Warning && !every && told->seen.size() > Warnings::shownFirst) {
      ++told->hidden;
      return;
    }
    show->clear();
    static constexpr const char *names[] = {"note", "remark", "warning", "error"};
    std::fprintf(stderr, "weft: %s: %.*s\n", names[int(severity)], int(text.size()), text.data());
  };
  if (!timeStages.empty()) {
    bool json = timeStages == "json";
    options.stageTime = [show, json](std::string_view stage, double wall, double cpu) {
      show->clear();
      std::fprintf(stderr,
                   json ? "{\"stage\": \"%.*s\", \"wall_ms\": %.3f, \"cpu_ms\": %.3f}\n"
                        : "%-10.*s %9.1f ms wall %9.1f ms CPU\n",
                   int(stage.size()), stage.data(), wall, cpu);
    };
  }
}

void CompileFlags::tellHidden() {
  if (progress)
    progress->clear();
  if (warnings && warnings->hidden)
    std::fprintf(stderr, "weft: %zu more warnings; --warnings shows them\n",
                 std::exchange(warnings->hidden, 0));
}

Result<std::shared_ptr<const Executable>> weft::driver::prepare(const std::string &model, CompileFlags &flags,
                                                                const InputFlags *inputs,
                                                                CompiledInfo &info) {
  flags.finish(model);
  if (modelKindOf(model) == ModelKind::Program &&
      (!flags.options.dynamicDims.empty() || !flags.options.shapes.empty() || !flags.options.from.empty()))
    return invalidArgument(model, ": already compiled; --dynamic-dim, --shape and --from are for models");
  // A model is compiled for the shapes it is given, unless a dimension is to stay dynamic.
  if (inputs && modelKindOf(model) == ModelKind::Onnx && flags.options.dynamicDims.empty()) {
    WEFT_ASSIGN_OR_RETURN(std::vector<std::string> shapes, inputs->shapes());
    flags.options.shapes.insert(flags.options.shapes.end(), shapes.begin(), shapes.end());
  }
  auto executable = compile(model, flags.options, &info);
  flags.tellHidden();
  if (executable.isOk() && flags.verbose)
    std::fprintf(stderr, "weft: %s %s in %.1f ms\n",
                 info.fromCache ? "found in the cache:" : "made ready:", model.c_str(), info.milliseconds);
  return executable;
}

static int64_t nowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

Progress::Progress(const std::string &when)
    : terminal(isatty(2)), never(when == "never"), start(nowMs()), delay(when == "always" ? 0 : 1000),
      last(-100000) {}
Progress::~Progress() { clear(); }

void Progress::update(std::string_view stage, int64_t done, int64_t total, std::string_view words) {
  int64_t now = nowMs();
  if (never || now - start < delay)
    return;
  // A terminal is repainted ten times a second; a log gets a line when the stage changes, and every ten
  // seconds.
  bool isNew = lastStage != stage;
  if (!isNew && now - last < (terminal ? 100 : 10000))
    return;
  last = now;
  lastStage = stage;
  std::fprintf(stderr, "%sweft: %.*s", terminal ? "\r\033[K" : "", int(stage.size()), stage.data());
  if (total > 1)
    std::fprintf(stderr, " %lld/%lld", (long long)done, (long long)total);
  if (!words.empty())
    std::fprintf(stderr, ", %.*s", int(words.size()), words.data());
  if (terminal) {
    std::fflush(stderr);
    shown = true;
  } else {
    std::fputc('\n', stderr);
  }
}

void Progress::clear() {
  if (!shown)
    return;
  std::fprintf(stderr, "\r\033[K");
  std::fflush(stderr);
  shown = false;
}

std::string weft::driver::isNamedFile(const std::string &text) {
  size_t at = text.find("=@");
  bool good = at != std::string::npos && at > 0 && at + 2 < text.size();
  return good ? "" : "'" + text + "', wanted NAME=@FILE";
}

NamedFile weft::driver::splitNamedFile(const std::string &text) {
  size_t at = text.find("=@");
  return {text.substr(0, at), text.substr(at + 2)};
}

std::string weft::driver::listValues(const std::vector<runtime::ValueInfo> &values) {
  std::string text;
  for (const runtime::ValueInfo &value : values)
    text += (text.empty() ? "" : ", ") + value.name + ": " + value.toString();
  return text;
}
