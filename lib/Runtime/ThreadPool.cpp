// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The pool. The state of a region is a word for each thread's span of chunks, `open` (generation and chunks
// not yet claimed; one compare-and-swap claims a chunk, and a worker that is late for an older region cannot
// match), and `pending` (chunks not yet finished; the last one wakes the caller).
#include "weft/Runtime/ThreadPool.h"

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace weft::runtime {
namespace {

constexpr uint64_t spinMicroseconds = 1000, joinMicroseconds = 200;

void relax() {
#if defined(__x86_64__)
  _mm_pause();
#else
  __asm__ volatile("yield");
#endif
}

void futex(std::atomic<uint32_t> &word, int operation, uint32_t value) {
  syscall(SYS_futex, reinterpret_cast<uint32_t *>(&word), operation | FUTEX_PRIVATE_FLAG, value, nullptr,
          nullptr, 0);
}

uint64_t microseconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return uint64_t(now.tv_sec) * 1000000 + uint64_t(now.tv_nsec) / 1000;
}

/// Waits a little; true when `limit` microseconds of waiting are over. The clock is read every 64th time.
class Spinner {
public:
  explicit Spinner(uint64_t limit) : limit(limit) {}
  bool isOver() {
    relax();
    if (++turns % 64)
      return false;
    const uint64_t now = microseconds();
    if (!start)
      start = now;
    return now - start >= limit;
  }
  void restart() { start = 0; }

private:
  uint64_t limit, start = 0;
  unsigned turns = 0;
};

std::atomic<ThreadPool *> processPool{nullptr};

} // namespace

ThreadPool::ThreadPool(int threads) : open(std::max(threads, 1)) {
  for (int i = 1; i < threads; ++i)
    workers.emplace_back([this, i] { workerMain(i); });
}

ThreadPool::~ThreadPool() {
  stop = true;
  generation.v.fetch_add(1);
  futex(generation.v, FUTEX_WAKE, INT_MAX);
  for (std::thread &worker : workers)
    worker.join();
}

ThreadPool &ThreadPool::process() {
  if (ThreadPool *pool = processPool.load(std::memory_order_acquire))
    return *pool;
  // A forked child has none of its parent's threads: it forgets that pool (its memory is lost) and makes its
  // own.
  static const int registered =
      pthread_atfork(nullptr, nullptr, [] { processPool.store(nullptr, std::memory_order_release); });
  (void)registered;
  auto *made =
      new ThreadPool(usableThreads().threads); // never destroyed: regions may run until the process ends
  ThreadPool *expected = nullptr;
  if (!processPool.compare_exchange_strong(expected, made, std::memory_order_acq_rel)) {
    delete made;
    return *expected;
  }
  return *made;
}

/// The first chunk of thread `index`'s span; that of the thread behind the last is where all end.
static uint32_t spanStart(uint32_t chunks, int team, int index) {
  return uint32_t(uint64_t(chunks) * uint64_t(index) / uint64_t(team));
}

void ThreadPool::work(uint32_t region, int index) {
  const int team = limit.load(std::memory_order_relaxed);
  uint32_t next = UINT32_MAX; // after the chunk that was computed last
  for (int turn = 0; turn < team; ++turn) {
    const int owner = (index + turn) % team; // its own span first
    std::atomic<uint64_t> &span = open[size_t(owner)].v;
    uint64_t current = span.load(std::memory_order_acquire);
    while (uint32_t(current >> 32) == region && uint32_t(current)) {
      if (!span.compare_exchange_weak(current, current - 1, std::memory_order_acq_rel,
                                      std::memory_order_acquire))
        continue;
      // The region cannot end before this chunk: what it is stays as it is.
      const uint32_t chunk = spanStart(chunks, team, owner + 1) - uint32_t(current);
      body(context, chunk, chunk == next);
      next = chunk + 1;
      if (pending.v.fetch_sub(1, std::memory_order_acq_rel) == 1 && joining.v.load())
        futex(pending.v, FUTEX_WAKE, 1);
      current = span.load(std::memory_order_acquire);
    }
  }
}

void ThreadPool::workerMain(int index) {
  for (uint32_t seen = 0;;) {
    uint32_t now;
    Spinner spinner(spinMicroseconds);
    while ((now = generation.v.load(std::memory_order_acquire)) == seen) {
      if (!spinner.isOver())
        continue;
      sleepers.v.fetch_add(1);
      if (generation.v.load() == seen)
        futex(generation.v, FUTEX_WAIT, seen);
      sleepers.v.fetch_sub(1);
      spinner.restart();
    }
    seen = now;
    if (stop)
      return;
    if (index < limit.load(std::memory_order_relaxed))
      work(now, index);
  }
}

void ThreadPool::run(uint32_t n, int cap, Body function, void *argument) {
  const int team = cap > 0 ? std::min(cap, threads()) : threads();
  if (n <= 1 || team == 1 || busy.exchange(true, std::memory_order_acquire)) {
    for (uint32_t i = 0; i < n; ++i)
      function(argument, i, i != 0);
    return;
  }
  const uint32_t region = generation.v.load(std::memory_order_relaxed) + 1;
  body = function;
  context = argument;
  limit.store(team, std::memory_order_relaxed);
  chunks = n;
  pending.v.store(n, std::memory_order_relaxed);
  for (int i = 0; i < team; ++i)
    open[size_t(i)].v.store(uint64_t(region) << 32 | (spanStart(n, team, i + 1) - spanStart(n, team, i)),
                            std::memory_order_release);
  generation.v.store(region); // sequentially consistent: pairs with `sleepers`
  if (sleepers.v.load())
    futex(generation.v, FUTEX_WAKE, INT_MAX);
  work(region, 0);
  Spinner spinner(joinMicroseconds);
  while (uint32_t left = pending.v.load(std::memory_order_acquire)) {
    if (!spinner.isOver())
      continue;
    joining.v.store(1);
    if ((left = pending.v.load()))
      futex(pending.v, FUTEX_WAIT, left);
    joining.v.store(0);
  }
  busy.store(false, std::memory_order_release);
}

void *ThreadPool::scratch(size_t bytes) {
  struct Memory {
    void *data = nullptr;
    size_t size = 0;
    ~Memory() { std::free(data); }
  };
  static thread_local Memory memory;
  if (memory.size < bytes) {
    std::free(memory.data);
    memory.size = 0;
    memory.data = bytes > SIZE_MAX / 2 ? nullptr : std::aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!memory.data)
      return nullptr;
    memory.size = (bytes + 63) / 64 * 64;
  }
  return memory.data;
}

} // namespace weft::runtime
