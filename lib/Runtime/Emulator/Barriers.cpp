// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Barriers of a block and of a cluster. All that any participant did before is known to all after.
#include "Machine.h"

#include <algorithm>

namespace weft::runtime::emulator {

/// Gives those who waited the knowledge of all who came, and lets them go.
static void openBarrier(Cluster &cluster, Barrier &barrier) {
  if (cluster.checks()) {
    std::vector<Clock *> clocks;
    for (Thread *thread : barrier.waiting)
      clocks.push_back(&thread->clock);
    if (!clocks.empty()) {
      for (const SharedKnowledge &released : barrier.released)
        clocks.front()->acquire(released);
      Clock::meet(clocks);
    }
  }
  std::vector<Thread *> waiting;
  waiting.swap(barrier.waiting);
  barrier = Barrier();
  for (Thread *thread : waiting)
    if (thread->waiting != Waiting::Nothing)
      cluster.wake(*thread);
}

void Cluster::completeBarrier(Block &block, uint32_t id) {
  Barrier &barrier = block.barriers[id];
  if (!barrier.arrived || barrier.arrived < (barrier.count ? barrier.count : block.alive))
    return;
  if (barrier.isReduction)
    for (Thread *thread : barrier.waiting)
      *static_cast<uint32_t *>(thread->argument) = barrier.accumulated;
  block.busyBarriers &= ~(1u << id);
  openBarrier(*this, barrier);
}

/// Threads of one warp must be in the same barrier op: the instruction is executed by warps.
static const Thread *findDivergent(const Barrier &barrier, const Thread &thread, const char *site) {
  for (const Thread *other : barrier.waiting)
    if (other->warp == thread.warp && other->waitSite != site)
      return other;
  return nullptr;
}

void Cluster::barrier(Thread &thread, uint32_t id, uint32_t count, bool isArrival, int reduction,
                      uint32_t predicate, const char *site) {
  Block &block = *thread.block;
  if (id >= maxBarriers)
    stop(thread, ErrorKind::Usage, site,
         concat("found barrier ", id, ", wanted one of 0 to ", maxBarriers - 1));
  if (count % warpSize || count > block.threads.size())
    stop(thread, ErrorKind::Usage, site,
         concat("found ", count, " threads for barrier ", id, ", wanted a multiple of ", warpSize, " up to ",
                block.threads.size()));
  Barrier &barrier = block.barriers[id];
  if (barrier.arrived && (barrier.count != count || barrier.isReduction != (reduction >= 0)))
    stop(thread, ErrorKind::Divergent, site,
         concat(thread.name(), " comes to barrier ", id, " with ",
                count ? concat("a count of ", count) : std::string("all threads"),
                " while others wait there with ",
                barrier.count ? concat("a count of ", barrier.count) : std::string("all threads")));
  if (checks())
    if (const Thread *other = findDivergent(barrier, thread, site))
      stop(thread, ErrorKind::Divergent, site,
           concat(thread.name(), " comes to barrier ", id, " here while ", other->name(),
                  " of the same warp waits at ", siteText(other->waitSite),
                  ": all threads of a warp must execute the same barrier"));
  barrier.count = count;
  barrier.isReduction = reduction >= 0;
  if (reduction >= 0) {
    bool isSet = predicate != 0;
    if (reduction == WEFT_REDUCE_POPC)
      barrier.accumulated += isSet;
    else if (reduction == WEFT_REDUCE_OR)
      barrier.accumulated |= isSet;
    else
      barrier.accumulated = (barrier.arrived ? barrier.accumulated : 1) & uint32_t(isSet);
  }
  ++barrier.arrived;
  block.busyBarriers |= 1u << id;
  if (isArrival) {
    if (checks())
      barrier.released.push_back(thread.clock.release());
    completeBarrier(block, id);
    return;
  }
  barrier.waiting.push_back(&thread);
  if (barrier.arrived >= (count ? count : block.alive)) {
    completeBarrier(block, id);
    return;
  }
  wait(thread, Waiting::Barrier, id, site);
}

// The cluster's barrier: arriving and waiting are two ops. A thread that has arrived is in the list of the
// phase, waiting or not; it must not arrive again before it has waited.

void Cluster::completeClusterBarrier() {
  const uint32_t alive = uint32_t(threads.size()) - numEnded;
  if (!clusterBarrier.arrived || clusterBarrier.arrived < alive)
    return;
  SharedKnowledge all;
  if (checks() && !clusterBarrier.released.empty()) {
    auto joined = std::make_shared<Knowledge>(*clusterBarrier.released.front());
    for (const SharedKnowledge &one : clusterBarrier.released)
      joined->join(*one);
    all = std::move(joined);
  }
  std::vector<Thread *> waiting;
  waiting.swap(clusterBarrier.waiting);
  clusterBarrier = Barrier();
  for (Thread &thread : threads)
    if (thread.clusterPhase == Thread::ClusterPhase::Arrived) {
      thread.clusterPhase = Thread::ClusterPhase::Completed;
      thread.clusterKnowledge = all;
    }
  for (Thread *thread : waiting)
    wake(*thread);
}

void Cluster::clusterArrive(Thread &thread, bool relaxed, const char *site) {
  if (thread.clusterPhase != Thread::ClusterPhase::None)
    stop(thread, ErrorKind::Usage, site,
         concat(thread.name(), " arrives at the cluster's barrier twice without waiting between"));
  thread.clusterPhase = Thread::ClusterPhase::Arrived;
  ++clusterBarrier.arrived;
  if (checks() && !relaxed)
    clusterBarrier.released.push_back(thread.clock.release());
  completeClusterBarrier();
}

void Cluster::clusterWait(Thread &thread, const char *site) {
  if (thread.clusterPhase == Thread::ClusterPhase::None)
    stop(thread, ErrorKind::Usage, site,
         concat(thread.name(), " waits at the cluster's barrier without having arrived"));
  if (thread.clusterPhase == Thread::ClusterPhase::Arrived) {
    clusterBarrier.waiting.push_back(&thread);
    wait(thread, Waiting::ClusterBarrier, 0, site);
  }
  thread.clusterPhase = Thread::ClusterPhase::None;
  if (checks() && thread.clusterKnowledge)
    thread.clock.acquire(thread.clusterKnowledge);
  thread.clusterKnowledge.reset();
}

} // namespace weft::runtime::emulator
