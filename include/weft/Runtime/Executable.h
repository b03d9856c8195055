// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A program ready to run: checked, its code loaded, its constants mapped, its commands flattened. Immutable:
// many Sessions on many threads share one.
#ifndef WEFT_RUNTIME_EXECUTABLE_H
#define WEFT_RUNTIME_EXECUTABLE_H

#include "weft/Program/Program.h"
#include "weft/Program/Reader.h"

#include <memory>
#include <string>
#include <vector>

namespace weft::runtime {

struct LoadOptions {
  /// Where to leave the machine code as a file with a name, for perf and gdb.
  std::string keepCodeDir;
  /// Hash the constants too.
  bool verifyConstants = false;
};

/// An input or output of a function as a caller sees it.
struct ValueInfo {
  std::string name;
  DType dtype = DType::Invalid;
  std::vector<int64_t> dims; ///< -1 where the extent is known only at run time
  std::vector<std::string>
      dimNames; ///< the expression of each such extent: "batch", "2 * n"; empty for static ones
  std::vector<int64_t> lower, upper; ///< of each extent; upper -1: no bound
  /// "f32[batch x 3 x 224 x 224]"
  std::string toString() const;
};

class Executable {
public:
  /// Maps a .weft file; constants stay mapped from it.
  static Result<std::shared_ptr<const Executable>> loadFile(const std::string &path,
                                                            const LoadOptions &options = {});
  /// The bytes of a .weft, kept alive by `owner` (null: they are copied).
  static Result<std::shared_ptr<const Executable>>
  load(std::span<const std::byte> bytes, std::shared_ptr<const void> owner, const LoadOptions &options = {});
  ~Executable();
  Executable(const Executable &) = delete;
  Executable &operator=(const Executable &) = delete;

  const program::Program &program() const;
  /// sha256 of the manifest, in hex.
  const std::string &id() const;
  /// Names of functions that can be run.
  std::vector<std::string> functions() const;
  Result<std::vector<ValueInfo>> inputs(const std::string &function = "main") const;
  Result<std::vector<ValueInfo>> outputs(const std::string &function = "main") const;
  /// The ISA level of the code image that was chosen; empty when the program has no kernels.
  const std::string &isa() const;

  struct Impl; ///< of the Runtime room alone
  const Impl &impl() const { return *pimpl; }

private:
  Executable();
  std::unique_ptr<Impl> pimpl;
};

} // namespace weft::runtime

#endif // WEFT_RUNTIME_EXECUTABLE_H
