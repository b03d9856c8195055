// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Chains of elementwise ops as straight-line scalar or vector code: the epilogues of generated kernels.
#ifndef WEFT_CONVERSION_ELEMENTWISEBODY_H
#define WEFT_CONVERSION_ELEMENTWISEBODY_H

#include "mlir/IR/Block.h"
#include "mlir/IR/Builders.h"
#include <memory>

namespace weft {

/// The scalar form of a chain of elementwise ops, kept to be instantiated for scalars and vectors.
class ElementwiseBody {
public:
  /// `ops` in order; `inputs` are the values they read from outside (besides splat constants), `output` what
  /// they compute. Fails when an op has no scalar form.
  static mlir::FailureOr<std::shared_ptr<ElementwiseBody>>
  create(llvm::ArrayRef<mlir::Operation *> ops, llvm::ArrayRef<mlir::Value> inputs, mlir::Value output);
  ~ElementwiseBody();

  /// Element type of input `i` in memory: booleans and unsigned integers differ from the graph's.
  mlir::Type getMemoryType(unsigned i) const;
  /// Emits the chain on values as they lie in memory (input 0 may also be in the type it is computed in): all
  /// scalars, or all vectors of `width`. The result is in the type it is computed in (f32 for f16 and bf16).
  mlir::Value emit(mlir::OpBuilder &builder, mlir::Location loc, mlir::ValueRange inputs,
                   int64_t width) const;
  /// Whether a function is among the ops that takes a chain of many instructions: an exponential or the like.
  bool hasLongOps() const;

private:
  ElementwiseBody() = default;
  std::unique_ptr<mlir::Block> block; // scalar ops; arguments are the inputs as in memory
  mlir::Value result;
};

} // namespace weft

#endif // WEFT_CONVERSION_ELEMENTWISEBODY_H
