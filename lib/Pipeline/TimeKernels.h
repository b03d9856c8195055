// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs compiled kernels in this process, with operands made up for the purpose.
#ifndef WEFT_LIB_PIPELINE_TIMEKERNELS_H
#define WEFT_LIB_PIPELINE_TIMEKERNELS_H

#include "weft/Codegen/CompiledKernel.h"
#include "weft/Program/Abi.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/SmallBitVector.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <vector>

namespace weft {

/// A compiled kernel and the buffers it takes: operands, then results, of static shapes.
struct TimedKernel {
  CompiledKernel code;
  llvm::SmallVector<mlir::MemRefType> buffers;
};

/// Several ways to compute one kernel, loaded and ready to be timed on one pinned thread.
class KernelTimer {
public:
  /// Links and loads. `constants`: the buffers that hold packed constants, of which a model has too many to
  /// stay in the caches of a core.
  static llvm::Expected<std::unique_ptr<KernelTimer>> load(llvm::ArrayRef<TimedKernel> ways,
                                                           const llvm::SmallBitVector &constants);
  ~KernelTimer();
  KernelTimer(const KernelTimer &) = delete;

  /// Milliseconds of CPU time that way `way` takes once, in the mean of as many runs as make it measurable.
  double time(size_t way);

private:
  KernelTimer() = default;
  struct Way {
    WeftKernel entry;
    int64_t chunks, scratchBytes;
    llvm::SmallVector<size_t> bytes; ///< of each buffer
  };
  void run(const Way &way);

  void *library = nullptr;
  std::vector<Way> ways;
  llvm::SmallBitVector constants;
  llvm::SmallVector<char *> memory; ///< for each buffer
  llvm::SmallVector<size_t> capacity;
  llvm::SmallVector<size_t> next; ///< where the next run finds a constant
  char *scratch = nullptr;
};

} // namespace weft

#endif // WEFT_LIB_PIPELINE_TIMEKERNELS_H
