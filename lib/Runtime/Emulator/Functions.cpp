// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The table that emulated code calls: each entry finds its thread and hands on.
#include "Copies.h"
#include "Lanes.h"
#include "Machine.h"
#include "Math.h"
#include "Matrix.h"

#include <cstring>

namespace weft::runtime::emulator {
namespace {

using E = const WeftEmulator *;

void *access(E e, void *address, uint32_t size, uint32_t align, uint32_t kind, const char *site) {
  Thread &thread = Thread::of(e);
  return thread.cluster->access(thread, address, size, align, kind, site) ? address : thread.cluster->sink;
}

void fence(E e, uint32_t kind, const char *) {
  Thread &thread = Thread::of(e);
  if (!thread.cluster->checks())
    return;
  switch (kind) {
  case WEFT_FENCE_MEMORY:
    if (thread.observed)
      thread.clock.acquire(thread.observed);
    thread.observed.reset();
    thread.fenced = thread.clock.release();
    break;
  case WEFT_FENCE_PROXY_ASYNC:
    thread.clock.fenceProxy();
    [[fallthrough]];
  case WEFT_FENCE_MBARRIER_INIT:
    fenceMbarriers(thread);
    break;
  }
}

/// Offsets of other blocks of a cluster carry their rank.
constexpr unsigned rankShift = 24;

uint64_t sharedOffset(E e, const void *address) {
  Thread &thread = Thread::of(e);
  Block *owner = thread.cluster->ownerOf(address);
  if (!owner)
    return uint64_t(static_cast<const char *>(address) - thread.block->shared.base);
  uint64_t offset = owner->shared.offsetOf(address);
  return owner == thread.block ? offset : offset | uint64_t(owner->rank + 1) << rankShift;
}

void *sharedAddress(E e, uint64_t offset) {
  Thread &thread = Thread::of(e);
  uint64_t rank = offset >> rankShift;
  std::vector<Block> &blocks = thread.cluster->blocks;
  Block &owner = rank >= 1 && rank <= blocks.size() ? blocks[rank - 1] : *thread.block;
  return owner.shared.base + (offset & ((uint64_t(1) << rankShift) - 1));
}

void *mapShared(E e, void *address, uint32_t rank, const char *site) {
  Thread &thread = Thread::of(e);
  Cluster &cluster = *thread.cluster;
  if (rank >= cluster.blocks.size())
    cluster.stop(thread, ErrorKind::Usage, site,
                 concat(thread.name(), " maps an address to block ", rank, " of a cluster of ",
                        cluster.blocks.size(), " (", siteOp(site), ")"));
  Block *owner = cluster.ownerOf(address);
  if (!owner)
    cluster.stop(thread, ErrorKind::OutOfBounds, site,
                 concat(thread.name(), " maps an address that is not in shared memory (", siteOp(site), ")"));
  return cluster.blocks[rank].shared.base + owner->shared.offsetOf(address);
}

void copyMemory(E e, void *to, const void *from, uint64_t bytes, const char *site) {
  Thread &thread = Thread::of(e);
  Cluster &cluster = *thread.cluster;
  if (cluster.checks() && bytes &&
      (!cluster.access(thread, from, bytes, 1, WEFT_ACCESS_READ, site) ||
       !cluster.access(thread, to, bytes, 1, WEFT_ACCESS_WRITE, site)))
    return;
  std::memmove(to, from, bytes);
}

void fillMemory(E e, void *to, uint32_t byte, uint64_t bytes, const char *site) {
  Thread &thread = Thread::of(e);
  if (thread.cluster->checks() && bytes &&
      !thread.cluster->access(thread, to, bytes, 1, WEFT_ACCESS_WRITE, site))
    return;
  std::memset(to, int(byte & 0xff), bytes);
}

void barrier(E e, uint32_t id, uint32_t count, const char *site) {
  Thread &thread = Thread::of(e);
  thread.cluster->barrier(thread, id, count, false, -1, 0, site);
}

uint32_t barrierReduce(E e, uint32_t id, uint32_t count, uint32_t kind, uint32_t predicate,
                       const char *site) {
  Thread &thread = Thread::of(e);
  uint32_t result = 0;
  thread.argument = &result;
  thread.cluster->barrier(thread, id, count, false, int(kind), predicate, site);
  return result;
}

void barrierArrive(E e, uint32_t id, uint32_t count, const char *site) {
  Thread &thread = Thread::of(e);
  thread.cluster->barrier(thread, id, count, true, -1, 0, site);
}

void clusterArrive(E e, uint32_t relaxed, const char *site) {
  Thread &thread = Thread::of(e);
  thread.cluster->clusterArrive(thread, relaxed, site);
}

void clusterWait(E e, const char *site) {
  Thread &thread = Thread::of(e);
  thread.cluster->clusterWait(thread, site);
}

void setMaxRegisters(E e, uint32_t count, uint32_t, const char *site) {
  Thread &thread = Thread::of(e);
  if (count < 24 || count > 256 || count % 8)
    thread.cluster->stop(thread, ErrorKind::Usage, site,
                         concat("found ", count, " registers, wanted a multiple of 8 from 24 to 256"));
}

void gridDependency(E e, uint32_t launchDependents, const char *site) {
  Thread &thread = Thread::of(e);
  // Launches run one after the other: what this one depends on is done.
  if (!launchDependents && thread.hasLaunchedDependents)
    thread.cluster->report(ErrorKind::Usage, site,
                           concat(thread.name(),
                                  " waits for what it depends on after it launched its dependents: "
                                  "those may start before it is there"));
  thread.hasLaunchedDependents |= launchDependents != 0;
}

void trap(E e, const char *site) {
  Thread &thread = Thread::of(e);
  thread.cluster->stop(thread, ErrorKind::Trap, site, concat(thread.name(), " traps"));
}

/// An entry of the table for a function that takes the thread first.
template <auto function> struct Entry;
template <class R, class... A, R (*function)(Thread &, A...)> struct Entry<function> {
  static R call(E e, A... a) { return function(Thread::of(e), a...); }
};

} // namespace

const WeftEmulatorFunctions emulatorFunctions = {
    .version = WEFT_EMULATOR_ABI,
    .numBytes = sizeof(WeftEmulatorFunctions),
    .access = access,
    .fence = fence,
    .sharedOffset = sharedOffset,
    .sharedAddress = sharedAddress,
    .mapShared = mapShared,
    .copyMemory = copyMemory,
    .fillMemory = fillMemory,
    .barrier = barrier,
    .barrierReduce = barrierReduce,
    .barrierArrive = barrierArrive,
    .clusterArrive = clusterArrive,
    .clusterWait = clusterWait,
    .warpBarrier = Entry<warpBarrier>::call,
    .shuffle = Entry<shuffle>::call,
    .vote = Entry<vote>::call,
    .match = Entry<match>::call,
    .reduce = Entry<reduce>::call,
    .elect = Entry<elect>::call,
    .ldmatrix = Entry<loadMatrix>::call,
    .stmatrix = Entry<storeMatrix>::call,
    .mma = Entry<multiply>::call,
    .wgmma = Entry<multiplyAsync>::call,
    .wgmmaFence = Entry<fenceWgmma>::call,
    .wgmmaCommit = Entry<commitWgmma>::call,
    .wgmmaWait = Entry<waitWgmma>::call,
    .copyAsync = Entry<copyAsync>::call,
    .copyAsyncCommit = Entry<commitCopies>::call,
    .copyAsyncWait = Entry<waitCopies>::call,
    .copyAsyncArrive = Entry<arriveAfterCopies>::call,
    .mbarrierInit = Entry<initMbarrier>::call,
    .mbarrierInvalidate = Entry<invalidateMbarrier>::call,
    .mbarrierExpect = Entry<expectBytes>::call,
    .mbarrierComplete = Entry<completeBytes>::call,
    .mbarrierArrive = Entry<arriveMbarrier>::call,
    .mbarrierWait = Entry<waitMbarrier>::call,
    .tensorLoad = Entry<loadTensor>::call,
    .tensorStore = Entry<storeTensor>::call,
    .bulkLoad = Entry<loadBulk>::call,
    .bulkStore = Entry<storeBulk>::call,
    .bulkCommit = Entry<commitBulk>::call,
    .bulkWait = Entry<waitBulk>::call,
    .setMaxRegisters = setMaxRegisters,
    .gridDependency = gridDependency,
    .trap = trap,
    .mathF32 = mathF32,
    .mathF64 = mathF64,
    .powF32 = powF32,
    .powF64 = powF64,
    .remainder = remainderOf,
    .convertPair = convertPair,
};

} // namespace weft::runtime::emulator
