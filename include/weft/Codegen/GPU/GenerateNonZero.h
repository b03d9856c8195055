// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The positions of elements that are not zero, in row-major order. Each of a number of blocks has a part of
// the tensor: one kernel counts in the parts, a second one begins where the parts before end and writes.
#ifndef WEFT_CODEGEN_GPU_GENERATENONZERO_H
#define WEFT_CODEGEN_GPU_GENERATENONZERO_H

#include "weft/Codegen/GPU/GpuKernel.h"
#include "weft/Support/DType.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/Support/MathExtras.h"

namespace weft::gpu {

struct NonZeroSpec {
  std::string name = "non_zero";
  DType type = DType::F32;
  llvm::SmallVector<int64_t> shape; ///< ShapedType::kDynamic where it comes with the buffer
  int64_t parts = 1;                ///< as partsOfNonZero says
};

/// Parts that a tensor of this shape is counted in: at most as many as a block has threads.
inline int64_t partsOfNonZero(llvm::ArrayRef<int64_t> shape) {
  constexpr int64_t mostParts = 256, fewElements = 2048;
  if (mlir::ShapedType::isDynamicShape(shape))
    return mostParts;
  int64_t elements = mlir::ShapedType::getNumElements(shape);
  return std::clamp<int64_t>(llvm::divideCeil(elements, fewElements), 1, mostParts);
}

/// Arguments: the tensor, a count (i64) for each part.
mlir::FailureOr<GpuKernel> generateCountNonZero(mlir::Location loc, const NonZeroSpec &spec);
/// Arguments: the tensor, the counts; results: rows of i64 positions, as many as were counted, and their
/// number.
mlir::FailureOr<GpuKernel> generateWriteNonZero(mlir::Location loc, const NonZeroSpec &spec);

} // namespace weft::gpu

#endif // WEFT_CODEGEN_GPU_GENERATENONZERO_H
