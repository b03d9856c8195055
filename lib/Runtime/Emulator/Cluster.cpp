// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Who runs when. A fiber runs one thread after the other, as a plain loop, until one of them has to wait:
// then it is that thread's, and the next thread gets a fiber. So threads that never wait cost a call each.
#include "Machine.h"

#include <algorithm>
#include <cassert>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace weft::runtime::emulator {

std::string Block::name() const {
  const LaunchShape &shape = cluster->launch->shape;
  if (shape.grid[1] == 1 && shape.grid[2] == 1)
    return concat("block ", index[0]);
  return concat("block (", index[0], ",", index[1], ",", index[2], ")");
}

std::string Thread::name() const {
  const LaunchShape &shape = cluster->launch->shape;
  const uint32_t *tid = registers + WEFT_SREG_TID;
  if (shape.block[1] == 1 && shape.block[2] == 1)
    return concat("thread ", tid[0], " of ", block->name());
  return concat("thread (", tid[0], ",", tid[1], ",", tid[2], ") of ", block->name());
}

/// Sets up what is the same for all clusters of a launch.
void Cluster::prepare() {
  const LaunchShape &shape = launch->shape;
  const uint32_t perBlock = launch->threadsPerBlock(), numBlocks = shape.cluster;
  // Windows of a cluster's blocks lie side by side, aligned as the strictest swizzle wants.
  sharedStride = (shape.sharedBytes + 2047) / 1024 * 1024;
  size_t wanted = sharedStride * numBlocks + 1024;
  if (wanted > sharedCapacity) {
    sharedMemory.reset(new char[wanted]);
    sharedCapacity = wanted;
  }
  auto base =
      reinterpret_cast<char *>((reinterpret_cast<uintptr_t>(sharedMemory.get()) + 1023) / 1024 * 1024);
  if (!sinkMemory)
    sinkMemory.reset(new char[4096]);
  sink = reinterpret_cast<char *>((reinterpret_cast<uintptr_t>(sinkMemory.get()) + 1023) / 1024 * 1024);
  std::memset(sink, 0xff, 1024);
  threads.clear();
  threads.resize(size_t(perBlock) * numBlocks);
  blocks.clear();
  blocks.resize(numBlocks);
  for (uint32_t rank = 0; rank < numBlocks; ++rank) {
    Block &block = blocks[rank];
    block.cluster = this;
    block.rank = rank;
    block.threads = std::span(threads).subspan(size_t(rank) * perBlock, perBlock);
    block.warps.resize((perBlock + warpSize - 1) / warpSize);
    block.warpgroups.resize((perBlock + warpgroupSize - 1) / warpgroupSize);
    block.shared = Region(base + rank * sharedStride, shape.sharedBytes, "shared memory", true);
    for (uint32_t i = 0; i < perBlock; ++i) {
      Thread &thread = block.threads[i];
      thread.functions = launch->functions;
      thread.shared = reinterpret_cast<uint8_t *>(block.shared.base);
      thread.checks = checks();
      thread.cluster = this;
      thread.block = &block;
      thread.warp = &block.warps[i / warpSize];
      thread.index = rank * perBlock + i;
      thread.lane = i % warpSize;
      thread.warp->block = &block;
      thread.warp->lanes[thread.lane] = &thread;
      uint32_t *r = thread.registers;
      r[WEFT_SREG_TID] = i % shape.block[0];
      r[WEFT_SREG_TID + 1] = i / shape.block[0] % shape.block[1];
      r[WEFT_SREG_TID + 2] = i / shape.block[0] / shape.block[1];
      for (int d = 0; d < 3; ++d) {
        r[WEFT_SREG_NTID + d] = shape.block[d];
        r[WEFT_SREG_NCTAID + d] = shape.grid[d];
        r[WEFT_SREG_NCLUSTERID + d] = d ? shape.grid[d] : shape.grid[0] / shape.cluster;
        r[WEFT_SREG_CLUSTER_CTAID + d] = d ? 0 : rank;
        r[WEFT_SREG_CLUSTER_NCTAID + d] = d ? 1 : shape.cluster;
      }
      r[WEFT_SREG_CLUSTER_CTARANK] = rank;
      r[WEFT_SREG_CLUSTER_NCTARANK] = shape.cluster;
      r[WEFT_SREG_LANEID] = thread.lane;
      r[WEFT_SREG_WARPID] = i / warpSize;
      r[WEFT_SREG_NWARPID] = (perBlock + warpSize - 1) / warpSize;
      r[WEFT_SREG_DYNAMIC_SMEM_SIZE] = r[WEFT_SREG_TOTAL_SMEM_SIZE] = uint32_t(shape.sharedBytes);
    }
  }
  preparedLaunch = launch->number;
}

void Cluster::run(Launch &newLaunch, uint64_t newNumber) {
  launch = &newLaunch;
  number = newNumber;
  if (preparedLaunch != launch->number)
    prepare();
  const LaunchShape &shape = launch->shape;
  const uint64_t perRow = shape.grid[0] / shape.cluster;
  SharedKnowledge nothing;
  if (checks()) {
    auto knowledge = std::make_shared<Knowledge>();
    knowledge->cluster = number;
    knowledge->of.resize(numAgents());
    nothing = std::move(knowledge);
  }
  for (Block &block : blocks) {
    block.index[0] = uint32_t(number % perRow * shape.cluster + block.rank);
    block.index[1] = uint32_t(number / perRow % shape.grid[1]);
    block.index[2] = uint32_t(number / perRow / shape.grid[1]);
    block.alive = uint32_t(block.threads.size());
    if (checks()) {
      std::memset(block.shared.base, 0xff, block.shared.size);
      block.shared.markAllUnwritten();
      block.shared.forget();
    }
    block.mbarriers.clear();
    for (Warpgroup &group : block.warpgroups)
      if (group.numCommitted)
        group = Warpgroup();
    // Whatever else a cluster leaves behind it has put in order itself, or the launch has stopped.
    for (Thread &thread : block.threads) {
      thread.warp->alive |= 1u << thread.lane;
      thread.hasEnded = false;
      for (int d = 0; d < 3; ++d) {
        thread.registers[WEFT_SREG_CTAID + d] = block.index[d];
        thread.registers[WEFT_SREG_CLUSTERID + d] = d ? block.index[d] : block.index[d] / shape.cluster;
      }
      if (checks()) {
        thread.clock.start(nothing, thread.index);
        thread.fenced.reset();
        thread.observed.reset();
      }
    }
  }
  clusterBarrier = Barrier();
  inFlight.clear();
  arrivals.clear();
  copyClock = 0;
  numEnded = idleYields = 0;
  isStopped = false;
  random.seed(launch->options.seed * 0x9e3779b97f4a7c15 + number);
  ready.clear();
  readyHead = 0;
  for (Thread &thread : threads)
    schedule(thread);

  current = pick();
  Fiber *fiber = takeFiber();
  if (!fiber)
    return report(ErrorKind::Usage, nullptr, "no memory for the stacks of its threads");
  fiber->reset(threadMain, this);
  current->fiber = fiber;
  host.switchTo(*fiber);

  if (numEnded == threads.size()) {
    freeFibers.clear();
    for (const auto &one : fibers)
      freeFibers.push_back(one.get());
  } else {
    if (!isStopped)
      tellDeadlock();
    // Stacks that stopped halfway are not run again.
    freeFibers.clear();
    fibers.clear();
  }
  if (launch->lint)
    launch->lint->endCluster();
}

Fiber *Cluster::takeFiber() {
  if (freeFibers.empty()) {
    std::unique_ptr<Fiber> fiber = Fiber::create(stackBytes);
    if (!fiber)
      return nullptr;
    freeFibers.push_back(fiber.get());
    fibers.push_back(std::move(fiber));
  }
  Fiber *fiber = freeFibers.back();
  freeFibers.pop_back();
  return fiber;
}

Thread *Cluster::pick() {
  do {
    if (readyHead == ready.size()) {
      ready.clear();
      readyHead = 0;
      continue;
    }
    size_t last = ready.size() - 1;
    switch (launch->options.schedule) {
    case Schedule::Fifo:
      return ready[readyHead++];
    case Schedule::Lifo:
      break;
    case Schedule::Random:
      std::swap(ready[last], ready[readyHead + random() % (last + 1 - readyHead)]);
      break;
    }
    Thread *thread = ready[last];
    ready.pop_back();
    return thread;
  } while (!ready.empty() || finishSomething());
  return nullptr;
}

/// Goes on with `next` from a fiber that has nothing to do now.
void Cluster::switchFrom(Fiber &fiber, Thread *next) {
  if (!next) {
    fiber.switchTo(host);
    return;
  }
  current = next;
  if (!next->fiber) {
    next->fiber = takeFiber();
    if (!next->fiber) {
      isStopped = true;
      report(ErrorKind::Usage, nullptr, "no memory for the stacks of its threads");
      fiber.switchTo(host);
      return;
    }
    next->fiber->reset(threadMain, this);
  }
  fiber.switchTo(*next->fiber);
}

void Cluster::threadMain(void *self) {
  auto &cluster = *static_cast<Cluster *>(self);
  for (;;) {
    Thread &thread = *cluster.current;
    Fiber *fiber = thread.fiber;
    cluster.launch->entry(&thread, cluster.launch->parameters.data());
    cluster.finish(thread);
    thread.fiber = nullptr;
    Thread *next = cluster.launch->reporter->isFull() ? nullptr : cluster.pick();
    if (!next && cluster.launch->reporter->isFull())
      cluster.isStopped = true;
    if (next && !next->fiber) {
      next->fiber = fiber;
      cluster.current = next;
      continue;
    }
    // Nobody uses this stack before the switch is over.
    cluster.freeFibers.push_back(fiber);
    fiber->willEnd();
    cluster.switchFrom(*fiber, next);
  }
}

void Cluster::wait(Thread &thread, Waiting what, uint64_t which, const char *site) {
  thread.waiting = what;
  thread.waitFor = which;
  thread.waitSite = site;
  Thread *next = pick();
  if (next != &thread)
    switchFrom(*thread.fiber, next);
  current = &thread;
}

void Cluster::wake(Thread &thread) {
  assert(thread.waiting != Waiting::Nothing && "a thread that does not wait");
  thread.waiting = Waiting::Nothing;
  idleYields = 0;
  schedule(thread);
}

void Cluster::yield(Thread &thread, const char *site) {
  // Threads that ask again and again while nothing changes would do so for ever.
  if (++idleYields > 100000 + 64 * threads.size())
    stop(thread, ErrorKind::Deadlock, site,
         concat(thread.name(), " asks for ever in ", siteOp(site), ": nobody can make it come true"));
  if (readyHead == ready.size() && !finishSomething())
    return;
  Thread *next = pick();
  schedule(thread);
  if (next)
    switchFrom(*thread.fiber, next);
  current = &thread;
}

void Cluster::stop(Thread &thread, ErrorKind kind, const char *site, const std::string &text) {
  report(kind, site, text);
  isStopped = true;
  thread.fiber->switchTo(host);
  std::abort(); // a stopped fiber is never run again
}

/// Where a copy was asked for that nobody has waited for; null when there is none.
template <class Queue> static const char *unfinishedCopy(const Queue &queue) {
  for (const auto &group : queue.groups)
    if (!group.empty())
      return group.front().site;
  return queue.open.empty() ? nullptr : queue.open.front().site;
}

void Cluster::finish(Thread &thread) {
  if (const char *site = unfinishedCopy(thread.copies); site && !isStopped)
    report(ErrorKind::Copy, site,
           concat(thread.name(), " ends without waiting for its copy (cp.async.wait_group)"));
  if (const char *site = unfinishedCopy(thread.bulkStores); site && !isStopped && checks())
    report(ErrorKind::Copy, site,
           concat(thread.name(), " ends without waiting for its copy out of shared memory "
                                 "(cp.async.bulk.wait_group)"));
  finishBulkStores(thread, 0);
  thread.copies.open.clear();
  thread.copies.groups.clear();
  thread.bulkStores.open.clear();
  thread.wgmmaCommits = 0;
  thread.hasLaunchedDependents = false;
  thread.clusterPhase = Thread::ClusterPhase::None;
  thread.clusterKnowledge.reset();
  thread.hasEnded = true;
  idleYields = 0;
  ++numEnded;
  thread.warp->alive &= ~(1u << thread.lane);
  --thread.block->alive;
  completeMeetings(*thread.warp);
  for (uint32_t busy = thread.block->busyBarriers; busy; busy &= busy - 1)
    completeBarrier(*thread.block, uint32_t(__builtin_ctz(busy)));
  completeClusterBarrier();
}

static const char *waitingName(Waiting waiting) {
  switch (waiting) {
  case Waiting::Nothing:
    return "nothing";
  case Waiting::Barrier:
    return "barrier";
  case Waiting::Lanes:
    return "lanes";
  case Waiting::Warpgroup:
    return "the other threads of the warpgroup";
  case Waiting::ClusterBarrier:
    return "the cluster's barrier";
  case Waiting::Mbarrier:
    return "mbarrier";
  }
  return "?";
}

/// What a thread waits for, with what is missing.
static std::string describeWait(const Thread &thread) {
  char hex[32];
  switch (thread.waiting) {
  case Waiting::Barrier: {
    const Barrier &barrier = thread.block->barriers[thread.waitFor];
    uint32_t wanted = barrier.count ? barrier.count : thread.block->alive;
    return concat("barrier ", thread.waitFor, ", where ", barrier.arrived, " of ", wanted, " threads are");
  }
  case Waiting::Lanes:
    std::snprintf(hex, sizeof hex, "%#x", unsigned(thread.waitFor));
    return concat("the lanes of mask ", hex);
  case Waiting::Mbarrier: {
    auto found = thread.block->mbarriers.find(thread.waitFor);
    if (found == thread.block->mbarriers.end())
      return concat("the mbarrier at offset ", thread.waitFor, ", which is gone");
    const Mbarrier &mbarrier = found->second;
    return concat("the mbarrier at offset ", thread.waitFor, " of shared memory, phase ", mbarrier.phase,
                  ": ", mbarrier.pending, " of ", mbarrier.count, " arrivals and ", mbarrier.bytes,
                  " bytes of copies are missing");
  }
  default:
    return waitingName(thread.waiting);
  }
}

/// Nobody can run: says who waits where, threads with the same place and reason together.
void Cluster::tellDeadlock() {
  struct Group {
    const Thread *first;
    uint32_t count;
  };
  std::map<std::pair<const char *, std::string>, Group> groups;
  uint32_t waiting = 0;
  for (const Thread &thread : threads) {
    if (thread.hasEnded)
      continue;
    ++waiting;
    std::string reason = describeWait(thread);
    ++groups.try_emplace({thread.waitSite, reason}, Group{&thread, 0}).first->second.count;
  }
  for (const auto &[key, group] : groups)
    report(ErrorKind::Deadlock, key.first,
           concat(waiting, " of ", threads.size(), " threads cannot go on; ", group.count, " of them (",
                  group.first->name(), group.count > 1 ? " and others" : "", ") wait in ", siteOp(key.first),
                  " for ", key.second));
}

} // namespace weft::runtime::emulator
