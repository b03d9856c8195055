// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// cp.async: copies that a thread asks for and waits for in groups. With checks the destination is poisoned at
// once and filled when somebody waits; without, the copy is made at once.
#include "Copies.h"

#include <algorithm>
#include <cstring>

namespace weft::runtime::emulator {

void copyAsync(Thread &thread, void *to, const void *from, uint32_t size, uint32_t sourceSize,
               const char *site) {
  Cluster &cluster = *thread.cluster;
  if (sourceSize > size)
    cluster.stop(thread, ErrorKind::Usage, site,
                 concat("found ", sourceSize, " source bytes for a copy of ", size, " bytes"));
  if (!cluster.checks()) {
    std::memcpy(to, from, sourceSize);
    std::memset(static_cast<char *>(to) + sourceSize, 0, size - sourceSize);
    return;
  }
  if ((reinterpret_cast<uintptr_t>(to) | reinterpret_cast<uintptr_t>(from)) % size) {
    cluster.report(ErrorKind::Misaligned, site,
                   concat(thread.name(), " copies ", size,
                          " bytes between addresses that are not multiples of ", size, " (", siteOp(site),
                          ")"));
    return;
  }
  Block &block = *thread.block;
  if (!block.shared.contains(to, size)) {
    cluster.find(thread, to, size, true, site);
    cluster.report(ErrorKind::OutOfBounds, site,
                   concat(thread.name(), " copies to an address outside the shared memory of its block (",
                          siteOp(site), ")"));
    return;
  }
  if (sourceSize) {
    Region *source = cluster.find(thread, from, sourceSize, false, site);
    if (!source)
      return;
    cluster.checkWritten(thread, *source, source->offsetOf(from), sourceSize, site);
    cluster.touch(thread, *source, source->offsetOf(from), sourceSize, WEFT_ACCESS_READ, site);
  }
  size_t offset = block.shared.offsetOf(to);
  if (Lint *lint = cluster.launch->lint) {
    if (sourceSize)
      lint->add(thread.index, Lint::Kind::GlobalLoad, reinterpret_cast<uintptr_t>(from), sourceSize, site);
    lint->add(thread.index, Lint::Kind::SharedStore, offset, size, site);
  }
  cluster.touch(thread, block.shared, offset, size, WEFT_ACCESS_WRITE, site);
  block.shared.visit(cluster.launch->number, offset, size, [&](Cell &cell) {
    cell.pendingWrite = true;
    cell.pendingSite = site;
  });
  std::memset(to, 0xff, size);
  block.shared.markWritten(offset, size);
  thread.copies.open.push_back({{&block.shared, offset, size}, from, sourceSize, site});
}

/// The copy lands: the thread that asked for it knows of it from now on.
static void land(Thread &thread, const Copy &copy) {
  char *to = copy.to.region->base + copy.to.offset;
  std::memcpy(to, copy.from, copy.sourceBytes);
  std::memset(to + copy.sourceBytes, 0, copy.to.bytes - copy.sourceBytes);
  copy.to.region->visit(thread.cluster->launch->number, copy.to.offset, copy.to.bytes,
                        [](Cell &cell) { cell.pendingWrite = false; });
  thread.cluster->touch(thread, *copy.to.region, copy.to.offset, copy.to.bytes, WEFT_ACCESS_WRITE, copy.site);
}

void commitCopies(Thread &thread, const char *) {
  if (!thread.cluster->checks())
    return;
  thread.copies.groups.push_back(std::move(thread.copies.open));
  thread.copies.open.clear();
}

void waitCopies(Thread &thread, uint32_t pending, const char *) {
  auto &groups = thread.copies.groups;
  while (groups.size() > pending) {
    for (const Copy &copy : groups.front())
      land(thread, copy);
    groups.erase(groups.begin());
  }
}

void arriveAfterCopies(Thread &thread, void *address, uint32_t noIncrement, const char *site) {
  Block *owner = nullptr;
  uint64_t offset = 0;
  Mbarrier &mbarrier = mbarrierAt(thread, address, owner, offset, site);
  if (!noIncrement)
    ++mbarrier.pending;
  CopyArrival arrival{&thread, {}, owner, offset, site};
  for (auto &group : thread.copies.groups)
    arrival.copies.insert(arrival.copies.end(), group.begin(), group.end());
  arrival.copies.insert(arrival.copies.end(), thread.copies.open.begin(), thread.copies.open.end());
  thread.copies.groups.clear();
  thread.copies.open.clear();
  thread.cluster->arrivals.push_back(std::move(arrival));
}

bool Cluster::finishArrival(size_t index) {
  if (index >= arrivals.size())
    return false;
  CopyArrival arrival = std::move(arrivals[index]);
  arrivals.erase(arrivals.begin() + ptrdiff_t(index));
  for (const Copy &copy : arrival.copies)
    land(*arrival.thread, copy);
  arriveMbarrier(*arrival.thread, arrival.barrierBlock->shared.base + arrival.barrierOffset, 1, 0, 0,
                 arrival.site);
  return true;
}

} // namespace weft::runtime::emulator
