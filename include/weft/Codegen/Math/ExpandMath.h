// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Elementary functions without a library: for every target the same sequences of arith ops. Stage: code.
#ifndef WEFT_CODEGEN_MATH_EXPANDMATH_H
#define WEFT_CODEGEN_MATH_EXPANDMATH_H

#include "mlir/IR/BuiltinOps.h"

namespace weft::codegen {

struct ExpandMathOptions {
  /// The target converts between 16-bit floats and f32 or f64 by instructions that round to nearest even and
  /// keep denormals; else bf16 is converted by integer arithmetic.
  bool nativeNarrowConversions = false;
  /// The target has an instruction for p * 2^n (llvm.ldexp); else integer arithmetic does it.
  bool nativeLdexp = false;
  /// tanh in f32 by a quotient of polynomials, within 8 ulp.
  bool approximate = false;
};

/// Lets the arithmetic of a kernel contract products and sums into FMAs, and turns divisions by constants
/// into products
/// (--numerics=fast). Before expandMath, whose sequences are exact as they stand.
void relaxArithmetic(mlir::ModuleOp module);

/// Replaces math functions, remainders and 16-bit float arithmetic by sequences of ops that every target
/// executes inline.
mlir::LogicalResult expandMath(mlir::ModuleOp module, const ExpandMathOptions &options = {});

} // namespace weft::codegen

#endif // WEFT_CODEGEN_MATH_EXPANDMATH_H
