// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrix products as kernels at vector level: C[batch..., M, N] = A[batch..., M, K] B[batch..., K, N] in f32,
// with an epilogue on the stores.
#ifndef WEFT_CODEGEN_CPU_GENERATEGEMM_H
#define WEFT_CODEGEN_CPU_GENERATEGEMM_H

#include "weft/Codegen/CPU/Kernels.h"

#include <cstddef>
#include <span>
#include <vector>

namespace weft::cpu {

/// How B lies in memory.
enum class GemmB {
  Packed,     ///< a constant packed by packB: [ceil(N / NR)][K][NR], the last panel filled with zeros
  RowMajor,   ///< a run-time operand [K, N]
  Transposed, ///< a run-time operand [N, K]
};

struct GemmSpec {
  std::string name = "gemm";
  /// Extents; ShapedType::kDynamic where they come with the buffers. K and N of a packed B are static.
  int64_t m = 0, n = 0, k = 0;
  llvm::SmallVector<int64_t> batch; ///< leading dimensions of C
  /// Leading dimensions of A and B: as many as C's, each equal to C's or 1 (shared), or none at all.
  llvm::SmallVector<int64_t> aBatch, bBatch;
  bool transposedA = false; ///< A is [batch..., K, M]
  GemmB b = GemmB::Packed;
  int64_t panelWidth = 0;         ///< NR of a packed B; 0: packedPanelWidth of N
  mlir::Type aType, bType, cType; ///< f32, f16 or bf16 elements; sums are f32
  Epilogue epilogue;
};

/// The kernel of `spec`: arguments A, B, the epilogue's operands, C. Bad specifications are diagnostics at
/// `loc`.
mlir::FailureOr<GeneratedKernel> generateGemm(mlir::Location loc, const GemmSpec &spec,
                                              const TargetInfo &target);

/// NR: columns of a panel of packed B, for this target and N.
int64_t packedPanelWidth(const TargetInfo &target, int64_t n);
/// Packs B: element (k, n) of `elementBytes` bytes lies at k * strideK + n * strideN elements of `source`.
std::vector<std::byte> packB(std::span<const std::byte> source, size_t elementBytes, int64_t k, int64_t n,
                             int64_t strideK, int64_t strideN, int64_t panelWidth);

/// How the generator tiles: exposed for tests and benchmarks, which may override parts of it.
struct GemmTiling {
  int64_t rows = 0;         ///< of a register tile, at most
  int64_t panelWidth = 0;   ///< NR
  int64_t kBlock = 0;       ///< of B that is used for all tiles of a block before the next
  int64_t blockTiles = 0;   ///< register tiles of rows in a chunk
  int64_t blockPanels = 0;  ///< panels in a chunk
  int64_t panelsAtOnce = 1; ///< for few rows: several streams of B
  int64_t unroll = 1;       ///< of the k loop
};
GemmTiling chooseGemmTiling(const GemmSpec &spec, const TargetInfo &target);
mlir::FailureOr<GeneratedKernel> generateGemm(mlir::Location loc, const GemmSpec &spec,
                                              const TargetInfo &target, const GemmTiling &tiling);

} // namespace weft::cpu

#endif // WEFT_CODEGEN_CPU_GENERATEGEMM_H
