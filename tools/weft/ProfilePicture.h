// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A picture of what a program runs: a box per command, arrows for what one writes and another reads.
#ifndef WEFT_TOOLS_WEFT_PROFILEPICTURE_H
#define WEFT_TOOLS_WEFT_PROFILEPICTURE_H

#include "weft/Program/Program.h"

#include <functional>
#include <string>

namespace weft::driver {

/// What a box says of its command.
struct CommandPicture {
  std::string title, fact, nodes;
  double heat = 0; ///< 0 to 1: the colour
  bool isShown = true;
};

/// Draws the functions that `entry` reaches, one below the other, each from its inputs down.
std::string drawProgram(const program::Program &program, program::FunctionId entry, std::string_view title,
                        std::string_view subtitle,
                        const std::function<CommandPicture(const program::Command &)> &describe);

} // namespace weft::driver

#endif // WEFT_TOOLS_WEFT_PROFILEPICTURE_H
