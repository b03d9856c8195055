// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The process's threads for kernels: persistent, fork-join. The caller works too. Each thread has a span of
// the chunks, the same part of every region, so that what one kernel wrote lies in the caches of the core
// that reads it in the next. Chunks are claimed one by one, and a thread that has none left takes those of
// others: one that is not scheduled holds up at most one chunk. Workers spin for a millisecond after a
// region, then sleep.
#ifndef WEFT_RUNTIME_THREADPOOL_H
#define WEFT_RUNTIME_THREADPOOL_H

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

namespace weft::runtime {

/// How many threads this process may keep busy, and why.
struct ThreadCount {
  int threads = 1;
  std::string reason; ///< "affinity", "cgroup quota of 1.5 cores (/sys/fs/cgroup/...)", "WEFT_THREADS"
};
/// min(affinity, floor of the tightest cgroup quota among all ancestors, v1 and v2), at least 1; WEFT_THREADS
/// overrides.
ThreadCount usableThreads();

namespace detail {
/// The tightest CPU quota in cores over the cgroups that `cgroup` (text of /proc/self/cgroup) names, found
/// through `mountinfo`; 0 when there is none. `root` is put before every path that is opened.
double cgroupQuota(const std::string &cgroup, const std::string &mountinfo, const std::string &root,
                   std::string *where);
} // namespace detail

class ThreadPool {
public:
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool &) = delete;
  ThreadPool &operator=(const ThreadPool &) = delete;

  /// The pool of this process, made at first use with usableThreads(); made anew in a forked child.
  static ThreadPool &process();

  /// Threads that work in a region, the caller among them.
  int threads() const { return int(workers.size()) + 1; }

  /// Calls f(i) once for each i in [0, n), on any thread, at most `cap` of them (0: all); returns when all
  /// are done. While another caller has the pool, the caller does all the work itself.
  /// f(i, follows) is told whether this thread called f(i - 1) last.
  template <class F> void parallelFor(uint32_t n, int cap, F &&f) {
    auto call = [](void *context, uint32_t i, bool follows) {
      auto &function = *static_cast<std::remove_reference_t<F> *>(context);
      if constexpr (std::is_invocable_v<F &, uint32_t, bool>)
        function(i, follows);
      else
        function(i);
    };
    run(n, cap, call, const_cast<void *>(static_cast<const void *>(&f)));
  }

  /// Memory of at least `bytes`, 64-byte aligned, owned by the calling thread until it ends or asks for more;
  /// null when there is none left.
  static void *scratch(size_t bytes);

private:
  using Body = void (*)(void *, uint32_t, bool follows);
  void run(uint32_t n, int cap, Body body, void *context);
  void work(uint32_t generation, int index);
  void workerMain(int index);

  struct alignas(64) Word {
    std::atomic<uint32_t> v{0};
  };
  struct alignas(64) Word64 {
    std::atomic<uint64_t> v{0};
  };
  Word generation, sleepers, pending, joining;
  /// Of each thread's span, generation << 32 | chunks not yet claimed: a late worker of an older region
  /// cannot match.
  std::vector<Word64> open;
  uint32_t chunks = 0;
  Body body = nullptr;
  void *context = nullptr;
  std::atomic<int> limit{0};
  std::atomic<bool> busy{false}, stop{false};
  std::vector<std::thread> workers;
};

} // namespace weft::runtime

#endif // WEFT_RUNTIME_THREADPOOL_H
