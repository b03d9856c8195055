// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the emulator remembers of memory: where it lies, which bytes were written, who read and wrote what
// when. Accesses are remembered per granule; a page starts with granules of 16 bytes and takes finer ones
// when an access is finer, so vector kernels pay little and byte kernels stay exact.
#ifndef WEFT_LIB_RUNTIME_EMULATOR_MEMORY_H
#define WEFT_LIB_RUNTIME_EMULATOR_MEMORY_H

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace weft::runtime::emulator {

/// One access that others may be unordered with.
struct Epoch {
  uint64_t cluster = 0; ///< of the thread
  uint32_t thread = 0;  ///< in its cluster
  uint32_t clock = 0;   ///< 0: none
  const char *site = nullptr;
  bool isAtomic = false;
};

/// What is remembered of a granule.
struct Cell {
  Epoch write;
  bool writtenAsync = false; ///< by an asynchronous copy: no proxy fence is needed to read it so
  bool pendingWrite = false; ///< a copy in flight will write it
  bool isMbarrier = false;
  uint16_t pendingReads = 0; ///< copies or wgmma in flight that read it
  const char *pendingSite = nullptr;
  Epoch read;                                ///< the last one, or one of several that are not ordered
  std::unique_ptr<std::vector<Epoch>> reads; ///< the others

  Cell() = default;
  Cell(const Cell &other) { *this = other; }
  Cell &operator=(const Cell &other);
  Cell(Cell &&) = default;
  Cell &operator=(Cell &&) = default;
};

/// A piece of global memory, or the shared memory of a block.
class Region {
public:
  Region() = default;
  Region(char *base, size_t size, std::string name, bool isShared)
      : base(base), size(size), name(std::move(name)), isShared(isShared) {}

  char *base = nullptr;
  size_t size = 0;
  std::string name;
  bool isShared = false;

  bool contains(const void *address, size_t bytes) const {
    auto at = size_t(static_cast<const char *>(address) - base);
    return at <= size && bytes <= size - at;
  }
  size_t offsetOf(const void *address) const { return size_t(static_cast<const char *>(address) - base); }

  // Which bytes have been written.
  void markWritten(size_t offset, size_t bytes);
  void markAllUnwritten();
  bool isWritten(size_t offset, size_t bytes) const;

  /// Calls `each(Cell &)` for the granules of the bytes, made as fine as the bytes need.
  template <class F> void visit(uint64_t launch, size_t offset, size_t bytes, F &&each) {
    for (size_t end = offset + bytes; offset < end;) {
      Page &page = pageAt(launch, offset / pageBytes);
      size_t stop = std::min(end, (offset / pageBytes + 1) * pageBytes);
      page.refine(unsigned(__builtin_ctzll(offset | stop | 16)));
      for (size_t at = offset % pageBytes >> page.shift, last = (stop - 1) % pageBytes >> page.shift;
           at <= last; ++at)
        each(page.cells[at]);
      offset = stop;
    }
  }
  /// Forgets all accesses.
  void forget() { pages.clear(); }

private:
  static constexpr size_t pageBytes = 512;
  struct Page {
    uint64_t launch = 0;
    unsigned shift = 4; ///< of the granules
    std::vector<Cell> cells;

    void refine(unsigned wanted);
  };
  Page &pageAt(uint64_t launch, size_t index);

  std::vector<uint64_t> written; ///< a bit per byte; empty: none
  std::vector<std::unique_ptr<Page>> pages;
};

} // namespace weft::runtime::emulator

#endif // WEFT_LIB_RUNTIME_EMULATOR_MEMORY_H
