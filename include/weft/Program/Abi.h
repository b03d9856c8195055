// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The only thing that compiled kernels and the runtime agree on: one C signature. A kernel allocates nothing,
// calls nothing and touches no thread-local storage; it reads its operands, writes its results, and reports a
// failed check through the fault record. Plain C; a change of meaning raises WEFT_ABI.
#ifndef WEFT_PROGRAM_ABI_H
#define WEFT_PROGRAM_ABI_H

#include <stdint.h>

#define WEFT_ABI 2

#ifdef __cplusplus
extern "C" {
#endif

/// What a failed check saw. The first writer wins: it changes `check` from 0 to the check's index + 1 by an
/// atomic compare-and-swap, then fills the rest. In C and C++ alike `check` is accessed by the compiler's
/// atomic builtins.
typedef struct WeftFault {
  uint32_t check;
  uint32_t pad;
  int64_t found; ///< the offending value
  int64_t limit; ///< what it was compared with
  int64_t at;    ///< row-major position in the operand
} WeftFault;

/// The arguments of one launch; `scratch` and `follows` are those of the call, the rest is for all chunks.
typedef struct WeftCall {
  void *const *buf;   ///< operands, then results; 64-byte aligned, non-null
  const int64_t *dim; ///< extents of dynamic dimensions, in the order of the launch
  void *scratch;      ///< of the calling thread, 64-byte aligned; size by the launch
  WeftFault *fault;
  int64_t follows; ///< not 0: `scratch` is as chunk lo - 1 of this launch left it
} WeftCall;

/// Computes chunks [lo, hi) of the kernel's iteration space. 0, or index + 1 of the failed check.
typedef int32_t (*WeftKernel)(const WeftCall *call, int64_t lo, int64_t hi);

#ifdef __cplusplus
}
#endif

#endif // WEFT_PROGRAM_ABI_H
