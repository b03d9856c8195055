// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// weft compile: a model to a .weft program, or to what --emit or --to ask for.
#include "Commands.h"

#include "weft/Program/Reader.h"
#include "weft/Support/File.h"

#include <cstdio>
#include <unistd.h>

using namespace weft;
using namespace weft::driver;

namespace {
struct CompileCommand {
  CompileFlags flags;
  PartitionFlags partition;
  std::string model, output, emit, to;

  int run() {
    if (!emit.empty() && !to.empty())
      return failUsage(invalidArgument("--emit and --to exclude each other"));
    flags.finish(model);
    if (Status status = partition.finish(flags.options); !status.isOk())
      return failUsage(status);
    if (!partition.mesh.empty() && (!emit.empty() || !to.empty()))
      return failUsage(
          invalidArgument("--mesh goes without --emit and --to: weft partition --dump shows the roles"));
    bool isHeader = emit == "header";
    if (modelKindOf(model) == ModelKind::Program && isHeader)
      return writeHeaderOf(program::readProgramFile(model));
    flags.options.emit = isHeader ? "" : emit;
    flags.options.to = to;
    bool isText =
        emit == "weft" || emit == "linalg" || emit == "llvm" || emit == "asm" || emit == "ptx" || !to.empty();
    flags.options.boundedOnly = !isText;
    // A .mlir file can be read back: large constants go beside it.
    bool hadData = true;
    if (output.ends_with(".mlir")) {
      flags.options.dataFile = output.substr(0, output.size() - 5) + ".npz";
      hadData = access(flags.options.dataFile.c_str(), F_OK) == 0;
    }
    int code = isHeader ? writeHeader()
                        : write(isText                   ? ""
                                : emit == "so"           ? ".so"
                                : emit == "obj"          ? ".o"
                                : partition.mesh.empty() ? ".weft"
                                                         : ".weftjob",
                                [&](const FileSink &sink) { return compileTo(model, flags.options, sink); });
    if (code != 0 && !hadData)
      unlink(flags.options.dataFile.c_str());
    return code;
  }

  std::string stem() const {
    size_t slash = model.rfind('/');
    std::string name = model.substr(slash == std::string::npos ? 0 : slash + 1);
    return name.substr(0, name.rfind('.'));
  }

  int writeHeader() {
    Result<std::string> bytes = compileToBytes(model, flags.options);
    return bytes.isOk()
               ? writeHeaderOf(program::readProgram(std::as_bytes(std::span<const char>(*bytes)), nullptr))
               : fail(bytes.status());
  }

  int writeHeaderOf(Result<program::LoadedProgram> loaded) {
    if (!loaded.isOk())
      return fail(loaded.status());
    Result<std::string> header = makeHeader(loaded->program, stem());
    if (!header.isOk())
      return fail(header.status());
    return write("",
                 [&](const FileSink &sink) { return sink(std::as_bytes(std::span<const char>(*header))); });
  }

  /// Without -o, text goes to standard output and bytes to a file named after the model.
  int write(const std::string &ending, const std::function<Status(const FileSink &)> &produce) {
    if (output.empty())
      output = ending.empty() ? "-" : stem() + ending;
    size_t size = 0;
    Status status;
    if (output == "-") {
      status = produce([&](std::span<const std::byte> bytes) {
        return writeStdout({reinterpret_cast<const char *>(bytes.data()), bytes.size()});
      });
    } else {
      status = writeFileAtomically(output, [&](const FileSink &sink) {
        return produce([&](std::span<const std::byte> bytes) {
          size += bytes.size();
          return sink(bytes);
        });
      });
    }
    flags.tellHidden();
    if (!status.isOk())
      return status.code() == Code::NotFound && !partition.mesh.empty() ? failUsage(status) : fail(status);
    if (flags.verbose && output != "-")
      std::fprintf(stderr, "weft: wrote %s (%zu bytes)\n", output.c_str(), size);
    return 0;
  }
};
} // namespace

void weft::driver::addCompile(CLI::App &app, int &exitCode) {
  CLI::App *command = app.add_subcommand("compile", "Compile a model to a program");
  auto state = std::make_shared<CompileCommand>();
  command->add_option("model", state->model, "The model: .onnx or .mlir")->required()->type_name("");
  command->add_option("-o,--output", state->output, "Where to write; - is standard output")
      ->type_name("FILE");
  command
      ->add_option("--emit", state->emit,
                   "weft, linalg, llvm, asm, ptx (text); obj, so (the kernels); header (for C)")
      ->type_name("")
      ->check(CLI::IsMember({"weft", "linalg", "llvm", "asm", "ptx", "obj", "so", "header"}).description(""));
  state->flags.add(*command, true);
  state->partition.add(*command, false);
  command->add_option("--to", state->to, "Stop after import, graph, host or kernel; print the IR")
      ->type_name("")
      ->check(CLI::IsMember({"import", "graph", "host", "kernel"}).description(""))
      ->group("Looking into the compiler");
  command->footer(
      "Examples:\n"
      "  weft compile model.onnx --dynamic-dim=batch:1:64     writes model.weft\n"
      "  weft compile model.onnx --to=graph -o graph.mlir     and graph.npz, for weft run --from=graph\n"
      "  weft compile model.weft --emit=header -o model.h");
  command->callback([state, &exitCode] { exitCode = state->run(); });
}
