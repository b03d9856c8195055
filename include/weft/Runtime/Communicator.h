// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a Session asks of whatever connects the ranks of a job: to start transfers between buffers, to wait
// for them, and to end them all when a run fails. The Distributed room implements it over its transports.
#ifndef WEFT_RUNTIME_COMMUNICATOR_H
#define WEFT_RUNTIME_COMMUNICATOR_H

#include "weft/Program/Program.h"

#include <span>

namespace weft::runtime {

/// One collective with its memory, which stays valid until the wait for its channel returns.
struct CollectiveCall {
  program::Collective kind = program::Collective::AllReduce;
  program::Combine combine = program::Combine::Sum;
  DType dtype = DType::Invalid;
  std::span<const uint32_t> group; ///< the members' ranks, in order; this rank is one of them
  uint32_t channel = 0;
  const std::byte *from = nullptr;
  std::byte *to = nullptr;
  int64_t count = 0; ///< elements of `from`
};

/// One rank's side. A Session calls it from the thread that runs; only abort may come from any thread. After
/// an abort every call returns its reason.
class Communicator {
public:
  virtual ~Communicator() = default;
  virtual uint32_t rank() const = 0;
  virtual uint32_t numRanks() const = 0;

  /// A run begins: transfers of other runs do not match its own.
  virtual Status beginRun() = 0;
  /// Starts; does not wait for anybody.
  virtual Status start(const CollectiveCall &call) = 0;
  virtual Status send(uint32_t channel, uint32_t peer, std::span<const std::byte> from) = 0;
  virtual Status receive(uint32_t channel, uint32_t peer, std::span<std::byte> to) = 0;
  /// Returns when what was started on the channel is done, or with the reason why it never will be.
  virtual Status wait(uint32_t channel) = 0;

  /// Ends everything, here and, with the reason told, in all other ranks. When it returns, no buffer of a
  /// transfer is touched any more. The first reason stays.
  virtual void abort(const Status &reason) = 0;
};

} // namespace weft::runtime

#endif // WEFT_RUNTIME_COMMUNICATOR_H
