// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Makes the machine code of a program callable. The image goes into a sealed memfd and is opened by dlopen;
// where that is forbidden, or a folder is given to keep code in (for perf and gdb), through a file named by
// its hash.
#ifndef WEFT_RUNTIME_LOADER_H
#define WEFT_RUNTIME_LOADER_H

#include "weft/Program/Abi.h"
#include "weft/Program/Program.h"
#include "weft/Support/Status.h"

#include <memory>
#include <span>
#include <string>

namespace weft::runtime {

/// The image for the device (the CPU, or the emulator on it) that asks for most among those this CPU can run.
/// FAILED_PRECONDITION says what is missing for each.
Result<const program::CodeImage *> chooseImage(const program::Program &program, std::string_view device);

class CodeLibrary {
public:
  /// Checks the image, then loads it. With `keepCodeDir` it is written there as <sha256>.so and stays.
  static Result<std::shared_ptr<const CodeLibrary>> load(std::span<const std::byte> image,
                                                         const std::string &keepCodeDir = {});
  ~CodeLibrary();
  CodeLibrary(const CodeLibrary &) = delete;
  CodeLibrary &operator=(const CodeLibrary &) = delete;

  /// The address of something the image exports.
  Result<void *> symbol(const std::string &name) const;
  Result<WeftKernel> kernel(const std::string &symbol) const;

private:
  CodeLibrary() = default;
  void *handle = nullptr;
  int descriptor = -1;
};

} // namespace weft::runtime

#endif // WEFT_RUNTIME_LOADER_H
