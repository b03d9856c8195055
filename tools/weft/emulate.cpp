// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// weft emulate: runs a GPU kernel in the nvvm dialect on the CPU and tells what is wrong with it.
#include "Commands.h"

#include "KernelArguments.h"
#include "weft/Program/ImageCheck.h"
#include "weft/Runtime/Emulator/Emulator.h"
#include "weft/Runtime/Loader.h"
#include "weft/Support/Npy.h"
#include "weft/Support/TensorCompare.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>

using namespace weft;
using namespace weft::driver;
using namespace weft::runtime;

/// "128", "16x8" or "4x4x4" into three extents, the rest 1.
static bool parseExtents(const std::string &text, uint32_t (&into)[3]) {
  size_t at = 0;
  for (int d = 0; d < 3; ++d) {
    size_t digits = text.find_first_not_of("0123456789", at);
    size_t end = digits == std::string::npos ? text.size() : digits;
    if (end == at || end - at > 9)
      return false;
    into[d] = uint32_t(std::stoul(text.substr(at, end - at)));
    if (end == text.size())
      return true;
    if (text[end] != 'x')
      return false;
    at = end + 1;
  }
  return false;
}

static std::string isExtents(const std::string &text) {
  uint32_t ignored[3];
  return parseExtents(text, ignored) ? "" : "'" + text + "', wanted N, NxN or NxNxN";
}

static std::string isSchedule(const std::string &text) {
  emulator::EmulatorOptions options;
  return options.parseSchedule(text).message();
}

namespace {
struct EmulateCommand {
  std::string file, kernel, grid = "1", block = "1", schedule = "fifo", checks = "on";
  std::string targetCpu = "native";
  std::vector<std::string> arguments, outputs, expected;
  uint64_t sharedBytes = 0;
  uint32_t cluster = 0;
  int threads = 0, show = 8;
  double rtol = 0, atol = 0;
  bool lint = false, isVerbose = false;

  int run() {
    Status status = runChecked();
    return status.isOk() ? exitCode : fail(status);
  }

private:
  int exitCode = 0;

  /// The symbol of the kernel asked for, or of the only one.
  Result<std::string> chooseKernel(const CodeLibrary &library,
                                   const std::vector<std::string> &symbols) const {
    std::vector<std::string> names;
    std::string all;
    for (const std::string &symbol : symbols)
      if (library.symbol(symbol + ".info").isOk()) {
        names.push_back(symbol);
        all += (all.empty() ? "" : ", ") + symbol;
      }
    if (kernel.empty() && names.size() == 1)
      return names.front();
    if (std::find(names.begin(), names.end(), kernel) != names.end())
      return kernel;
    if (kernel.empty())
      return invalidArgument(file, " has ", names.size(), " kernels (", all, "); choose one with --kernel");
    return invalidArgument(file, " has no kernel '", kernel, "', wanted one of ", all);
  }

  Status runChecked() {
    CompileOptions compileOptions;
    compileOptions.targetCpu = targetCpu;
    compileOptions.diagnostic = [](Severity severity, std::string_view text) {
      if (severity == Severity::Warning)
        std::fprintf(stderr, "weft: warning: %.*s\n", int(text.size()), text.data());
    };
    WEFT_ASSIGN_OR_RETURN(std::string image, compileForEmulator(file, compileOptions));
    auto bytes = std::as_bytes(std::span(image));
    WEFT_ASSIGN_OR_RETURN(auto library, CodeLibrary::load(bytes));
    WEFT_ASSIGN_OR_RETURN(program::ImageInfo symbols, program::checkImage(bytes));
    WEFT_ASSIGN_OR_RETURN(std::string name, chooseKernel(*library, symbols.functions));
    WEFT_ASSIGN_OR_RETURN(void *entry, library->symbol(name));
    WEFT_ASSIGN_OR_RETURN(void *infoAddress, library->symbol(name + ".info"));
    const auto &info = *static_cast<const WeftEmulatedKernelInfo *>(infoAddress);

    emulator::EmulatorOptions options;
    WEFT_RETURN_IF_ERROR(options.parseSchedule(schedule));
    options.checks = checks == "on";
    options.lint = lint;
    options.threads = threads;
    emulator::Emulator device(options);
    KernelArguments all;
    for (const std::string &argument : arguments)
      WEFT_RETURN_IF_ERROR(all.add(argument, device));
    WEFT_RETURN_IF_ERROR(all.check(info.parameters).context(concat("kernel '", name, "'")));
    for (const auto *list : {&outputs, &expected})
      for (const std::string &text : *list)
        WEFT_RETURN_IF_ERROR(all.find(splitNamedFile(text).name).status());

    emulator::LaunchShape shape;
    parseExtents(grid, shape.grid);
    parseExtents(block, shape.block);
    shape.cluster = cluster ? cluster : std::max(info.clusterBlocks, 1u);
    shape.sharedBytes = info.staticShared + sharedBytes;
    if (uint32_t wanted = shape.block[0] * shape.block[1] * shape.block[2];
        info.maxThreads && wanted > info.maxThreads)
      return invalidArgument("kernel '", name, "' is made for blocks of ", info.maxThreads,
                             " threads at most, found --block=", block);
    auto start = std::chrono::steady_clock::now();
    Status launched =
        device.launch(reinterpret_cast<WeftEmulatedKernel>(entry), shape, all.parameters(), name);
    if (isVerbose) {
      double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      double total = double(shape.grid[0]) * shape.grid[1] * shape.grid[2] * shape.block[0] * shape.block[1] *
                     shape.block[2];
      std::fprintf(stderr, "weft: %s: %.0f threads in %.3f s, %.3g threads a second\n", name.c_str(), total,
                   seconds, total / seconds);
    }
    if (lint)
      WEFT_RETURN_IF_ERROR(writeStdout(device.lintReport()));
    WEFT_RETURN_IF_ERROR(launched);
    return finish(all, device);
  }

  /// Writes, checks or prints buffers.
  Status finish(KernelArguments &all, const emulator::Emulator &device) {
    std::string text;
    for (const std::string &output : outputs) {
      NamedFile named = splitNamedFile(output);
      WEFT_ASSIGN_OR_RETURN(HostTensor tensor, all.download(named.name));
      WEFT_RETURN_IF_ERROR(writeNpy(named.file, tensor));
    }
    for (const std::string &output : expected) {
      NamedFile named = splitNamedFile(output);
      WEFT_ASSIGN_OR_RETURN(HostTensor found, all.download(named.name));
      WEFT_ASSIGN_OR_RETURN(HostTensor wanted, readTensor(named.file, named.name));
      TensorComparison comparison = compareTensors(found, wanted, {rtol, atol});
      text += named.name + (comparison.agrees()
                                ? concat(": agrees (max absolute error ", comparison.maxAbsoluteError, ")\n")
                                : ": " + comparison.toString() + "\n");
      if (!comparison.agrees())
        exitCode = 1;
    }
    if (outputs.empty() && expected.empty())
      text += all.print(device, show);
    return writeStdout(text);
  }
};
} // namespace

void weft::driver::addEmulate(CLI::App &app, int &exitCode) {
  CLI::App *command =
      app.add_subcommand("emulate", "Run a GPU kernel in the nvvm dialect on the CPU, with checks");
  auto state = std::make_shared<EmulateCommand>();
  command->add_option("file", state->file, "The kernel: llvm.func with nvvm.kernel, in an .mlir file")
      ->required()
      ->type_name("");
  command->add_option("--kernel", state->kernel, "Which of its kernels")->type_name("NAME");
  command->add_option("--grid", state->grid, "Blocks: N, NxN or NxNxN")
      ->capture_default_str()
      ->type_name("N")
      ->check(CLI::Validator(isExtents, ""));
  command->add_option("--block", state->block, "Threads of a block")
      ->capture_default_str()
      ->type_name("N")
      ->check(CLI::Validator(isExtents, ""));
  command->add_option("--cluster", state->cluster, "Blocks of a cluster (default: as the kernel says, or 1)")
      ->type_name("N")
      ->check(CLI::Range(1, 16).description(""));
  command->add_option("--shared", state->sharedBytes, "Bytes of dynamic shared memory")->type_name("BYTES");
  command->add_option("-a,--arg", state->arguments, "A parameter, in order; see below")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false)
      ->check(CLI::Validator(isKernelArgument, ""));
  CLI::Validator named(isNamedFile, "");
  command->add_option("--output", state->outputs, "NAME=@FILE.npy: write a buffer")
      ->type_name("BUFFER")
      ->allow_extra_args(false)
      ->check(named);
  command
      ->add_option("--expected", state->expected, "NAME=@FILE: check a buffer; exit code 1 when it differs")
      ->type_name("BUFFER")
      ->allow_extra_args(false)
      ->check(named);
  command->add_option("--rtol", state->rtol, "Relative tolerance of --expected")->type_name("");
  command->add_option("--atol", state->atol, "Absolute tolerance of --expected")->type_name("");
  command->add_option("--schedule", state->schedule, "fifo, lifo or random:SEED: who runs next")
      ->capture_default_str()
      ->type_name("")
      ->check(CLI::Validator(isSchedule, ""));
  command->add_option("--checks", state->checks, "off: fast, in parallel, memory is not watched")
      ->capture_default_str()
      ->type_name("")
      ->check(CLI::IsMember({"on", "off"}).description(""));
  command->add_flag("--lint", state->lint, "Tell sectors and bank waves of each access, beside the ideal");
  command->add_option("--threads", state->threads, "Host threads with --checks=off (0: all it may use)")
      ->type_name("N")
      ->check(CLI::Range(0, 4096).description(""));
  command->add_option("--show", state->show, "Elements of a buffer to print")
      ->capture_default_str()
      ->type_name("N")
      ->check(CLI::Range(0, 1 << 20).description(""));
  command->add_flag("-v,--verbose", state->isVerbose, "Say how fast it ran");
  command->footer(
      "Values: random:SEED:f32[64x8]  iota:i32[64]  zeros:f32[8]  out:f32[8] (printed)  @FILE\n"
      "        i64:5  f32:0.5 (scalars)  map:BUFFER:BOX[:SWIZZLE] (a tensor map)\n"
      "Examples:\n"
      "  weft emulate sum.mlir --grid 4 --block 128 --shared 16 -a x=random:1:f32[4x128] -a y=out:f32[4]\n"
      "  weft emulate copy.mlir --block 32 -a x=@x.npy -a y=out:f32[32] --expected y=@x.npy --lint");
  command->callback([state, &exitCode] { exitCode = state->run(); });
}
