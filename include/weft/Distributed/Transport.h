// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What carries frames between ranks: in one process, through shared memory, by gRPC. One contract test runs
// them all (test/unit/Distributed/TransportTest.cpp).
#ifndef WEFT_DISTRIBUTED_TRANSPORT_H
#define WEFT_DISTRIBUTED_TRANSPORT_H

#include "weft/Distributed/Frame.h"

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

namespace weft::distributed {

/// Bytes that may lie in several pieces of memory.
using Pieces = std::span<const std::span<const std::byte>>;

/// Told what comes in, from threads of the transport (or, in process, of the sender), possibly several at
/// once. It must not wait for the transport.
class FrameReceiver {
public:
  virtual ~FrameReceiver() = default;
  /// The header is checked, the payload is not; it is there until the call returns.
  virtual void onFrame(uint32_t peer, const FrameHeader &header, Pieces payload) = 0;
  /// Nothing more comes from this peer: it left, died, or the connection broke.
  virtual void onClosed(uint32_t peer, const Status &why) = 0;
};

/// Told when a payload is not needed any more, whether it arrived or not. Any thread.
class SentListener {
public:
  virtual ~SentListener() = default;
  virtual void onSent() = 0;
};

/// This rank's connections to all others. Frames arrive whole, and in order where one thread sent them, or
/// not at all once the connection is closed.
class Transport {
public:
  virtual ~Transport() = default;
  virtual uint32_t rank() const = 0;
  virtual uint32_t numRanks() const = 0;
  /// "inprocess", "shm", "grpc"
  virtual std::string name() const = 0;
  /// How many bytes of a transfer one frame should carry, a multiple of 64.
  virtual size_t preferredPayload() const { return maxFramePayload; }

  /// Returns when all ranks are connected; frames come in from then on. DEADLINE_EXCEEDED names those that
  /// did not come in time; CANCELLED: `stop` was asked for first. Call once.
  virtual Status open(FrameReceiver &receiver, std::chrono::milliseconds timeout,
                      const std::stop_token &stop) = 0;
  /// Sends a frame, or keeps it until there is room; never waits. `listener` (null: the payload is copied) is
  /// told once for each call, also when the peer is gone. A sign of life for which there is no room is
  /// dropped. Any thread, the receiver's calls too.
  virtual void send(uint32_t peer, const FrameHeader &header, std::span<const std::byte> payload,
                    SentListener *listener) = 0;
  /// Closes all connections. When it returns, no payload is read and the receiver is not called any more. Not
  /// from the receiver's calls.
  virtual void close() = 0;
};

/// Transports of `numRanks` ranks that are threads of this process.
std::vector<std::unique_ptr<Transport>> makeInProcessTransports(uint32_t numRanks);

} // namespace weft::distributed

#endif // WEFT_DISTRIBUTED_TRANSPORT_H
