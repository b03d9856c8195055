// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names a GPU architecture for LLVM and checks that the pair of architecture and PTX version exists.
#include "weft/Codegen/GPU/Target.h"

#include "llvm/ADT/STLExtras.h"

using namespace weft::gpu;

namespace {

/// An architecture that kernels are written for, the oldest PTX that knows it, and what a block may ask of
/// shared memory.
struct Architecture {
  int sm;
  bool accelerated;
  int oldestPtx;
  int64_t sharedBytes;
};

constexpr Architecture kArchitectures[] = {{80, false, 70, 163 << 10}, {90, true, 80, 227 << 10}};

/// What is written: of the versions that both architectures have, the one the oldest drivers read (525, of
/// CUDA 12.0).
constexpr int kPtxVersion = 80;
/// The newest that LLVM 22 writes.
constexpr int kNewestPtx = 90;

} // namespace

std::string GpuTarget::chip() const { return "sm_" + std::to_string(sm) + (accelerated ? "a" : ""); }

std::string GpuTarget::features() const { return "+ptx" + std::to_string(ptxVersion); }

llvm::Error GpuTarget::check() const {
  const Architecture *found = llvm::find_if(
      kArchitectures, [&](const Architecture &a) { return a.sm == sm && a.accelerated == accelerated; });
  if (found == std::end(kArchitectures))
    return llvm::createStringError("no GPU architecture '" + chip() + "', wanted sm_80 or sm_90a");
  if (ptxVersion < found->oldestPtx || ptxVersion > kNewestPtx)
    return llvm::createStringError("PTX " + std::to_string(ptxVersion) + " does not fit " + chip() +
                                   ", wanted " + std::to_string(found->oldestPtx) + " to " +
                                   std::to_string(kNewestPtx));
  return llvm::Error::success();
}

llvm::Expected<GpuTarget> GpuTarget::get(llvm::StringRef text) {
  for (const Architecture &a : kArchitectures) {
    GpuTarget target{a.sm, a.accelerated, kPtxVersion, a.sharedBytes};
    if (text == target.chip() || (text.empty() && &a == kArchitectures))
      return target;
  }
  return llvm::createStringError("no GPU architecture '" + text + "', wanted sm_80 or sm_90a");
}
