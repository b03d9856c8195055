// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a generated GPU kernel does to an accumulator on its way to the result: bias, residual, activation.
#ifndef WEFT_CODEGEN_GPU_EPILOGUE_H
#define WEFT_CODEGEN_GPU_EPILOGUE_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/SmallVector.h"

#include <functional>

namespace weft::gpu {

struct Epilogue {
  struct Operand {
    mlir::Type type; ///< of its elements in memory
    /// Per dimension of the result as the generator sees it: its extent, or 1 where it is repeated.
    llvm::SmallVector<int64_t> shape;
  };
  llvm::SmallVector<Operand> operands; ///< arguments of the kernel between the generator's own and the result
  /// From the accumulator (f32) and an element of each operand to the value that is stored, rounded to the
  /// result's type then: all scalars, or all vectors of `width`. None: the accumulator itself.
  std::function<mlir::Value(mlir::OpBuilder &, mlir::Location, mlir::ValueRange values, int64_t width)> emit;
};

} // namespace weft::gpu

#endif // WEFT_CODEGEN_GPU_EPILOGUE_H
