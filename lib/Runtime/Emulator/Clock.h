// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Vector clocks: what each thread of a cluster of blocks knows of the others. An access at clock c of thread
// u is ordered before whatever t does now when t's clock of u is at least c. Threads that met at a barrier
// share one vector, so that a barrier of n threads costs n steps and not n * n.
#ifndef WEFT_LIB_RUNTIME_EMULATOR_CLOCK_H
#define WEFT_LIB_RUNTIME_EMULATOR_CLOCK_H

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

namespace weft::runtime::emulator {

/// How far something is known of one thread.
struct Stamp {
  uint32_t clock = 0;
  /// The same of accesses that a proxy fence has put before asynchronous copies and wgmma.
  uint32_t fenced = 0;

  void join(Stamp other) {
    clock = std::max(clock, other.clock);
    fenced = std::max(fenced, other.fenced);
  }
};

/// What is known of all threads of a cluster, and of those of other clusters: of these only through atomics.
struct Knowledge {
  uint64_t cluster = 0;
  std::vector<Stamp> of;
  std::map<uint64_t, std::vector<Stamp>> others;

  void join(const Knowledge &other) {
    joinStamps(other.cluster, other.of);
    for (const auto &[number, stamps] : other.others)
      joinStamps(number, stamps);
  }

private:
  void joinStamps(uint64_t number, const std::vector<Stamp> &stamps) {
    std::vector<Stamp> &mine = number == cluster ? of : others[number];
    mine.resize(std::max(mine.size(), stamps.size()));
    for (size_t i = 0; i < stamps.size(); ++i)
      mine[i].join(stamps[i]);
  }
};
using SharedKnowledge = std::shared_ptr<const Knowledge>;

/// The clock of one thread: shared knowledge, and its own stamp, which runs ahead of it.
class Clock {
public:
  void start(SharedKnowledge nothing, uint32_t thread) {
    base = std::move(nothing);
    self = thread;
    own = {1, 0};
  }

  uint32_t now() const { return own.clock; }
  Stamp of(uint32_t thread) const { return thread == self ? own : base->of[thread]; }
  /// What is known of a thread of another cluster.
  Stamp ofOther(uint64_t cluster, uint32_t thread) const {
    auto found = base->others.find(cluster);
    return found != base->others.end() && thread < found->second.size() ? found->second[thread] : Stamp();
  }

  /// Everything this thread knows and did, for others; its later accesses are not part of it.
  SharedKnowledge release() {
    auto all = std::make_shared<Knowledge>(*base);
    all->of[self] = own;
    ++own.clock;
    return all;
  }
  void acquire(const SharedKnowledge &from) {
    if (!from || from == base)
      return;
    auto all = std::make_shared<Knowledge>(*base);
    all->join(*from);
    base = std::move(all);
  }
  /// Knows of asynchronous work up to a clock of its own.
  void learn(uint32_t agent, uint32_t clock) {
    if (base->of[agent].clock >= clock)
      return;
    auto all = std::make_shared<Knowledge>(*base);
    all->of[agent] = {clock, clock};
    base = std::move(all);
  }
  /// Puts all that is known before later asynchronous accesses.
  void fenceProxy() {
    auto all = std::make_shared<Knowledge>(*base);
    for (Stamp &stamp : all->of)
      stamp.fenced = stamp.clock;
    base = std::move(all);
    own.fenced = own.clock++;
  }

  /// Makes the clocks of threads that met one: each knows all that any knew.
  template <class Range> static void meet(const Range &clocks) {
    auto all = std::make_shared<Knowledge>(*(*clocks.begin())->base);
    const Knowledge *last = (*clocks.begin())->base.get();
    for (Clock *clock : clocks) {
      if (clock->base.get() != last)
        all->join(*clock->base);
      last = clock->base.get();
    }
    for (Clock *clock : clocks)
      all->of[clock->self].join(clock->own);
    for (Clock *clock : clocks) {
      clock->base = all;
      ++clock->own.clock;
    }
  }

private:
  SharedKnowledge base;
  Stamp own;
  uint32_t self = 0;
};

} // namespace weft::runtime::emulator

#endif // WEFT_LIB_RUNTIME_EMULATOR_CLOCK_H
