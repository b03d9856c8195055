// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How notes on fusion name ops, sizes and work: "relu 'Relu_4'", "0.401 MB", "2.130 MFLOP".
#ifndef WEFT_LIB_CODEGEN_FUSIONNOTES_H
#define WEFT_LIB_CODEGEN_FUSIONNOTES_H

#include "mlir/IR/Operation.h"

#include <string>

namespace weft {

/// The op, and the first name that its location holds.
std::string describe(mlir::Operation *op);
/// The bytes of a tensor, or its type where extents have names.
std::string sizeOf(mlir::Value value);
/// The operations that the ops take, as far as extents are numbers.
std::string arithmeticOf(llvm::ArrayRef<mlir::Operation *> ops);

} // namespace weft

#endif // WEFT_LIB_CODEGEN_FUSIONNOTES_H
