// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The pool under stress: every chunk once, regions one after the other, several callers, nested regions, a
// fork; and the number of threads from cgroup files.
#include "weft/Runtime/ThreadPool.h"

#include "Support/TempDir.h"
#include "weft/Support/File.h"
#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <mutex>
#include <random>
#include <sys/wait.h>
#include <unistd.h>

using namespace weft;
using namespace weft::runtime;

namespace {

TEST(ThreadPool, RunsEachChunkOnce) {
  std::mt19937 random(1);
  for (const int threads : {1, 2, 4, 7}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    for (int round = 0; round < 500; ++round) {
      const uint32_t n = random() % 40;
      std::vector<std::atomic<int>> hits(n);
      pool.parallelFor(n, 0, [&](uint32_t i) { hits[i].fetch_add(1, std::memory_order_relaxed); });
      for (uint32_t i = 0; i < n; ++i)
        ASSERT_EQ(hits[i].load(std::memory_order_relaxed), 1);
    }
  }
}

/// A call follows if the same thread made the call before it, of the same region, and no other since.
TEST(ThreadPool, TellsWhatFollows) {
  for (const int threads : {1, 3}) {
    ThreadPool pool(threads);
    for (uint32_t round = 0; round < 500; ++round) {
      const uint32_t n = round % 40;
      std::mutex mutex;
      std::map<std::thread::id, uint32_t> last;
      bool isRight = true;
      pool.parallelFor(n, 0, [&](uint32_t i, bool follows) {
        const std::lock_guard<std::mutex> lock(mutex);
        auto [before, isFirst] = last.try_emplace(std::this_thread::get_id(), i);
        isRight &= follows == (!isFirst && before->second + 1 == i);
        before->second = i;
      });
      EXPECT_TRUE(isRight);
    }
  }
}

/// Regions in a row over plain memory: a worker late for one must not run a chunk of the next, and what a
/// region wrote is seen by the next (the thread sanitizer watches both).
TEST(ThreadPool, RegionsDoNotMix) {
  ThreadPool pool(4);
  std::vector<int64_t> values(64, 0);
  for (int round = 1; round <= 3000; ++round)
    pool.parallelFor(uint32_t(1 + round % 64), 0, [&, round](uint32_t i) { values[i] += round; });
  int64_t expected = 0;
  for (int round = 1; round <= 3000; ++round)
    expected += round;
  EXPECT_EQ(values[0], expected);
}

TEST(ThreadPool, HonoursTheCap) {
  ThreadPool pool(4);
  for (const int cap : {1, 2, 3}) {
    std::mutex mutex;
    std::vector<std::thread::id> seen;
    for (int round = 0; round < 50; ++round)
      pool.parallelFor(16, cap, [&](uint32_t) {
        const std::lock_guard<std::mutex> lock(mutex);
        if (std::find(seen.begin(), seen.end(), std::this_thread::get_id()) == seen.end())
          seen.push_back(std::this_thread::get_id());
      });
    EXPECT_LE(seen.size(), size_t(cap));
  }
}

TEST(ThreadPool, SeveralCallersAndNesting) {
  ThreadPool pool(3);
  std::vector<std::thread> callers;
  std::atomic<int64_t> sum{0};
  for (int c = 0; c < 4; ++c)
    callers.emplace_back([&] {
      for (int round = 0; round < 200; ++round)
        pool.parallelFor(8, 0, [&](uint32_t) { pool.parallelFor(3, 0, [&](uint32_t i) { sum += i + 1; }); });
    });
  for (std::thread &caller : callers)
    caller.join();
  EXPECT_EQ(sum.load(), 4 * 200 * 8 * 6);
}

#if !defined(__SANITIZE_THREAD__) && !(defined(__has_feature) && __has_feature(thread_sanitizer))
TEST(ThreadPool, IsMadeAnewAfterFork) {
  setenv("WEFT_THREADS", "3", 1);
  std::atomic<int> count{0};
  ThreadPool::process().parallelFor(10, 0, [&](uint32_t) { ++count; });
  EXPECT_EQ(count, 10);
  const pid_t child = fork();
  if (child == 0) {
    alarm(20); // a child that waits for its parent's threads would wait for ever
    std::atomic<int> inChild{0};
    for (int round = 0; round < 100; ++round)
      ThreadPool::process().parallelFor(10, 0, [&](uint32_t) { ++inChild; });
    _exit(inChild == 1000 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  unsetenv("WEFT_THREADS");
}
#endif

TEST(ThreadPool, ScratchGrowsAndIsAligned) {
  auto *small = static_cast<char *>(ThreadPool::scratch(100));
  ASSERT_NE(small, nullptr);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(small) % 64, 0u);
  EXPECT_EQ(ThreadPool::scratch(50), small);
  auto *large = static_cast<char *>(ThreadPool::scratch(1 << 20));
  ASSERT_NE(large, nullptr);
  large[(1 << 20) - 1] = 1;
  EXPECT_EQ(ThreadPool::scratch(SIZE_MAX - 100), nullptr);
}

TEST(ThreadCount, FollowsTheEnvironment) {
  setenv("WEFT_THREADS", "5", 1);
  EXPECT_EQ(usableThreads().threads, 5);
  setenv("WEFT_THREADS", "many", 1);
  EXPECT_GE(usableThreads().threads, 1);
  EXPECT_NE(usableThreads().reason, "WEFT_THREADS");
  unsetenv("WEFT_THREADS");
}

void write(const TempDir &dir, const std::string &path, const std::string &text) {
  std::filesystem::create_directories(std::filesystem::path(dir.file(path)).parent_path());
  ASSERT_TRUE(writeFileAtomically(dir.file(path), text).isOk());
}

TEST(ThreadCount, ReadsBothKindsOfCgroups) {
  const TempDir dir;
  const std::string v2Mount = "30 1 0:26 / /cg2 rw,nosuid - cgroup2 cgroup2 rw\n";
  const std::string v1Mount = "31 1 0:27 / /cg1/cpu rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n";
  write(dir, "cg2/a/b/cpu.max", "max 100000\n");
  write(dir, "cg2/a/cpu.max", "250000 100000\n"); // an ancestor is tighter
  write(dir, "cg1/cpu/job/cpu.cfs_quota_us", "150000\n");
  write(dir, "cg1/cpu/job/cpu.cfs_period_us", "100000\n");
  write(dir, "cg1/cpu/cpu.cfs_quota_us", "-1\n");
  write(dir, "cg1/cpu/cpu.cfs_period_us", "100000\n");
  std::string where;
  EXPECT_EQ(detail::cgroupQuota("0::/a/b\n", v2Mount, dir.path, &where), 2.5);
  EXPECT_NE(where.find("cg2/a"), std::string::npos);
  EXPECT_EQ(detail::cgroupQuota("4:cpu,cpuacct:/job\n0::/a/b\n", v1Mount + v2Mount, dir.path, nullptr), 1.5);
  EXPECT_EQ(detail::cgroupQuota("4:memory:/job\n", v1Mount, dir.path, nullptr), 0);
  EXPECT_EQ(detail::cgroupQuota("0::/\n", v2Mount, dir.path, nullptr), 0);
  // A container sees its own group as the mount's root.
  EXPECT_EQ(detail::cgroupQuota("0::/docker/x/b\n", "30 1 0:26 /docker/x /cg2/a rw - cgroup2 cgroup2 rw\n",
                                dir.path, nullptr),
            2.5);
  EXPECT_EQ(detail::cgroupQuota("garbage\n:::\n0::/../..\n", "short line\n" + v2Mount, dir.path, nullptr), 0);
}

} // namespace
