// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sorting and selection along the middle of three dimensions [outer, length, inner]: a bitonic network in
// shared memory for what fits one block, and for longer rows sorted runs that passes over global memory
// merge. Keys are compared as unsigned integers of the same order (NaN last, -0 equal to +0), equal keys by
// position: the order is total, so every schedule of threads gives the same result.
#ifndef WEFT_CODEGEN_GPU_GENERATESORT_H
#define WEFT_CODEGEN_GPU_GENERATESORT_H

#include "weft/Codegen/GPU/GpuKernel.h"
#include "weft/Support/DType.h"

#include "llvm/ADT/bit.h"

#include <algorithm>
#include <array>

namespace weft::gpu {

struct SortSpec {
  std::string name = "sort";
  std::array<int64_t, 3>
      shape{}; ///< [outer, length, inner]; ShapedType::kDynamic where it comes with the buffers
  llvm::SmallVector<DType> operands; ///< all of that shape; the first `numKeys` are keys
  unsigned numKeys = 1;
  bool descending = false;
  int64_t kept = 0; ///< how many of each row the results hold: `length`, fewer, or dynamic
  /// Whether a last result holds the positions of what the others hold (i64).
  bool positions = false;
};

/// Whether elements of this type can be keys and operands.
inline bool isSortable(DType type) { return type != DType::Invalid && !isStorageType(type); }
/// Keys are compared as unsigned integers of this many bytes.
inline int64_t sortKeyBytes(DType type) { return byteWidth(type) > 4 ? 8 : 4; }
/// The longest row that one block sorts in shared memory, with keys of these types. Runs are as long.
inline int64_t longestSortedRow(llvm::ArrayRef<DType> keys) {
  constexpr int64_t sharedBytes = 48 << 10, mostSlots = 4096;
  int64_t perSlot = 4; // the position
  for (DType key : keys)
    perSlot += sortKeyBytes(key);
  return std::min<int64_t>(mostSlots, llvm::bit_floor(uint64_t(sharedBytes / perSlot)));
}

/// Sorts rows of a known length, at most longestSortedRow: arguments are the operands, then the results.
mlir::FailureOr<GpuKernel> generateSort(mlir::Location loc, const SortSpec &spec);
/// Sorts pieces of rows, each longestSortedRow long: the keys, then a result of i32, positions in the row.
mlir::FailureOr<GpuKernel> generateSortRuns(mlir::Location loc, const SortSpec &spec);
/// Merges neighbouring runs: the keys, positions (i32), the length of a run (an i64), positions as merged.
mlir::FailureOr<GpuKernel> generateMergeRuns(mlir::Location loc, const SortSpec &spec);
/// Brings the operands into an order: operands, positions (i32), then the results.
mlir::FailureOr<GpuKernel> generatePermute(mlir::Location loc, const SortSpec &spec);

} // namespace weft::gpu

#endif // WEFT_CODEGEN_GPU_GENERATESORT_H
