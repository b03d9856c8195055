// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Marks (unit attributes) that whoever writes a formula sets on its ops, because code generation cannot see
// what they say.
#ifndef WEFT_DIALECT_MARKS_H
#define WEFT_DIALECT_MARKS_H

#include "llvm/ADT/StringRef.h"

namespace weft {

/// On a max or min over x: where an element of x is NaN, any value will do, because all readers of the result
/// see the NaN of x themselves (softmax's shift). Carrying NaN along costs two of three instructions of such
/// a reduction.
constexpr llvm::StringLiteral ignoresNaNMark = "weft.ignores_nan";

/// On an exponential: its operand is not positive, or NaN, or its result does not matter. Half of the
/// instructions of a general exponential see to overflow and to exponents of both signs.
constexpr llvm::StringLiteral nonPositiveMark = "weft.non_positive";

/// On a math.exp2 of f32, besides nonPositiveMark: results below 2^-125 may be 0.
constexpr llvm::StringLiteral flushesMark = "weft.flushes";

} // namespace weft

#endif // WEFT_DIALECT_MARKS_H
