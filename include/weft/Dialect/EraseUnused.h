// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What is left behind when ops have been rewritten.
#ifndef WEFT_DIALECT_ERASEUNUSED_H
#define WEFT_DIALECT_ERASEUNUSED_H

#include "mlir/IR/Iterators.h"
#include "mlir/IR/Operation.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace weft {

/// Erases the ops inside `root` that have no effect and whose results nobody reads, users first.
inline void eraseUnused(mlir::Operation *root) {
  root->walk<mlir::WalkOrder::PostOrder, mlir::ReverseIterator>([](mlir::Operation *op) {
    if (mlir::isOpTriviallyDead(op))
      op->erase();
  });
}

} // namespace weft

#endif // WEFT_DIALECT_ERASEUNUSED_H
