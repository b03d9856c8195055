// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The emulated machine while a launch runs: threads, warps, blocks, and the cluster of blocks that runs
// together on one host thread. Who may run next is the cluster's business; what the threads do when they meet
// lies in a file per kind of meeting.
#ifndef WEFT_LIB_RUNTIME_EMULATOR_MACHINE_H
#define WEFT_LIB_RUNTIME_EMULATOR_MACHINE_H

#include "Async.h"
#include "Clock.h"
#include "Fiber.h"
#include "Lint.h"
#include "Memory.h"
#include "Report.h"
#include "weft/Runtime/Emulator/Emulator.h"

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace weft::runtime::emulator {

class Cluster;
struct Block;
struct Warp;

constexpr uint32_t warpSize = 32, warpgroupSize = 128, maxBarriers = 16, maxThreads = 1024;

/// What a thread waits for; names are for messages.
enum class Waiting { Nothing, Barrier, Lanes, Warpgroup, ClusterBarrier, Mbarrier };

/// A GPU thread. The emulated code sees the base class.
struct Thread : WeftEmulator {
  Cluster *cluster = nullptr;
  Block *block = nullptr;
  Warp *warp = nullptr;
  uint32_t index = 0; ///< in the cluster
  uint32_t lane = 0;

  Fiber *fiber = nullptr; ///< null: not started, or ended
  bool hasEnded = false;
  Waiting waiting = Waiting::Nothing;
  const char *waitSite = nullptr;
  uint64_t waitFor = 0;     ///< what it is exactly: a barrier's number, a mask, an offset
  void *argument = nullptr; ///< of the meeting the thread takes part in, on its stack

  Clock clock;
  SharedKnowledge fenced;   ///< what the last fence released
  SharedKnowledge observed; ///< what relaxed atomics have seen, known after the next fence

  CopyQueue copies;     ///< cp.async
  BulkQueue bulkStores; ///< bulk copies out of shared memory
  uint32_t wgmmaCommits = 0;
  bool hasLaunchedDependents = false;

  /// Where the thread stands with the cluster's barrier, and what waiting there will tell it.
  enum class ClusterPhase { None, Arrived, Completed } clusterPhase = ClusterPhase::None;
  SharedKnowledge clusterKnowledge;

  static Thread &of(const WeftEmulator *emulator) {
    return *static_cast<Thread *>(const_cast<WeftEmulator *>(emulator));
  }
  /// "thread 5 of block 0".
  std::string name() const;
};

/// What lanes of a warp do together.
enum class Exchange { Barrier, Shuffle, Vote, Match, Reduce, Elect, LoadMatrix, StoreMatrix, Mma };

/// Lanes of a warp that wait for each other.
struct Meeting {
  uint32_t mask = 0, arrived = 0;
  Exchange kind = Exchange::Barrier;
  const char *site = nullptr;
  void (*operation)(Warp &warp, uint32_t lanes, const char *site) = nullptr;
};

struct Warp {
  Block *block = nullptr;
  Thread *lanes[warpSize] = {};
  uint32_t alive = 0;
  std::vector<Meeting> meetings;

  /// The argument of a lane, as the meeting's operation knows it.
  template <class T> T &argument(uint32_t lane) { return *static_cast<T *>(lanes[lane]->argument); }
};

/// A barrier of a block.
struct Barrier {
  uint32_t count = 0; ///< 0: all threads that have not ended
  uint32_t arrived = 0;
  bool isReduction = false;
  uint32_t accumulated = 0;
  std::vector<Thread *> waiting;
  std::vector<SharedKnowledge> released; ///< by threads that arrived without waiting
};

/// Threads of a warpgroup that wait for each other in wgmma.
struct Warpgroup {
  std::vector<Thread *> waiting;
  const char *site = nullptr;
  WgmmaQueue queue;
  uint32_t numCommitted = 0, numFinished = 0; ///< groups
  bool isFenced = false;                      ///< wgmma.fence since registers were last touched
};

struct Block {
  Cluster *cluster = nullptr;
  uint32_t rank = 0; ///< in the cluster
  uint32_t index[3] = {};
  uint32_t alive = 0;
  std::span<Thread> threads;
  std::vector<Warp> warps;
  std::vector<Warpgroup> warpgroups;
  Barrier barriers[maxBarriers];
  uint32_t busyBarriers = 0; ///< a bit for each where threads are
  Region shared;
  std::unordered_map<uint64_t, Mbarrier> mbarriers; ///< by offset

  /// "block 3", or "block (3,1,0)".
  std::string name() const;
};

/// What all clusters of a launch share.
struct Launch {
  KernelEntry entry = nullptr;
  LaunchShape shape;
  std::vector<void *> parameters;
  std::string name;
  uint64_t number = 0; ///< of launches of the emulator, from 1
  EmulatorOptions options;
  const WeftEmulatorFunctions *functions = nullptr;
  std::vector<Region *> global; ///< by address
  std::vector<Region> byValue;  ///< parameters that are passed by address
  Reporter *reporter = nullptr;
  Lint *lint = nullptr;
  /// What atomics have released, by address: known to other clusters too.
  std::map<uint64_t, SharedKnowledge> released;

  uint32_t threadsPerBlock() const { return shape.block[0] * shape.block[1] * shape.block[2]; }
  uint64_t numClusters() const {
    return uint64_t(shape.grid[0]) * shape.grid[1] * shape.grid[2] / shape.cluster;
  }
};

/// Blocks that run together, and the stacks they run on. Used again for each cluster of a launch.
class Cluster {
public:
  explicit Cluster(size_t stackBytes) : stackBytes(stackBytes) {}

  /// Runs all threads of a cluster to their end, or until an error stops the launch.
  void run(Launch &launch, uint64_t number);

  // For what runs on the fibers.
  bool checks() const { return launch->options.checks; }
  /// Lets others run until `wake`. Does not return when the launch is stopped.
  void wait(Thread &thread, Waiting what, uint64_t which, const char *site);
  void wake(Thread &thread);
  /// Lets others that can run go first.
  void yield(Thread &thread, const char *site);
  /// Tells an error and ends the launch: nothing after it would mean anything. Does not return.
  [[noreturn]] void stop(Thread &thread, ErrorKind kind, const char *site, const std::string &text);
  void report(ErrorKind kind, const char *site, const std::string &text, const char *other = nullptr) {
    launch->reporter->add(kind, site, text, other);
  }

  // Accesses (Accesses.cpp).
  /// Checks an access of the thread itself; false: it must not be made.
  bool access(Thread &thread, const void *address, size_t bytes, uint32_t align, uint32_t kind,
              const char *site);
  /// The region that holds all of the bytes; an error when there is none.
  Region *find(Thread &thread, const void *address, size_t bytes, bool isWrite, const char *site);
  /// Looks for unordered accesses and remembers this one. Asynchronous: through the async proxy.
  /// `as`: remembered as another's, who speaks for asynchronous work.
  void touch(Thread &thread, Region &region, size_t offset, size_t bytes, uint32_t kind, const char *site,
             bool isAsync = false, const Epoch *as = nullptr);
  // Asynchronous work has clocks too: numbers after those of the threads.
  uint32_t copyAgent() const { return uint32_t(threads.size()); }
  uint32_t wgmmaAgent(const Thread &thread) const { return copyAgent() + 1 + thread.index / warpgroupSize; }
  size_t numAgents() const {
    return threads.size() + 1 + (threads.size() + warpgroupSize - 1) / warpgroupSize;
  }
  bool checkWritten(Thread &thread, Region &region, size_t offset, size_t bytes, const char *site);
  bool isOrdered(const Thread &later, const Epoch &earlier) const;
  std::string describe(const Region &region, size_t offset) const;
  std::string describe(const Epoch &epoch) const;
  void atomicOrder(Thread &thread, const void *address, uint32_t kind);
  /// The block whose shared memory holds the address; null when none does.
  Block *ownerOf(const void *address);

  // Meetings (Barriers.cpp, Lanes.cpp).
  void barrier(Thread &thread, uint32_t id, uint32_t count, bool isArrival, int reduction, uint32_t predicate,
               const char *site);
  void meetLanes(Thread &thread, uint32_t mask, Exchange kind, void *argument,
                 void (*operation)(Warp &, uint32_t, const char *), const char *site);
  void clusterArrive(Thread &thread, bool relaxed, const char *site);
  void clusterWait(Thread &thread, const char *site);
  void completeBarrier(Block &block, uint32_t id);
  void completeMeetings(Warp &warp);
  void completeClusterBarrier();

  // Asynchronous work that finishes when nothing else can run (Mbarriers.cpp, BulkCopies.cpp).
  bool finishSomething();
  /// Copies of a thread that wait for an mbarrier's arrival; false: there are none.
  bool finishArrival(size_t index);
  /// Finishes bulk stores of the thread but for the last `pending` groups.
  void finishBulkStores(Thread &thread, size_t pending);

  Launch *launch = nullptr;
  uint64_t number = 0; ///< of this cluster in the launch
  std::vector<Thread> threads;
  std::vector<Block> blocks;
  std::vector<TensorCopy> inFlight; ///< copies into shared memory that mbarriers wait for
  std::vector<CopyArrival> arrivals;
  uint32_t copyClock = 0; ///< of the agent that stands for copies
  Barrier clusterBarrier;
  uint32_t numEnded = 0;
  uint64_t idleYields = 0; ///< since something last changed
  bool isStopped = false;
  char *sink = nullptr; ///< where accesses go that must not be made

  std::mt19937_64 random; ///< of the policy

private:
  void prepare();
  void schedule(Thread &thread) { ready.push_back(&thread); }
  /// The next thread to run; finishes asynchronous work when there is none. Null: nobody can.
  Thread *pick();
  void switchFrom(Fiber &fiber, Thread *next);
  void finish(Thread &thread);
  void tellDeadlock();
  static void threadMain(void *cluster);
  Fiber *takeFiber();

  size_t stackBytes;
  Fiber host;
  std::vector<std::unique_ptr<Fiber>> fibers;
  std::vector<Fiber *> freeFibers;
  std::vector<Thread *> ready;
  size_t readyHead = 0;
  Thread *current = nullptr;
  std::unique_ptr<char[]> sharedMemory, sinkMemory;
  size_t sharedStride = 0, sharedCapacity = 0;
  uint64_t preparedLaunch = 0;
};

/// The location part of a site, and the op's name after it.
std::string siteText(const char *site);
std::string siteOp(const char *site);

extern const WeftEmulatorFunctions emulatorFunctions;

} // namespace weft::runtime::emulator

#endif // WEFT_LIB_RUNTIME_EMULATOR_MACHINE_H
