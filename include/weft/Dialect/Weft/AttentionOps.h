// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The Attention family of the weft dialect; see AttentionOps.td.
#ifndef WEFT_DIALECT_WEFT_ATTENTIONOPS_H
#define WEFT_DIALECT_WEFT_ATTENTIONOPS_H

#include "weft/Dialect/Weft/WeftDialect.h"

#define GET_OP_CLASSES
#include "weft/Dialect/Weft/AttentionOps.h.inc"

namespace weft::ir {

/// Where q, k, v or the result of attention, [..., heads, rows, depth], lies in memory.
struct AttentionPlace {
  /// What is read: a value of all heads of which the operand is those from `firstHead` on, with rows in front
  /// of heads when `rowsFirst`.
  mlir::Value source;
  bool rowsFirst = false;
  int64_t firstHead = 0;
  /// The transposition and the slice between, which have no other users. First what stands first.
  llvm::SmallVector<mlir::Operation *, 2> ops;
};

/// Follows an operand of attention back through a transposition of heads and rows and a slice of heads.
AttentionPlace findAttentionPlace(mlir::Value operand);

/// The transposition of heads and rows that alone reads the result; null when there is none.
mlir::Operation *transposedAttentionResult(AttentionOp op);

} // namespace weft::ir

#endif // WEFT_DIALECT_WEFT_ATTENTIONOPS_H
