// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// weft inspect: what a program is and does.
#include "Commands.h"

#include <cstdio>
#include <map>

using namespace weft;
using namespace weft::driver;

namespace {
struct InspectCommand {
  CompileFlags flags;
  std::string model;
  bool commands = false;

  int run() {
    flags.finish();
    auto executable = compile(model, flags.options);
    if (!executable.isOk())
      return fail(executable.status());
    const program::Program &program = (*executable)->program();
    std::printf("%s\n  made by %s\n  id %s\n", model.c_str(), program.producer.c_str(), (*executable)->id().c_str());
    for (const auto &[key, value] : program.metadata)
      std::printf("  %s: %s\n", key.c_str(), value.c_str());
    auto inputs = (*executable)->inputs(), outputs = (*executable)->outputs();
    if (!inputs.isOk())
      return fail(inputs.status());
    if (!outputs.isOk())
      return fail(outputs.status());
    for (const runtime::ValueInfo &value : *inputs)
      std::printf("input  %s: %s\n", value.name.c_str(), value.toString().c_str());
    for (const runtime::ValueInfo &value : *outputs)
      std::printf("output %s: %s\n", value.name.c_str(), value.toString().c_str());
    for (const program::Symbol &symbol : program.symbols)
      std::printf("dimension %s in [%lld, %s]\n", symbol.name.c_str(), (long long)symbol.lower,
                  symbol.upper < 0 ? "any" : std::to_string(symbol.upper).c_str());
    int64_t bytes = 0, code = 0;
    for (const program::Constant &constant : program.constants)
      bytes += constant.value.isValid() ? constant.value.numBytes() : 0;
    for (const program::CodeImage &image : program.images)
      code += image.bytes.bytes.size();
    std::printf("%zu kernels (%lld bytes of code), %zu constants (%lld bytes)\n", program.kernels.size(),
                (long long)code, program.constants.size(), (long long)bytes);
    for (const program::Function &function : program.functions) {
      std::printf("function %s: %zu commands, arena of %s bytes\n", function.name.c_str(), function.commands.size(),
                  function.arenaSize < 0 ? "dynamic" : std::to_string(function.arenaSize).c_str());
      if (commands)
        for (const program::Command &command : function.commands)
          std::printf("  %-40s %s\n", command.name.c_str(), command.location.c_str());
    }
    return 0;
  }
};
} // namespace

void weft::driver::addInspect(CLI::App &app, int &exitCode) {
  CLI::App *command = app.add_subcommand("inspect", "Tell what a program or model is made of");
  auto state = std::make_shared<InspectCommand>();
  command->add_option("model", state->model, "The program (.weft) or model (.onnx, .mlir)")->required();
  command->add_flag("--commands", state->commands, "List the commands, with the nodes of the model they come from");
  state->flags.add(*command);
  command->callback([state, &exitCode] { exitCode = state->run(); });
}
