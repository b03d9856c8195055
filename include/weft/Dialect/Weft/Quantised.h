// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What quantised values are told by.
#ifndef WEFT_DIALECT_WEFT_QUANTISED_H
#define WEFT_DIALECT_WEFT_QUANTISED_H

#include "mlir/IR/BuiltinTypes.h"

namespace weft {
class HostTensor;
}

namespace weft::ir {

/// Whether an element type is an integer of 8 bits, of either sign.
inline bool isByte(mlir::Type element) {
  auto type = llvm::dyn_cast<mlir::IntegerType>(element);
  return type && type.getWidth() == 8;
}

/// Whether all elements are 0, as zero points may be.
bool isAllZero(const HostTensor &tensor);

} // namespace weft::ir

#endif // WEFT_DIALECT_WEFT_QUANTISED_H
