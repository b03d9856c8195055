// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Into how many chunks a kernel's work is cut. Threads take chunks one by one.
#ifndef WEFT_CODEGEN_CPU_CHUNKCOUNT_H
#define WEFT_CODEGEN_CPU_CHUNKCOUNT_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"

#include <cstdint>
#include <optional>

namespace weft::cpu {

/// The number of chunks of a kernel: the product of its terms, each ceil(extent / block). No terms: one
/// chunk.
struct ChunkCount {
  struct Term {
    unsigned buffer, dim; ///< the extent is that of dimension `dim` of kernel argument `buffer`,
    int64_t extent;       ///< which is this, or ShapedType::kDynamic
    int64_t block;
  };
  llvm::SmallVector<Term> terms;

  /// `count` chunks, a number.
  static ChunkCount of(int64_t count) { return {{Term{0, 0, count, 1}}}; }

  /// When no term is dynamic.
  std::optional<int64_t> fixed() const;
  /// With extents asked of `extentOf(buffer, dim)`.
  int64_t evaluate(llvm::function_ref<int64_t(unsigned, unsigned)> extentOf) const;
};

} // namespace weft::cpu

#endif // WEFT_CODEGEN_CPU_CHUNKCOUNT_H
