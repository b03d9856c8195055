// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From tiles to the code of one thread. Stage: kernel, for GPUs.
#ifndef WEFT_CONVERSION_TILETONVVM_H
#define WEFT_CONVERSION_TILETONVVM_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/LogicalResult.h"

namespace weft {

/// Rewrites the kernels of `module` from tiles to scalars of one thread: llvm.func of arith, math and scf,
/// memory as LLVM's loads and stores, exchanges between threads as NVVM's ops. Its parameters are pointers to
/// the buffers, then extents, then the fault record. Shared memory is one external global, `smem`; the
/// function's attribute `tile.shared_bytes` says how much of it there must be. Fails with a diagnostic.
llvm::LogicalResult convertTileToThreads(mlir::ModuleOp module);

/// On a kernel's function: bytes of shared memory of a block.
constexpr llvm::StringLiteral sharedBytesAttrName = "tile.shared_bytes";

} // namespace weft

#endif // WEFT_CONVERSION_TILETONVVM_H
