// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Transfers of any size over a transport: cuts them into frames, matches what comes in with buffers that were
// posted for it, and keeps senders from sending what nobody has room for. A small transfer is sent at once
// while its peer has credit for it, a large one when the receiver's notice has come that its buffer is
// posted. So memory for what comes early is bounded, and whether a transfer gets through never depends on
// another one.
#ifndef WEFT_LIB_DISTRIBUTED_MAILBOX_H
#define WEFT_LIB_DISTRIBUTED_MAILBOX_H

#include "weft/Distributed/Transport.h"

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>

namespace weft::distributed {

/// Which transfer between two ranks, in one direction.
struct Tag {
  uint64_t step = 0;
  uint32_t channel = 0, sequence = 0;
  uint16_t part = 0;
  uint32_t peer = 0;
  auto operator<=>(const Tag &) const = default;
};

/// What a rank runs on a channel, as both ends must agree on it.
struct Operation {
  uint8_t kind = 0;  ///< 0: send and receive; else 1 + Collective + 16 * Combine
  uint8_t dtype = 0; ///< of a collective
  bool operator==(const Operation &) const = default;
  /// "all_reduce of f32 (sum)", "send and receive"
  std::string toString() const;
};

/// Told when a transfer is done. Any thread, never with a lock of the mailbox.
class TransferOwner {
public:
  virtual ~TransferOwner() = default;
  virtual void onTransferDone(uint32_t round) = 0;
};

class Mailbox final : public FrameReceiver {
public:
  struct Options {
    uint64_t program = 0;
    uint32_t epoch = 0;
    size_t eagerBytes = size_t(32) << 10; ///< transfers up to this size go at once
    size_t creditBytes = size_t(4) << 20; ///< of those, as much per peer as may wait to be asked for
  };
  /// `onFailure` is called once, with the first reason, from any thread.
  Mailbox(Transport &transport, const Options &options, std::function<void(const Status &)> onFailure);
  ~Mailbox() override;

  /// Sends; the bytes stay valid until the owner is told.
  void send(const Tag &tag, Operation operation, std::span<const std::byte> from, TransferOwner &owner,
            uint32_t round);
  /// Posts a buffer.
  void receive(const Tag &tag, Operation operation, std::span<std::byte> to, TransferOwner &owner,
               uint32_t round);
  /// Tells all peers; they fail with this reason.
  void sendAbort(const Status &reason);
  void sendAlive(uint64_t watermark, const std::string &command);
  /// Ends all transfers: no buffer is written after it returns. Those sent may still be read until the
  /// transport is closed.
  void stop();
  /// What is waited for: "channel 3 (all_reduce of f32): 0 of 4096 bytes from rank 2; ...".
  std::string pending() const;
  /// Peers that have not been heard of for `limit`, or whose watermark stood still for `stall`, with a
  /// transfer waiting for them.
  Status checkPeers(std::chrono::steady_clock::duration limit,
                    std::chrono::steady_clock::duration stall) const;

  void onFrame(uint32_t peer, const FrameHeader &header, Pieces payload) override;
  void onClosed(uint32_t peer, const Status &why) override;

private:
  struct Outgoing;
  struct Incoming {
    Operation operation;
    uint64_t total = 0, arrived = 0;
    std::byte *to = nullptr;      ///< null: came before it was posted
    std::vector<std::byte> early; ///< what came before
    TransferOwner *owner = nullptr;
    uint32_t round = 0;
  };
  struct SentEarly {
    Operation operation;
    uint64_t total = 0;
  };
  struct Peer {
    Status gone; ///< why nothing more comes
    size_t credit = 0, early = 0;
    size_t numNotices = 0;
    std::chrono::steady_clock::time_point lastHeard, lastMoved;
    uint64_t watermark = 0;
    std::string command;
  };

  FrameHeader header(FrameKind kind, const Tag &tag, Operation operation, uint64_t total) const;
  void transmit(std::unique_ptr<Outgoing> outgoing);
  void sendControl(uint32_t peer, FrameHeader header, std::span<const std::byte> payload);
  void fail(const Status &reason);
  void onData(uint32_t peer, const FrameHeader &header, Pieces payload);
  void onPosted(uint32_t peer, const FrameHeader &header);
  static Status checkMatch(uint32_t peer, const FrameHeader &found, Operation operation, uint64_t total);

  Transport &transport;
  const Options options;
  const std::function<void(const Status &)> onFailure;
  mutable std::mutex mutex;
  std::condition_variable copied;
  std::vector<Peer> peers;
  std::map<Tag, Incoming> incoming;
  std::map<Tag, std::unique_ptr<Outgoing>> outgoing; ///< waiting for a notice
  std::map<Tag, SentEarly> sentEarly;                ///< for credit, until a notice comes
  std::map<Tag, FrameHeader> notices;                ///< that came before the transfer was started
  uint32_t copying = 0;
  bool stopped = false, failed = false;
};

} // namespace weft::distributed

#endif // WEFT_LIB_DISTRIBUTED_MAILBOX_H
