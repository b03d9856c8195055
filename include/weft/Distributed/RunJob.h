// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Running a partitioned job: inputs cut into the ranks' parts, outputs joined, steps run; in this process
// with a thread for each rank, or by workers that a Coordinator leads.
#ifndef WEFT_DISTRIBUTED_RUNJOB_H
#define WEFT_DISTRIBUTED_RUNJOB_H

#include "weft/Distributed/GroupCommunicator.h"
#include "weft/Program/Job.h"

#include <map>
#include <mutex>

namespace weft::distributed {

struct JobResult {
  NamedTensors outputs;
  /// How long each of the last steps took, in microseconds, by the slowest rank.
  std::vector<uint32_t> stepMicroseconds;
  /// All ranks' commands for chrome://tracing, a process for each; empty unless asked for.
  std::string trace;
};

/// Checks names, types and extents of the whole inputs.
Status checkInputs(const program::Job &job, const NamedTensors &inputs);
/// The parts that a rank needs, by name.
Result<NamedTensors> inputsOfRank(const program::Job &job, const NamedTensors &inputs, uint32_t rank);

/// Joins the ranks' outputs. Any thread.
class OutputJoiner {
public:
  explicit OutputJoiner(const program::Job &job) : job(job) {}
  /// `part` is what a rank's program gave for an output.
  Status put(uint32_t rank, const std::string &name, const HostTensor &part);
  /// All outputs, or which rank has not given its part.
  Result<NamedTensors> finish();

private:
  const program::Job &job;
  std::mutex mutex;
  std::map<std::string, HostTensor> wholes;
  std::map<std::string, std::vector<bool>> given; ///< by rank
};

/// One rank's part of a job: its session and how it runs steps.
class RankRunner {
public:
  /// The program of the rank's role, loaded. The communicator of the options is this one.
  static Result<std::unique_ptr<RankRunner>> create(std::shared_ptr<const runtime::Executable> executable,
                                                    GroupCommunicator &communicator,
                                                    runtime::SessionOptions options);
  /// Runs one step; outputs in the program's order. Errors name rank, step and op.
  Result<std::vector<HostTensor>> step(const NamedTensors &inputs);
  runtime::Session &session() { return *running; }
  const std::vector<uint32_t> &stepMicroseconds() const { return times; }
  /// The commands so far as events of Chrome's format, of a process "rank N".
  std::string traceEvents() const;

private:
  RankRunner(GroupCommunicator &communicator) : communicator(communicator) {}
  GroupCommunicator &communicator;
  std::unique_ptr<runtime::Session> running;
  std::vector<uint32_t> times; ///< a ring of the last ones
  uint64_t numSteps = 0;
};

struct InProcessOptions {
  uint64_t steps = 1;              ///< with the same inputs
  runtime::SessionOptions session; ///< of each rank
  CommunicatorOptions communicator = {};
};
/// Runs the job with a thread for each rank.
Result<JobResult> runInProcess(const program::Job &job, const NamedTensors &inputs,
                               const InProcessOptions &options = {});

/// Chrome's format around the events of all ranks.
std::string joinTraces(const std::vector<std::string> &events);

/// The number by which a job's ranks know each other, from its id.
uint64_t jobNumber(const program::Job &job);

/// What a process of a job ends with: 0 done, 75 restart it (a rank died, the network broke), 78 do not
/// restart it (the program, the versions, the inputs are wrong), 70 a bug.
int exitCodeOf(const Status &status);

} // namespace weft::distributed

#endif // WEFT_DISTRIBUTED_RUNJOB_H
