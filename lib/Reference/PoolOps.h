// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The one pool op whose result the interpreter knows more about than the op does.
#ifndef WEFT_LIB_REFERENCE_POOLOPS_H
#define WEFT_LIB_REFERENCE_POOLOPS_H

#include "Evaluate.h"
#include "weft/Dialect/Weft/PoolOps.h"

namespace weft::reference {

/// window_scatter with the extents of its result, which are only in its type: as numbers, or as named dims
/// that the interpreter has bound. ShapedType::kDynamic where unknown.
mlir::FailureOr<HostTensor> evaluateWindowScatter(ir::WindowScatterOp op, llvm::ArrayRef<HostTensor> operands,
                                                  llvm::ArrayRef<int64_t> wanted);

} // namespace weft::reference

#endif // WEFT_LIB_REFERENCE_POOLOPS_H
