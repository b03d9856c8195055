// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Measures the roofline: multiply-adds in registers with the widest vectors there are, copies and sums of
// memory of rising size. All threads begin together, and the slowest one counts.
#include "weft/Runtime/MachinePeak.h"

#include "weft/Runtime/HostCpu.h"

#include <algorithm>
#include <barrier>
#include <chrono>
#include <cmath>
#include <cstring>
#include <thread>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace weft::runtime {
namespace {

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// What the widest vectors of a machine are measured with.
struct Loops {
  const char *vectors;
  int64_t flopsPerStep;
  /// Multiply-adds on enough accumulators to hide their latency; the sum keeps the compiler from leaving them
  /// out.
  float (*multiplyAdd)(int64_t steps, float factor, float addend);
  /// Reads words.
  uint64_t (*sumWords)(const uint64_t *words, size_t count);
};

/// Words as wide as any machine's vectors, of which narrower ones take several.
using Words = uint64_t __attribute__((vector_size(64), aligned(8), may_alias));

/// The same for all widths: whoever takes it in says which instructions it becomes.
[[gnu::always_inline]] inline uint64_t sum(const uint64_t *words, size_t count) {
  constexpr size_t chains = 4, step = chains * sizeof(Words) / sizeof(uint64_t);
  Words sums[chains] = {};
  for (size_t i = 0; i + step <= count; i += step)
#pragma clang loop unroll(full)
    for (size_t c = 0; c < chains; ++c)
      sums[c] += reinterpret_cast<const Words *>(words + i)[c];
  sums[0] += sums[1] + sums[2] + sums[3];
  uint64_t total = 0;
  for (size_t lane = 0; lane < sizeof(Words) / sizeof(uint64_t); ++lane)
    total += sums[0][lane];
  return total;
}

#if defined(__x86_64__)
__attribute__((target("avx512f"))) float runAvx512(int64_t steps, float factor, float addend) {
  constexpr int chains = 16;
  const __m512 a = _mm512_set1_ps(factor), b = _mm512_set1_ps(addend);
  __m512 sums[chains];
  for (__m512 &sum : sums)
    sum = b;
  for (int64_t i = 0; i < steps; ++i)
#pragma clang loop unroll(full)
    for (int c = 0; c < chains; ++c)
      sums[c] = _mm512_fmadd_ps(sums[c], a, b);
  for (int c = 1; c < chains; ++c)
    sums[0] = _mm512_add_ps(sums[0], sums[c]);
  return _mm512_cvtss_f32(sums[0]);
}

__attribute__((target("avx2,fma"))) float runAvx2(int64_t steps, float factor, float addend) {
  constexpr int chains = 12;
  const __m256 a = _mm256_set1_ps(factor), b = _mm256_set1_ps(addend);
  __m256 sums[chains];
  for (__m256 &sum : sums)
    sum = b;
  for (int64_t i = 0; i < steps; ++i)
#pragma clang loop unroll(full)
    for (int c = 0; c < chains; ++c)
      sums[c] = _mm256_fmadd_ps(sums[c], a, b);
  for (int c = 1; c < chains; ++c)
    sums[0] = _mm256_add_ps(sums[0], sums[c]);
  return _mm256_cvtss_f32(sums[0]);
}

__attribute__((target("avx512f"))) uint64_t sumAvx512(const uint64_t *words, size_t count) {
  return sum(words, count);
}
__attribute__((target("avx2"))) uint64_t sumAvx2(const uint64_t *words, size_t count) {
  return sum(words, count);
}
#endif

uint64_t sumAny(const uint64_t *words, size_t count) { return sum(words, count); }

/// Four lanes, as every machine with vectors has them.
using Lanes = float __attribute__((vector_size(16)));
constexpr int laneChains = 12;

float runAny(int64_t steps, float factor, float addend) {
  const Lanes a = {factor, factor, factor, factor}, b = {addend, addend, addend, addend};
  Lanes sums[laneChains];
  for (Lanes &sum : sums)
    sum = b;
  for (int64_t i = 0; i < steps; ++i)
#pragma clang loop unroll(full)
    for (int c = 0; c < laneChains; ++c)
      sums[c] = sums[c] * a + b;
  for (int c = 1; c < laneChains; ++c)
    sums[0] += sums[c];
  return sums[0][0];
}

Loops widestLoops() {
#if defined(__x86_64__)
  if (hostHasFeature("avx512f"))
    return {"avx512f", int64_t(16) * 16 * 2, runAvx512, sumAvx512};
  if (hostHasFeature("avx2") && hostHasFeature("fma"))
    return {"avx2", int64_t(12) * 8 * 2, runAvx2, sumAvx2};
#endif
  return {"", int64_t(laneChains) * 4 * 2, runAny, sumAny};
}

/// The least wall time in which all threads do `body(thread)` once, of `tries`; `prepare` runs before the
/// first.
template <class Prepare, class Body>
double bestTogether(int threads, int tries, Prepare &&prepare, Body &&body) {
  double best = INFINITY;
  Clock::time_point start;
  std::barrier begin(threads, [&]() noexcept { start = Clock::now(); });
  std::barrier end(threads, [&]() noexcept { best = std::min(best, secondsSince(start)); });
  const auto work = [&](int thread) {
    prepare(thread);
    for (int i = 0; i < tries; ++i) {
      begin.arrive_and_wait();
      body(thread);
      end.arrive_and_wait();
    }
  };
  std::vector<std::thread> others;
  for (int thread = 1; thread < threads; ++thread)
    others.emplace_back(work, thread);
  work(0);
  for (std::thread &other : others)
    other.join();
  return best;
}

double measureFlops(const Loops &loops, int threads) {
  constexpr int64_t steps = 1 << 15;
  std::vector<float> results(static_cast<size_t>(threads));
  volatile float factor = 0.5f, addend = 1; // sums tend to 2: no number is special
  const double seconds = bestTogether(
      threads, 20, [](int) {},
      [&](int thread) { results[size_t(thread)] = loops.multiplyAdd(steps, factor, addend); });
  volatile float kept = results[0];
  (void)kept;
  return double(loops.flopsPerStep) * steps * threads / seconds;
}

/// Reads and writes `bytes` in all: copies half of each thread's share to the other half, or adds up all of
/// it; the faster of the two.
double measureMemory(const Loops &loops, int64_t bytes, int threads) {
  const size_t half = size_t(bytes / threads / 2) / 64 * 64;
  constexpr double enough = 4 << 20;
  const int repeats = std::max(1, int(enough / double(2 * half)));
  std::vector<std::vector<uint64_t>> memory(static_cast<size_t>(threads));
  std::vector<uint64_t> sums(static_cast<size_t>(threads));
  const auto touch = [&](int thread) { memory[size_t(thread)].assign(2 * half / 8, 1); };
  const int tries = bytes > (16 << 20) ? 4 : 8;
  const double copying = bestTogether(threads, tries, touch, [&](int thread) {
    uint64_t *words = memory[size_t(thread)].data();
    for (int i = 0; i < repeats; ++i) {
      std::memcpy(words + half / 8, words, half);
      asm volatile("" : : "r"(words) : "memory");
    }
  });
  const double reading = bestTogether(
      threads, tries, [](int) {},
      [&](int thread) {
        uint64_t *words = memory[size_t(thread)].data();
        for (int i = 0; i < repeats; ++i) {
          sums[size_t(thread)] += loops.sumWords(words, 2 * half / 8);
          asm volatile("" : : "r"(words) : "memory");
        }
      });
  return double(2 * half) * threads * repeats / std::min(copying, reading);
}

} // namespace

double MachinePeak::bytesPerSecondAt(int64_t bytes) const {
  if (memory.empty())
    return 0;
  if (bytes <= memory.front().bytes)
    return memory.front().bytesPerSecond;
  for (size_t i = 1; i < memory.size(); ++i)
    if (const Level &below = memory[i - 1], &above = memory[i]; bytes <= above.bytes) {
      const double at =
          std::log(double(bytes) / double(below.bytes)) / std::log(double(above.bytes) / double(below.bytes));
      return below.bytesPerSecond + at * (above.bytesPerSecond - below.bytesPerSecond);
    }
  return memory.back().bytesPerSecond;
}

double MachinePeak::leastSeconds(int64_t flops, int64_t bytes) const {
  return std::max(flops > 0 ? double(flops) / flopsPerSecond : 0,
                  bytes > 0 ? double(bytes) / bytesPerSecondAt(bytes) : 0);
}

bool MachinePeak::isBoundByCompute(int64_t flops, int64_t bytes) const {
  return leastSeconds(flops, 0) > leastSeconds(0, bytes);
}

MachinePeak measureMachinePeak(int threads,
                               const std::function<void(int64_t done, int64_t total)> &progress) {
  constexpr int64_t sizes[] = {16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20, 64 << 20};
  const auto total = int64_t(std::size(sizes)) + 1;
  MachinePeak peak;
  peak.threads = std::max(threads, 1);
  const Loops loops = widestLoops();
  peak.vectors = loops.vectors;
  peak.flopsPerSecond = measureFlops(loops, peak.threads);
  for (const int64_t size : sizes) {
    if (progress)
      progress(int64_t(peak.memory.size()) + 1, total);
    const int64_t bytes = size * peak.threads;
    peak.memory.push_back({bytes, measureMemory(loops, bytes, peak.threads)});
  }
  return peak;
}

} // namespace weft::runtime
