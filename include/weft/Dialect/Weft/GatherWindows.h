// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Convolutions as matrix products: the elements of each window side by side.
#ifndef WEFT_DIALECT_WEFT_GATHERWINDOWS_H
#define WEFT_DIALECT_WEFT_GATHERWINDOWS_H

#include "mlir/IR/Builders.h"

namespace weft::ir {

/// Whether windows over these extents can be gathered: one fits, and the table of places is of moderate size.
bool canGatherWindows(llvm::ArrayRef<int64_t> space, llvm::ArrayRef<int64_t> window,
                      llvm::ArrayRef<int64_t> strides, llvm::ArrayRef<int64_t> dilations);

/// The elements of all windows over x [batch, space..., channels] as [batch, space..., taps * channels].
/// Extents are known, but for the batch's, and can be gathered; `window`, `strides` and `dilations` are per
/// dimension of the space.
mlir::Value gatherWindows(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value x,
                          llvm::ArrayRef<int64_t> window, llvm::ArrayRef<int64_t> strides,
                          llvm::ArrayRef<int64_t> dilations);

} // namespace weft::ir

#endif // WEFT_DIALECT_WEFT_GATHERWINDOWS_H
