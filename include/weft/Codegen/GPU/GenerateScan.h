// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Running sums, products and extremes along the middle of three dimensions [outer, length, inner], a block
// for each row: lanes by shuffles, warps through shared memory, then the next piece of the row.
#ifndef WEFT_CODEGEN_GPU_GENERATESCAN_H
#define WEFT_CODEGEN_GPU_GENERATESCAN_H

#include "weft/Codegen/GPU/GpuKernel.h"

#include <array>

namespace weft::gpu {

struct ScanSpec {
  std::string name = "scan";
  enum class Kind { Add, Mul, Max, Min } kind = Kind::Add;
  mlir::Type type;                ///< f16, bf16, f32, f64, i32 or i64; of 16 bits, sums are in f32
  std::array<int64_t, 3> shape{}; ///< ShapedType::kDynamic where it comes with the buffers
  bool reverse = false, exclusive = false;
};

/// Arguments: the operand, the result.
mlir::FailureOr<GpuKernel> generateScan(mlir::Location loc, const ScanSpec &spec);

} // namespace weft::gpu

#endif // WEFT_CODEGEN_GPU_GENERATESCAN_H
