// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A block's tile of a matrix product on tensor cores, whatever its operands are gathered from: copies into
// permuted shared memory, fragments, instructions, and the stores with their epilogue.
#ifndef WEFT_LIB_CODEGEN_GPU_MMATILE_H
#define WEFT_LIB_CODEGEN_GPU_MMATILE_H

#include "KernelBuilder.h"
#include "MmaFragments.h"

#include "weft/Codegen/GPU/Epilogue.h"
#include "weft/Codegen/GPU/GenerateGemm.h"

namespace weft::gpu {

/// An element of an operand in global memory.
struct Place {
  V offset;                ///< in elements, from the buffer's start (i64)
  std::optional<V> inside; ///< where not, the element is 0; none: always
};

/// Where an operand of the product comes from.
struct MmaSource {
  unsigned buffer = 0;
  Major major = Major::K;
  /// So many neighbours, along K or along M or N as `major` says, lie side by side from each multiple of it,
  /// all inside or none: they are copied together. At most 8.
  int64_t vector = 1;
  /// For an outer number (m or n, i32): the place of element k (i32) beside it. Called before the loop; what
  /// it returns, within.
  std::function<std::function<Place(V k)>(V outer)> at;
};

/// The product of a block and how it is stored.
struct MmaProblem {
  MmaSource a, b;
  V k;                            ///< how long the sums are (i32)
  V firstRow, firstColumn;        ///< of the block's tile (i32)
  std::optional<V> rows, columns; ///< extents of C (i32); none where the tile is always whole
  int64_t columnVector = 1;       ///< neighbours in a row of C that are inside together: 1 or 2
  unsigned c = 0;                 ///< its buffer; the epilogue's operands are the buffers before it
  /// The place of (row, column) of C, and of the epilogue's operands, in elements (i64).
  std::function<V(V row, V column)> resultAt;
  std::function<V(unsigned operand, V row, V column)> operandAt;
};

/// Bytes of an element of the operands.
int64_t mmaElementBytes(mlir::Type type);
/// Bytes of shared memory that a block needs.
int64_t sharedBytesOf(const MmaTiling &tiling, mlir::Type type);
/// What must hold of a tiling: powers of two, whole instructions, whole copies. An empty string, or what is
/// wrong.
std::string checkTiling(const MmaTiling &tiling);

/// Stores the accumulators of a warp's `tilesM` x `tilesN` tiles of 16 x 8, four of a lane for each, that
/// begin at a row and a column of the block's tile.
void storeTile(KernelBuilder &k, const MmaProblem &problem, const Epilogue &epilogue,
               llvm::ArrayRef<mlir::Value> sums, V warpRow, V warpColumn, int64_t tilesM, int64_t tilesN);

/// Emits the whole of it by wgmma, for tilings of warpgroups. Both operands have rows of K.
void emitWgmmaTile(KernelBuilder &k, const MmaTiling &tiling, mlir::Type type, const MmaProblem &problem,
                   const Epilogue &epilogue);

/// Emits the whole of it. `type`: f16, bf16, or f32, which is rounded to tf32.
void emitMmaTile(KernelBuilder &k, const MmaTiling &tiling, mlir::Type type, const MmaProblem &problem,
                 const Epilogue &epilogue);

} // namespace weft::gpu

#endif // WEFT_LIB_CODEGEN_GPU_MMATILE_H
