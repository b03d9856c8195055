// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What weft run does with a job of several ranks.
#ifndef WEFT_TOOLS_WEFT_RUNJOB_H
#define WEFT_TOOLS_WEFT_RUNJOB_H

#include "weft/Distributed/RunJob.h"

#include <CLI/CLI.hpp>
#include <optional>

namespace weft::driver {

struct JobFlags {
  std::string transport; ///< empty: inprocess, or under a launcher shm
  std::string listen;
  uint64_t steps = 1;
  double heartbeat = 1, deadAfter = 5, joinTimeout = 60;
  void add(CLI::App &command);
};

/// Whether this process was started as one rank of a job: WEFT_COORDINATOR is set.
bool isRankOfJob();
/// Turns a rank but the first into a worker; it returns only an exit code, or nothing when there is more to
/// do here.
std::optional<int> becomeWorker();
/// Runs the job by what the flags and the environment say.
Result<distributed::JobResult> runJob(const program::Job &job, const NamedTensors &inputs,
                                      const JobFlags &flags, const runtime::SessionOptions &session);
/// Of a failure: 1 for a command of one process, else what tells a launcher whether to restart.
int jobExitCode(const Status &status);
/// Inputs or outputs of a job as the flags of weft run want them.
std::vector<runtime::ValueInfo> describeValues(const std::vector<program::JobValue> &values);

} // namespace weft::driver

#endif // WEFT_TOOLS_WEFT_RUNJOB_H
