// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Barriers in shared memory. A phase ends when all arrivals have come and all expected bytes have been
// copied; who waits for it then knows what those who arrived in it did. The state lies beside memory, under
// the barrier's offset, and the bytes of the barrier are guarded against everything else.
#include "Copies.h"

namespace weft::runtime::emulator {

static constexpr uint32_t mbarrierBytes = 8, maxCount = (1u << 20) - 1;

/// Arrivals are counted and bytes copied: the next phase.
static void completePhase(Cluster &cluster, Mbarrier &mbarrier) {
  if (mbarrier.pending || mbarrier.bytes)
    return;
  ++mbarrier.phase;
  mbarrier.pending = mbarrier.count;
  cluster.idleYields = 0;
  if (cluster.checks()) {
    mbarrier.completed = std::make_shared<Knowledge>(mbarrier.arriving);
  }
  std::vector<Thread *> waiting;
  waiting.swap(mbarrier.waiting);
  for (Thread *thread : waiting)
    cluster.wake(*thread);
}

Mbarrier &mbarrierAt(Thread &thread, const void *address, Block *&owner, uint64_t &offset, const char *site) {
  Cluster &cluster = *thread.cluster;
  owner = cluster.ownerOf(address);
  if (!owner || !owner->shared.contains(address, mbarrierBytes))
    cluster.stop(thread, ErrorKind::Mbarrier, site,
                 concat(thread.name(), " uses an mbarrier outside shared memory (", siteOp(site), ")"));
  offset = owner->shared.offsetOf(address);
  auto found = owner->mbarriers.find(offset);
  if (found == owner->mbarriers.end())
    cluster.stop(thread, ErrorKind::Mbarrier, site,
                 concat(thread.name(), " uses ", cluster.describe(owner->shared, offset),
                        " as an mbarrier, which was not initialised (", siteOp(site), ")"));
  Mbarrier &mbarrier = found->second;
  if (cluster.checks() && !cluster.isOrdered(thread, {cluster.number, mbarrier.initThread, mbarrier.initClock,
                                                      mbarrier.initSite, false}))
    cluster.report(ErrorKind::Race, site,
                   concat(thread.name(), " uses the mbarrier at offset ", offset, " (", siteOp(site),
                          "), which ", cluster.threads[mbarrier.initThread].name(), " initialised at ",
                          siteText(mbarrier.initSite), ", and nothing orders the two"),
                   mbarrier.initSite);
  return mbarrier;
}

void initMbarrier(Thread &thread, void *address, uint32_t count, const char *site) {
  Cluster &cluster = *thread.cluster;
  Block *owner = cluster.ownerOf(address);
  if (!owner || !owner->shared.contains(address, mbarrierBytes))
    cluster.stop(
        thread, ErrorKind::Mbarrier, site,
        concat(thread.name(), " initialises an mbarrier outside shared memory (", siteOp(site), ")"));
  uint64_t offset = owner->shared.offsetOf(address);
  if (offset % mbarrierBytes)
    cluster.stop(thread, ErrorKind::Misaligned, site,
                 concat(thread.name(), " initialises an mbarrier at offset ", offset,
                        ", wanted a multiple of ", mbarrierBytes));
  if (!count || count > maxCount)
    cluster.stop(thread, ErrorKind::Mbarrier, site,
                 concat("found a count of ", count, " for an mbarrier, wanted 1 to ", maxCount));
  if (cluster.checks()) {
    // Also tells when an mbarrier is there already.
    cluster.touch(thread, owner->shared, offset, mbarrierBytes, WEFT_ACCESS_WRITE, site);
    owner->shared.markWritten(offset, mbarrierBytes);
    owner->shared.visit(cluster.launch->number, offset, mbarrierBytes,
                        [](Cell &cell) { cell.isMbarrier = true; });
  }
  Mbarrier &mbarrier = owner->mbarriers[offset];
  mbarrier = Mbarrier();
  mbarrier.count = mbarrier.pending = count;
  mbarrier.initSite = site;
  mbarrier.initThread = thread.index;
  if (cluster.checks()) {
    mbarrier.initClock = thread.clock.now();
    mbarrier.arriving.cluster = cluster.number;
    mbarrier.arriving.of.resize(cluster.numAgents());
  }
}

void invalidateMbarrier(Thread &thread, void *address, const char *site) {
  Cluster &cluster = *thread.cluster;
  Block *owner = nullptr;
  uint64_t offset = 0;
  Mbarrier &mbarrier = mbarrierAt(thread, address, owner, offset, site);
  if (!mbarrier.waiting.empty())
    cluster.report(ErrorKind::Mbarrier, site,
                   concat(thread.name(), " invalidates the mbarrier at offset ", offset, " while ",
                          mbarrier.waiting.size(), " threads wait for it"));
  owner->mbarriers.erase(offset);
  if (cluster.checks())
    owner->shared.visit(cluster.launch->number, offset, mbarrierBytes,
                        [](Cell &cell) { cell.isMbarrier = false; });
}

void expectBytes(Thread &thread, void *address, uint32_t bytes, const char *site) {
  Block *owner = nullptr;
  uint64_t offset = 0;
  mbarrierAt(thread, address, owner, offset, site).bytes += bytes;
}

void completeBytes(Thread &thread, void *address, uint32_t bytes, const char *site) {
  Block *owner = nullptr;
  uint64_t offset = 0;
  Mbarrier &mbarrier = mbarrierAt(thread, address, owner, offset, site);
  mbarrier.bytes -= bytes;
  completePhase(*thread.cluster, mbarrier);
}

uint64_t arriveMbarrier(Thread &thread, void *address, uint32_t count, uint32_t bytes, uint32_t flags,
                        const char *site) {
  Cluster &cluster = *thread.cluster;
  Block *owner = nullptr;
  uint64_t offset = 0;
  Mbarrier &mbarrier = mbarrierAt(thread, address, owner, offset, site);
  if (!count || count > mbarrier.pending)
    cluster.stop(thread, ErrorKind::Mbarrier, site,
                 concat(thread.name(), " arrives ", count, " times at the mbarrier at offset ", offset,
                        ", which waits for ", mbarrier.pending, " of ", mbarrier.count, " arrivals in phase ",
                        mbarrier.phase));
  if (flags & WEFT_ARRIVE_NO_COMPLETE && count == mbarrier.pending)
    cluster.report(ErrorKind::Mbarrier, site,
                   concat(thread.name(), " completes the phase of the mbarrier at offset ", offset, " in ",
                          siteOp(site), ", which must not"));
  uint64_t state = mbarrier.phase;
  mbarrier.bytes += bytes;
  mbarrier.pending -= count;
  if (flags & WEFT_ARRIVE_DROP)
    mbarrier.count -= count;
  if (cluster.checks() && !(flags & WEFT_ARRIVE_RELAXED))
    mbarrier.arriving.join(*thread.clock.release());
  completePhase(cluster, mbarrier);
  return state;
}

uint32_t waitMbarrier(Thread &thread, void *address, uint64_t stateOrParity, uint32_t flags,
                      const char *site) {
  Cluster &cluster = *thread.cluster;
  Block *owner = nullptr;
  uint64_t offset = 0;
  for (;;) {
    Mbarrier &mbarrier = mbarrierAt(thread, address, owner, offset, site);
    bool isComplete = flags & WEFT_WAIT_PARITY ? (mbarrier.phase & 1) != (stateOrParity & 1)
                                               : mbarrier.phase != stateOrParity;
    if (isComplete) {
      if (cluster.checks() && mbarrier.completed)
        thread.clock.acquire(mbarrier.completed);
      return 1;
    }
    if (!(flags & WEFT_WAIT_BLOCK)) {
      cluster.yield(thread, site);
      return 0;
    }
    mbarrier.waiting.push_back(&thread);
    cluster.wait(thread, Waiting::Mbarrier, offset, site);
  }
}

void fenceMbarriers(Thread &thread) {
  for (Block &block : thread.cluster->blocks)
    for (auto &[offset, mbarrier] : block.mbarriers)
      if (mbarrier.initThread == thread.index)
        mbarrier.isKnownToCopies = true;
}

void signalMbarrier(Cluster &cluster, Block &block, uint64_t offset, uint32_t bytes,
                    const SharedKnowledge &known) {
  auto found = block.mbarriers.find(offset);
  if (found == block.mbarriers.end())
    return; // invalidated meanwhile: told when somebody waits for it
  found->second.bytes -= bytes;
  if (known)
    found->second.arriving.join(*known);
  completePhase(cluster, found->second);
}

} // namespace weft::runtime::emulator
