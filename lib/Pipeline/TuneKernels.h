// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tuner: tries tilings of the kernels that take longest, on this machine.
#ifndef WEFT_LIB_PIPELINE_TUNEKERNELS_H
#define WEFT_LIB_PIPELINE_TUNEKERNELS_H

#include "KernelJob.h"
#include "TuningRecords.h"
#include "weft/Pipeline/CompileKernel.h"

namespace weft {

struct TuneOptions {
  double seconds = 0; ///< about how long it may take
  int threads = 0;    ///< of compiling
  /// How far it is: kernels done, of all, and words about it.
  std::function<void(int64_t done, int64_t total, const std::string &words)> progress;
};

/// What the tuner did.
struct TuneSummary {
  int64_t kernels = 0, tried = 0, known = 0, improved = 0; ///< that have tilings; tried; with records before
  double beforeMs = 0, afterMs = 0; ///< of all launches of the kernels tried, by the times taken
  double seconds = 0;
  std::string str() const;
};

/// Tries tilings of `jobs`, the costliest first, and adds the best of each to `records`. Kernels that have a
/// record of a tiling that is possible, or extents that are not known, are left alone.
TuneSummary tuneKernels(llvm::ArrayRef<KernelJob> jobs, const KernelOptions &options,
                        const TuneOptions &tuning, TuningRecords &records);

} // namespace weft

#endif // WEFT_LIB_PIPELINE_TUNEKERNELS_H
