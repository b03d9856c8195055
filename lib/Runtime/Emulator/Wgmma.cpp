// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrix products of a warpgroup (wgmma). Operands lie in shared memory in the canonical layouts that a
// descriptor describes; A may also come in registers. The product is made when the last thread comes; its
// operands stay guarded until the group is waited for, as the device may still read them until then.
#include "Matrix.h"

#include "weft/Support/DType.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace weft::runtime::emulator {
namespace {

/// A matrix in shared memory: bits 0-13 start, 16-29 leading offset, 32-45 stride offset (units of 16 bytes),
/// 62-63 swizzle.
struct Descriptor {
  uint64_t start, leading, stride;
  Swizzle swizzle;

  explicit Descriptor(uint64_t bits)
      : start((bits & 0x3fff) << 4), leading((bits >> 16 & 0x3fff) << 4), stride((bits >> 32 & 0x3fff) << 4) {
    static constexpr Swizzle modes[] = {Swizzle::None, Swizzle::Bytes128, Swizzle::Bytes64, Swizzle::Bytes32};
    swizzle = modes[bits >> 62];
  }

  /// Bytes along a swizzled row.
  uint64_t span() const { return swizzle == Swizzle::None ? 16 : 16u << unsigned(swizzle); }

  /// Offset in shared memory of an element: `mn` along M or N, `k` along K. K-major: rows of K lie side by
  /// side in groups of 8. M- or N-major (of 16-bit elements): columns do.
  uint64_t at(uint32_t mn, uint32_t k, uint32_t elementBytes, bool isMnMajor) const {
    uint64_t offset;
    if (!isMnMajor) {
      uint64_t byte = uint64_t(k) * elementBytes;
      offset = mn / 8 * stride + mn % 8 * span() + byte % span() + byte / span() * leading;
    } else if (swizzle == Swizzle::None) {
      offset = mn / 8 * stride + k / 8 * leading + k % 8 * 16 + mn % 8 * 2;
    } else {
      uint64_t perRow = span() / 2;
      offset = mn / perRow * leading + k / 8 * stride + k % 8 * span() + mn % perRow * 2;
    }
    return swizzleOffset(swizzle, start + offset);
  }
};

struct WgmmaArgument {
  const WeftWgmma *shape;
  uint64_t descriptorA, descriptorB;
  const void *registersA;
  void *accumulators;
};

constexpr uint32_t maxN = 256, maxK = 32;

/// Reads an operand into floats (or integers, which f32 holds exactly) and guards what it read.
class Operand {
public:
  /// `agent`: as whom and when it reads.
  Operand(Thread &first, Block &block, std::pair<uint32_t, uint32_t> agent, const char *site)
      : first(first), block(block), agent(agent), site(site) {}

  void read(const Descriptor &descriptor, uint32_t extent, uint32_t depth, uint8_t type, bool isMnMajor,
            float *into, uint32_t mnStride, uint32_t kStride) {
    const uint32_t bytes = elementBytesOf(WeftElementType(type));
    Cluster &cluster = *first.cluster;
    uint64_t lastChecked = ~uint64_t(0);
    auto readOne = [&](uint32_t mn, uint32_t k) {
      uint64_t offset = descriptor.at(mn, k, bytes, isMnMajor);
      if (offset + bytes > block.shared.size)
        cluster.stop(first, ErrorKind::OutOfBounds, site,
                     concat(siteOp(site), " reads offset ", offset, " of ", block.shared.size,
                            " bytes of shared memory: its descriptor is wrong"));
      // Elements come 16 bytes at a time.
      if (cluster.checks() && offset / 16 != lastChecked) {
        lastChecked = offset / 16;
        check(offset / 16 * 16);
      }
      const char *at = block.shared.base + offset;
      into[mn * mnStride + k * kStride] = elementAt(type, at, 0);
    };
    if (isMnMajor) {
      for (uint32_t k = 0; k < depth; ++k)
        for (uint32_t mn = 0; mn < extent; ++mn)
          readOne(mn, k);
    } else {
      for (uint32_t mn = 0; mn < extent; ++mn)
        for (uint32_t k = 0; k < depth; ++k)
          readOne(mn, k);
    }
  }

  WgmmaQueue::Operands operands;

private:
  void check(uint64_t offset) {
    Cluster &cluster = *first.cluster;
    const size_t bytes = std::min<size_t>(16, block.shared.size - offset);
    if (!cluster.checkWritten(first, block.shared, offset, bytes, site))
      return;
    const Epoch epoch{cluster.number, agent.first, agent.second, site, false};
    cluster.touch(first, block.shared, offset, bytes, WEFT_ACCESS_READ, site, true, &epoch);
    block.shared.visit(cluster.launch->number, offset, bytes, [&](Cell &cell) {
      ++cell.pendingReads;
      cell.pendingSite = site;
    });
    operands.ranges.push_back({&block.shared, offset, bytes});
  }

  Thread &first;
  Block &block;
  std::pair<uint32_t, uint32_t> agent;
  const char *site;
};

/// Element i of an accumulator of thread `id`: its row and column.
void placeOfD(uint32_t id, uint32_t i, uint32_t &row, uint32_t &column) {
  const uint32_t lane = id % warpSize;
  row = id / warpSize * 16 + lane / 4 + 8 * (i / 2 % 2);
  column = i / 4 * 8 + lane % 4 * 2 + i % 2;
}

void run(Warpgroup &group, Block &block, const char *site) {
  Thread &first = *group.waiting.front();
  Cluster &cluster = *first.cluster;
  auto argumentOf = [&](Thread *thread) -> WgmmaArgument & {
    return *static_cast<WgmmaArgument *>(thread->argument);
  };
  const WgmmaArgument &argument = argumentOf(&first);
  const WeftWgmma &shape = *argument.shape;
  for (Thread *thread : group.waiting)
    if (argumentOf(thread).descriptorA != argument.descriptorA ||
        argumentOf(thread).descriptorB != argument.descriptorB)
      cluster.stop(
          first, ErrorKind::Matrix, site,
          concat(first.name(), " and ", thread->name(), " give ", siteOp(site), " different descriptors"));
  static thread_local float a[64 * maxK], b[maxK * maxN], d[64 * maxN];
  Operand operand(first, block, {cluster.wgmmaAgent(first), group.numCommitted + 1}, site);
  if (argument.registersA) {
    const uint32_t perRegister = 4 / elementBytesOf(WeftElementType(shape.a)), count = shape.k / 2;
    for (Thread *thread : group.waiting) {
      const uint32_t id = uint32_t(thread - block.threads.data()) % warpgroupSize, lane = id % warpSize;
      for (uint32_t i = 0; i < count; ++i) {
        uint32_t reg = i / perRegister;
        uint32_t row = id / warpSize * 16 + lane / 4 + 8 * (reg % 2);
        uint32_t k = lane % 4 * perRegister + i % perRegister + 4 * perRegister * (reg / 2);
        a[row * maxK + k] = elementAt(shape.a, argumentOf(thread).registersA, i);
      }
    }
  } else {
    operand.read(Descriptor(argument.descriptorA), shape.m, shape.k, shape.a, shape.transposeA, a, maxK, 1);
  }
  operand.read(Descriptor(argument.descriptorB), shape.n, shape.k, shape.b, shape.transposeB, b, 1, maxN);
  const float sign = shape.negateA != shape.negateB ? -1.0f : 1.0f;
  const bool isInteger = shape.d == WEFT_S32;
  // The products, without D: of integers they are exact, as no sum of 32 products of bytes exceeds 2^24.
  std::fill(d, d + 64 * maxN, 0.0f);
  for (uint32_t row = 0; row < shape.m; ++row)
    for (uint32_t k = 0; k < shape.k; ++k) {
      const float scale = a[row * maxK + k] * sign;
      const float *from = b + k * maxN;
      float *to = d + row * maxN;
      for (uint32_t column = 0; column < shape.n; ++column)
        to[column] += scale * from[column];
    }
  for (Thread *thread : group.waiting) {
    const uint32_t id = uint32_t(thread - block.threads.data()) % warpgroupSize;
    auto *out = static_cast<char *>(argumentOf(thread).accumulators);
    for (uint32_t i = 0; i < shape.n / 2; ++i) {
      uint32_t row, column;
      placeOfD(id, i, row, column);
      const float product = d[row * maxN + column];
      if (isInteger) {
        int32_t old = 0;
        std::memcpy(&old, out + i * 4, 4);
        int64_t sum = int64_t(product) + (shape.useD ? old : 0);
        if (shape.saturate)
          sum = std::clamp<int64_t>(sum, std::numeric_limits<int32_t>::min(),
                                    std::numeric_limits<int32_t>::max());
        auto value = int32_t(sum);
        std::memcpy(out + i * 4, &value, 4);
      } else if (shape.d == WEFT_F16) {
        float old = shape.useD ? elementAt(WEFT_F16, out, i) : 0.0f;
        uint16_t value = floatToF16(old + product);
        std::memcpy(out + i * 2, &value, 2);
      } else {
        float old = shape.useD ? elementAt(WEFT_F32, out, i) : 0.0f;
        float value = old + product;
        std::memcpy(out + i * 4, &value, 4);
      }
    }
  }
  operand.operands.site = site;
  group.queue.open.push_back(std::move(operand.operands));
}

Warpgroup &groupOf(Thread &thread) {
  Block &block = *thread.block;
  return block.warpgroups[size_t(&thread - block.threads.data()) / warpgroupSize];
}

} // namespace

void multiplyAsync(Thread &thread, const WeftWgmma *shape, uint64_t descriptorA, const void *registersA,
                   uint64_t descriptorB, void *accumulators, const char *site) {
  Cluster &cluster = *thread.cluster;
  Block &block = *thread.block;
  Warpgroup &group = groupOf(thread);
  if (block.threads.size() % warpgroupSize)
    cluster.stop(
        thread, ErrorKind::Matrix, site,
        concat(siteOp(site), " needs warpgroups of 128 threads; the block has ", block.threads.size()));
  if (!group.waiting.empty() && group.site != site)
    cluster.stop(thread, ErrorKind::Divergent, site,
                 concat(thread.name(), " comes to ", siteOp(site), " while ", group.waiting.front()->name(),
                        " of the same warpgroup waits at ", siteText(group.site)));
  if (cluster.checks() && !group.isFenced)
    cluster.report(ErrorKind::Matrix, site,
                   concat(siteOp(site), " comes without a wgmma.fence before it (", thread.name(), ")"));
  WgmmaArgument argument{shape, descriptorA, descriptorB, registersA, accumulators};
  thread.argument = &argument;
  group.site = site;
  group.waiting.push_back(&thread);
  if (group.waiting.size() < warpgroupSize) {
    cluster.wait(thread, Waiting::Warpgroup, 0, site);
    return;
  }
  run(group, block, site);
  for (Thread *other : group.waiting)
    if (other != &thread)
      cluster.wake(*other);
  group.waiting.clear();
}

void fenceWgmma(Thread &thread, const char *) { groupOf(thread).isFenced = true; }

// All threads of a warpgroup commit and wait alike. The first to commit closes the group, and the first to
// wait for it ends the guard: the product belongs to all of them, so one of them may tell others that it is
// done.

void commitWgmma(Thread &thread, const char *) {
  Warpgroup &group = groupOf(thread);
  if (++thread.wgmmaCommits <= group.numCommitted)
    return;
  ++group.numCommitted;
  group.queue.groups.push_back(std::move(group.queue.open));
  group.queue.open.clear();
}

void waitWgmma(Thread &thread, uint32_t pending, const char *) {
  Warpgroup &group = groupOf(thread);
  Cluster &cluster = *thread.cluster;
  const uint32_t done = thread.wgmmaCommits - std::min(pending, thread.wgmmaCommits);
  for (; group.numFinished < done; ++group.numFinished) {
    for (const WgmmaQueue::Operands &operands : group.queue.groups.front())
      for (const Range &range : operands.ranges)
        range.region->visit(cluster.launch->number, range.offset, range.bytes,
                            [](Cell &cell) { --cell.pendingReads; });
    group.queue.groups.erase(group.queue.groups.begin());
  }
  if (cluster.checks())
    thread.clock.learn(cluster.wgmmaAgent(thread), done);
  if (!pending)
    group.isFenced = false;
}

} // namespace weft::runtime::emulator
