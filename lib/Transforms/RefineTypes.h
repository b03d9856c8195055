// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Bettering the types of results: what InferShapes and NameExtents share.
#ifndef WEFT_LIB_TRANSFORMS_REFINETYPES_H
#define WEFT_LIB_TRANSFORMS_REFINETYPES_H

#include "mlir/IR/BuiltinOps.h"
#include "weft/Dialect/Weft/Dims.h"

namespace weft {

/// Gives the value a type with these extents; false when that is its type already, or when the value is
/// yielded: what terminators hand to an enclosing op keeps the type that op carries.
bool setExtents(mlir::Value value, llvm::ArrayRef<ir::Dim> dims);
/// Replaces the types of the op's results by what its inference knows more; returns how many changed.
int64_t refineResultTypes(mlir::Operation *op);
/// Makes the results of every function in `root` those of its terminator.
void updateFunctionTypes(mlir::Operation *root);

} // namespace weft

#endif // WEFT_LIB_TRANSFORMS_REFINETYPES_H
