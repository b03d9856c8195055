// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// weft inspect: what a program is and does: its signature, memory, kernels, and the nodes of the model in
// each.
#include "Commands.h"
#include "InspectJob.h"

#include "weft/Program/MemoryPlan.h"
#include "weft/Program/Reader.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

using namespace weft;
using namespace weft::driver;
using namespace weft::program;
using nlohmann::ordered_json;

namespace {

/// Extents to size buffers with: the largest a dimension may have, or 1 (its lower bound) where there is no
/// largest.
std::vector<int64_t> chooseExtents(const Program &program, std::vector<int64_t> &values) {
  std::vector<int64_t> symbols(program.symbols.size(), noValue);
  for (size_t i = 0; i < symbols.size(); ++i) {
    const Symbol &symbol = program.symbols[i];
    if (symbol.isDataDependent()) {
      program.exprs.evaluate(std::span<const int64_t>(symbols), values);
      symbols[i] = values[symbol.bound];
    } else {
      symbols[i] = symbol.upper >= 0 ? symbol.upper : std::max<int64_t>(symbol.lower, 1);
    }
  }
  program.exprs.evaluate(std::span<const int64_t>(symbols), values);
  return symbols;
}

/// One command: what it reads and writes, in bytes.
struct Step {
  std::string what, nodes;
  int64_t reads = 0, constants = 0, writes = 0, chunks = -1;
  int64_t flops = -1, touched = -1; ///< of a launch: operations, and bytes that it has to read and write
};

class Explainer {
public:
  explicit Explainer(const Program &program) : program(program) {
    symbols = chooseExtents(program, values);
    for (const Symbol &symbol : program.symbols)
      symbolNames.push_back(symbol.name);
  }

  /// "batch = 64, seq = 1", empty when all is static.
  std::string extentsText() const {
    std::string text;
    for (size_t i = 0; i < symbols.size(); ++i)
      text += concat(text.empty() ? "" : ", ", program.symbols[i].name, " = ", symbols[i]);
    return text;
  }

  std::string typeText(const program::Value &value) const {
    std::string text = concat(value.dtype, "[");
    for (size_t d = 0; d < value.dims.size(); ++d)
      text += (d ? " x " : "") + program.exprs.toString(value.dims[d], symbolNames);
    return text + "]";
  }

  Step step(const Function &function, const Command &command) const {
    Step step{command.name, command.location};
    auto touch = [&](BufferId id, bool isWritten) {
      const Buffer *buffer = &function.buffers[id];
      int64_t size = values[buffer->size];
      while (buffer->kind == BufferKind::Alias)
        buffer = &function.buffers[buffer->index];
      int64_t &sum = isWritten                              ? step.writes
                     : buffer->kind == BufferKind::Constant ? step.constants
                                                            : step.reads;
      sum = size < 0 || sum < 0 ? -1 : sum + size;
    };
    auto touchAll = [&](const std::vector<BufferId> &ids, bool isWritten) {
      for (BufferId id : ids)
        touch(id, isWritten);
    };
    if (const auto *launch = std::get_if<Launch>(&command.what)) {
      for (size_t i = 0; i < launch->buffers.size(); ++i)
        touch(launch->buffers[i], i + launch->numResults >= launch->buffers.size());
      step.chunks = values[launch->chunks];
      step.flops = launch->flops == noId ? -1 : values[launch->flops];
      step.touched = launch->bytes == noId ? -1 : values[launch->bytes];
    } else if (const auto *host = std::get_if<Host>(&command.what)) {
      for (const HostArgument &argument : host->args)
        touch(argument.buffer, argument.isResult);
      step.what = host->function;
    } else if (const auto *copy = std::get_if<Copy>(&command.what)) {
      touch(copy->from, false);
      step.reads = step.writes = values[copy->size];
      step.constants = 0;
    } else if (const auto *fill = std::get_if<Fill>(&command.what)) {
      touch(fill->buffer, true);
    } else if (const auto *call = std::get_if<Call>(&command.what)) {
      touchAll(call->args, false);
      touchAll(call->results, true);
      step.what = "call " + program.functions[call->function].name;
    } else if (const auto *branch = std::get_if<If>(&command.what)) {
      touchAll(branch->args, false);
      touchAll(branch->results, true);
    } else if (const auto *loop = std::get_if<While>(&command.what)) {
      touchAll(loop->args, false);
      touchAll(loop->captures, false);
      touchAll(loop->results, true);
    } else if (const auto *collective = std::get_if<CollectiveStart>(&command.what)) {
      touch(collective->from, false);
      touch(collective->to, true);
      step.what = concat(collectiveName(collective->kind), " on channel ", collective->channel);
    } else if (const auto *send = std::get_if<Send>(&command.what)) {
      touch(send->from, false);
      step.what = concat("send on channel ", send->channel);
    } else if (const auto *recv = std::get_if<Recv>(&command.what)) {
      touch(recv->to, true);
      step.what = concat("receive on channel ", recv->channel);
    } else if (const auto *wait = std::get_if<Wait>(&command.what)) {
      step.what = concat("wait for channel ", wait->channel);
    }
    return step;
  }

  /// Sizes of temporary memory, planned for the chosen extents.
  Result<std::vector<FunctionPlan>> plans() const {
    Program copy = program;
    for (Function &function : copy.functions)
      function.arenaSize = -1; // plan again: the file does not hold the lower bound
    return planArenas(copy, values);
  }

  const Program &program;
  std::vector<int64_t> symbols, values;
  std::vector<std::string> symbolNames;
};

struct InspectCommand {
  CompileFlags flags;
  std::string model;
  bool explain = false, verify = false, json = false;

  int run() {
    if (isJobFile(model)) {
      if (explain)
        return failUsage(invalidArgument("--explain is for one program; what ranks send is always told"));
      const Result<std::string> text = describeJob(model, verify, json);
      const Status status = text.isOk() ? writeStdout(*text) : text.status();
      return status.isOk() ? 0 : fail(status);
    }
    if (modelKindOf(model) == ModelKind::Program) {
      // Read, not loaded: a program for another CPU can be looked at too.
      ReadOptions options;
      options.verifyConstants = verify;
      Result<LoadedProgram> loaded = readProgramFile(model, options);
      return loaded.isOk() ? tell(loaded->program, loaded->id) : fail(loaded.status());
    }
    if (verify)
      return failUsage(invalidArgument("--verify is for .weft and .weftjob files; '", model, "' is none"));
    CompiledInfo info;
    auto executable = prepare(model, flags, nullptr, info);
    return executable.isOk() ? tell((*executable)->program(), (*executable)->id())
                             : fail(executable.status());
  }

  int tell(const Program &program, const std::string &id) {
    Explainer explainer(program);
    auto plans = explainer.plans();
    if (!plans.isOk())
      return fail(plans.status().context(model));
    Status status = writeStdout(json ? asJson(explainer, id, *plans) : asText(explainer, id, *plans));
    return status.isOk() ? 0 : fail(status);
  }

  /// A line per kernel, with the blocks of its launches.
  static std::string gpuKernels(const Explainer &explainer) {
    const Program &program = explainer.program;
    std::vector<std::string> blocks(program.kernels.size());
    for (const Function &function : program.functions)
      for (const Command &command : function.commands)
        if (const auto *launch = std::get_if<Launch>(&command.what)) {
          const int64_t count = explainer.values[launch->chunks];
          std::string &list = blocks[launch->kernel];
          const std::string one = count < 0 ? "?" : std::to_string(count);
          if (list.size() < 40)
            list += (list.empty() ? "" : ", ") + one;
          else if (!list.ends_with("..."))
            list += ", ...";
        }
    std::string text = "runs on " + program.device + "\n";
    for (size_t k = 0; k < program.kernels.size(); ++k) {
      const Kernel &kernel = program.kernels[k];
      text += concat("  kernel ", kernel.name, ": ", kernel.threads, " threads, ",
                     bytesText(int64_t(kernel.sharedBytes)), " shared memory");
      if (kernel.cluster > 1)
        text += concat(", clusters of ", kernel.cluster);
      text += concat("; blocks: ", blocks[k], "\n");
    }
    return text;
  }

  static int64_t constantBytes(const Program &program) {
    int64_t bytes = 0;
    for (const Constant &constant : program.constants)
      if (auto size = checkedNumBytes(constant.dtype, constant.dims); size.isOk())
        bytes += *size;
    return bytes;
  }

  std::string asText(const Explainer &explainer, const std::string &id,
                     const std::vector<FunctionPlan> &plans) {
    const Program &program = explainer.program;
    std::string text = model + "\n  made by: " + program.producer + "\n  id: " + id + "\n";
    for (const auto &[key, value] : program.metadata)
      text += "  " + key + ": " + (key == "target" ? value.substr(0, value.find("/+")) : value) + "\n";
    if (verify)
      text += concat("  verified: manifest, ", program.images.size(), " code image(s), ",
                     program.constants.size(), " constants have the hashes they should\n");
    if (program.numRanks)
      text += concat("  mesh: ", meshText(program.mesh), ", ", program.numRanks, " ranks\n");
    for (const Symbol &symbol : program.symbols)
      text += concat("dimension ", symbol.name, ": ",
                     symbol.isDataDependent() ? "depends on data"
                     : symbol.upper < 0       ? concat("at least ", symbol.lower)
                                              : concat(symbol.lower, " to ", symbol.upper),
                     "\n");
    for (const CodeImage &image : program.images) {
      std::string features;
      for (const std::string &feature : image.features)
        features += " " + feature;
      text += concat("code for ", image.isa, ": ", bytesText(int64_t(image.bytes.bytes.size())),
                     features.empty() ? "" : ", needs", features, "\n");
    }
    size_t launches = 0;
    for (const Function &function : program.functions)
      for (const Command &command : function.commands)
        launches += std::holds_alternative<Launch>(command.what);
    text += concat(program.kernels.size(), " kernels for ", launches, " launches; ", program.constants.size(),
                   " constants, ", bytesText(constantBytes(program)), "; ", program.variables.size(),
                   " variables\n");
    if (program.isForGpu())
      text += gpuKernels(explainer);
    std::string at = explainer.extentsText();
    for (size_t f = 0; f < program.functions.size(); ++f) {
      const Function &function = program.functions[f];
      text += concat("function ", function.name, ": ", function.commands.size(), " commands");
      text += plans[f].size < 0 ? ", temporary memory depends on data"
                                : concat(", temporary memory ", bytesText(plans[f].size), " (at least ",
                                         bytesText(plans[f].lowerBound), " by any plan)");
      text += (at.empty() ? "" : ", at " + at) + "\n";
      for (const program::Value &value : function.inputs)
        text += "  input " + value.name + ": " + explainer.typeText(value) + "\n";
      for (const program::Value &value : function.outputs)
        text += "  output " + value.name + ": " + explainer.typeText(value) + "\n";
      if (!explain)
        continue;
      char line[256];
      std::snprintf(line, sizeof line, "  %4s  %10s  %10s  %10s  %6s  %10s  %-28s %s\n", "#", "reads",
                    "constants", "writes", program.isForGpu() ? "blocks" : "chunks", "MFLOP", "kernel",
                    "nodes");
      text += line;
      for (size_t c = 0; c < function.commands.size(); ++c) {
        Step step = explainer.step(function, function.commands[c]);
        char flops[32] = "-";
        if (step.flops >= 0)
          std::snprintf(flops, sizeof flops, "%.3f", double(step.flops) * 1e-6);
        std::snprintf(line, sizeof line, "  %4zu  %10s  %10s  %10s  %6s  %10s  %-28.170s ", c,
                      bytesText(step.reads).c_str(), bytesText(step.constants).c_str(),
                      bytesText(step.writes).c_str(),
                      step.chunks < 0 ? "-" : std::to_string(step.chunks).c_str(), flops, step.what.c_str());
        text += line + step.nodes + "\n";
        for (const std::string &note : function.commands[c].notes)
          text += "        " + note + "\n";
      }
    }
    return text;
  }

  std::string asJson(const Explainer &explainer, const std::string &id,
                     const std::vector<FunctionPlan> &plans) {
    const Program &program = explainer.program;
    ordered_json root = {
        {"file", model}, {"producer", program.producer}, {"id", id}, {"device", program.device}};
    if (verify)
      root["verified"] = true;
    root["metadata"] = ordered_json::object();
    for (const auto &[key, value] : program.metadata)
      root["metadata"][key] = value;
    root["mesh"] = ordered_json::array();
    for (const MeshAxis &axis : program.mesh)
      root["mesh"].push_back({{"name", axis.name}, {"size", axis.size}});
    root["dimensions"] = ordered_json::array();
    for (size_t i = 0; i < program.symbols.size(); ++i) {
      const Symbol &symbol = program.symbols[i];
      ordered_json entry = {{"name", symbol.name}, {"lower", symbol.lower}};
      entry["upper"] = symbol.upper < 0 ? ordered_json() : ordered_json(symbol.upper);
      entry["depends_on_data"] = symbol.isDataDependent();
      entry["sized_at"] =
          explainer.symbols[i] == noValue ? ordered_json() : ordered_json(explainer.symbols[i]);
      root["dimensions"].push_back(entry);
    }
    root["code"] = ordered_json::array();
    for (const CodeImage &image : program.images)
      root["code"].push_back(
          {{"isa", image.isa}, {"bytes", image.bytes.bytes.size()}, {"features", image.features}});
    root["kernels"] = ordered_json::array();
    for (const Kernel &kernel : program.kernels) {
      root["kernels"].push_back(
          {{"name", kernel.name}, {"symbol", kernel.symbol}, {"nodes", kernel.location}});
      if (program.isForGpu())
        root["kernels"].back().update(
            {{"threads", kernel.threads}, {"shared_bytes", kernel.sharedBytes}, {"cluster", kernel.cluster}});
    }
    root["constants"] = program.constants.size();
    root["constant_bytes"] = constantBytes(program);
    root["variables"] = program.variables.size();
    root["functions"] = ordered_json::array();
    for (size_t f = 0; f < program.functions.size(); ++f) {
      const Function &function = program.functions[f];
      ordered_json entry = {{"name", function.name}};
      auto values = [&](const char *key, const std::vector<program::Value> &list) {
        entry[key] = ordered_json::array();
        for (const program::Value &value : list) {
          ordered_json dims = ordered_json::array();
          for (ExprId dim : value.dims)
            dims.push_back(program.exprs.isConstant(dim)
                               ? ordered_json(program.exprs[dim].value)
                               : ordered_json(program.exprs.toString(dim, explainer.symbolNames)));
          entry[key].push_back({{"name", value.name}, {"dtype", dtypeName(value.dtype)}, {"dims", dims}});
        }
      };
      values("inputs", function.inputs);
      values("outputs", function.outputs);
      entry["arena_bytes"] = plans[f].size < 0 ? ordered_json() : ordered_json(plans[f].size);
      entry["arena_lower_bound"] = plans[f].size < 0 ? ordered_json() : ordered_json(plans[f].lowerBound);
      entry["commands"] = ordered_json::array();
      for (const Command &command : function.commands) {
        Step step = explainer.step(function, command);
        ordered_json line = {{"name", step.what},
                             {"nodes", step.nodes},
                             {"read_bytes", step.reads},
                             {"constant_bytes", step.constants},
                             {"write_bytes", step.writes}};
        if (step.chunks >= 0)
          line["chunks"] = step.chunks;
        if (!command.notes.empty())
          line["notes"] = command.notes;
        if (step.flops >= 0)
          line["flops"] = step.flops;
        if (step.touched >= 0)
          line["touched_bytes"] = step.touched;
        entry["commands"].push_back(line);
      }
      root["functions"].push_back(entry);
    }
    return root.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
  }
};
} // namespace

void weft::driver::addInspect(CLI::App &app, int &exitCode) {
  CLI::App *command = app.add_subcommand("inspect", "Tell what a program, job or model is made of");
  auto state = std::make_shared<InspectCommand>();
  command->add_option("model", state->model, "The program (.weft), job (.weftjob) or model (.onnx, .mlir)")
      ->required()
      ->type_name("");
  command->add_flag(
      "--explain", state->explain,
      "List what runs, in order: bytes touched, the nodes fused into each kernel, and why no others");
  command->add_flag("--verify", state->verify, "Check the hashes of all constants too");
  command->add_flag("--json", state->json, "Print one JSON object, with all that --explain tells");
  state->flags.add(*command, false);
  command->footer("Examples:\n"
                  "  weft inspect model.weft --verify\n"
                  "  weft inspect model.onnx --explain\n"
                  "  weft inspect model.weftjob                 ranks, parts, what they send each other\n"
                  "Flags that look into the compiler (weft compile --help) work here too.");
  command->callback([state, &exitCode] { exitCode = state->run(); });
}
