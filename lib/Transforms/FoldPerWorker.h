// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Folding of constants that differ between workers.
#ifndef WEFT_LIB_TRANSFORMS_FOLDPERWORKER_H
#define WEFT_LIB_TRANSFORMS_FOLDPERWORKER_H

#include "mlir/IR/Operation.h"

namespace weft {

/// Evaluates an op whose operands are constants, some of them parts of workers, once per worker; other ops
/// stay as they are. Failure when the evaluation fails.
mlir::LogicalResult foldPerWorker(mlir::Operation *op);

} // namespace weft

#endif // WEFT_LIB_TRANSFORMS_FOLDPERWORKER_H
