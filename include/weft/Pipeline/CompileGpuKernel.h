// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a host.kernel to a GPU kernel in the llvm and nvvm dialects.
#ifndef WEFT_PIPELINE_COMPILEGPUKERNEL_H
#define WEFT_PIPELINE_COMPILEGPUKERNEL_H

#include "weft/Codegen/GPU/GpuKernel.h"
#include "weft/Codegen/GPU/Target.h"
#include "weft/Pipeline/CompileKernel.h"

namespace weft {

struct GpuKernelOptions : KernelOptions {
  gpu::GpuTarget gpu;
};

/// Lowers a function of weft ops on tensors, the only one of `module`, to a GPU kernel; the module's content
/// is used up. With host.in_place on the function the result is written over that operand. `observe` is
/// called after each stage ("tensor", "tile", "threads").
mlir::FailureOr<gpu::GpuKernel> lowerToGpuKernel(mlir::OwningOpRef<mlir::ModuleOp> module,
                                                 const GpuKernelOptions &options);

/// Compiles one kernel for a GPU, as compileKernel does for a CPU: `gpu` of the result holds it, to be
/// emitted as PTX together with the others of its program.
mlir::FailureOr<CompiledKernel> compileGpuKernel(host::KernelOp kernel,
                                                 const llvm::SmallBitVector &constantOperands,
                                                 const GpuKernelOptions &options);

} // namespace weft

#endif // WEFT_PIPELINE_COMPILEGPUKERNEL_H
