// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// weft run: compile (or find in the cache), run once, write or check the outputs.
#include "Commands.h"

#include "weft/Support/Npy.h"
#include "weft/Support/TensorCompare.h"

#include <cstdio>

using namespace weft;
using namespace weft::driver;

namespace {
struct RunCommand {
  CompileFlags flags;
  InputFlags inputs;
  std::string model, trace;
  std::vector<std::string> outputs, expected;
  int threads = 0;
  double rtol = 1e-4, atol = 1e-5;

  int run() {
    flags.finish();
    // A model is compiled for the shapes it is given, unless a dimension is to stay dynamic.
    bool specialise = modelKindOf(model) != ModelKind::Program && flags.options.dynamicDims.empty();
    if (specialise) {
      Result<std::vector<std::string>> shapes = inputs.shapes();
      if (!shapes.isOk())
        return fail(shapes.status());
      for (const std::string &shape : *shapes)
        flags.options.shapes.push_back(shape);
    }
    CompiledInfo info;
    auto executable = compile(model, flags.options, &info);
    if (!executable.isOk())
      return fail(executable.status());
    if (flags.verbose)
      std::fprintf(stderr, "weft: %s in %.1f ms\n", info.fromCache ? "loaded from the cache" : "compiled",
                   info.milliseconds);
    SessionOptions options;
    options.threads = threads;
    options.trace = !trace.empty();
    auto session = Session::create(*executable, options);
    if (!session.isOk())
      return fail(session.status());
    auto wanted = (*executable)->inputs();
    if (!wanted.isOk())
      return fail(wanted.status());
    auto tensors = inputs.read(*wanted);
    if (!tensors.isOk())
      return fail(tensors.status());
    auto results = (*session)->run(*tensors);
    if (!results.isOk())
      return fail(results.status());
    if (!trace.empty())
      if (Status status = (*session)->trace().writeChromeJson(trace); !status.isOk())
        return fail(status);
    return finish(*results);
  }

  /// Writes, checks, or prints the outputs.
  int finish(const NamedTensors &results) {
    auto find = [&](const std::string &name) -> const HostTensor * {
      for (const auto &[key, tensor] : results)
        if (key == name)
          return &tensor;
      return nullptr;
    };
    auto unknown = [&](const std::string &name) {
      std::string known;
      for (const auto &[key, tensor] : results)
        known += (known.empty() ? "" : ", ") + key;
      return fail(invalidArgument("no output is named '", name, "', wanted one of ", known));
    };
    auto toWrite = parseNamedFiles(outputs, "--output");
    auto toCheck = parseNamedFiles(expected, "--expected");
    if (!toWrite.isOk())
      return fail(toWrite.status());
    if (!toCheck.isOk())
      return fail(toCheck.status());
    for (const NamedFile &file : *toWrite) {
      const HostTensor *tensor = find(file.name);
      if (!tensor)
        return unknown(file.name);
      if (Status status = writeNpy(file.file, *tensor); !status.isOk())
        return fail(status);
    }
    int code = 0;
    for (const NamedFile &file : *toCheck) {
      const HostTensor *tensor = find(file.name);
      if (!tensor)
        return unknown(file.name);
      auto reference = readTensor(file.file, file.name);
      if (!reference.isOk())
        return fail(reference.status());
      TensorComparison comparison = compareTensors(*tensor, *reference, {rtol, atol});
      if (comparison.agrees()) {
        std::printf("%s: agrees (max absolute error %g, relative %g)\n", file.name.c_str(),
                    comparison.maxAbsoluteError, comparison.maxRelativeError);
      } else {
        std::printf("%s: %s\n", file.name.c_str(), comparison.toString().c_str());
        code = 1;
      }
    }
    if (toWrite->empty() && toCheck->empty())
      for (const auto &[name, tensor] : results)
        print(name, tensor);
    return code;
  }

  static void print(const std::string &name, const HostTensor &tensor) {
    std::printf("%s: %s =", name.c_str(), tensor.typeString().c_str());
    int64_t shown = std::min<int64_t>(tensor.numElements(), 8);
    for (int64_t i = 0; i < shown; ++i)
      std::printf(" %g", tensor.asDouble(i));
    std::printf(shown < tensor.numElements() ? " ...\n" : "\n");
  }
};
} // namespace

void weft::driver::addRun(CLI::App &app, int &exitCode) {
  CLI::App *command = app.add_subcommand("run", "Run a model or a program once");
  auto state = std::make_shared<RunCommand>();
  command->add_option("model", state->model, "The model (.onnx, .mlir) or program (.weft)")->required();
  command->add_option("-i,--input", state->inputs.inputs, "NAME=@FILE (.npy, .npz), NAME=random:SEED, or random:SEED for all");
  command->add_option("--output", state->outputs, "NAME=@FILE.npy: write an output");
  command->add_option("--expected", state->expected, "NAME=@FILE: check an output; exit code 1 when it differs");
  command->add_option("--rtol", state->rtol, "Relative tolerance of --expected")->capture_default_str();
  command->add_option("--atol", state->atol, "Absolute tolerance of --expected")->capture_default_str();
  command->add_option("--threads", state->threads, "Threads of the run (0: all this process may use)");
  command->add_option("--trace", state->trace, "Write a Chrome trace with a row for each kernel");
  state->flags.add(*command);
  command->callback([state, &exitCode] { exitCode = state->run(); });
}
