// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Small helpers of the program model.
#include "weft/Program/Program.h"

namespace weft::program {

Blob Blob::fromString(std::string text) {
  auto owned = std::make_shared<const std::string>(std::move(text));
  return {std::as_bytes(std::span<const char>(*owned)), owned};
}

FunctionId Program::findFunction(std::string_view name) const {
  for (FunctionId f = 0; f < functions.size(); ++f)
    if (functions[f].name == name)
      return f;
  return noId;
}

} // namespace weft::program
