// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From linalg on tensors to a kernel of the tile dialect. Stage: kernel, for GPUs.
#ifndef WEFT_CONVERSION_LINALGTOTILE_H
#define WEFT_CONVERSION_LINALGTOTILE_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "weft/Codegen/CPU/ChunkCount.h"

namespace weft {

/// What the launch of a tile kernel has to know.
struct TileKernel {
  cpu::ChunkCount blocks; ///< of the grid
  int64_t threads = 0;    ///< of a block
};

/// Replaces `func` (ranked tensors in and out, a body of linalg, tensor, arith, math and scf) by the kernel
/// of the same name: `@NAME(operands..., results..., extents...)` over memrefs, with one index for each
/// dynamic extent in their order. Fails with a diagnostic.
mlir::FailureOr<TileKernel> lowerTensorKernelToTile(mlir::func::FuncOp func);

} // namespace weft

#endif // WEFT_CONVERSION_LINALGTOTILE_H
