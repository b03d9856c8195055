// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Fragments of mma.sync, in units of 16 bits (an element of tf32 is two): which element lies in which
// register of which lane, and which row of shared memory each lane names to ldmatrix so that they come to lie
// there.
#ifndef WEFT_LIB_CODEGEN_GPU_MMAFRAGMENTS_H
#define WEFT_LIB_CODEGEN_GPU_MMAFRAGMENTS_H

#include "LinearMap.h"

namespace weft::gpu {

/// The shape of one instruction: m16n8k16 of 16-bit elements, m16n8k8 of tf32. K is 32 bytes of a row.
constexpr int64_t mmaM = 16, mmaN = 8, mmaKBytes = 32;

/// A row and a column in one number, the column in the low 16 bits.
constexpr uint64_t packRowColumn(uint64_t row, uint64_t column) { return row << 16 | column; }

/// Where an accumulator lies in its 16 x 8 tile. Inputs: one bit for two neighbours, one for rows 8 apart,
/// then five of the lane's number. Outputs: row and column, packed.
LinearMap fragmentC();

/// How an operand lies in shared memory.
enum class Major {
  K,     ///< rows of K neighbours: A as [M][K], B as [N][K]
  Outer, ///< rows of M or N neighbours: A as [K][M], B as [K][N]; ldmatrix transposes
};

/// Which row of shared memory a lane names to ldmatrix.x4, and at which column its eight elements begin.
/// Inputs: five bits of the lane's number; outputs: row and column, packed, as the operand is stored. The
/// four matrices are the four registers of A, or the two of B for two neighbouring tiles of N.
LinearMap ldmatrixRowsA(Major major);
LinearMap ldmatrixRowsB(Major major);

} // namespace weft::gpu

#endif // WEFT_LIB_CODEGEN_GPU_MMAFRAGMENTS_H
