// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The subcommands of the driver and what they share. Exit codes: 0 done, 1 failed, 2 wrong usage.
#ifndef WEFT_TOOLS_WEFT_COMMANDS_H
#define WEFT_TOOLS_WEFT_COMMANDS_H

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
void addInspect(CLI::App &app, int &exitCode);
void addBench(CLI::App &app, int &exitCode);

/// Prints "weft: error: ..." and returns the exit code of a failure.
int fail(const Status &status);

/// Options of all subcommands that compile.
struct CompileFlags {
  CompileOptions options;
  bool noCache = false, verbose = false;
  std::string timeStages; ///< "", text or json

  void add(CLI::App &command);
  /// Takes the flags into `options`, sets up progress and messages.
  void finish();
};

/// A line on the terminal that says how far something is; silent elsewhere and for the first second.
class Progress {
public:
  Progress();
  ~Progress();
  void update(std::string_view stage, int64_t done, int64_t total);
  void clear();

private:
  bool terminal, shown = false;
  int64_t start;
};

/// Inputs by name, from NAME=@file, NAME=random:SEED, or random:SEED for all. `pending` inputs need the program's types.
struct InputFlags {
  std::vector<std::string> inputs;
  std::string mean, std, layout;
  bool resize = true;
  /// Reads the files. `info`: the inputs of the program (empty when it is not compiled yet: then only inputs whose files
  /// tell shape and type are returned).
  Result<NamedTensors> read(const std::vector<runtime::ValueInfo> &info) const;
  /// Shapes told by files, for specialisation: "name=1x2x3".
  Result<std::vector<std::string>> shapes() const;
};

/// NAME=@FILE pairs.
struct NamedFile {
  std::string name, file;
};
Result<std::vector<NamedFile>> parseNamedFiles(const std::vector<std::string> &texts, const char *flag);
/// Reads .npy, .npz or .pb.
Result<HostTensor> readTensor(const std::string &file, const std::string &name);
/// Fills with seeded values: floats in [0, 1) shifted to mean 0, integers small.
void fillRandom(HostTensor &tensor, uint64_t seed);

} // namespace weft::driver

#endif // WEFT_TOOLS_WEFT_COMMANDS_H
