// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a program is compiled for, as users write it: --target=cpu, cuda:sm_90a, cuda-emu,
// cuda,cuda-emu:sm_80.
#ifndef WEFT_PROGRAM_TARGET_H
#define WEFT_PROGRAM_TARGET_H

#include "weft/Support/Status.h"

#include <string>
#include <string_view>
#include <vector>

namespace weft::program {

struct Target {
  /// The devices to make code for; the first is the one the program runs on unless told otherwise. "cpu"
  /// stands alone.
  std::vector<std::string> devices = {"cpu"};
  /// The GPU's architecture, "sm_90a"; empty: the oldest that is supported.
  std::string architecture;

  bool isForGpu() const { return devices.front() != "cpu"; }
  bool has(std::string_view device) const;
};

/// INVALID_ARGUMENT says what is wanted. Whether the architecture exists is the compiler's to say.
Result<Target> parseTarget(std::string_view text);

} // namespace weft::program

#endif // WEFT_PROGRAM_TARGET_H
