// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A block's tile of a matrix product, on tensor cores or by multiply-adds, whatever its operands are gathered
// from: copies into permuted shared memory, products, and the stores with their epilogue.
#ifndef WEFT_LIB_CODEGEN_GPU_MMATILE_H
#define WEFT_LIB_CODEGEN_GPU_MMATILE_H

#include "TileBuilder.h"

#include "weft/Codegen/GPU/Epilogue.h"
#include "weft/Codegen/GPU/GenerateGemm.h"

namespace weft::gpu {

/// Elements of an operand in global memory: tiles of a space.
struct Place {
  V offset;                ///< in elements, from the buffer's start (i64)
  std::optional<V> inside; ///< where not, the element is 0; none: always
};

/// How an operand lies in memory.
enum class Major {
  K,     ///< rows of K neighbours: A as [M][K], B as [N][K]
  Outer, ///< rows of M or N neighbours: A as [K][M], B as [K][N]
};

/// Where an operand of the product comes from.
struct MmaSource {
  unsigned buffer = 0;
  Major major = Major::K;
  /// So many neighbours, along K or along M or N as `major` says, lie side by side from each multiple of it,
  /// all inside or none: they are copied together. At most 16 bytes.
  int64_t vector = 1;
  /// For outer numbers (m or n, i32, down the rows of the space or along its columns): the places of elements
  /// k (the other way) beside them. Called before the loop; what it returns, within.
  std::function<std::function<Place(V k)>(const TileSpace &space, V outer)> at;
};

/// The product of a block and how it is stored.
struct MmaProblem {
  MmaSource a, b;
  V k;                            ///< how long the sums are (i32)
  V firstRow, firstColumn;        ///< of the block's tile (i32)
  std::optional<V> rows, columns; ///< extents of C (i32); none where the tile is always whole
  int64_t columnVector = 1;       ///< neighbours in a row of C that are inside together: see storeVector()
  unsigned c = 0;                 ///< its buffer; the epilogue's operands are the buffers before it
  /// The places of rows and columns (i32, tiles along the space's) of a buffer among those, in elements
  /// (i64): a tile of the space, or along its rows or columns alone where the buffer repeats what it has, or
  /// one number.
  std::function<V(const TileSpace &space, unsigned buffer, V rows, V columns)> placeOf;
};

/// Bytes of an element of the operands.
int64_t mmaElementBytes(mlir::Type type);
/// What must hold of a tiling: powers of two, whole instructions, whole copies. An empty string, or what is
/// wrong.
std::string checkTiling(const MmaTiling &tiling);

/// The tiling for multiply-adds where up to `rows` rows to a block and `columns` columns are there.
MmaTiling fmaTiling(int64_t rows, int64_t columns);
/// How many neighbours of `columns` in a row of C are stored together.
int64_t storeVector(int64_t columns, const MmaTiling &tiling);

/// Emits the whole of it. `type`: f16, bf16, or f32, which tensor cores round to tf32.
void emitMmaTile(TileBuilder &k, const MmaTiling &tiling, mlir::Type type, const MmaProblem &problem,
                 const Epilogue &epilogue);

} // namespace weft::gpu

#endif // WEFT_LIB_CODEGEN_GPU_MMATILE_H
