// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// weft profile: where the time of a run goes, kernel by kernel, beside what this machine can do at best. The
// runtime times each command; what a launch computes and moves is in the program. Times are means over the
// faster half of the runs, so that what disturbed a run does not count, and shares still add up.
#include "Commands.h"
#include "InspectJob.h"
#include "ProfilePicture.h"

#include "weft/Program/Visit.h"
#include "weft/Runtime/MachinePeak.h"
#include "weft/Runtime/ThreadPool.h"
#include "weft/Runtime/Trace.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>

using namespace weft;
using namespace weft::driver;
using namespace weft::program;
using nlohmann::ordered_json;

namespace {

/// Time and work, summed.
struct Work {
  double seconds = 0;
  int64_t calls = 0, flops = 0, bytes = 0;
  double leastSeconds = 0, computeSeconds = 0; ///< by the roofline; the part of it that arithmetic bounds
  bool isKnown = true;                         ///< the flops and bytes of all calls are
};

/// A line of the profile: a kernel with all its launches, or commands of another kind and one name.
struct Row {
  std::string name, symbol, kind;
  std::vector<std::string> nodes;
  Work work; ///< per run
};

/// What the events of a run belong to.
class ProgramIndex {
public:
  explicit ProgramIndex(const Program &program) : program(program) {
    for (const Function &function : program.functions)
      for (const Command &command : function.commands)
        add(command);
  }

  size_t numRows() const { return rows.size(); }
  const Row &row(size_t i) const { return rows[i]; }
  /// The row of the command whose name that is: events point at it. Branches, loops and calls have none: what
  /// they run is timed itself.
  std::optional<size_t> rowOf(const std::string *name) const {
    const auto found = rowOfName.find(name);
    return found == rowOfName.end() ? std::nullopt : std::optional(found->second);
  }

private:
  void add(const Command &command) {
    bool calls = false;
    forEachCallee(command, [&](FunctionId) { calls = true; });
    if (calls)
      return;
    const auto *launch = std::get_if<Launch>(&command.what);
    const auto key = launch ? std::pair(std::string(), launch->kernel) : std::pair(command.name, noId);
    const auto [entry, isNew] = rowOfKey.try_emplace(key, rows.size());
    if (isNew) {
      Row row;
      row.name = launch ? program.kernels[launch->kernel].name : command.name;
      row.symbol = launch ? program.kernels[launch->kernel].symbol : "";
      row.kind = launch ? "kernel" : "command";
      rows.push_back(std::move(row));
    }
    Row &row = rows[entry->second];
    if (std::find(row.nodes.begin(), row.nodes.end(), command.location) == row.nodes.end())
      row.nodes.push_back(command.location);
    rowOfName[&command.name] = entry->second;
  }

  const Program &program;
  std::vector<Row> rows;
  std::map<std::pair<std::string, KernelId>, size_t> rowOfKey;
  std::map<const std::string *, size_t> rowOfName;
};

/// One run: its length, and the work of each command.
struct Run {
  double seconds = 0;
  std::map<const std::string *, Work> commands;
};

struct Profile {
  std::vector<Row> rows; ///< by falling time; the last one is what no command took
  std::map<const std::string *, Work> commands;
  double seconds = 0, best = 0;
  size_t runs = 0, counted = 0;
};

std::string numberText(double value, const char *format) {
  char text[48];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

struct ProfileCommand {
  CompileFlags flags;
  DeviceFlags device;
  InputFlags inputs;
  std::string model, trace, svg;
  int threads = 0, top = 20;
  double minTime = 1;
  bool json = false;
  std::optional<runtime::MachinePeak> peak; ///< of a CPU

  int run() {
    if (inputs.inputs.empty())
      inputs.inputs = {"random:1"};
    inputs.images.verbose = flags.verbose;
    const Result<int> code = measure();
    if (flags.progress)
      flags.progress->clear();
    return code.isOk() ? *code : fail(code.status());
  }

  Result<int> measure() {
    WEFT_RETURN_IF_ERROR(device.open(model, flags));
    CompiledInfo info;
    WEFT_ASSIGN_OR_RETURN(const auto executable, prepare(model, flags, &inputs, info));
    SessionOptions options;
    options.threads = threads;
    options.trace = true;
    device.apply(options);
    WEFT_ASSIGN_OR_RETURN(const auto session, Session::create(executable, options));
    WEFT_ASSIGN_OR_RETURN(const auto wanted, executable->inputs());
    WEFT_ASSIGN_OR_RETURN(const auto named, inputs.read(wanted));
    std::vector<HostTensor> arguments;
    for (const auto &[name, tensor] : named)
      arguments.push_back(tensor);
    WEFT_ASSIGN_OR_RETURN(auto outputs, session->run(arguments));

    const Program &program = executable->program();
    if (!program.isForGpu()) {
      const int all = runtime::ThreadPool::process().threads();
      peak = runtime::measureMachinePeak(
          threads > 0 ? std::min(threads, all) : all,
          [&](int64_t done, int64_t total) { flags.progress->update("measuring the machine", done, total); });
    }
    const ProgramIndex index(program);
    std::vector<Run> runs;
    uint64_t dropped = 0;
    for (const int64_t start = Trace::now(); runs.size() < 4 || secondsSince(start) < minTime;) {
      session->trace().clear();
      WEFT_RETURN_IF_ERROR(session->runInto(arguments, outputs).context(model));
      runs.push_back(collect(session->trace(), index));
      dropped = std::max(dropped, session->trace().numDropped());
      flags.progress->update("profiling, seconds", int64_t(secondsSince(start)),
                             std::max<int64_t>(1, int64_t(minTime)));
    }
    flags.progress->clear();
    if (dropped)
      std::fprintf(stderr,
                   "weft: warning: a run has more commands than the trace keeps; the first %llu are "
                   "counted as time outside of commands\n",
                   static_cast<unsigned long long>(dropped));
    const Profile profile = summarize(runs, index);
    if (!trace.empty())
      WEFT_RETURN_IF_ERROR(session->trace().writeChromeJson(trace));
    if (!svg.empty())
      WEFT_RETURN_IF_ERROR(writeFileAtomically(svg, picture(program, profile)));
    const std::string where = session->memoryUse().device;
    WEFT_RETURN_IF_ERROR(writeStdout(json ? asJson(profile, where) : asText(profile, where)));
    return 0;
  }

  using Trace = runtime::Trace;
  static double secondsSince(int64_t start) { return double(Trace::now() - start) * 1e-9; }

  Run collect(const Trace &events, const ProgramIndex &index) const {
    Run run;
    for (const runtime::TraceEvent &event : events.events()) {
      const double seconds = double(event.end - event.start) * 1e-9;
      if (std::string_view(event.kind) == "run")
        run.seconds = seconds;
      if (!index.rowOf(event.name))
        continue;
      Work work{seconds, 1, event.flops, event.bytes};
      // Commands but launches only move bytes.
      if (std::string_view(event.kind) != "launch")
        work.flops = 0;
      work.isKnown = work.flops >= 0 && work.bytes >= 0;
      if (work.isKnown && peak) {
        work.leastSeconds = peak->leastSeconds(work.flops, work.bytes);
        work.computeSeconds = peak->isBoundByCompute(work.flops, work.bytes) ? work.leastSeconds : 0;
      }
      add(run.commands[event.name], work);
    }
    return run;
  }

  static void add(Work &sum, const Work &work) {
    sum.seconds += work.seconds;
    sum.calls += work.calls;
    sum.flops += work.flops;
    sum.bytes += work.bytes;
    sum.leastSeconds += work.leastSeconds;
    sum.computeSeconds += work.computeSeconds;
    sum.isKnown &= work.isKnown;
  }

  static Profile summarize(std::vector<Run> &runs, const ProgramIndex &index) {
    std::stable_sort(runs.begin(), runs.end(),
                     [](const Run &a, const Run &b) { return a.seconds < b.seconds; });
    Profile profile;
    profile.runs = runs.size();
    profile.counted = (runs.size() + 1) / 2;
    profile.best = runs.front().seconds;
    // All runs do the same work unless it depends on data, which is the same.
    profile.commands = runs.front().commands;
    for (auto &[name, work] : profile.commands)
      work.seconds = 0;
    double inCommands = 0;
    for (size_t i = 0; i < profile.counted; ++i) {
      profile.seconds += runs[i].seconds / double(profile.counted);
      for (const auto &[name, work] : runs[i].commands) {
        profile.commands[name].seconds += work.seconds / double(profile.counted);
        inCommands += work.seconds / double(profile.counted);
      }
    }
    std::vector<Row> rows;
    for (size_t i = 0; i < index.numRows(); ++i)
      rows.push_back(index.row(i));
    for (const auto &[name, work] : profile.commands)
      add(rows[*index.rowOf(name)].work, work);
    std::erase_if(rows, [](const Row &row) { return row.work.calls == 0; });
    std::stable_sort(rows.begin(), rows.end(),
                     [](const Row &a, const Row &b) { return a.work.seconds > b.work.seconds; });
    Row rest{"outside of commands", "", "runtime", {}, {}};
    // A device works on while the host has gone ahead: its commands may take longer than the run is seen to.
    rest.work.seconds = std::max(0.0, profile.seconds - inCommands);
    profile.seconds = inCommands + rest.work.seconds;
    rows.push_back(std::move(rest));
    profile.rows = std::move(rows);
    return profile;
  }

  static std::string nodesText(const std::vector<std::string> &nodes, size_t count) {
    std::string text;
    for (size_t i = 0; i < std::min(count, nodes.size()); ++i)
      text += (i ? "; " : "") + nodes[i];
    return nodes.size() > count ? concat(text, " and ", nodes.size() - count, " more") : text;
  }

  /// What bounds the work by the roofline; empty when that is not known.
  std::string_view boundOf(const Work &work) const {
    return !peak || !work.isKnown || work.leastSeconds == 0 ? ""
           : work.computeSeconds * 2 > work.leastSeconds    ? "compute"
                                                            : "memory";
  }
  std::string vectorsText() const { return peak->vectors.empty() ? "4 lanes" : peak->vectors; }

  std::string asText(const Profile &profile, const std::string &where) const {
    std::string text =
        concat(model, ": ", numberText(profile.seconds * 1e3, "%.3f"), " ms a run, the mean of the faster ",
               profile.counted, " of ", profile.runs, "; the best ", numberText(profile.best * 1e3, "%.3f"),
               " ms", where.empty() ? "" : "; on ", where, "\n");
    if (peak) {
      const auto &memory = peak->memory;
      text += concat("peak of ", peak->threads, peak->threads == 1 ? " thread: " : " threads: ",
                     numberText(peak->flopsPerSecond * 1e-9, "%.1f"), " GFLOP/s (f32, ", vectorsText(),
                     "); memory ", numberText(memory.front().bytesPerSecond * 1e-9, "%.1f"), " GB/s for ",
                     bytesText(memory.front().bytes), ", ",
                     numberText(memory.back().bytesPerSecond * 1e-9, "%.1f"), " GB/s for ",
                     bytesText(memory.back().bytes), "\n");
    }
    char line[256];
    std::snprintf(line, sizeof line, "%8s %11s %6s %10s %10s %9s %8s %7s  %-7s  %-28s %s\n", "share", "ms",
                  "calls", "MFLOP", "MB", "GFLOP/s", "GB/s", "of peak", "bound", "kernel", "nodes");
    text += line;
    const size_t shown = top > 0 ? std::min(size_t(top), profile.rows.size() - 1) : profile.rows.size() - 1;
    for (size_t i = 0; i < shown; ++i) {
      const Row &row = profile.rows[i];
      const Work &work = row.work;
      const bool hasRate = work.isKnown && work.seconds > 0;
      const auto rate = [&](double value, const char *format) {
        return hasRate ? numberText(value / work.seconds * 1e-9, format) : std::string("-");
      };
      const auto count = [&](int64_t value) {
        return work.isKnown ? numberText(double(value) * 1e-6, "%.3f") : std::string("-");
      };
      std::snprintf(line, sizeof line, "%6.2f %% %11.4f %6lld %10s %10s %9s %8s %7s  %-7s  %-28.120s ",
                    share(work, profile), work.seconds * 1e3, static_cast<long long>(work.calls),
                    count(work.flops).c_str(), count(work.bytes).c_str(),
                    rate(double(work.flops), "%.1f").c_str(), rate(double(work.bytes), "%.1f").c_str(),
                    boundOf(work).empty()
                        ? "-"
                        : (numberText(100 * work.leastSeconds / work.seconds, "%.0f") + " %").c_str(),
                    boundOf(work).empty() ? "-" : std::string(boundOf(work)).c_str(), row.name.c_str());
      text += line + nodesText(row.nodes, 3) + "\n";
    }
    Work hidden;
    for (size_t i = shown; i + 1 < profile.rows.size(); ++i)
      add(hidden, profile.rows[i].work);
    if (const size_t count = profile.rows.size() - 1 - shown) {
      std::snprintf(line, sizeof line, "%6.2f %% %11.4f %6lld  %zu more (--top)\n", share(hidden, profile),
                    hidden.seconds * 1e3, static_cast<long long>(hidden.calls), count);
      text += line;
    }
    std::snprintf(line, sizeof line, "%6.2f %% %11.4f         outside of commands\n",
                  share(profile.rows.back().work, profile), profile.rows.back().work.seconds * 1e3);
    return text + line;
  }

  static double share(const Work &work, const Profile &profile) {
    return profile.seconds > 0 ? 100 * work.seconds / profile.seconds : 0;
  }

  std::string asJson(const Profile &profile, const std::string &where) const {
    ordered_json root = {{"model", model},
                         {"device", where},
                         {"runs", profile.runs},
                         {"runs_counted", profile.counted},
                         {"ms", profile.seconds * 1e3},
                         {"best_ms", profile.best * 1e3},
                         {"peak", nullptr}};
    if (peak) {
      ordered_json levels = ordered_json::array();
      for (const auto &level : peak->memory)
        levels.push_back({{"bytes", level.bytes}, {"gb_per_s", level.bytesPerSecond * 1e-9}});
      root["peak"] = {{"threads", peak->threads},
                      {"vectors", peak->vectors},
                      {"gflop_per_s", peak->flopsPerSecond * 1e-9},
                      {"memory", levels}};
    }
    root["rows"] = ordered_json::array();
    for (const Row &row : profile.rows) {
      const Work &work = row.work;
      ordered_json entry = {
          {"name", row.name},    {"kind", row.kind},           {"symbol", row.symbol},
          {"calls", work.calls}, {"ms", work.seconds * 1e3},   {"share_percent", share(work, profile)},
          {"flops", nullptr},    {"bytes", nullptr},           {"gflop_per_s", nullptr},
          {"gb_per_s", nullptr}, {"of_peak_percent", nullptr}, {"bound", nullptr},
          {"nodes", row.nodes}};
      if (work.isKnown && work.calls > 0) {
        entry["flops"] = work.flops;
        entry["bytes"] = work.bytes;
        if (work.seconds > 0) {
          entry["gflop_per_s"] = double(work.flops) / work.seconds * 1e-9;
          entry["gb_per_s"] = double(work.bytes) / work.seconds * 1e-9;
        }
      }
      if (const std::string_view bound = boundOf(work); !bound.empty() && work.seconds > 0) {
        entry["of_peak_percent"] = 100 * work.leastSeconds / work.seconds;
        entry["bound"] = bound;
      }
      root["rows"].push_back(std::move(entry));
    }
    return root.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
  }

  std::string picture(const Program &program, const Profile &profile) const {
    double longest = 0;
    for (const auto &[name, work] : profile.commands)
      longest = std::max(longest, work.seconds);
    const auto describe = [&](const Command &command) {
      CommandPicture box;
      const auto *launch = std::get_if<Launch>(&command.what);
      box.title = launch ? program.kernels[launch->kernel].name : command.name;
      box.nodes = command.location;
      const auto found = profile.commands.find(&command.name);
      bool calls = false;
      forEachCallee(command, [&](FunctionId) { calls = true; });
      if (found == profile.commands.end()) {
        box.isShown = calls;
        return box;
      }
      const Work &work = found->second;
      box.heat = longest > 0 ? work.seconds / longest : 0;
      box.fact = concat(numberText(share(work, profile), "%.1f"), " %, ",
                        work.seconds < 1e-3 ? numberText(work.seconds * 1e6, "%.1f us")
                                            : numberText(work.seconds * 1e3, "%.3f ms"));
      if (work.calls > 1)
        box.fact += concat(", ", work.calls, " calls");
      if (const std::string_view bound = boundOf(work); !bound.empty() && work.seconds > 0)
        box.fact +=
            concat(", ", bound, " ", numberText(100 * work.leastSeconds / work.seconds, "%.0f"), " %");
      return box;
    };
    return drawProgram(
        program, program.findFunction("main"), model,
        concat(numberText(profile.seconds * 1e3, "%.3f"), " ms a run, ", profile.runs, " runs"), describe);
  }
};
} // namespace

void weft::driver::addProfile(CLI::App &app, int &exitCode) {
  CLI::App *command = app.add_subcommand("profile", "Tell where the time of a model goes, kernel by kernel");
  auto state = std::make_shared<ProfileCommand>();
  command->add_option("model", state->model, "The model (.onnx, .mlir) or program (.weft)")
      ->required()
      ->type_name("");
  state->inputs.add(*command, true);
  addThreads(*command, state->threads);
  state->device.add(*command);
  command->add_option("--min-time", state->minTime, "Seconds to measure for, at least 4 runs")
      ->capture_default_str()
      ->type_name("")
      ->check(CLI::Range(0.0, 1e6).description(""));
  command->add_option("--top", state->top, "How many kernels to list (0: all)")
      ->capture_default_str()
      ->type_name("N")
      ->check(CLI::Range(0, 1000000).description(""));
  command->add_flag("--json", state->json, "Print one JSON object, with all kernels");
  command->add_option("--svg", state->svg, "Write a picture of the graph, coloured by time")
      ->type_name("FILE");
  command->add_option("--trace", state->trace, "Write a Chrome trace of the last run")->type_name("FILE");
  state->flags.add(*command, false);
  command->footer("Examples:\n"
                  "  weft profile model.onnx --threads 1\n"
                  "  weft profile model.onnx --shape x=8x3x224x224 --top 5 --svg model.svg\n"
                  "Flags that look into the compiler (weft compile --help) work here too.");
  command->callback([state, &exitCode] { exitCode = state->run(); });
}
