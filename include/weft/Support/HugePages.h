// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Large pages for large buffers: a kernel that visits rows far apart would miss the TLB at each of them.
#ifndef WEFT_SUPPORT_HUGEPAGES_H
#define WEFT_SUPPORT_HUGEPAGES_H

#include <cstddef>
#include <cstdint>
#include <sys/mman.h>

namespace weft {

constexpr size_t hugePageBytes = size_t(2) << 20;

/// Asks for large pages in fresh memory. Without effect where the kernel has none, or less than one fits.
inline void adviseHugePages(void *memory, size_t bytes) {
  const uintptr_t start = (reinterpret_cast<uintptr_t>(memory) + hugePageBytes - 1) & ~(hugePageBytes - 1);
  const uintptr_t end = (reinterpret_cast<uintptr_t>(memory) + bytes) & ~(hugePageBytes - 1);
  if (start < end)
    (void)::madvise(reinterpret_cast<void *>(start), end - start, MADV_HUGEPAGE);
}

} // namespace weft

#endif // WEFT_SUPPORT_HUGEPAGES_H
