// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From linalg on tensors to loops over buffers, in the form the CPU code generator takes. Stage: kernel.
#ifndef WEFT_CONVERSION_LINALGTOLOOPS_H
#define WEFT_CONVERSION_LINALGTOLOOPS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "weft/Codegen/CPU/ChunkCount.h"

namespace weft {

/// Replaces `func` (ranked tensors in and out, a body of linalg, tensor, arith, math and scf) by the kernel
/// of the same name: `@NAME(operands..., results..., scratch: memref<?xi8>, lo: index, hi: index)` over
/// memrefs. It computes chunks [lo, hi) of the number returned. Temporaries are memref.alloc of static size.
/// Fails with a diagnostic.
mlir::FailureOr<cpu::ChunkCount> lowerTensorKernelToLoops(mlir::func::FuncOp func);

} // namespace weft

#endif // WEFT_CONVERSION_LINALGTOLOOPS_H
