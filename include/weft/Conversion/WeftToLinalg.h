// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From weft ops to linalg, tensor, arith and math on tensors. Stage: tensor, for every kernel that has no
// generator.
#ifndef WEFT_CONVERSION_WEFTTOLINALG_H
#define WEFT_CONVERSION_WEFTTOLINALG_H

#include "mlir/IR/Types.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/LogicalResult.h"

namespace mlir {
class Operation;
} // namespace mlir

namespace weft {

/// Converts `root` (a func.func, or a module of them) in place. Unsigned integers become signless, booleans
/// one byte each, encodings vanish. Composite ops without a pattern of their own are decomposed first. Fails
/// with a diagnostic at the first op that has no lowering.
llvm::LogicalResult convertWeftToLinalg(mlir::Operation *root);

/// On a linalg.generic that reduces (value, place) pairs to the extreme one: three booleans, whether it is
/// the greatest, whether of equals the last is wanted, whether integers are unsigned. The first NaN wins.
constexpr llvm::StringLiteral argReductionAttrName = "weft.arg_reduction";

/// Whether convertWeftToLinalg can lower this op (alone, or after decomposition). Says nothing about its
/// operands' producers.
bool hasLinalgLowering(mlir::Operation *op);

/// How an element type of a weft tensor lies in memory after the conversion: unsigned becomes signless, i1
/// becomes i8, as do floats of 8 bits and all types narrower than a byte, which are packed at a kernel's
/// boundary only.
mlir::Type getMemoryElementType(mlir::Type elementType);

} // namespace weft

#endif // WEFT_CONVERSION_WEFTTOLINALG_H
