// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A mark on reductions whose NaN does not matter: on a max or min over x it says that, where an element of x
// is NaN, any value will do, because all readers of the result see the NaN of x themselves (softmax's shift).
// Carrying NaN along costs two of three instructions of such a reduction.
#ifndef WEFT_DIALECT_IGNORESNAN_H
#define WEFT_DIALECT_IGNORESNAN_H

#include "llvm/ADT/StringRef.h"

namespace weft {

constexpr llvm::StringLiteral ignoresNaNMark = "weft.ignores_nan";

} // namespace weft

#endif // WEFT_DIALECT_IGNORESNAN_H
