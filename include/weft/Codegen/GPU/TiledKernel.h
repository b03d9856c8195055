// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a generator of GPU kernels gives: a kernel of the tile dialect. Stage: kernel.
#ifndef WEFT_CODEGEN_GPU_TILEDKERNEL_H
#define WEFT_CODEGEN_GPU_TILEDKERNEL_H

#include "weft/Codegen/CPU/ChunkCount.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace weft::gpu {

/// A kernel before --tile-pipeline-copies and --tile-insert-barriers.
struct TiledKernel {
  /// With one func.func over memrefs (operands, then results) and an index for each dynamic extent; its
  /// attribute tile.threads says how many threads a block has.
  mlir::OwningOpRef<mlir::ModuleOp> module;
  cpu::ChunkCount blocks; ///< of the grid
};

} // namespace weft::gpu

#endif // WEFT_CODEGEN_GPU_TILEDKERNEL_H
