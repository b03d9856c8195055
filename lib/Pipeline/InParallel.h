// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiles several things at once.
#ifndef WEFT_LIB_PIPELINE_INPARALLEL_H
#define WEFT_LIB_PIPELINE_INPARALLEL_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/ThreadPool.h"

namespace weft {

/// body(0), ..., body(count - 1), in this order and on this thread where `threads` is 1, else in any on as
/// many threads (0: one for each core).
inline void inParallel(size_t count, int threads, llvm::function_ref<void(size_t)> body) {
  if (threads == 1 || count <= 1) {
    for (size_t i = 0; i < count; ++i)
      body(i);
    return;
  }
  llvm::DefaultThreadPool pool(llvm::hardware_concurrency(threads));
  for (size_t i = 0; i < count; ++i)
    pool.async([&, i] { body(i); });
  pool.wait();
}

} // namespace weft

#endif // WEFT_LIB_PIPELINE_INPARALLEL_H
