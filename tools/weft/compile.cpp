// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// weft compile: a model to a .weft program, or to what --emit asks for.
#include "Commands.h"

#include "weft/Support/File.h"

#include <cstdio>

using namespace weft;
using namespace weft::driver;

namespace {
struct CompileCommand {
  CompileFlags flags;
  std::string model, output, emit, to;

  int run() {
    flags.options.emit = emit == "weft-program" ? "" : emit;
    flags.options.to = to;
    flags.finish();
    flags.options.useCache = false;
    Result<std::string> bytes = compileToBytes(model, flags.options);
    if (!bytes.isOk())
      return fail(bytes.status());
    bool text = emit == "weft" || emit == "linalg" || emit == "llvm" || emit == "asm" || !to.empty();
    if (output.empty() && text)
      output = "-";
    if (output.empty()) {
      size_t slash = model.rfind('/');
      std::string stem = model.substr(slash == std::string::npos ? 0 : slash + 1);
      stem = stem.substr(0, stem.rfind('.'));
      output = stem + (emit == "so" ? ".so" : emit == "obj" ? ".o" : ".weft");
    }
    if (output == "-") {
      std::fwrite(bytes->data(), 1, bytes->size(), stdout);
      return std::fflush(stdout) == 0 ? 0 : fail(resourceExhausted("standard output cannot be written"));
    }
    Status status = writeFileAtomically(output, *bytes);
    if (!status.isOk())
      return fail(status);
    if (flags.verbose)
      std::fprintf(stderr, "weft: wrote %s (%zu bytes)\n", output.c_str(), bytes->size());
    return 0;
  }
};
} // namespace

void weft::driver::addCompile(CLI::App &app, int &exitCode) {
  CLI::App *command = app.add_subcommand("compile", "Compile a model to a program");
  auto state = std::make_shared<CompileCommand>();
  command->add_option("model", state->model, "The model: .onnx or .mlir")->required();
  command->add_option("-o,--output", state->output, "Where to write; - is standard output (default: MODEL.weft)");
  command->add_option("--emit", state->emit, "weft (text of the graph), linalg, llvm, asm, obj, so: instead of a program")
      ->check(CLI::IsMember({"weft", "linalg", "llvm", "asm", "obj", "so"}));
  command->add_option("--to", state->to, "Stop after this stage and print the IR: import, graph, host, kernel");
  state->flags.add(*command);
  command->callback([state, &exitCode] { exitCode = state->run(); });
}
