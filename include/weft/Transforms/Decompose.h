// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Decompositions of composite ops into smaller ones, attached through DecomposableOpInterface.
#ifndef WEFT_TRANSFORMS_DECOMPOSE_H
#define WEFT_TRANSFORMS_DECOMPOSE_H

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Pass/Pass.h"
#include "weft/Dialect/Weft/ControlOps.h"

namespace weft {

/// Attaches DecomposableOpInterface to the ops that have a decomposition.
void registerDecompositions(mlir::DialectRegistry &registry);

/// An assertion as three numbers (rank-0 i64), before `op`: the row-major position of the first element that
/// does not hold, or the greatest i64; the element found there; the limit. What it does not tell is 0.
llvm::SmallVector<mlir::Value> locateFailure(ir::AssertOp op);

#define GEN_PASS_DECL
#include "weft/Transforms/Decompose.h.inc"
#define GEN_PASS_REGISTRATION
#include "weft/Transforms/Decompose.h.inc"

/// The same, leaving alone ops of which `keep` is true.
std::unique_ptr<mlir::Pass> createDecomposePass(DecomposePassOptions options,
                                                std::function<bool(mlir::Operation *)> keep);

} // namespace weft

#endif // WEFT_TRANSFORMS_DECOMPOSE_H
