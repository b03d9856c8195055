// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Memory of the emulated device, and launches: one cluster after the other on this thread with checks, in
// parallel on the pool without.
#include "weft/Runtime/Emulator/Emulator.h"

#include "Machine.h"
#include "weft/Runtime/ThreadPool.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <new>
#include <numeric>

namespace weft::runtime::emulator {

Status EmulatorOptions::parseSchedule(const std::string &text) {
  if (text == "fifo") {
    schedule = Schedule::Fifo;
  } else if (text == "lifo") {
    schedule = Schedule::Lifo;
  } else if (text.starts_with("random:") && text.size() > 7 && text.size() < 26 &&
             std::all_of(text.begin() + 7, text.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    schedule = Schedule::Random;
    seed = std::strtoull(text.c_str() + 7, nullptr, 10);
  } else {
    return invalidArgument("schedule '", text, "', wanted fifo, lifo or random:SEED");
  }
  return Status::ok();
}

struct Emulator::Impl {
  static constexpr size_t alignment = 256;
  static constexpr uint64_t maxShared = 227 << 10; ///< of a block, on sm_90

  EmulatorOptions options;
  std::map<const char *, std::unique_ptr<Region>> regions;
  uint64_t numLaunches = 0;
  Lint lint;
  std::mutex mutex;
  std::vector<std::unique_ptr<Cluster>> idle;

  Region *find(const void *address) {
    auto after = regions.upper_bound(static_cast<const char *>(address));
    if (after == regions.begin())
      return nullptr;
    Region *region = std::prev(after)->second.get();
    return region->contains(address, 0) ? region : nullptr;
  }

  std::unique_ptr<Cluster> takeCluster() {
    std::lock_guard<std::mutex> lock(mutex);
    if (idle.empty())
      return std::make_unique<Cluster>(options.stackBytes);
    std::unique_ptr<Cluster> cluster = std::move(idle.back());
    idle.pop_back();
    return cluster;
  }
  void giveBack(std::unique_ptr<Cluster> cluster) {
    std::lock_guard<std::mutex> lock(mutex);
    idle.push_back(std::move(cluster));
  }

  void runChecked(Launch &launch);
  void runFast(Launch &launch);
};

Emulator::Emulator(EmulatorOptions options) : impl(std::make_unique<Impl>()) { impl->options = options; }

Emulator::~Emulator() {
  for (auto &[base, region] : impl->regions)
    ::operator delete(region->base, std::align_val_t(Impl::alignment));
}

const EmulatorOptions &Emulator::options() const { return impl->options; }
void Emulator::setOptions(const EmulatorOptions &options) { impl->options = options; }

Result<void *> Emulator::allocate(size_t bytes, const std::string &name) {
  auto *memory = static_cast<char *>(
      ::operator new(std::max<size_t>(bytes, 1), std::align_val_t(Impl::alignment), std::nothrow));
  if (!memory)
    return resourceExhausted("no ", bytes, " bytes of memory for the emulated device");
  if (impl->options.checks)
    std::memset(memory, 0xff, bytes);
  impl->regions[memory] = std::make_unique<Region>(memory, bytes, name, false);
  return static_cast<void *>(memory);
}

void Emulator::release(void *memory) {
  if (impl->regions.erase(static_cast<char *>(memory)))
    ::operator delete(memory, std::align_val_t(Impl::alignment));
}

void Emulator::markInitialised(void *address, size_t bytes) {
  if (Region *region = impl->find(address);
      region && region->contains(address, bytes) && impl->options.checks)
    region->markWritten(region->offsetOf(address), bytes);
}

bool Emulator::isInitialised(const void *address, size_t bytes) const {
  Region *region = impl->find(address);
  return region && region->contains(address, bytes) && region->isWritten(region->offsetOf(address), bytes);
}

static Status checkShape(const LaunchShape &shape, uint64_t maxShared) {
  uint64_t threads = uint64_t(shape.block[0]) * shape.block[1] * shape.block[2];
  auto product = [](const uint32_t (&v)[3]) { return concat(v[0], "x", v[1], "x", v[2]); };
  if (!threads || threads > maxThreads)
    return invalidArgument("found blocks of ", product(shape.block), " threads, wanted 1 to ", maxThreads);
  if (shape.cluster < 1 || shape.cluster > 16 || shape.grid[0] % shape.cluster)
    return invalidArgument("found clusters of ", shape.cluster, " blocks in a grid of ", product(shape.grid),
                           ", wanted 1 to 16 that divide its width");
  if (shape.sharedBytes > maxShared)
    return invalidArgument("found ", shape.sharedBytes, " bytes of shared memory, wanted ", maxShared,
                           " at most");
  return Status::ok();
}

/// Clusters in the order of the policy, one at a time: what one does is remembered for the next.
void Emulator::Impl::runChecked(Launch &launch) {
  std::vector<uint64_t> order(launch.numClusters());
  std::iota(order.begin(), order.end(), 0);
  if (options.schedule == Schedule::Lifo)
    std::reverse(order.begin(), order.end());
  if (options.schedule == Schedule::Random)
    std::shuffle(order.begin(), order.end(), std::mt19937_64(options.seed));
  std::unique_ptr<Cluster> cluster = takeCluster();
  for (uint64_t number : order) {
    cluster->run(launch, number);
    if (cluster->isStopped || launch.reporter->isFull())
      break;
  }
  giveBack(std::move(cluster));
}

void Emulator::Impl::runFast(Launch &launch) {
  // Enough pieces that threads end together, few enough that they cost nothing.
  const uint64_t total = launch.numClusters();
  const auto pieces = uint32_t(std::min<uint64_t>(total, 256));
  std::atomic<bool> isStopped{false};
  ThreadPool::process().parallelFor(pieces, options.threads, [&](uint32_t piece) {
    std::unique_ptr<Cluster> cluster = takeCluster();
    for (uint64_t number = total * piece / pieces; number < total * (piece + 1) / pieces; ++number) {
      if (isStopped.load(std::memory_order_relaxed))
        break;
      cluster->run(launch, number);
      if (!launch.reporter->isClean())
        isStopped.store(true, std::memory_order_relaxed);
    }
    giveBack(std::move(cluster));
  });
}

Status Emulator::launch(KernelEntry entry, const LaunchShape &shape,
                        std::span<const KernelParameter> parameters, const std::string &name) {
  WEFT_RETURN_IF_ERROR(checkShape(shape, Impl::maxShared).context(concat("kernel '", name, "'")));
  if (!shape.grid[0] || !shape.grid[1] || !shape.grid[2])
    return Status::ok();
  Launch launch;
  launch.entry = entry;
  launch.shape = shape;
  launch.name = name;
  launch.number = ++impl->numLaunches;
  launch.options = impl->options;
  launch.functions = &emulatorFunctions;
  for (const KernelParameter &parameter : parameters) {
    launch.parameters.push_back(const_cast<void *>(parameter.data));
    launch.byValue.emplace_back(static_cast<char *>(const_cast<void *>(parameter.data)), parameter.size,
                                "parameter", false);
  }
  for (auto &[base, region] : impl->regions)
    launch.global.push_back(region.get());
  Reporter reporter(impl->options.maxReports);
  launch.reporter = &reporter;
  launch.lint = impl->options.lint && impl->options.checks ? &impl->lint : nullptr;
  if (impl->options.checks)
    impl->runChecked(launch);
  else
    impl->runFast(launch);
  return reporter.isClean() ? Status::ok() : failedPrecondition(reporter.message(name));
}

Status Emulator::launch(KernelEntry entry, const LaunchShape &shape, std::span<const uint64_t> parameters,
                        const std::string &name) {
  std::vector<KernelParameter> all;
  for (const uint64_t &parameter : parameters)
    all.push_back({&parameter, sizeof parameter});
  return launch(entry, shape, all, name);
}

std::string Emulator::lintReport() const { return impl->lint.report(); }

} // namespace weft::runtime::emulator
