// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One operand of a block's product on its way through shared memory: copied there, and read from there by
// ldmatrix or by the descriptors of wgmma.
#ifndef WEFT_LIB_CODEGEN_GPU_MMAOPERAND_H
#define WEFT_LIB_CODEGEN_GPU_MMAOPERAND_H

#include "MmaTile.h"

namespace weft::gpu {

class MmaOperand {
public:
  /// `outer` numbers of M or N from `firstOuter` on, times `depth` of K, copied by all of a block's threads.
  /// Rows of M or N are for 16-bit elements only: ldmatrix transposes no others.
  MmaOperand(KernelBuilder &k, const MmaSource &source, int64_t elementBytes, int64_t outer, int64_t depth,
             int64_t threads, V firstOuter);

  /// Of one stage.
  int64_t bytes() const { return rows * columns * elementBytes; }
  /// Copies the elements of K from `first` on to the byte `stage` of shared memory.
  void copy(V first, V stage);
  /// Prepares reading: the lane's row of an ldmatrix, of the part of `perWarp` numbers of M or N that belongs
  /// to a warp.
  void prepareFragments(const LinearMap &lanes, V warp, int64_t perWarp, int64_t numWarps);
  /// Four registers (i32) of ldmatrix at `outer` numbers of M or N into the warp's part and `depth` of K.
  llvm::SmallVector<mlir::Value> load(V stage, int64_t outer, int64_t depth);

private:
  /// Where (outer, depth) lies, both in elements.
  uint64_t byteAt(int64_t outer, int64_t depth) const;
  void copyOne(const Place &place, mlir::Value to);

  KernelBuilder &k;
  const MmaSource &source;
  int64_t elementBytes;
  int64_t rows, columns, passes, rowsPerPass;
  LinearMap map; ///< from bytes as if unpermuted to where they lie
  V row, column; ///< of the thread's first copy
  V address;
  uint64_t image = 0;
  llvm::SmallVector<std::function<Place(V)>> places;
  V fragmentAddress;
  uint64_t fragmentImage = 0;
};

} // namespace weft::gpu

#endif // WEFT_LIB_CODEGEN_GPU_MMAOPERAND_H
