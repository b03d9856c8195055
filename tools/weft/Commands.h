// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The subcommands of the driver and what they share. Exit codes: 0 done, 1 failed, 2 wrong usage.
#ifndef WEFT_TOOLS_WEFT_COMMANDS_H
#define WEFT_TOOLS_WEFT_COMMANDS_H

#include "weft/Program/Program.h"
#include "weft/Program/Target.h"
#include "weft/Support/File.h"
#include "weft/Weft.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

namespace weft::driver {

/// The user asked for something wrong: exit code 2.
constexpr int usageError = 2;

/// Adds a subcommand to the application; its callback sets `exitCode`.
void addCompile(CLI::App &app, int &exitCode);
void addRun(CLI::App &app, int &exitCode);
void addPartition(CLI::App &app, int &exitCode);
void addInspect(CLI::App &app, int &exitCode);
void addBench(CLI::App &app, int &exitCode);
void addProfile(CLI::App &app, int &exitCode);
void addEmulate(CLI::App &app, int &exitCode);
void addLaunch(CLI::App &app, int &exitCode);

/// Prints "weft: error: ..." and returns the exit code of a failure.
int fail(const Status &status);
/// The same for flags that do not go together: exit code 2.
int failUsage(const Status &status);
/// Writes text to standard output; an error when it cannot be written (a full disk, a closed pipe).
Status writeStdout(std::string_view text);

/// How far something is, once it has taken a second: one line on a terminal, plain lines elsewhere.
class Progress {
public:
  /// When: "auto" (after a second), "always" (at once) or "never".
  explicit Progress(const std::string &when);
  ~Progress();
  /// `words`: said after the numbers.
  void update(std::string_view stage, int64_t done, int64_t total, std::string_view words = {});
  /// Takes the line off the terminal, before other text.
  void clear();

private:
  bool terminal, never, shown = false;
  int64_t start, delay, last;
  std::string lastStage;
};

/// Options of all subcommands that compile.
struct CompileFlags {
  CompileOptions options;
  bool noCache = false, verbose = false, allWarnings = false;
  std::string timeStages; ///< "", text or json
  std::string progressWhen = "auto";
  std::shared_ptr<Progress> progress;

  /// `forEngineers`: list the flags of the compiler's stages in --help too.
  void add(CLI::App &command, bool forEngineers);
  /// Takes the flags into `options`, sets up progress and messages.
  void finish(const std::string &model);
  /// Says how many warnings were not shown.
  void tellHidden();
  /// What --target says was written on the command line.
  bool isTargetGiven() const { return targetOption && targetOption->count() > 0; }

private:
  CLI::Option *targetOption = nullptr;
  struct Warnings;
  std::shared_ptr<Warnings> warnings;
};

/// --threads of a command that runs a program.
void addThreads(CLI::App &command, int &threads);

/// Where a program runs.
struct DeviceFlags {
  int number = 0;
  std::string emulator = "fast";

  void add(CLI::App &command);
  /// Finds the device that the flags ask for: before anything is compiled. A model runs on what it is
  /// compiled for, a program on what --target names, if it does.
  Status open(const std::string &model, const CompileFlags &flags);
  void apply(SessionOptions &options) const;

private:
  std::string kind; ///< empty: what the program is for
  std::shared_ptr<runtime::Device> device;
};

/// How a model is split over workers.
struct PartitionFlags {
  std::string mesh;
  std::vector<std::string> shards, cuts, rankTargets;
  int stages = 1;

  void add(CLI::App &command, bool isRequired);
  /// Checks the flags and takes them into the options; an error is wrong usage.
  Status finish(CompileOptions &options) const;
};

/// How pictures become tensors.
struct ImageFlags {
  std::string mean, std, layout, resize = "crop";
  bool verbose = false;
};
bool isImageFile(const std::string &file);
/// A picture as a tensor for `wanted`: resized, scaled to 0..1, normalised, in the input's layout.
Result<HostTensor> readImage(const std::string &file, const runtime::ValueInfo &wanted,
                             const ImageFlags &flags);

/// Inputs by name, from NAME=@file, NAME=random:SEED, or random:SEED for all.
struct InputFlags {
  std::vector<std::string> inputs;
  ImageFlags images;

  void add(CLI::App &command, bool isRequired);
  /// All inputs of the program, in its order.
  Result<NamedTensors> read(const std::vector<runtime::ValueInfo> &info) const;
  /// Shapes told by files of arrays, for specialisation: "name=1x2x3".
  Result<std::vector<std::string>> shapes() const;
};

/// NAME=@FILE pairs.
struct NamedFile {
  std::string name, file;
};
/// Splits a text that was checked with isNamedFile.
NamedFile splitNamedFile(const std::string &text);
/// For CLI11: empty when the text is NAME=@FILE, else what is wanted.
std::string isNamedFile(const std::string &text);

/// Reads .npy, .npz or .pb.
Result<HostTensor> readTensor(const std::string &file, const std::string &name);
/// Reads a serialised ONNX TensorProto.
Result<HostTensor> parseTensorProto(std::span<const std::byte> bytes);
/// Fills with seeded values: floats in [-1, 1), integers 0..7, booleans.
void fillRandom(HostTensor &tensor, uint64_t seed);

/// The inputs the program has, for messages: "ids: i64[batch x 24], mask: ...".
std::string listValues(const std::vector<runtime::ValueInfo> &values);

/// Compiles (or loads) and says so with -v.
Result<std::shared_ptr<const Executable>> prepare(const std::string &model, CompileFlags &flags,
                                                  const InputFlags *inputs, CompiledInfo &info);

/// A C header with typed functions that load and run the program (through weft-c/weft.h).
Result<std::string> makeHeader(const program::Program &program, const std::string &name);

} // namespace weft::driver

#endif // WEFT_TOOLS_WEFT_COMMANDS_H
