// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What code generation knows of a GPU: the architecture it generates for and the version of PTX it writes.
// Only pairs that fit are made, since LLVM aborts on the others.
#ifndef WEFT_CODEGEN_GPU_TARGET_H
#define WEFT_CODEGEN_GPU_TARGET_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <string>

namespace weft::gpu {

struct GpuTarget {
  int sm = 80;                     ///< compute capability, 10 * major + minor
  bool accelerated = false;        ///< with the instructions of this one architecture: the a of sm_90a
  int ptxVersion = 80;             ///< 10 * major + minor
  int64_t sharedBytes = 163 << 10; ///< that a block may ask for

  /// "sm_80", "sm_90a".
  std::string chip() const;
  /// LLVM's feature string, "+ptx80".
  std::string features() const;
  /// wgmma, setmaxnreg and what else sm_90a adds to sm_90.
  bool hasWarpgroups() const { return sm == 90 && accelerated; }
  /// An error when LLVM has no such architecture here or the architecture wants a newer PTX.
  llvm::Error check() const;

  /// The target named `text`: "sm_80" or "sm_90a"; "" is sm_80. Any other is an error that lists them.
  static llvm::Expected<GpuTarget> get(llvm::StringRef text);
};

} // namespace weft::gpu

#endif // WEFT_CODEGEN_GPU_TARGET_H
