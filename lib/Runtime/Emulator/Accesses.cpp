// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Looks at every access of a checked launch: where it goes, how it is aligned, whether what it reads was ever
// written, and whether something orders it after what others did there.
#include "Machine.h"

#include <algorithm>
#include <bit>

namespace weft::runtime::emulator {

Block *Cluster::ownerOf(const void *address) {
  for (Block &block : blocks)
    if (block.shared.contains(address, 0))
      return &block;
  return nullptr;
}

std::string Cluster::describe(const Region &region, size_t offset) const {
  for (const Block &block : blocks)
    if (&block.shared == &region)
      return concat("shared memory", blocks.size() > 1 ? concat(" of ", block.name()) : std::string(),
                    " at offset ", offset);
  return concat(region.name.empty() ? std::string("global memory") : "'" + region.name + "'", " at byte ",
                offset);
}

std::string Cluster::describe(const Epoch &epoch) const {
  if (epoch.cluster == number)
    return epoch.thread < threads.size() ? threads[epoch.thread].name()
           : epoch.thread == copyAgent() ? "an asynchronous copy"
                                         : "a wgmma";
  const uint32_t perBlock = launch->threadsPerBlock();
  const LaunchShape &shape = launch->shape;
  if (epoch.thread >= perBlock * shape.cluster)
    return "an asynchronous copy";
  const uint64_t perRow = shape.grid[0] / shape.cluster;
  const uint64_t x = epoch.cluster % perRow * shape.cluster + epoch.thread / perBlock;
  const uint64_t rows = epoch.cluster / perRow;
  if (shape.grid[1] == 1 && shape.grid[2] == 1)
    return concat("thread ", epoch.thread % perBlock, " of block ", x);
  return concat("thread ", epoch.thread % perBlock, " of block (", x, ",", rows % shape.grid[1], ",",
                rows / shape.grid[1], ")");
}

/// The nearest region, in words, of an address that lies in none.
static std::string describeOutside(const Launch &launch, const Cluster &cluster, const char *address) {
  const Region *nearest = nullptr;
  size_t distance = 4096;
  bool isAfter = false;
  auto look = [&](const Region &region) {
    const char *end = region.base + region.size;
    if (address >= region.base && size_t(address - region.base) < region.size + distance) {
      nearest = &region;
      distance = address >= end ? size_t(address - end) : 0;
      isAfter = true;
    } else if (address < region.base && size_t(region.base - address) < distance) {
      nearest = &region;
      distance = size_t(region.base - address);
      isAfter = false;
    }
  };
  for (const Block &block : cluster.blocks)
    look(block.shared);
  for (const Region *region : launch.global)
    look(*region);
  if (!nearest)
    return "outside all memory of the launch";
  std::string name = nearest->isShared       ? "shared memory"
                     : nearest->name.empty() ? "an allocation"
                                             : "'" + nearest->name + "'";
  if (isAfter && address < nearest->base + nearest->size)
    return concat("over the end of ", name, ", at byte ", address - nearest->base, " of ", nearest->size);
  return concat(distance, " bytes ", isAfter ? "after the end of " : "before ", name, " of ", nearest->size,
                " bytes");
}

Region *Cluster::find(Thread &thread, const void *address, size_t bytes, bool isWrite, const char *site) {
  if (thread.block->shared.contains(address, bytes))
    return &thread.block->shared;
  for (Block &block : blocks)
    if (block.shared.contains(address, bytes))
      return &block.shared;
  const auto &global = launch->global;
  auto after =
      std::upper_bound(global.begin(), global.end(), address,
                       [](const void *wanted, const Region *region) { return wanted < region->base; });
  if (after != global.begin() && (*std::prev(after))->contains(address, bytes))
    return *std::prev(after);
  report(ErrorKind::OutOfBounds, site,
         concat(thread.name(), isWrite ? " writes " : " reads ", bytes, " bytes ",
                describeOutside(*launch, *this, static_cast<const char *>(address)), " (", siteOp(site),
                ")"));
  return nullptr;
}

bool Cluster::isOrdered(const Thread &later, const Epoch &earlier) const {
  if (!earlier.clock)
    return true;
  if (earlier.cluster != number)
    return later.clock.ofOther(earlier.cluster, earlier.thread).clock >= earlier.clock;
  return earlier.thread == later.index || later.clock.of(earlier.thread).clock >= earlier.clock;
}

bool Cluster::checkWritten(Thread &thread, Region &region, size_t offset, size_t bytes, const char *site) {
  if (region.isWritten(offset, bytes))
    return true;
  size_t first = offset;
  while (region.isWritten(first, 1))
    ++first;
  report(ErrorKind::Uninitialised, site,
         concat(thread.name(), " reads ", bytes, " bytes of ", describe(region, offset),
                "; nobody has written byte ", first, " (", siteOp(site), ")"));
  return false;
}

/// Keeps a read for the check of later writes. Reads that it is ordered after need no place any more; they
/// are looked for when the list has doubled, so that what all threads of a grid read costs no more per read.
static void rememberRead(const Cluster &cluster, const Thread &thread, Cell &cell, const Epoch &epoch) {
  if (cluster.isOrdered(thread, cell.read) && !cell.reads) {
    cell.read = epoch;
    return;
  }
  if (!cell.reads)
    cell.reads = std::make_unique<std::vector<Epoch>>();
  if (cell.read.clock && !cluster.isOrdered(thread, cell.read))
    cell.reads->push_back(cell.read);
  cell.read = epoch;
  if (!std::has_single_bit(cell.reads->size()))
    return;
  std::erase_if(*cell.reads, [&](const Epoch &old) { return cluster.isOrdered(thread, old); });
  if (cell.reads->empty())
    cell.reads.reset();
}

void Cluster::touch(Thread &thread, Region &region, size_t offset, size_t bytes, uint32_t kind,
                    const char *site, bool isAsync, const Epoch *as) {
  const bool isWrite = kind & WEFT_ACCESS_WRITE, isAtomic = kind & WEFT_ACCESS_ATOMIC;
  const Epoch epoch = as ? *as : Epoch{number, thread.index, thread.clock.now(), site, isAtomic};
  bool isTold = false; // an access is told once, however many granules it has
  auto tell = [&](ErrorKind error, const Epoch &other, const char *did) {
    if (!isTold)
      report(error, site,
             concat(thread.name(), isWrite ? " writes " : " reads ", describe(region, offset), " (",
                    siteOp(site), "), which ", describe(other), did, siteText(other.site), " (",
                    siteOp(other.site), "), and nothing orders the two"),
             other.site);
    isTold = true;
  };
  region.visit(launch->number, offset, bytes, [&](Cell &cell) {
    if (cell.isMbarrier && !isTold) {
      report(ErrorKind::Mbarrier, site,
             concat(thread.name(), isWrite ? " writes " : " reads ", describe(region, offset), " (",
                    siteOp(site), "), where an mbarrier lies"));
      isTold = true;
    }
    if (!isTold && (cell.pendingWrite || (isWrite && cell.pendingReads))) {
      report(ErrorKind::AsyncRace, site,
             concat(thread.name(), isWrite ? " writes " : " reads ", describe(region, offset), " (",
                    siteOp(site), ") while an asynchronous operation from ", siteText(cell.pendingSite), " (",
                    siteOp(cell.pendingSite), ") still ", cell.pendingWrite ? "writes" : "reads", " it"),
             cell.pendingSite);
      isTold = true;
    }
    if (!(isAtomic && cell.write.isAtomic) && !isOrdered(thread, cell.write))
      tell(ErrorKind::Race, cell.write, " wrote at ");
    if (isWrite) {
      if (!(isAtomic && cell.read.isAtomic) && !isOrdered(thread, cell.read))
        tell(ErrorKind::Race, cell.read, " read at ");
      if (cell.reads)
        for (const Epoch &read : *cell.reads)
          if (!(isAtomic && read.isAtomic) && !isOrdered(thread, read))
            tell(ErrorKind::Race, read, " read at ");
      cell.read = Epoch();
      cell.reads.reset();
      cell.write = epoch;
      cell.writtenAsync = isAsync;
    } else {
      if (isAsync && !cell.writtenAsync && cell.write.clock && cell.write.cluster == number && !isTold &&
          isOrdered(thread, cell.write)) {
        // Written by ordinary stores: a proxy fence must stand between.
        if (thread.clock.of(cell.write.thread).fenced < cell.write.clock) {
          report(ErrorKind::Proxy, site,
                 concat(siteOp(site), " reads ", describe(region, offset), ", which ", describe(cell.write),
                        " wrote with an ordinary store at ", siteText(cell.write.site),
                        ", without a fence.proxy.async between the two"),
                 cell.write.site);
          isTold = true;
        }
      }
      rememberRead(*this, thread, cell, epoch);
    }
  });
}

void Cluster::atomicOrder(Thread &thread, const void *address, uint32_t kind) {
  if (!(kind & WEFT_ACCESS_ATOMIC))
    return;
  auto key = reinterpret_cast<uint64_t>(address);
  if (kind & WEFT_ACCESS_READ)
    if (auto found = launch->released.find(key); found != launch->released.end()) {
      if (kind & WEFT_ACCESS_ACQUIRE)
        thread.clock.acquire(found->second);
      else
        thread.observed = found->second;
    }
  if (!(kind & WEFT_ACCESS_WRITE))
    return;
  SharedKnowledge mine = kind & WEFT_ACCESS_RELEASE ? thread.clock.release() : thread.fenced;
  if (!mine)
    return;
  SharedKnowledge &there = launch->released[key];
  if (there) {
    auto both = std::make_shared<Knowledge>(*there);
    both->join(*mine);
    there = std::move(both);
  } else {
    there = mine;
  }
}

bool Cluster::access(Thread &thread, const void *address, size_t bytes, uint32_t align, uint32_t kind,
                     const char *site) {
  if (thread.fiber->owns(address))
    return true; // local memory, through a pointer that was computed
  if (reinterpret_cast<uintptr_t>(address) % align) {
    report(ErrorKind::Misaligned, site,
           concat(thread.name(), kind & WEFT_ACCESS_WRITE ? " writes " : " reads ", bytes,
                  " bytes at an address that is ", reinterpret_cast<uintptr_t>(address) % align,
                  " more than a multiple of ", align, " (", siteOp(site), ")"));
    return false;
  }
  for (const Region &value : launch->byValue)
    if (value.contains(address, bytes) && !(kind & WEFT_ACCESS_WRITE))
      return true;
  Region *region = find(thread, address, bytes, kind & WEFT_ACCESS_WRITE, site);
  if (!region)
    return false;
  size_t offset = region->offsetOf(address);
  if (launch->lint && !(kind & WEFT_ACCESS_ATOMIC)) {
    using Kind = Lint::Kind;
    bool isWrite = kind & WEFT_ACCESS_WRITE;
    Kind what = region->isShared ? (isWrite ? Kind::SharedStore : Kind::SharedLoad)
                                 : (isWrite ? Kind::GlobalStore : Kind::GlobalLoad);
    // What is aligned less than it is large is several accesses.
    for (size_t at = 0; at < bytes; at += std::min<size_t>(align, bytes))
      launch->lint->add(thread.index, what, reinterpret_cast<uintptr_t>(address) + at,
                        uint32_t(std::min<size_t>(align, bytes)), site);
  }
  atomicOrder(thread, address, kind);
  if (kind & WEFT_ACCESS_READ)
    checkWritten(thread, *region, offset, bytes, site);
  touch(thread, *region, offset, bytes, kind, site);
  if (kind & WEFT_ACCESS_WRITE)
    region->markWritten(offset, bytes);
  return true;
}

} // namespace weft::runtime::emulator
