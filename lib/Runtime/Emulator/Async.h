// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Work in flight: copies and matrix products that a thread has asked for and that are not finished yet. The
// emulator finishes them as late as it legally can, so that code that does not wait is caught.
#ifndef WEFT_LIB_RUNTIME_EMULATOR_ASYNC_H
#define WEFT_LIB_RUNTIME_EMULATOR_ASYNC_H

#include "Clock.h"
#include "weft/Runtime/Emulator/TensorMap.h"

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace weft::runtime::emulator {

class Region;
struct Block;
struct Thread;

/// Bytes of a region.
struct Range {
  Region *region = nullptr;
  size_t offset = 0, bytes = 0;
};

/// One cp.async of a thread.
struct Copy {
  Range to;
  const void *from = nullptr;
  uint32_t sourceBytes = 0; ///< the rest is zero
  const char *site = nullptr;
};
struct CopyQueue {
  std::vector<Copy> open; ///< not committed
  std::vector<std::vector<Copy>> groups;
};
/// An arrival at an mbarrier that comes when copies of a thread are done.
struct CopyArrival {
  Thread *thread = nullptr;
  std::vector<Copy> copies;
  Block *barrierBlock = nullptr;
  uint64_t barrierOffset = 0;
  const char *site = nullptr;
};

/// A copy of a box between global and shared memory. A plain bulk copy is one row.
struct TensorCopy {
  TensorMap map;
  int32_t coordinates[5] = {};
  Region *shared = nullptr;
  size_t sharedOffset = 0;
  uint32_t bytes = 0;
  uint32_t reduce = 0;           ///< of stores: how to combine with what is there; see WeftReduceKind
  Block *barrierBlock = nullptr; ///< of loads: whose mbarrier counts the bytes
  uint64_t barrierOffset = 0;
  Thread *thread = nullptr; ///< that asked
  SharedKnowledge known;    ///< what it knew then
  const char *site = nullptr;
};
struct BulkQueue {
  std::vector<TensorCopy> open;
  std::vector<std::vector<TensorCopy>> groups;
};

/// Operands of wgmma in shared memory that are still being read.
struct WgmmaQueue {
  struct Operands {
    std::vector<Range> ranges;
    const char *site = nullptr;
  };
  std::vector<Operands> open;
  std::vector<std::vector<Operands>> groups;
};

/// A barrier in shared memory.
struct Mbarrier {
  uint32_t count = 0;   ///< arrivals of a phase
  uint32_t pending = 0; ///< still missing
  int64_t bytes = 0;    ///< expected and not yet copied
  uint64_t phase = 0;
  Knowledge arriving;        ///< of those that arrived in this phase
  SharedKnowledge completed; ///< of the phase before
  const char *initSite = nullptr;
  uint32_t initThread = 0, initClock = 0;
  bool isKnownToCopies = false; ///< a fence stands between its initialisation and copies
  std::vector<Thread *> waiting;
};

} // namespace weft::runtime::emulator

#endif // WEFT_LIB_RUNTIME_EMULATOR_ASYNC_H
