// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Factorisations and triangular systems of the last two dimensions, a block for each matrix (a system has
// blocks for its right sides, too). As on the CPU everything is computed in f64 and rounded once: in a buffer
// of f64 that is a further result of each kernel.
#ifndef WEFT_CODEGEN_GPU_GENERATEFACTOR_H
#define WEFT_CODEGEN_GPU_GENERATEFACTOR_H

#include "weft/Codegen/GPU/GpuKernel.h"

#include <array>

namespace weft::gpu {

struct FactorSpec {
  std::string name = "factor";
  mlir::Type type; ///< a float
  std::array<int64_t, 3>
      shape{}; ///< [batch, rows, columns]; ShapedType::kDynamic where it comes with the buffer
};

/// Arguments: square matrices, their factors, f64 of the same shape.
mlir::FailureOr<GpuKernel> generateCholesky(mlir::Location loc, const FactorSpec &spec, bool lower);
/// Arguments: matrices, their factors, pivots [batch, min(rows, columns)] and the order of the rows [batch,
/// rows] (i32), f64 of the matrices' shape.
mlir::FailureOr<GpuKernel> generateLu(mlir::Location loc, const FactorSpec &spec);

struct TriangularSpec : FactorSpec { ///< `shape` is that of the right sides
  std::array<int64_t, 3> matrix{};   ///< [batch, n, n]
  bool left = true, lower = true, transpose = false, unitDiagonal = false;
};
/// Arguments: matrices, right sides, solutions, f64 of the right sides' shape.
mlir::FailureOr<GpuKernel> generateTriangularSolve(mlir::Location loc, const TriangularSpec &spec);

} // namespace weft::gpu

#endif // WEFT_CODEGEN_GPU_GENERATEFACTOR_H
