// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Linear maps over bits (F2): where the lanes of a warp find or put what belongs to them. Each bit of the
// input contributes a fixed pattern of output bits, and contributions are combined by exclusive or. Fragments
// of matrix instructions, permuted rows of shared memory and their composition are all of this form, so
// addresses are a few shifts and masks, and conflicts between banks can be counted without a GPU.
#ifndef WEFT_LIB_CODEGEN_GPU_LINEARMAP_H
#define WEFT_LIB_CODEGEN_GPU_LINEARMAP_H

#include "weft/Codegen/Math/ValueMath.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"

#include <cstdint>

namespace weft::gpu {

class LinearMap {
public:
  LinearMap() = default;
  /// Bit i of the input contributes `bases[i]`.
  explicit LinearMap(llvm::ArrayRef<uint64_t> bases) : bases(bases) {}

  /// The contributions of each bit, the lowest first.
  llvm::ArrayRef<uint64_t> getBases() const { return bases; }
  uint64_t operator()(uint64_t input) const;
  /// All bits that some input reaches.
  uint64_t image() const;

  /// The map of a value (i32 or i64): per distance between an input bit and an output bit, a mask and a
  /// shift.
  codegen::V emit(codegen::V input) const;

private:
  llvm::SmallVector<uint64_t, 12> bases;
};

/// A block in shared memory: rows of a power of two of bytes, whose groups of 16 bytes are permuted so that
/// the same group of eight rows that follow each other lies in eight different bank groups. Inputs of the map
/// are byte numbers of the unpermuted block.
LinearMap swizzle(uint64_t rowBytes, uint64_t rows);

/// The most turns that shared memory takes for one access of `bytes` (4, 8 or 16) per lane at the addresses
/// that `map` gives lanes 0 to 31, over the turns it takes at best: 1 is free of conflicts.
double bankConflict(const LinearMap &map, uint64_t bytes);

} // namespace weft::gpu

#endif // WEFT_LIB_CODEGEN_GPU_LINEARMAP_H
