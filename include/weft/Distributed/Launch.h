// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Starts processes of a job on this host, passes on what they print with their rank before each line, and
// leaves none behind: when one fails, the others get a moment to say what they saw, then they are ended; when
// this process dies, they do too.
#ifndef WEFT_DISTRIBUTED_LAUNCH_H
#define WEFT_DISTRIBUTED_LAUNCH_H

#include "weft/Support/Status.h"

#include <chrono>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace weft::distributed {

struct LaunchOptions {
  uint32_t numRanks = 1;
  std::vector<std::string> command; ///< the program and its arguments; looked up in PATH
  /// Added to the environment of rank r, beside WEFT_RANK and WEFT_WORLD_SIZE.
  std::function<std::vector<std::pair<std::string, std::string>>(uint32_t rank)> environment = nullptr;
  /// A line of output: of which rank, whether to standard error, the line without its end. Null: to this
  /// process's own, with "[rank] " before it.
  std::function<void(uint32_t rank, bool isError, std::string_view line)> line = nullptr;
  /// A process that is stopped (SIGSTOP, a suspended container) for so long is ended: it has failed. 0:
  /// never.
  std::chrono::milliseconds stoppedAfter{7000};
  /// How long the others may live once one has failed.
  std::chrono::milliseconds grace{3000};
  /// Told when a process has ended: how, in words, when it failed ("was killed by signal 9 (Killed)"); ""
  /// when it did not.
  std::function<void(uint32_t rank, const std::string &how)> ended = nullptr;
};

class Launcher {
public:
  /// Starts all processes.
  static Result<std::unique_ptr<Launcher>> start(const LaunchOptions &options);
  /// Ends them all.
  ~Launcher();
  /// Waits until all have ended. 0, or the exit code of the job: that of a process that says not to restart
  /// (78) before that of the first to fail; a process killed by a signal counts as 75, one that was ended
  /// here not.
  int wait();
  /// Asks the processes to end, then ends them. From any thread.
  void stop();

private:
  struct Impl;
  explicit Launcher(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> pimpl;
};

/// A new folder of this user alone for sockets, and its removal.
class JobFolder {
public:
  static Result<JobFolder> make();
  JobFolder(JobFolder &&other) noexcept : folder(std::exchange(other.folder, {})) {}
  JobFolder &operator=(JobFolder &&) = delete;
  ~JobFolder();
  const std::string &path() const { return folder; }

private:
  explicit JobFolder(std::string folder) : folder(std::move(folder)) {}
  std::string folder;
};

} // namespace weft::distributed

#endif // WEFT_DISTRIBUTED_LAUNCH_H
