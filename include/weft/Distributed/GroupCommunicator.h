// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The Communicator of a Session over any Transport: carries out collectives, sends and receives beside the
// run, watches the other ranks, and remembers what was done last, for when a job hangs or dies.
#ifndef WEFT_DISTRIBUTED_GROUPCOMMUNICATOR_H
#define WEFT_DISTRIBUTED_GROUPCOMMUNICATOR_H

#include "weft/Distributed/Transport.h"
#include "weft/Runtime/Communicator.h"
#include "weft/Runtime/Session.h"

#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>

namespace weft::distributed {

/// How collectives are cut into messages. It never changes a bit of a result.
enum class Algorithm { Automatic, Ring, Doubling };

struct CommunicatorOptions {
  /// Of the job: frames of other jobs, and of an earlier set of members, are refused.
  uint64_t job = 0;
  uint32_t epoch = 0;
  Algorithm algorithm = Algorithm::Automatic;
  /// How long to wait for all ranks to connect.
  std::chrono::milliseconds connectTimeout{30000};
  /// Ends that wait from another thread.
  std::stop_token stop = {};
  /// Sign of life to all peers; 0: none, and no peer is declared dead for being silent.
  std::chrono::milliseconds heartbeat{1000};
  /// A peer that was silent for so long is dead.
  std::chrono::milliseconds deadAfter{5000};
  /// A peer that is waited for and whose run does not move for so long hangs; 0: never.
  std::chrono::milliseconds stallAfter{300000};
  /// How far this rank's run is, told to the others with each sign of life.
  std::function<runtime::RunProgress()> progress = nullptr;
};

class GroupCommunicator final : public runtime::Communicator {
public:
  /// Connects to all ranks.
  static Result<std::unique_ptr<GroupCommunicator>> create(std::unique_ptr<Transport> transport,
                                                           const CommunicatorOptions &options = {});
  ~GroupCommunicator() override;

  uint32_t rank() const override;
  uint32_t numRanks() const override;
  Status beginRun() override;
  Status start(const runtime::CollectiveCall &call) override;
  Status send(uint32_t channel, uint32_t peer, std::span<const std::byte> from) override;
  Status receive(uint32_t channel, uint32_t peer, std::span<std::byte> to) override;
  Status wait(uint32_t channel) override;
  void abort(const Status &reason) override;

  /// Why it ended; OK while it has not.
  Status failure() const;
  /// What is waited for, from whom, and the last transfers: a few lines for people. Any thread.
  std::string flightRecord() const;
  /// Runs begun.
  uint64_t step() const;

private:
  struct Impl;
  explicit GroupCommunicator(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> pimpl;
};

} // namespace weft::distributed

#endif // WEFT_DISTRIBUTED_GROUPCOMMUNICATOR_H
