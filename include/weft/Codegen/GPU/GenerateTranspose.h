// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Permutations of dimensions that move the innermost one: squares go through shared memory, so that warps
// read and write neighbours. A swizzle keeps both ways free of bank conflicts.
#ifndef WEFT_CODEGEN_GPU_GENERATETRANSPOSE_H
#define WEFT_CODEGEN_GPU_GENERATETRANSPOSE_H

#include "weft/Codegen/GPU/GpuKernel.h"

namespace weft::gpu {

struct TransposeSpec {
  std::string name = "transpose";
  unsigned elementBytes = 4;        ///< 1, 2, 4 or 8
  llvm::SmallVector<int64_t> shape; ///< of the operand; ShapedType::kDynamic where it comes with the buffers
  llvm::SmallVector<int64_t>
      permutation; ///< dimension i of the result is dimension permutation[i] of the operand
};

/// Whether squares pay: another dimension becomes the innermost one, and neither is short.
bool isWorthTransposing(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> permutation);

/// Arguments: the operand, the result.
mlir::FailureOr<GpuKernel> generateTranspose(mlir::Location loc, const TransposeSpec &spec);

} // namespace weft::gpu

#endif // WEFT_CODEGEN_GPU_GENERATETRANSPOSE_H
