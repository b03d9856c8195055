// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Bulk and tensor copies (TMA). Loads land when nobody can run any more, and then signal their mbarrier;
// stores read and write when their group is waited for. Until then their bytes are guarded.
#include "Copies.h"

#include "weft/Support/DType.h"

#include <algorithm>
#include <cstring>

namespace weft::runtime::emulator {

/// Calls `each(global, shared, bytes, isInside)` for the rows of 16 bytes of a box: where they lie in global
/// memory and at which offset of shared memory.
template <class F> static void eachPiece(const TensorCopy &copy, F &&each) {
  const TensorMap &map = copy.map;
  if (!map.rank) { // a plain bulk copy
    each(reinterpret_cast<char *>(map.address), copy.sharedOffset, copy.bytes, true);
    return;
  }
  const uint32_t element = map.elementBytes(), row = map.boxes[0] * element;
  uint32_t index[5] = {};
  for (uint64_t rowStart = 0; rowStart < map.boxBytes(); rowStart += row) {
    bool isInside = true;
    uint64_t address = map.address;
    for (unsigned d = 1; d < map.rank; ++d) {
      int64_t at = int64_t(copy.coordinates[d]) + index[d];
      isInside &= at >= 0 && at < int64_t(map.extents[d]);
      address += uint64_t(at) * map.strides[d - 1];
    }
    for (uint32_t at = 0; at < row; at += 16) {
      // Elements of a piece that lie outside are a head or a tail of it.
      int64_t first = int64_t(copy.coordinates[0]) + at / element, count = 16 / element;
      int64_t low = std::clamp<int64_t>(-first, 0, count),
              high = std::clamp<int64_t>(int64_t(map.extents[0]) - first, 0, count);
      if (!isInside || high < low)
        low = high = 0;
      uint64_t to = swizzleOffset(map.swizzle, copy.sharedOffset + rowStart + at);
      auto part = [&](int64_t from, int64_t end, bool inside) {
        if (end > from)
          each(reinterpret_cast<char *>(address + uint64_t(first + from) * element),
               to + uint64_t(from) * element, uint32_t(end - from) * element, inside);
      };
      part(0, low, false);
      part(low, high, true);
      part(high, count, false);
    }
    for (unsigned d = 1; d < map.rank && ++index[d] == map.boxes[d]; ++d)
      index[d] = 0;
  }
}

/// The tensor map at an address of parameters or global memory; ends the launch when it is none.
static TensorMap mapAt(Thread &thread, const void *address, uint32_t rank, const char *site) {
  TensorMap map;
  std::memcpy(&map, address, sizeof map);
  if (map.magic != TensorMap::magicNumber)
    thread.cluster->stop(thread, ErrorKind::Copy, site,
                         concat(thread.name(), " uses a tensor map that is none (", siteOp(site), ")"));
  if (map.rank != rank)
    thread.cluster->stop(thread, ErrorKind::Copy, site,
                         concat("found ", rank, " coordinates for a tensor map of rank ", unsigned(map.rank),
                                " (", siteOp(site), ")"));
  return map;
}

/// Checks the place in shared memory and what the copy moves in global memory.
static void checkPlaces(Thread &thread, const TensorCopy &copy, const void *shared, uint32_t alignment,
                        bool writesGlobal, const char *site) {
  Cluster &cluster = *thread.cluster;
  if (!copy.shared)
    cluster.stop(thread, ErrorKind::OutOfBounds, site,
                 concat(thread.name(), " copies ", copy.bytes, " bytes ", writesGlobal ? "from" : "to",
                        " an address where shared memory has not that much (", siteOp(site), ")"));
  if (reinterpret_cast<uintptr_t>(shared) % alignment)
    cluster.stop(thread, ErrorKind::Misaligned, site,
                 concat(thread.name(), " copies ", writesGlobal ? "from" : "to", " offset ",
                        copy.sharedOffset, " of shared memory, wanted a multiple of ", alignment, " (",
                        siteOp(site), ")"));
  if (!cluster.checks())
    return;
  eachPiece(copy, [&](char *global, uint64_t, uint32_t bytes, bool isInside) {
    if (!isInside)
      return;
    Region *region = cluster.find(thread, global, bytes, writesGlobal, site);
    if (region && !writesGlobal) {
      cluster.checkWritten(thread, *region, region->offsetOf(global), bytes, site);
      cluster.touch(thread, *region, region->offsetOf(global), bytes, WEFT_ACCESS_READ, site);
    }
  });
}

static bool isReadable(Cluster &cluster, const void *global, uint32_t bytes) {
  if (!cluster.checks())
    return true;
  for (const Region *region : cluster.launch->global)
    if (region->contains(global, bytes))
      return true;
  for (const Block &block : cluster.blocks)
    if (block.shared.contains(global, bytes))
      return true;
  return false;
}

/// Fills shared memory and signals.
static void land(Cluster &cluster, const TensorCopy &copy) {
  SharedKnowledge known = copy.known;
  if (cluster.checks()) {
    auto all = std::make_shared<Knowledge>(*copy.known);
    ++cluster.copyClock;
    all->of[cluster.copyAgent()] = {cluster.copyClock, cluster.copyClock};
    known = std::move(all);
  }
  const Epoch epoch{cluster.number, cluster.copyAgent(), cluster.copyClock, copy.site, false};
  eachPiece(copy, [&](char *global, uint64_t to, uint32_t bytes, bool isInside) {
    char *target = copy.shared->base + to;
    if (isInside && isReadable(cluster, global, bytes))
      std::memcpy(target, global, bytes);
    else
      std::memset(target, copy.map.fillsNaN ? 0xff : 0, bytes);
    if (!cluster.checks())
      return;
    copy.shared->visit(cluster.launch->number, to, bytes, [&](Cell &cell) {
      cell.pendingWrite = false;
      cell.write = epoch;
      cell.writtenAsync = true;
      cell.read = Epoch();
      cell.reads.reset();
    });
  });
  signalMbarrier(cluster, *copy.barrierBlock, copy.barrierOffset, copy.bytes, known);
}

bool Cluster::finishSomething() {
  const size_t total = inFlight.size() + arrivals.size();
  if (!total)
    return false;
  size_t index = launch->options.schedule == Schedule::Fifo   ? 0
                 : launch->options.schedule == Schedule::Lifo ? total - 1
                                                              : size_t(random() % total);
  if (index >= inFlight.size())
    return finishArrival(index - inFlight.size());
  TensorCopy copy = std::move(inFlight[index]);
  inFlight.erase(inFlight.begin() + ptrdiff_t(index));
  land(*this, copy);
  return true;
}

/// Starts a load into one block's shared memory.
static void startLoad(Thread &thread, TensorCopy copy, uint32_t alignment) {
  Cluster &cluster = *thread.cluster;
  checkPlaces(thread, copy, copy.shared ? copy.shared->base + copy.sharedOffset : nullptr, alignment, false,
              copy.site);
  if (cluster.checks()) {
    cluster.touch(thread, *copy.shared, copy.sharedOffset, copy.bytes, WEFT_ACCESS_WRITE, copy.site, true);
    copy.shared->visit(cluster.launch->number, copy.sharedOffset, copy.bytes, [&](Cell &cell) {
      cell.pendingWrite = true;
      cell.pendingSite = copy.site;
    });
    std::memset(copy.shared->base + copy.sharedOffset, 0xff, copy.bytes);
    copy.shared->markWritten(copy.sharedOffset, copy.bytes);
  }
  cluster.inFlight.push_back(std::move(copy));
}

/// The copy's place in a block's shared memory; none when it does not fit.
static void place(TensorCopy &copy, Block *block, size_t offset) {
  const bool fits = block && offset <= block->shared.size && copy.bytes <= block->shared.size - offset;
  copy.shared = fits ? &block->shared : nullptr;
  copy.sharedOffset = offset;
}

/// A load into the shared memory at `to`, or at the same offset of each block of a multicast mask.
static void startLoads(Thread &thread, TensorCopy copy, void *to, void *mbarrier, uint32_t multicast,
                       uint32_t alignment) {
  Cluster &cluster = *thread.cluster;
  copy.thread = &thread;
  Mbarrier &barrier = mbarrierAt(thread, mbarrier, copy.barrierBlock, copy.barrierOffset, copy.site);
  if (cluster.checks()) {
    if (!barrier.isKnownToCopies)
      cluster.report(ErrorKind::Proxy, copy.site,
                     concat(siteOp(copy.site), " signals the mbarrier at offset ", copy.barrierOffset,
                            ", which was initialised at ", siteText(barrier.initSite),
                            ", without a fence.mbarrier_init or fence.proxy.async between the two"),
                     barrier.initSite);
    copy.known = thread.clock.release();
  }
  Block *owner = cluster.ownerOf(to);
  const size_t offset = owner ? owner->shared.offsetOf(to) : 0;
  if (!multicast) {
    place(copy, owner, offset);
    startLoad(thread, std::move(copy), alignment);
    return;
  }
  for (uint32_t rank = 0; rank < 16; ++rank) {
    if (!(multicast >> rank & 1))
      continue;
    if (rank >= cluster.blocks.size())
      cluster.stop(thread, ErrorKind::Copy, copy.site,
                   concat("found a multicast to block ", rank, " of a cluster of ", cluster.blocks.size()));
    TensorCopy one = copy;
    one.barrierBlock = &cluster.blocks[rank];
    place(one, owner ? one.barrierBlock : nullptr, offset);
    startLoad(thread, std::move(one), alignment);
  }
}

void loadTensor(Thread &thread, void *to, const void *map, void *mbarrier, uint32_t rank,
                const int32_t *coordinates, uint32_t multicast, const char *site) {
  TensorCopy copy;
  copy.map = mapAt(thread, map, rank, site);
  std::copy(coordinates, coordinates + rank, copy.coordinates);
  copy.bytes = copy.map.boxBytes();
  copy.site = site;
  startLoads(thread, std::move(copy), to, mbarrier, multicast, 128);
}

/// Bulk copies move multiples of 16 bytes.
static void checkBulkSize(Thread &thread, const void *global, uint32_t bytes, const char *site) {
  if (bytes % 16 || reinterpret_cast<uintptr_t>(global) % 16)
    thread.cluster->stop(thread, ErrorKind::Misaligned, site,
                         concat(thread.name(), " copies ", bytes,
                                " bytes; wanted a multiple of 16 at a multiple of 16 (", siteOp(site), ")"));
}

void loadBulk(Thread &thread, void *to, const void *from, void *mbarrier, uint32_t bytes, uint32_t multicast,
              const char *site) {
  checkBulkSize(thread, from, bytes, site);
  TensorCopy copy;
  copy.map.address = reinterpret_cast<uint64_t>(from);
  copy.bytes = bytes;
  copy.site = site;
  startLoads(thread, std::move(copy), to, mbarrier, multicast, 16);
}

/// Starts a store: its source in shared memory is guarded from now on.
static void startStore(Thread &thread, TensorCopy copy, const void *from, uint32_t alignment) {
  Cluster &cluster = *thread.cluster;
  Block *owner = cluster.ownerOf(from);
  place(copy, owner, owner ? owner->shared.offsetOf(from) : 0);
  checkPlaces(thread, copy, from, alignment, true, copy.site);
  if (cluster.checks()) {
    cluster.checkWritten(thread, *copy.shared, copy.sharedOffset, copy.bytes, copy.site);
    cluster.touch(thread, *copy.shared, copy.sharedOffset, copy.bytes, WEFT_ACCESS_READ, copy.site, true);
    copy.shared->visit(cluster.launch->number, copy.sharedOffset, copy.bytes, [&](Cell &cell) {
      ++cell.pendingReads;
      cell.pendingSite = copy.site;
    });
  }
  thread.bulkStores.open.push_back(std::move(copy));
}

void storeTensor(Thread &thread, const void *map, const void *from, uint32_t rank, const int32_t *coordinates,
                 uint32_t reduce, const char *site) {
  TensorCopy copy;
  copy.map = mapAt(thread, map, rank, site);
  std::copy(coordinates, coordinates + rank, copy.coordinates);
  copy.bytes = copy.map.boxBytes();
  copy.reduce = reduce;
  copy.site = site;
  startStore(thread, std::move(copy), from, 128);
}

void storeBulk(Thread &thread, void *to, const void *from, uint32_t bytes, const char *site) {
  checkBulkSize(thread, to, bytes, site);
  TensorCopy copy;
  copy.map.address = reinterpret_cast<uint64_t>(to);
  copy.bytes = bytes;
  copy.reduce = WEFT_REDUCE_NONE;
  copy.site = site;
  startStore(thread, std::move(copy), from, 16);
}

template <class T> static void combineElement(char *to, const char *from, uint32_t reduce) {
  T a, b;
  std::memcpy(&a, to, sizeof a);
  std::memcpy(&b, from, sizeof b);
  switch (reduce) {
  case WEFT_REDUCE_ADD:
    a = T(a + b);
    break;
  case WEFT_REDUCE_SMIN:
    a = std::min(a, b);
    break;
  case WEFT_REDUCE_SMAX:
    a = std::max(a, b);
    break;
  case WEFT_REDUCE_INC:
    a = a >= b ? T(0) : T(a + 1);
    break;
  case WEFT_REDUCE_DEC:
    a = a == T(0) || a > b ? b : T(a - 1);
    break;
  default:
    if constexpr (std::is_integral_v<T>)
      a = reduce == WEFT_REDUCE_AND ? T(a & b) : reduce == WEFT_REDUCE_OR ? T(a | b) : T(a ^ b);
    break;
  }
  std::memcpy(to, &a, sizeof a);
}

/// A 16-bit float, in f32.
template <float (*widen)(uint16_t), uint16_t (*narrow)(double, bool)>
static void combineHalf(char *to, const char *from, uint32_t reduce) {
  uint16_t a, b;
  std::memcpy(&a, to, sizeof a);
  std::memcpy(&b, from, sizeof b);
  float x = widen(a), y = widen(b);
  float result = reduce == WEFT_REDUCE_ADD    ? x + y
                 : reduce == WEFT_REDUCE_SMIN ? std::min(x, y)
                                              : std::max(x, y);
  a = narrow(result, false);
  std::memcpy(to, &a, sizeof a);
}

static void combine(uint8_t type, char *to, const char *from, uint32_t bytes, uint32_t reduce) {
  const uint32_t element = elementBytesOf(WeftElementType(type));
  for (uint32_t at = 0; at < bytes; at += element) {
    switch (type) {
    case WEFT_F32:
    case WEFT_TF32:
      combineElement<float>(to + at, from + at, reduce);
      break;
    case WEFT_F64:
      combineElement<double>(to + at, from + at, reduce);
      break;
    case WEFT_F16:
      combineHalf<f16ToFloat, floatToF16>(to + at, from + at, reduce);
      break;
    case WEFT_BF16:
      combineHalf<bf16ToFloat, floatToBF16>(to + at, from + at, reduce);
      break;
    case WEFT_S32:
      combineElement<int32_t>(to + at, from + at, reduce);
      break;
    case WEFT_U32:
      combineElement<uint32_t>(to + at, from + at, reduce);
      break;
    case WEFT_U64:
      combineElement<uint64_t>(to + at, from + at, reduce);
      break;
    case WEFT_S64:
      combineElement<int64_t>(to + at, from + at, reduce);
      break;
    default:
      combineElement<uint8_t>(to + at, from + at, reduce);
      break;
    }
  }
}

/// Reads shared memory and writes global memory.
static void finishStore(Thread &thread, const TensorCopy &copy) {
  Cluster &cluster = *thread.cluster;
  const uint32_t kind = copy.reduce == WEFT_REDUCE_NONE
                            ? uint32_t(WEFT_ACCESS_WRITE)
                            : WEFT_ACCESS_READ | WEFT_ACCESS_WRITE | WEFT_ACCESS_ATOMIC;
  eachPiece(copy, [&](char *global, uint64_t from, uint32_t bytes, bool isInside) {
    if (!isInside || !isReadable(cluster, global, bytes))
      return;
    if (copy.reduce == WEFT_REDUCE_NONE)
      std::memcpy(global, copy.shared->base + from, bytes);
    else
      combine(copy.map.elementType, global, copy.shared->base + from, bytes, copy.reduce);
    if (!cluster.checks())
      return;
    if (Region *region = cluster.find(thread, global, bytes, true, copy.site)) {
      cluster.touch(thread, *region, region->offsetOf(global), bytes, kind, copy.site, true);
      region->markWritten(region->offsetOf(global), bytes);
    }
  });
  if (cluster.checks())
    copy.shared->visit(cluster.launch->number, copy.sharedOffset, copy.bytes,
                       [](Cell &cell) { --cell.pendingReads; });
}

void commitBulk(Thread &thread, const char *) {
  thread.bulkStores.groups.push_back(std::move(thread.bulkStores.open));
  thread.bulkStores.open.clear();
}

void waitBulk(Thread &thread, uint32_t pending, uint32_t, const char *) {
  thread.cluster->finishBulkStores(thread, pending);
}

void Cluster::finishBulkStores(Thread &thread, size_t pending) {
  auto &groups = thread.bulkStores.groups;
  while (groups.size() > pending) {
    for (const TensorCopy &copy : groups.front())
      finishStore(thread, copy);
    groups.erase(groups.begin());
  }
}

} // namespace weft::runtime::emulator
