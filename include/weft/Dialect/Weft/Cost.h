// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How much an op computes, as products of extents: numbers where extents are, expressions where they have
// names.
#ifndef WEFT_DIALECT_WEFT_COST_H
#define WEFT_DIALECT_WEFT_COST_H

#include "mlir/IR/Operation.h"
#include "weft/Dialect/Weft/Dims.h"

namespace weft::ir {

/// `factor` times all extents.
struct ExtentProduct {
  int64_t factor = 1;
  llvm::SmallVector<Dim> extents;
};

/// Operations of arithmetic that the op does, as a sum of products. A multiply-add counts two, each element
/// of an elementwise op one (exp and tanh, too), of a softmax five, of a normalisation seven; what only moves
/// elements counts none. `dimsOf` tells the extents of a value: of a whole tensor, or of a worker's part.
llvm::SmallVector<ExtentProduct> countFlops(mlir::Operation *op,
                                            llvm::function_ref<llvm::SmallVector<Dim>(mlir::Value)> dimsOf);

/// When the op reads of its operand `number` no more than what some other value has elements (the rows that a
/// gather takes, a slice): that value. Null when it reads all of it.
mlir::Value readsAsMuchAs(mlir::Operation *op, unsigned number);
/// When the result may lie where operand 0 lay, and then no more elements are written than some other value
/// has (the update of a slice): that value. Null otherwise.
mlir::Value writesAsMuchAs(mlir::Operation *op);

} // namespace weft::ir

#endif // WEFT_DIALECT_WEFT_COST_H
