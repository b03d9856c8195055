// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrix products as kernels at vector level: C[batch..., M, N] = A[batch..., M, K] B[batch..., K, N] in f32,
// or of 8-bit integers in i32, with an epilogue on the stores.
#ifndef WEFT_CODEGEN_CPU_GENERATEGEMM_H
#define WEFT_CODEGEN_CPU_GENERATEGEMM_H

#include "weft/Codegen/CPU/Kernels.h"
#include "weft/Codegen/CPU/Tiling.h"

#include <cstddef>
#include <span>
#include <vector>

namespace weft::cpu {

/// How B lies in memory.
enum class GemmB {
  Packed,     ///< a constant packed by packB, the last panel filled with zeros
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
  int64_t panelWidth = 0; ///< NR of a packed B; 0: packedB chooses
  /// f32, f16 or bf16 elements of A and B, with sums in f32; or i8 of both, with sums in i32 and a packed B.
  mlir::Type aType, bType, cType;
  bool aUnsigned = false, bUnsigned = false; ///< of i8
  bool pairsFit = false; ///< pairsFitWords holds for the values of B, which are packed bytes
  bool strict = false;   ///< no instruction that drops denormals
  Epilogue epilogue;
};

/// The kernel of `spec`: arguments A, B, the epilogue's operands, C. Bad specifications are diagnostics at
/// `loc`.
mlir::FailureOr<GeneratedKernel> generateGemm(mlir::Location loc, const GemmSpec &spec,
                                              const TargetInfo &target);

/// NR: columns of a panel of packed B, for this target and N.
int64_t packedPanelWidth(const TargetInfo &target, int64_t n);
/// How packed B lies in memory: [panels][rows][width], in each row `group` neighbours of K of each column.
struct PackedB {
  int64_t k = 0, n = 0;
  int64_t panelWidth = 0; ///< NR
  int64_t group = 1;
  /// Not 0: a row more holds, for each column, this times the column's sum as i32.
  int64_t correction = 0;
  bool isUnsigned = false; ///< elements that are summed up

  llvm::SmallVector<int64_t> shape() const;
};
/// For the types and extents of `spec`.
PackedB packedB(const GemmSpec &spec, const TargetInfo &target);
/// Packs B's panels from `firstPanel` on into all of `to`, whole panels: element (k, n) of `elementBytes`
/// bytes lies at k * strideK + n * strideN elements of `source`.
void packB(std::span<const std::byte> source, size_t elementBytes, const PackedB &packed, int64_t strideK,
           int64_t strideN, size_t firstPanel, std::span<std::byte> to);

/// Whether a packed B of bytes would be multiplied faster if pairsFitWords were true.
bool wantsPairs(const GemmSpec &spec, const TargetInfo &target);
/// Whether, for each two neighbours of K of a column (the first two, the next two, ...), the products by any
/// two u8 have a sum of 16 bits: as weights of 7 bits have. Strides as for packB.
bool pairsFitWords(std::span<const std::byte> source, bool isUnsigned, int64_t k, int64_t n, int64_t strideK,
                   int64_t strideN);

/// How the generator tiles: exposed for the tuner, tests and benchmarks, which may override parts of it. No
/// number changes the order in which products are summed up, and so none changes a bit of the result.
struct GemmTiling {
  int64_t rows = 0;         ///< of a register tile, at most
  int64_t panelWidth = 0;   ///< NR
  int64_t kBlock = 0;       ///< of B that is used for all tiles of a block before the next
  int64_t blockTiles = 0;   ///< register tiles of rows in a chunk
  int64_t blockPanels = 0;  ///< panels in a chunk
  int64_t panelsAtOnce = 1; ///< for few rows: several streams of B
  int64_t unroll = 1;       ///< of the k loop

  static llvm::ArrayRef<TilingNumber<GemmTiling>> numbers();
};
GemmTiling chooseGemmTiling(const GemmSpec &spec, const TargetInfo &target);
mlir::FailureOr<GeneratedKernel> generateGemm(mlir::Location loc, const GemmSpec &spec,
                                              const TargetInfo &target, const GemmTiling &tiling);

/// The choice above, or what `source` (may be null) knows to be better for products of static extents.
GemmTiling chooseGemmTiling(const GemmSpec &spec, const TargetInfo &target, const TilingSource *source);
/// Tilings near `from`, itself first: see TilingSource.
std::vector<GemmTiling> gemmTilingsNear(const GemmTiling &from, const GemmSpec &spec,
                                        const TargetInfo &target, int round);

} // namespace weft::cpu

#endif // WEFT_CODEGEN_CPU_GENERATEGEMM_H
