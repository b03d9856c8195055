// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// weft run: compile (or find in the cache), run once, then write, check or show the outputs.
#include "Commands.h"
#include "InspectJob.h"
#include "RunJob.h"

#include "weft/Support/File.h"
#include "weft/Support/Npy.h"
#include "weft/Support/TensorCompare.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

using namespace weft;
using namespace weft::driver;

namespace {
struct RunCommand {
  CompileFlags flags;
  DeviceFlags device;
  PartitionFlags partition;
  JobFlags job;
  InputFlags inputs;
  std::string model, trace, labelFile;
  std::vector<std::string> outputs, expected;
  int threads = 0, top = 5;
  double rtol = 1e-4, atol = 1e-5;

  int run() {
    inputs.images.verbose = flags.verbose;
    // What can be refused before anything is compiled.
    std::vector<std::string> labels;
    if (Status status = readLabels(labels); !status.isOk())
      return fail(status);
    const bool isJob = isJobFile(model);
    if (isJob || !partition.mesh.empty())
      return runRanks(isJob, labels);
    if (!job.transport.empty() || job.steps != 1)
      return failUsage(
          invalidArgument("--transport and --steps are for several ranks: give --mesh or a .weftjob"));
    if (Status status = device.open(model, flags); !status.isOk())
      return fail(status);
    CompiledInfo info;
    auto executable = prepare(model, flags, &inputs, info);
    if (!executable.isOk())
      return fail(executable.status());
    const auto known = (*executable)->outputs();
    const Status status = known.isOk() ? checkOutputNames(*known) : known.status();
    if (!status.isOk())
      return fail(status);
    auto session = Session::create(*executable, sessionOptions());
    if (!session.isOk())
      return fail(session.status());
    if (const std::string where = (*session)->memoryUse().device; flags.verbose && !where.empty())
      std::fprintf(stderr, "weft: runs on %s\n", where.c_str());
    auto wanted = (*executable)->inputs();
    if (!wanted.isOk())
      return fail(wanted.status());
    auto tensors = inputs.read(*wanted);
    if (!tensors.isOk())
      return fail(tensors.status());
    auto results = (*session)->run(*tensors);
    if (!results.isOk())
      return fail(results.status().context(model));
    if (!trace.empty())
      if (Status status = (*session)->trace().writeChromeJson(trace); !status.isOk())
        return fail(status);
    return finish(*results, labels);
  }

  SessionOptions sessionOptions() const {
    SessionOptions options;
    options.threads = threads;
    options.trace = !trace.empty();
    device.apply(options);
    return options;
  }

  Result<program::Job> makeJob(bool isJobFile) {
    if (isJobFile)
      return program::readJobFile(model);
    // A model is compiled for the shapes it is given.
    if (modelKindOf(model) == ModelKind::Onnx && flags.options.dynamicDims.empty()) {
      WEFT_ASSIGN_OR_RETURN(const std::vector<std::string> shapes, inputs.shapes());
      flags.options.shapes.insert(flags.options.shapes.end(), shapes.begin(), shapes.end());
    }
    WEFT_ASSIGN_OR_RETURN(std::string bytes, compileToBytes(model, flags.options));
    const program::Blob blob = program::Blob::fromString(std::move(bytes));
    return program::readJob(blob.bytes, blob.owner);
  }

  /// A model split over ranks, or a job that is.
  int runRanks(bool isJobFile, const std::vector<std::string> &labels) {
    if (isJobFile && !partition.mesh.empty())
      return failUsage(invalidArgument(model, ": partitioned already; --mesh is for models"));
    flags.finish(model);
    if (const Status status = partition.finish(flags.options); !status.isOk())
      return failUsage(status);
    if (const std::optional<int> code = becomeWorker())
      return *code;
    const auto failed = [](const Status &status) {
      fail(status);
      return jobExitCode(status);
    };
    const Result<program::Job> made = makeJob(isJobFile);
    flags.tellHidden();
    if (!made.isOk())
      return failed(made.status());
    if (const Status status = checkOutputNames(describeValues(made->outputs)); !status.isOk())
      return failed(status);
    const Result<NamedTensors> tensors = inputs.read(describeValues(made->inputs));
    if (!tensors.isOk())
      return failed(tensors.status());
    const Result<distributed::JobResult> result = runJob(*made, *tensors, job, sessionOptions());
    if (!result.isOk())
      return failed(result.status().context(model));
    if (!trace.empty())
      if (const Status status = writeFileAtomically(trace, result->trace); !status.isOk())
        return failed(status);
    if (flags.verbose && !result->stepMicroseconds.empty()) {
      std::vector<uint32_t> times = result->stepMicroseconds;
      std::sort(times.begin(), times.end());
      std::fprintf(stderr, "weft: %zu steps, median %u us, slowest %u us\n", times.size(),
                   times[times.size() / 2], times.back());
    }
    return finish(result->outputs, labels);
  }

  /// A label a line; empty lines at the end do not count.
  Status readLabels(std::vector<std::string> &labels) {
    if (labelFile.empty())
      return Status::ok();
    WEFT_ASSIGN_OR_RETURN(std::string text, readFile(labelFile, 1 << 24));
    for (size_t at = 0; at < text.size();) {
      size_t end = std::min(text.find('\n', at), text.size());
      std::string line = text.substr(at, end - at);
      if (!line.empty() && line.back() == '\r')
        line.pop_back();
      labels.push_back(line);
      at = end + 1;
    }
    while (!labels.empty() && labels.back().empty())
      labels.pop_back();
    return labels.empty() ? invalidArgument(labelFile, ": found no labels, wanted one a line") : Status::ok();
  }

  Status checkOutputNames(const std::vector<runtime::ValueInfo> &known) {
    for (const auto *list : {&outputs, &expected})
      for (const std::string &text : *list) {
        std::string name = splitNamedFile(text).name;
        if (std::none_of(known.begin(), known.end(), [&](const auto &value) { return value.name == name; }))
          return invalidArgument("no output is named '", name, "', wanted one of ", listValues(known));
      }
    return Status::ok();
  }

  /// Writes, checks, labels or prints the outputs.
  int finish(const NamedTensors &results, const std::vector<std::string> &labels) {
    auto find = [&](const std::string &name) -> const HostTensor & {
      return std::find_if(results.begin(), results.end(),
                          [&](const auto &result) { return result.first == name; })
          ->second;
    };
    for (const std::string &text : outputs) {
      NamedFile file = splitNamedFile(text);
      if (Status status = writeNpy(file.file, find(file.name)); !status.isOk())
        return fail(status);
    }
    int code = 0;
    std::string text;
    for (const std::string &named : expected) {
      NamedFile file = splitNamedFile(named);
      auto reference = readTensor(file.file, file.name);
      if (!reference.isOk())
        return fail(reference.status());
      TensorComparison comparison = compareTensors(find(file.name), *reference, {rtol, atol});
      if (comparison.agrees()) {
        text += concat(file.name, ": agrees (max absolute error ", comparison.maxAbsoluteError, ", relative ",
                       comparison.maxRelativeError, ")\n");
      } else {
        text += concat(file.name, ": ", comparison.toString(), "\n");
        code = 1;
      }
    }
    if (!labels.empty()) {
      if (Status status = tellTop(results, labels, text); !status.isOk())
        return fail(status);
    } else if (outputs.empty() && expected.empty()) {
      for (const auto &[name, tensor] : results)
        print(name, tensor, text);
    }
    if (Status status = writeStdout(text); !status.isOk())
      return fail(status);
    return code;
  }

  /// The classes with the highest scores, for each row of the first output that has a score per label.
  Status tellTop(const NamedTensors &results, const std::vector<std::string> &labels, std::string &text) {
    auto classes = int64_t(labels.size());
    std::string found;
    for (const auto &[name, tensor] : results) {
      found += concat(found.empty() ? "" : ", ", name, ": ", tensor.typeString());
      if (tensor.rank() == 0 || tensor.shape().back() != classes)
        continue;
      int64_t rows = tensor.numElements() / classes;
      for (int64_t row = 0; row < rows; ++row) {
        std::vector<int64_t> order(static_cast<size_t>(classes));
        std::iota(order.begin(), order.end(), 0);
        auto score = [&](int64_t i) {
          double value = tensor.asDouble(row * classes + i);
          return std::isnan(value) ? -INFINITY : value;
        };
        std::stable_sort(order.begin(), order.end(),
                         [&](int64_t a, int64_t b) { return score(a) > score(b); });
        text += rows == 1 ? name + ":\n" : concat(name, " of row ", row, ":\n");
        for (int64_t i = 0; i < std::min<int64_t>(top, classes); ++i) {
          char line[32];
          std::snprintf(line, sizeof line, "  %12.6g  ", tensor.asDouble(row * classes + order[size_t(i)]));
          text += line + labels[size_t(order[size_t(i)])] + "\n";
        }
      }
      return Status::ok();
    }
    return invalidArgument(labelFile, " has ", classes,
                           " labels; no output ends in a dimension of that extent (found ", found, ")");
  }

  static void print(const std::string &name, const HostTensor &tensor, std::string &text) {
    text += concat(name, ": ", tensor.typeString(), " =");
    int64_t shown = std::min<int64_t>(tensor.numElements(), 8);
    for (int64_t i = 0; i < shown; ++i) {
      char number[40];
      if (isInteger(tensor.dtype()))
        std::snprintf(number, sizeof number, tensor.dtype() == DType::UI64 ? " %llu" : " %lld",
                      (long long)tensor.asInt(i));
      else
        std::snprintf(number, sizeof number, " %.6g", tensor.asDouble(i));
      text += number;
    }
    text += shown < tensor.numElements() ? " ...\n" : "\n";
  }
};
} // namespace

void weft::driver::addRun(CLI::App &app, int &exitCode) {
  CLI::App *command = app.add_subcommand("run", "Run a model or a program once");
  auto state = std::make_shared<RunCommand>();
  command->add_option("model", state->model, "The model (.onnx, .mlir) or program (.weft)")
      ->required()
      ->type_name("");
  state->inputs.add(*command, false);
  state->partition.add(*command, false);
  for (const char *name : {"--shard", "--stages", "--cut"}) // told by weft partition --help
    command->get_option(name)->group("");
  state->job.add(*command);
  CLI::Validator named(isNamedFile, "");
  command->add_option("--output", state->outputs, "NAME=@FILE.npy: write an output")
      ->type_name("OUTPUT")
      ->allow_extra_args(false)
      ->check(named);
  command
      ->add_option("--expected", state->expected, "NAME=@FILE: check an output; exit code 1 when it differs")
      ->type_name("OUTPUT")
      ->allow_extra_args(false)
      ->check(named);
  command->add_option("--rtol", state->rtol, "Relative tolerance of --expected")
      ->capture_default_str()
      ->type_name("");
  command->add_option("--atol", state->atol, "Absolute tolerance of --expected")
      ->capture_default_str()
      ->type_name("");
  command->add_option("--labels", state->labelFile, "Names of classes, one a line: tell the highest scores")
      ->type_name("FILE");
  command->add_option("--top", state->top, "How many of them")
      ->capture_default_str()
      ->type_name("")
      ->check(CLI::Range(1, 1000000).description(""));
  addThreads(*command, state->threads);
  state->device.add(*command);
  command->add_option("--trace", state->trace, "Write a Chrome trace, an event per command")
      ->type_name("FILE");
  state->flags.add(*command, false);
  command->footer("Examples:\n"
                  "  weft run model.onnx --input random:1\n"
                  "  weft run model.onnx --input x=@x.npy --expected y=@y.npy\n"
                  "  weft run net.onnx --input image=@cat.jpg --mean .485,.456,.406 --labels names.txt\n"
                  "Flags that look into the compiler (weft compile --help) or split a model (weft partition\n"
                  "--help) work here too.");
  command->callback([state, &exitCode] { exitCode = state->run(); });
}
