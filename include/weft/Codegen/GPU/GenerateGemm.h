// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrix products: C[batch..., M, N] = A[batch..., M, K] B[batch..., K, N] with sums in f32 and an epilogue
// on the stores. f16, bf16 and f32 rounded to tf32 go to tensor cores, by mma.sync or, on sm_90a, wgmma; f32
// as it is to multiply-adds. All are fed by asynchronous copies that run ahead.
#ifndef WEFT_CODEGEN_GPU_GENERATEGEMM_H
#define WEFT_CODEGEN_GPU_GENERATEGEMM_H

#include "weft/Codegen/GPU/Epilogue.h"
#include "weft/Codegen/GPU/Target.h"
#include "weft/Codegen/GPU/TiledKernel.h"

#include <string>

namespace weft::gpu {

struct GemmSpec {
  std::string name = "gemm";
  /// Extents; ShapedType::kDynamic where they come with the buffers.
  int64_t m = 0, n = 0, k = 0;
  llvm::SmallVector<int64_t> batch; ///< leading dimensions of C
  /// Leading dimensions of A and B: as many as C's, each equal to C's or 1 (shared), or none at all.
  llvm::SmallVector<int64_t> aBatch, bBatch;
  bool transposedA = false; ///< A is [batch..., K, M]
  bool transposedB = false; ///< B is [batch..., N, K]
  mlir::Type type;  ///< of A's and B's elements: f16, bf16 or f32; as tf32 where A is [M, K] and B [N, K]
  mlir::Type cType; ///< f32, f16 or bf16
  Epilogue epilogue;
};

/// How a block's work is cut: exposed for tests and benchmarks. Powers of two.
struct MmaTiling {
  int64_t m = 128, n = 128, k = 32; ///< of a block, per step of the loop
  int64_t warpsM = 2, warpsN = 4;   ///< that share it
  int64_t stages = 4;               ///< of copies in flight, in shared memory
  bool warpgroups = false;          ///< wgmma instead of mma.sync: for sm_90a, A as [M, K] and B as [N, K]
  bool fma = false;                 ///< multiply-adds of f32 instead of tensor cores
  int64_t threads() const { return 32 * warpsM * warpsN; }
};
/// `fast`: f32 may be rounded to tf32.
MmaTiling chooseTiling(const GemmSpec &spec, const GpuTarget &target, bool fast = false);

/// The kernel of `spec`: arguments A, B, the epilogue's operands, C. Bad specifications are diagnostics at
/// `loc`.
mlir::FailureOr<TiledKernel> generateGemm(mlir::Location loc, const GemmSpec &spec, const MmaTiling &tiling);

} // namespace weft::gpu

#endif // WEFT_CODEGEN_GPU_GENERATEGEMM_H
