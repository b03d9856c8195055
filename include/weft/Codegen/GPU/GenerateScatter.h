// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// x with updates at computed positions, seen from the result: a thread for each element looks which updates
// land on it, in their order. Nothing is atomic, so updates of one element are combined as they are one after
// the other.
#ifndef WEFT_CODEGEN_GPU_GENERATESCATTER_H
#define WEFT_CODEGEN_GPU_GENERATESCATTER_H

#include "weft/Codegen/GPU/GpuKernel.h"

#include "mlir/IR/BuiltinAttributes.h"

namespace weft::gpu {

/// Dimensions as weft.scatter has them; extents are ShapedType::kDynamic where they come with the buffers.
struct ScatterSpec {
  std::string name = "scatter";
  enum class Kind { Set, Add, Mul, Max, Min } kind = Kind::Set;
  mlir::Type type; ///< of the elements in memory
  bool isUnsigned = false;
  mlir::Type indexType;
  bool isIndexUnsigned = false;
  llvm::SmallVector<int64_t> shape, index, update; ///< of x and the result, of the indices, of the updates
  llvm::SmallVector<int64_t> dims, batchDims, indexBatchDims;
  int64_t at = 0;
  mlir::TypedAttr xFill, updateFill; ///< what x or the updates are everywhere, when they are no buffers
};

/// Arguments: x, unless it is filled, the indices, the updates, unless they are filled, and the result.
mlir::FailureOr<GpuKernel> generateScatter(mlir::Location loc, const ScatterSpec &spec);

} // namespace weft::gpu

#endif // WEFT_CODEGEN_GPU_GENERATESCATTER_H
