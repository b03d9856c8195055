// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Chooses a generator of the CPU backend for a kernel whose root is a contraction, a convolution or an
// attention.
#ifndef WEFT_LIB_PIPELINE_GENERATEKERNEL_H
#define WEFT_LIB_PIPELINE_GENERATEKERNEL_H

#include "weft/Codegen/CPU/Kernels.h"
#include "weft/Codegen/CPU/Tiling.h"
#include "weft/Codegen/CompiledKernel.h"
#include "weft/Dialect/Host/HostDialect.h"
#include "weft/Dialect/Weft/AttentionOps.h"
#include "weft/Dialect/Weft/ConvOps.h"
#include "weft/Pipeline/CompileKernel.h"

namespace weft {
/// A kernel that a generator made, and how its arguments relate to the launch's.
struct GeneratedFor {
  cpu::GeneratedKernel kernel;
  llvm::SmallVector<KernelArgument> arguments;
  llvm::SmallVector<PackedOperand> packed;
};

/// Nothing when no generator takes this kernel: it then goes through linalg. Failure after a diagnostic.
/// `strict`: --numerics=strict. `tilings`: what is known of tilings, or null.
mlir::FailureOr<std::optional<GeneratedFor>> generateKernel(host::KernelOp kernel,
                                                            const KernelOperands &operands,
                                                            const cpu::TargetInfo &target, bool strict,
                                                            const cpu::TilingSource *tilings);

/// Whether the CPU has a generator for this convolution as it is, with its features right after the batch.
bool takesChannelsFirst(ir::ConvOp conv);

} // namespace weft

#endif // WEFT_LIB_PIPELINE_GENERATEKERNEL_H
