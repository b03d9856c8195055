// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matching, credit and checks of frames. No lock is held while the transport is called: in process it calls
// the peer's mailbox, which may call back.
#include "Mailbox.h"

#include "weft/Program/Program.h"

#include <algorithm>
#include <atomic>
#include <cstring>

namespace weft::distributed {

using Clock = std::chrono::steady_clock;

std::string Operation::toString() const {
  if (kind == 0)
    return "send and receive";
  static constexpr const char *combines[] = {"sum", "max", "min", "prod"};
  const auto collective = program::Collective(kind % 16 - 1);
  const bool combined =
      collective == program::Collective::AllReduce || collective == program::Collective::ReduceScatter;
  return concat(program::collectiveName(collective), " of ",
                isValidDType(dtype) ? dtypeName(DType(dtype)) : "unknown elements",
                combined && kind / 16 < 4 ? concat(" (", combines[kind / 16], ")") : "");
}

/// A transfer on its way out; lives until the transport has let go of its last frame.
struct Mailbox::Outgoing final : SentListener {
  Tag tag;
  Operation operation;
  std::span<const std::byte> from;
  TransferOwner *owner = nullptr;
  uint32_t round = 0;
  std::atomic<uint64_t> framesLeft{0};

  void onSent() override {
    if (framesLeft.fetch_sub(1) != 1)
      return;
    TransferOwner *told = owner;
    const uint32_t of = round;
    delete this;
    told->onTransferDone(of);
  }
};

Mailbox::Mailbox(Transport &transport, const Options &options, std::function<void(const Status &)> onFailure)
    : transport(transport), options(options), onFailure(std::move(onFailure)), peers(transport.numRanks()) {
  for (Peer &peer : peers) {
    peer.credit = options.creditBytes;
    peer.lastHeard = peer.lastMoved = Clock::now();
  }
}

Mailbox::~Mailbox() = default;

FrameHeader Mailbox::header(FrameKind kind, const Tag &tag, Operation operation, uint64_t total) const {
  FrameHeader header;
  header.kind = kind;
  header.operation = operation.kind;
  header.dtype = operation.dtype;
  header.program = options.program;
  header.epoch = options.epoch;
  header.source = uint16_t(transport.rank());
  header.part = tag.part;
  header.step = tag.step;
  header.channel = tag.channel;
  header.sequence = tag.sequence;
  header.total = total;
  return header;
}

void Mailbox::sendControl(uint32_t peer, FrameHeader header, std::span<const std::byte> payload) {
  header.size = uint32_t(payload.size());
  header.payloadCrc = crc32c(payload);
  transport.send(peer, header, payload, nullptr);
}

void Mailbox::transmit(std::unique_ptr<Outgoing> owned) {
  Outgoing *outgoing = owned.release(); // deletes itself with its last frame
  const size_t piece = transport.preferredPayload(), total = outgoing->from.size();
  const uint64_t frames = std::max<uint64_t>(1, (total + piece - 1) / piece);
  outgoing->framesLeft = frames;
  const uint32_t peer = outgoing->tag.peer;
  const std::span<const std::byte> from = outgoing->from;
  FrameHeader next = header(FrameKind::Data, outgoing->tag, outgoing->operation, total);
  for (uint64_t i = 0; i < frames; ++i) { // after its last frame it may be gone
    const std::span<const std::byte> payload = from.subspan(i * piece, std::min(piece, total - i * piece));
    next.offset = i * piece;
    next.size = uint32_t(payload.size());
    next.payloadCrc = crc32c(payload);
    transport.send(peer, next, payload, outgoing);
  }
}

void Mailbox::fail(const Status &reason) {
  {
    std::lock_guard lock(mutex);
    if (failed || stopped)
      return;
    failed = true;
  }
  onFailure(reason);
}

Status Mailbox::checkMatch(uint32_t peer, const FrameHeader &found, Operation operation, uint64_t total) {
  const Operation other{found.operation, found.dtype};
  if (other == operation && found.total == total)
    return Status::ok();
  return failedPrecondition("the ranks' programs do not match: on channel ", found.channel, " of step ",
                            found.step, " rank ", peer, " runs ", other.toString(), " with a part of ",
                            found.total, " bytes, this rank ", operation.toString(), " with one of ", total);
}

void Mailbox::send(const Tag &tag, Operation operation, std::span<const std::byte> from, TransferOwner &owner,
                   uint32_t round) {
  auto made = std::make_unique<Outgoing>();
  made->tag = tag;
  made->operation = operation;
  made->from = from;
  made->owner = &owner;
  made->round = round;
  Status status;
  {
    std::lock_guard lock(mutex);
    if (failed || stopped)
      return;
    Peer &peer = peers[tag.peer];
    if (const auto notice = notices.find(tag); notice != notices.end()) {
      status = checkMatch(tag.peer, notice->second, operation, from.size());
      notices.erase(notice);
      --peer.numNotices;
    } else if (!peer.gone.isOk()) {
      status = peer.gone;
    } else if (from.size() <= options.eagerBytes && from.size() <= peer.credit) {
      peer.credit -= from.size();
      sentEarly[tag] = {operation, from.size()};
    } else {
      outgoing[tag] = std::move(made);
      return;
    }
  }
  if (status.isOk())
    transmit(std::move(made));
  else
    fail(status);
}

void Mailbox::receive(const Tag &tag, Operation operation, std::span<std::byte> to, TransferOwner &owner,
                      uint32_t round) {
  Status status;
  bool done = false;
  {
    std::lock_guard lock(mutex);
    if (failed || stopped)
      return;
    Peer &peer = peers[tag.peer];
    if (const auto it = incoming.find(tag); it != incoming.end()) {
      Incoming &early = it->second;
      FrameHeader found = header(FrameKind::Data, tag, early.operation, early.total);
      status = early.owner ? internalError("channel ", tag.channel, " is posted twice")
                           : checkMatch(tag.peer, found, operation, to.size());
      if (status.isOk()) {
        if (!early.early.empty())
          std::memcpy(to.data(), early.early.data(), early.early.size());
        peer.early -= early.early.size();
        incoming.erase(it);
        done = true;
      }
    } else if (!peer.gone.isOk()) {
      status = peer.gone;
    } else {
      incoming[tag] = {operation, to.size(), 0, to.data(), {}, &owner, round};
    }
  }
  if (!status.isOk())
    return fail(status);
  sendControl(tag.peer, header(FrameKind::Posted, tag, operation, to.size()), {});
  if (done)
    owner.onTransferDone(round);
}

namespace {
size_t sizeOf(Pieces pieces) {
  size_t size = 0;
  for (const std::span<const std::byte> piece : pieces)
    size += piece.size();
  return size;
}
std::vector<std::byte> join(Pieces pieces) {
  std::vector<std::byte> joined;
  for (const std::span<const std::byte> piece : pieces)
    joined.insert(joined.end(), piece.begin(), piece.end());
  return joined;
}
} // namespace

void Mailbox::onFrame(uint32_t peer, const FrameHeader &header, Pieces pieces) {
  if (header.program != options.program || header.epoch != options.epoch || header.source != peer)
    return fail(failedPrecondition("rank ", peer, " belongs to another job, epoch or rank (", header.source,
                                   ", epoch ", header.epoch, ", wanted ", options.epoch, ")"));
  if (header.kind == FrameKind::Data)
    return onData(peer, header, pieces);
  const std::vector<std::byte> payload = join(pieces);
  if (const Status status = checkFramePayload(header, payload); !status.isOk())
    return fail(status.context(concat("from rank ", peer)));
  if (header.kind == FrameKind::Posted)
    return onPosted(peer, header);
  const std::string text(reinterpret_cast<const char *>(payload.data()), payload.size());
  if (header.kind == FrameKind::Abort)
    return fail(Status(header.operation > 0 && header.operation <= int(Code::Unauthenticated)
                           ? Code(header.operation)
                           : Code::Aborted,
                       text));
  std::lock_guard lock(mutex);
  Peer &from = peers[peer];
  from.lastHeard = Clock::now();
  if (from.watermark != header.step)
    from.lastMoved = from.lastHeard;
  from.watermark = header.step;
  from.command = text;
}

void Mailbox::onData(uint32_t peer, const FrameHeader &header, Pieces pieces) {
  const size_t size = sizeOf(pieces);
  const Tag tag{header.step, header.channel, header.sequence, header.part, peer};
  std::byte *to = nullptr;
  bool isPosted = false;
  Status status;
  {
    std::lock_guard lock(mutex);
    if (failed || stopped)
      return;
    const auto it = incoming.find(tag);
    if (it == incoming.end()) {
      Peer &from = peers[peer];
      std::vector<std::byte> payload;
      if (header.total != size || size > options.eagerBytes || from.early + size > options.creditBytes) {
        status = internalError("rank ", peer, " sent ", size, " of ", header.total, " bytes on channel ",
                               header.channel, " that nobody had asked for");
      } else if (status = checkFramePayload(header, payload = join(pieces)); status.isOk()) {
        from.early += size;
        incoming[tag] = {{header.operation, header.dtype},
                         header.total,
                         header.total,
                         nullptr,
                         std::move(payload),
                         nullptr,
                         0};
      }
    } else {
      status = it->second.owner ? checkMatch(peer, header, it->second.operation, it->second.total)
                                : internalError("rank ", peer, " sent on channel ", header.channel, " twice");
      to = it->second.to;
      isPosted = status.isOk();
      copying += isPosted;
    }
  }
  if (!status.isOk())
    return fail(status.context(concat("from rank ", peer)));
  if (!isPosted)
    return;
  // Block by block: what was summed is still near when it is copied. A piece more than the header says is not
  // copied: the sizes are compared below.
  constexpr size_t block = 12288;
  uint32_t crc = 0;
  size_t at = 0;
  for (const std::span<const std::byte> piece : pieces)
    for (size_t begin = 0; begin < piece.size() && size == header.size; begin += block) {
      const std::span<const std::byte> part = piece.subspan(begin, std::min(block, piece.size() - begin));
      crc = crc32c(part, crc);
      std::memcpy(to + header.offset + at, part.data(), part.size());
      at += part.size();
    }
  TransferOwner *owner = nullptr;
  uint32_t round = 0;
  {
    std::lock_guard lock(mutex);
    if (--copying == 0)
      copied.notify_all();
    if (size != header.size || crc != header.payloadCrc) {
      status = dataLoss("bits of ", header.size, " bytes from rank ", peer, " on channel ", header.channel,
                        " of step ", header.step, " have changed on the way");
    } else if (const auto it = incoming.find(tag); it != incoming.end()) {
      it->second.arrived += size;
      if (it->second.arrived >= it->second.total) {
        owner = it->second.owner;
        round = it->second.round;
        incoming.erase(it);
      }
    }
  }
  if (!status.isOk())
    fail(status);
  else if (owner)
    owner->onTransferDone(round);
}

void Mailbox::onPosted(uint32_t peer, const FrameHeader &header) {
  constexpr size_t maxNotices = 65536;
  const Tag tag{header.step, header.channel, header.sequence, header.part, peer};
  std::unique_ptr<Outgoing> ready;
  Status status;
  {
    std::lock_guard lock(mutex);
    if (failed || stopped)
      return;
    if (const auto early = sentEarly.find(tag); early != sentEarly.end()) {
      status = checkMatch(peer, header, early->second.operation, early->second.total);
      peers[peer].credit += early->second.total;
      sentEarly.erase(early);
    } else if (const auto waiting = outgoing.find(tag); waiting != outgoing.end()) {
      status = checkMatch(peer, header, waiting->second->operation, waiting->second->from.size());
      ready = std::move(waiting->second);
      outgoing.erase(waiting);
    } else if (++peers[peer].numNotices > maxNotices) {
      status = resourceExhausted("rank ", peer, " posts more than ", maxNotices, " buffers ahead");
    } else {
      notices[tag] = header;
    }
  }
  if (!status.isOk())
    fail(status);
  else if (ready)
    transmit(std::move(ready));
}

void Mailbox::onClosed(uint32_t peer, const Status &why) {
  bool isMissed = false;
  {
    std::lock_guard lock(mutex);
    peers[peer].gone = why;
    for (const auto &[tag, waiting] : incoming)
      isMissed |= tag.peer == peer && waiting.owner;
    for (const auto &[tag, waiting] : outgoing)
      isMissed |= tag.peer == peer;
  }
  if (isMissed)
    fail(why);
}

void Mailbox::sendAbort(const Status &reason) {
  FrameHeader abort = header(FrameKind::Abort, {}, {uint8_t(reason.code()), 0}, 0);
  const std::string_view text = std::string_view(reason.message()).substr(0, 4096);
  for (uint32_t peer = 0; peer < peers.size(); ++peer)
    if (peer != transport.rank())
      sendControl(peer, abort, std::as_bytes(std::span(text)));
}

void Mailbox::sendAlive(uint64_t watermark, const std::string &command) {
  FrameHeader alive = header(FrameKind::Alive, {}, {}, 0);
  alive.step = watermark;
  const std::string_view text = std::string_view(command).substr(0, 256);
  for (uint32_t peer = 0; peer < peers.size(); ++peer)
    if (peer != transport.rank())
      sendControl(peer, alive, std::as_bytes(std::span(text)));
}

void Mailbox::stop() {
  std::unique_lock lock(mutex);
  stopped = true;
  copied.wait(lock, [&] { return copying == 0; });
  incoming.clear();
  outgoing.clear();
}

std::string Mailbox::pending() const {
  constexpr int most = 8;
  std::string text;
  int count = 0;
  std::lock_guard lock(mutex);
  const auto line = [&](const Tag &tag, const auto &...what) {
    if (++count <= most)
      text += concat(text.empty() ? "" : "; ", "channel ", tag.channel, " of step ", tag.step, ": ", what...);
  };
  for (const auto &[tag, waiting] : incoming)
    if (waiting.owner)
      line(tag, waiting.operation.toString(), " has ", waiting.arrived, " of ", waiting.total,
           " bytes from rank ", tag.peer,
           peers[tag.peer].command.empty() ? "" : concat(", which is at '", peers[tag.peer].command, "'"));
  for (const auto &[tag, waiting] : outgoing)
    line(tag, waiting->operation.toString(), " waits until rank ", tag.peer, " takes ", waiting->from.size(),
         " bytes");
  if (count > most)
    text += concat("; and ", count - most, " more");
  return text;
}

Status Mailbox::checkPeers(Clock::duration limit, Clock::duration stall) const {
  const Clock::time_point now = Clock::now();
  const auto seconds = [](Clock::duration duration) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count() / 1000.0;
  };
  std::lock_guard lock(mutex);
  for (uint32_t rank = 0; rank < peers.size(); ++rank) {
    const Peer &peer = peers[rank];
    if (rank == transport.rank() || !peer.gone.isOk())
      continue;
    if (now - peer.lastHeard > limit)
      return unavailable("rank ", rank, " has not been heard of for ", seconds(now - peer.lastHeard),
                         " s: it hangs or cannot be reached",
                         peer.command.empty() ? "" : concat("; it was at '", peer.command, "'"));
    const bool isAwaited = std::any_of(incoming.begin(), incoming.end(), [&](const auto &entry) {
      return entry.first.peer == rank && entry.second.owner;
    });
    if (isAwaited && now - peer.lastMoved > stall)
      return unavailable("rank ", rank, " lives but has not moved for ", seconds(now - peer.lastMoved),
                         " s: it is at '", peer.command, "'");
  }
  return Status::ok();
}

} // namespace weft::distributed
