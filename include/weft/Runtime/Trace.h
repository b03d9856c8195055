// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A record of the last commands that a Session ran, in a ring of fixed size, and its export for
// chrome://tracing and Perfetto.
#ifndef WEFT_RUNTIME_TRACE_H
#define WEFT_RUNTIME_TRACE_H

#include "weft/Support/Status.h"

#include <cstdint>
#include <string>
#include <vector>

namespace weft::runtime {

/// One command, or a whole run.
struct TraceEvent {
  const std::string *name = nullptr;     ///< owned by the Executable
  const std::string *location = nullptr; ///< may be null
  const char *kind = "";                 ///< "launch", "copy", "run" ...
  int64_t start = 0, end = 0;            ///< nanoseconds of CLOCK_MONOTONIC
  static constexpr int hostRow = 1, deviceRow = 2;
  int64_t flops = -1, bytes = -1; ///< computed, and read and written; -1: not known
  int row = hostRow;              ///< whose clock saw it: the process's, or the device's that ran it
};

/// Time by name, summed over the ring.
struct TraceSummary {
  std::string name, location, kind;
  int64_t count = 0, nanoseconds = 0;
};

class Trace {
public:
  explicit Trace(size_t capacity = 65536) : capacity(capacity) {}
  void record(const TraceEvent &event) {
    if (ring.size() < capacity) {
      ring.push_back(event);
      return;
    }
    ring[next] = event;
    next = next + 1 == capacity ? 0 : next + 1;
    ++dropped;
  }
  void clear() {
    ring.clear();
    next = 0;
    dropped = 0;
  }
  bool empty() const { return ring.empty(); }
  /// Oldest first.
  std::vector<TraceEvent> events() const;
  /// Events that were overwritten.
  uint64_t numDropped() const { return dropped; }
  /// Commands (not runs) by falling time.
  std::vector<TraceSummary> summary() const;
  /// The Trace Event Format: JSON with one complete event per command, times in microseconds from the first.
  std::string toChromeJson() const;
  /// Its events alone, separated by commas, as those of a process: to be joined with other processes'. Times
  /// are from `origin` on (0: those of the host's clock, which its processes share).
  std::string toChromeEvents(uint32_t process, const std::string &name, int64_t origin = 0) const;
  Status writeChromeJson(const std::string &path) const;
  /// Nanoseconds of CLOCK_MONOTONIC.
  static int64_t now();

private:
  size_t capacity, next = 0;
  uint64_t dropped = 0;
  std::vector<TraceEvent> ring;
};

} // namespace weft::runtime

#endif // WEFT_RUNTIME_TRACE_H
