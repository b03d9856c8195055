// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Chooses a generator of the GPU backend for a kernel whose root is a contraction or a convolution.
#ifndef WEFT_LIB_PIPELINE_GENERATEGPUKERNEL_H
#define WEFT_LIB_PIPELINE_GENERATEGPUKERNEL_H

#include "weft/Codegen/CompiledKernel.h"
#include "weft/Codegen/GPU/GpuKernel.h"
#include "weft/Codegen/GPU/Target.h"
#include "weft/Codegen/GPU/TiledKernel.h"
#include "weft/Dialect/Host/HostDialect.h"
#include "llvm/ADT/SmallBitVector.h"

#include <variant>

namespace weft {

/// A kernel that a generator made, and how its arguments relate to the launch's.
struct GeneratedGpuKernel {
  std::variant<gpu::TiledKernel, gpu::GpuKernel> kernel; ///< tiles, or already code
  llvm::SmallVector<KernelArgument> arguments;
  llvm::SmallVector<PackedOperand> packed;
};

/// Nothing when no generator takes this kernel: it then goes through linalg. Failure after a diagnostic.
/// `constantOperands` as for compileGpuKernel. `fast`: f32 may be rounded to tf32.
mlir::FailureOr<std::optional<GeneratedGpuKernel>>
generateGpuKernel(host::KernelOp kernel, const llvm::SmallBitVector &constantOperands,
                  const gpu::GpuTarget &target, bool fast);

/// The kernel of a call that --weft-outline-calls moved into it.
mlir::FailureOr<GeneratedGpuKernel> generateGpuCall(host::KernelOp kernel, host::CallOp call);
/// The kernel of one op that has a generator of its own, or nothing.
mlir::FailureOr<std::optional<GeneratedGpuKernel>> generateGpuOp(host::KernelOp kernel);

} // namespace weft

#endif // WEFT_LIB_PIPELINE_GENERATEGPUKERNEL_H
