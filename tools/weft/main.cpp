// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// weft: one driver with subcommands. This file only reads the command line; a file per subcommand does the
// rest.
#include "Commands.h"

#include <csignal>

namespace {
/// Help without runs of empty lines.
class Compact : public CLI::Formatter {
public:
  std::string make_help(const CLI::App *app, std::string name, CLI::AppFormatMode mode) const override {
    std::string text = CLI::Formatter::make_help(app, std::move(name), mode);
    for (size_t at; (at = text.find("\n\n\n")) != std::string::npos;)
      text.erase(at, 1);
    return text;
  }
};
} // namespace

int main(int argc, char **argv) {
  // A reader that goes away (weft ... | head) is an error of writing, told like others.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN); // as is a file that may not grow further
  CLI::App app{"Weft compiles graphs of tensor operations to fused native code and runs them."};
  app.name("weft");
  app.require_subcommand(1);
  app.set_version_flag("--version", "weft " WEFT_VERSION);
  app.footer("Start with:  weft run model.onnx --input random:1\n"
             "Exit codes:  0 done, 1 failed, 2 wrong usage.");
  app.failure_message([](const CLI::App *failed, const CLI::Error &error) {
    std::string name = "weft";
    for (const CLI::App *command : failed->get_subcommands())
      name += " " + command->get_name();
    return "weft: error: " + std::string(error.what()) + "\nRun '" + name + " --help' for more.\n";
  });
  app.formatter(std::make_shared<Compact>());
  int exitCode = 0;
  weft::driver::addCompile(app, exitCode);
  weft::driver::addRun(app, exitCode);
  weft::driver::addInspect(app, exitCode);
  weft::driver::addPartition(app, exitCode);
  weft::driver::addBench(app, exitCode);
  weft::driver::addProfile(app, exitCode);
  weft::driver::addEmulate(app, exitCode);
  weft::driver::addLaunch(app, exitCode);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &error) {
    int code = app.exit(error);
    return code == 0 ? 0 : weft::driver::usageError;
  }
  return exitCode;
}
