// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Leads the workers of a job: hands each its role's program (by hash, so that it is sent once) and its
// inputs, lets them run steps freely inside a window, joins their outputs, and ends them all when one fails,
// dies or hangs. No call of it is made per step.
#ifndef WEFT_DISTRIBUTED_COORDINATOR_H
#define WEFT_DISTRIBUTED_COORDINATOR_H

#include "weft/Distributed/Rpc.h"
#include "weft/Distributed/RunJob.h"

namespace weft::distributed {

struct CoordinatorOptions {
  /// "unix:/path", "127.0.0.1:0", or with certificates any other.
  std::string address;
  RpcCredentials credentials;
  /// What carries tensors between workers: "shm" or "grpc".
  std::string transport = "shm";
  /// A folder of this user alone, for sockets: of shm, and of grpc when `listen` is empty.
  std::string directory;
  /// grpc: where each worker listens for the others ("10.0.0.5:0"); empty: a Unix socket in `directory`.
  std::string listen;
  uint64_t steps = 1; ///< with the same inputs
  /// How many steps a worker may be ahead of the slowest.
  uint64_t window = 64;
  /// Of each worker: threads, trace, the number of its device and how it emulates one.
  runtime::SessionOptions session;
  /// How long a worker may take to come, and then to get any further with loading its program.
  std::chrono::milliseconds joinTimeout{60000};
  CommunicatorOptions communicator = {};
  /// Lines of workers for people.
  std::function<void(uint32_t rank, std::string_view text)> log = nullptr;
};

class Coordinator {
public:
  /// Checks the inputs and serves. `job` must outlive it.
  static Result<std::unique_ptr<Coordinator>> create(const program::Job &job, const NamedTensors &inputs,
                                                     const CoordinatorOptions &options);
  ~Coordinator();

  /// Where workers find it.
  std::string address() const;
  /// Returns when the job is done, or has failed: with the first failure, which names rank, step and op.
  Result<JobResult> wait();
  /// Ends the job. From any thread; workers are told.
  void fail(const Status &reason);

private:
  struct Impl;
  explicit Coordinator(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> pimpl;
};

} // namespace weft::distributed

#endif // WEFT_DISTRIBUTED_COORDINATOR_H
