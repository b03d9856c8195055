// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A GPU kernel between lowering and PTX or the emulator. Stage: code.
#ifndef WEFT_CODEGEN_GPU_GPUKERNEL_H
#define WEFT_CODEGEN_GPU_GPUKERNEL_H

#include "weft/Codegen/CPU/ChunkCount.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <cstdint>
#include <string>

namespace weft::gpu {

/// The name of the one shared-memory global of a kernel: external, 1024-byte aligned, of no size of its own;
/// the launch says how many bytes there are.
inline constexpr const char *kSharedName = "smem";

/// A kernel in the llvm and nvvm dialects, and what a launch has to know of it.
///
/// The parameters of the function: one pointer to global memory, 64-byte aligned, per buffer (operands, then
/// results); one i64 per dynamic extent, in the order of the launch's extents; a pointer to a WeftFault.
struct GpuKernel {
  mlir::OwningOpRef<mlir::ModuleOp> module; ///< with one `llvm.func @name` that is a nvvm.kernel
  std::string name;
  int64_t threads = 0;       ///< of a block; blocks are one-dimensional
  int64_t sharedBytes = 0;   ///< of @smem
  int64_t clusterBlocks = 1; ///< blocks that run together
  cpu::ChunkCount blocks;    ///< of the grid, one-dimensional
};

} // namespace weft::gpu

#endif // WEFT_CODEGEN_GPU_GPUKERNEL_H
