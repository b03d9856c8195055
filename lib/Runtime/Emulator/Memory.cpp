// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Bits of written bytes, and pages of cells.
#include "Memory.h"

#include <algorithm>

namespace weft::runtime::emulator {

Cell &Cell::operator=(const Cell &other) {
  if (this == &other)
    return *this;
  write = other.write;
  writtenAsync = other.writtenAsync;
  pendingWrite = other.pendingWrite;
  isMbarrier = other.isMbarrier;
  pendingReads = other.pendingReads;
  pendingSite = other.pendingSite;
  read = other.read;
  reads = other.reads ? std::make_unique<std::vector<Epoch>>(*other.reads) : nullptr;
  return *this;
}

/// Calls `each(word, mask)` for the words that hold the bits of the bytes; stops when it says false.
template <class F> static bool eachWord(size_t offset, size_t bytes, F &&each) {
  for (size_t end = offset + bytes; offset < end;) {
    size_t bit = offset % 64, count = std::min(end - offset, 64 - bit);
    uint64_t mask = (count == 64 ? ~uint64_t(0) : (uint64_t(1) << count) - 1) << bit;
    if (!each(offset / 64, mask))
      return false;
    offset += count;
  }
  return true;
}

void Region::markWritten(size_t offset, size_t bytes) {
  if (written.empty())
    written.resize((size + 63) / 64);
  eachWord(offset, bytes, [&](size_t word, uint64_t mask) {
    written[word] |= mask;
    return true;
  });
}

void Region::markAllUnwritten() { std::fill(written.begin(), written.end(), 0); }

bool Region::isWritten(size_t offset, size_t bytes) const {
  if (written.empty())
    return bytes == 0;
  return eachWord(offset, bytes, [&](size_t word, uint64_t mask) { return (written[word] & mask) == mask; });
}

Region::Page &Region::pageAt(uint64_t launch, size_t index) {
  if (pages.empty())
    pages.resize((size + pageBytes - 1) / pageBytes);
  std::unique_ptr<Page> &page = pages[index];
  if (!page) {
    page = std::make_unique<Page>();
    page->cells.resize(pageBytes >> page->shift);
    page->launch = launch;
  }
  // Launches follow each other: what an earlier one did is ordered before all of this one.
  if (page->launch != launch) {
    page->launch = launch;
    std::fill(page->cells.begin(), page->cells.end(), Cell());
  }
  return *page;
}

void Region::Page::refine(unsigned wanted) {
  if (wanted >= shift)
    return;
  std::vector<Cell> finer(pageBytes >> wanted);
  for (size_t i = 0; i < finer.size(); ++i)
    finer[i] = cells[i << wanted >> shift];
  cells = std::move(finer);
  shift = wanted;
}

} // namespace weft::runtime::emulator
