// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ranks for tests: N communicators over one kind of transport, and a function run by each on a thread of its
// own, with a watchdog: a test that hangs ends the process with a line that says where.
#ifndef WEFT_TEST_UNIT_DISTRIBUTED_RANKS_H
#define WEFT_TEST_UNIT_DISTRIBUTED_RANKS_H

#include "weft/Distributed/GroupCommunicator.h"

#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace weft::distributed::test {

/// Ends the process when it lives longer than `seconds`.
class Watchdog {
public:
  explicit Watchdog(int seconds = 60)
      : name(testing::UnitTest::GetInstance()->current_test_info()->name()), thread([this, seconds] {
          std::unique_lock lock(mutex);
          if (!over.wait_for(lock, std::chrono::seconds(seconds), [this] { return isOver; })) {
            std::fprintf(stderr, "%s hangs\n", name.c_str());
            std::abort();
          }
        }) {}
  ~Watchdog() {
    {
      std::lock_guard lock(mutex);
      isOver = true;
    }
    over.notify_all();
    thread.join();
  }

private:
  std::string name;
  std::mutex mutex;
  std::condition_variable over;
  bool isOver = false;
  std::thread thread;
};

/// A kind of transport: its name, and how to connect so many ranks of this process with it.
struct TransportKind {
  std::string name;
  std::function<std::vector<std::unique_ptr<Transport>>(uint32_t)> make;
};
/// All that this build has.
std::vector<TransportKind> transportKinds();

/// Runs f(rank) on a thread for each rank.
inline void onAllRanks(uint32_t numRanks, const std::function<void(uint32_t)> &f) {
  std::vector<std::thread> threads;
  for (uint32_t rank = 0; rank < numRanks; ++rank)
    threads.emplace_back([&f, rank] { f(rank); });
  for (std::thread &thread : threads)
    thread.join();
}

/// Connects ranks and runs f(rank, communicator) on a thread for each.
inline void withCommunicators(const TransportKind &kind, uint32_t numRanks, CommunicatorOptions options,
                              const std::function<void(uint32_t, GroupCommunicator &)> &f) {
  const Watchdog watchdog;
  std::vector<std::unique_ptr<Transport>> transports = kind.make(numRanks);
  ASSERT_EQ(transports.size(), numRanks);
  onAllRanks(numRanks, [&](uint32_t rank) {
    auto communicator = GroupCommunicator::create(std::move(transports[rank]), options);
    ASSERT_TRUE(communicator.isOk()) << communicator.status();
    f(rank, **communicator);
  });
}

} // namespace weft::distributed::test

#endif // WEFT_TEST_UNIT_DISTRIBUTED_RANKS_H
