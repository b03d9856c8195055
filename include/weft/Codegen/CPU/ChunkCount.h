// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Into how many chunks a kernel's work is cut. Threads take chunks one by one.
#ifndef WEFT_CODEGEN_CPU_CHUNKCOUNT_H
#define WEFT_CODEGEN_CPU_CHUNKCOUNT_H

#include <cstdint>

namespace weft::cpu {

/// A number, or ceil(extent of dimension `dim` of buffer argument `buffer` / block).
struct ChunkCount {
  int64_t fixed = 1;
  int buffer = -1; ///< -1: `fixed` chunks
  int dim = 0;
  int64_t block = 1;
};

} // namespace weft::cpu

#endif // WEFT_CODEGEN_CPU_CHUNKCOUNT_H
