// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A ring of bytes in a memfd between one writer and one reader, mapped twice in a row so that each frame is
// one piece of memory, and the bell that wakes a process when something has come.
#ifndef WEFT_LIB_DISTRIBUTED_RING_H
#define WEFT_LIB_DISTRIBUTED_RING_H

#include "weft/Support/Status.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace weft::distributed {

/// Memory of a memfd that is mapped until this goes.
class SharedMapping {
public:
  /// A new memfd of `bytes`, sealed: no process can make it shorter under another one.
  static Result<std::unique_ptr<SharedMapping>> create(size_t headBytes, size_t ringBytes);
  /// One that a peer has made; takes the descriptor. Refused unless it has this size and the seals.
  static Result<std::unique_ptr<SharedMapping>> adopt(int fd, size_t headBytes, size_t ringBytes);
  ~SharedMapping();
  SharedMapping(const SharedMapping &) = delete;
  SharedMapping &operator=(const SharedMapping &) = delete;

  int descriptor() const { return fd; }
  std::byte *head() const { return base; }
  /// `ringBytes` of memory, followed by the same memory again.
  std::byte *ring() const { return base + headBytes; }

private:
  SharedMapping() = default;
  Status map();
  int fd = -1;
  std::byte *base = nullptr;
  size_t headBytes = 0, ringBytes = 0;
};

/// Wakes a sleeper in another process. It lies in shared memory.
struct Bell {
  std::atomic<uint32_t> rung;
  std::atomic<uint32_t> sleepers;

  void ring();
  /// Sleeps until it is rung, unless `hasWork()` once the sleeper is known; at most `milliseconds`.
  template <class F> void sleep(int milliseconds, F &&hasWork) {
    sleepers.fetch_add(1);
    const uint32_t before = rung.load();
    if (!hasWork())
      wait(before, milliseconds);
    sleepers.fetch_sub(1);
  }

private:
  void wait(uint32_t value, int milliseconds);
};

constexpr size_t ringHeadBytes = 4096;

/// What lies before the bytes of a ring.
struct RingHead {
  alignas(64) std::atomic<uint64_t> written; ///< bytes ever written; by the writer
  alignas(64) std::atomic<uint64_t> read;    ///< bytes ever read; by the reader
  alignas(64) Bell room;                     ///< rung when there is more room
};

/// Both ends' view of a ring.
class Ring {
public:
  Ring(const SharedMapping &mapping, size_t bytes)
      : head(*reinterpret_cast<RingHead *>(mapping.head())), data(mapping.ring()), bytes(bytes) {}

  size_t capacity() const { return bytes; }
  /// Room for `size` bytes, or nothing when there is none now.
  std::byte *reserve(size_t size) {
    const uint64_t written = head.written.load(std::memory_order_relaxed);
    const uint64_t used = written - head.read.load(std::memory_order_acquire);
    return used <= bytes && bytes - used >= size ? data + written % bytes : nullptr;
  }
  void publish(size_t size) {
    head.written.store(head.written.load(std::memory_order_relaxed) + size, std::memory_order_seq_cst);
  }
  /// All that can be read now; at most the ring, whatever the writer claims.
  std::span<const std::byte> readable() const {
    const uint64_t read = head.read.load(std::memory_order_relaxed);
    const uint64_t available = head.written.load(std::memory_order_seq_cst) - read;
    return {data + read % bytes, size_t(available <= bytes ? available : 0)};
  }
  void consume(size_t size) {
    head.read.store(head.read.load(std::memory_order_relaxed) + size, std::memory_order_seq_cst);
    head.room.ring();
  }
  template <class F> void waitForRoom(int milliseconds, F &&hasRoom) {
    head.room.sleep(milliseconds, hasRoom);
  }

private:
  RingHead &head;
  std::byte *data;
  size_t bytes;
};

} // namespace weft::distributed

#endif // WEFT_LIB_DISTRIBUTED_RING_H
