// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Plans temporary memory: which bytes of one arena each buffer takes, such that buffers alive at the same
// time do not overlap. Greedy by size (largest first, lowest gap that fits best). Used by the compiler for
// static sizes and by the runtime for sizes known only when it runs.
#ifndef WEFT_PROGRAM_MEMORYPLAN_H
#define WEFT_PROGRAM_MEMORYPLAN_H

#include "weft/Program/Program.h"

#include <span>
#include <vector>

namespace weft::program {

constexpr int64_t arenaAlignment = 64;

/// Memory of `size` bytes needed from step `first` to step `last`, both included.
struct PlanItem {
  int64_t size = 0;
  uint32_t first = 0, last = 0;
};

struct MemoryPlan {
  std::vector<int64_t> offsets; ///< of each item; multiples of the alignment
  int64_t peak = 0;             ///< bytes of arena
  int64_t lowerBound = 0;       ///< no plan can be smaller: most bytes alive at one step
};

/// Fails when a size is negative or the sum of sizes overflows.
Result<MemoryPlan> planMemory(std::span<const PlanItem> items, int64_t alignment = arenaAlignment);

/// First and last command that uses each buffer (uses through aliases count for the root); first > last when
/// none does.
struct Lifetime {
  uint32_t first = UINT32_MAX, last = 0;
  bool isUsed() const { return first <= last; }
};
std::vector<Lifetime> bufferLifetimes(const Function &function);

/// The arena of one function.
struct FunctionPlan {
  std::vector<int64_t> offsets; ///< per buffer; -1 unless an Arena buffer
  std::vector<int64_t>
      frames; ///< per command: where the arena of a called function begins; -1 unless it calls
  int64_t size = 0, lowerBound = 0;
};

/// Functions in an order in which callees come before callers, or INVALID_ARGUMENT when they recurse.
Result<std::vector<FunctionId>> calleesFirst(const Program &program);

/// Plans all functions; static plans are taken as they are. `sizes` has an upper bound for each expression of
/// the program, noValue where it has none: a function that needs one without a value gets size -1 and is not
/// planned.
Result<std::vector<FunctionPlan>> planArenas(const Program &program, std::span<const int64_t> sizes);

/// Fills in the offsets of each function whose sizes are all constants (and of whose callees the same holds).
Status planStatically(Program &program);

} // namespace weft::program

#endif // WEFT_PROGRAM_MEMORYPLAN_H
