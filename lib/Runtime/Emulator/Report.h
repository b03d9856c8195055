// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Errors of a launch: each kind at each pair of places is told once.
#ifndef WEFT_LIB_RUNTIME_EMULATOR_REPORT_H
#define WEFT_LIB_RUNTIME_EMULATOR_REPORT_H

#include <atomic>
#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace weft::runtime::emulator {

enum class ErrorKind {
  OutOfBounds,
  Misaligned,
  Uninitialised,
  Race,
  AsyncRace,
  Proxy,
  Divergent,
  Deadlock,
  Mbarrier,
  Copy,
  Matrix,
  Usage,
  Trap,
};

class Reporter {
public:
  explicit Reporter(size_t limit) : limit(limit) {}

  /// An error at `site`; `other` is the second place it speaks of. From any thread.
  void add(ErrorKind kind, const char *site, const std::string &text, const char *other = nullptr);
  bool isClean() const { return numLines == 0; }
  /// As many errors as are told were found: going on finds nothing new.
  bool isFull() const { return numLines >= limit; }
  /// A line for each error.
  std::string message(const std::string &launch) const;

private:
  size_t limit;
  std::mutex mutex;
  std::set<std::tuple<ErrorKind, const char *, const char *>> told;
  std::vector<std::string> lines;
  std::atomic<size_t> numLines{0}; ///< for those who only ask
  size_t notTold = 0;
};

} // namespace weft::runtime::emulator

#endif // WEFT_LIB_RUNTIME_EMULATOR_REPORT_H
