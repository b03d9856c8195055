// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// weft: one driver with subcommands. This file only reads the command line; a file per subcommand does the rest.
#include "Commands.h"

#include <iostream>

int main(int argc, char **argv) {
  CLI::App app{"Weft compiles graphs of tensor operations to fused native code and runs them."};
  app.name("weft");
  app.require_subcommand(1);
  app.set_version_flag("--version", "weft " WEFT_VERSION);
  app.footer("Start with:  weft run model.onnx --input random:1\n"
             "Exit codes:  0 done, 1 failed, 2 wrong usage.");
  int exitCode = 0;
  weft::driver::addCompile(app, exitCode);
  weft::driver::addRun(app, exitCode);
  weft::driver::addInspect(app, exitCode);
  weft::driver::addBench(app, exitCode);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &error) {
    int code = app.exit(error);
    return code == 0 ? 0 : weft::driver::usageError;
  }
  return exitCode;
}
