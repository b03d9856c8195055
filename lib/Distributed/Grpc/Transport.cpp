// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Frames over gRPC: one stream for each pair of ranks, opened by the higher one. Its first message is a
// greeting of one byte: the higher rank knows by then that the stream stands, so a lower one that has all
// greetings may do its work, end and be gone. Any other message is a frame: a slice with the header, and a
// slice that is the tensor's own memory. Small frames that wait while another message is written go together
// as one message. Protobuf is not involved.
#include "Grpc.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <malloc.h>
#include <map>
#include <mutex>
#include <set>

namespace weft::distributed {
namespace {

using Clock = std::chrono::steady_clock;
constexpr const char *exchangeMethod = "/weft.v1.Data/Exchange", *rankKey = "weft-rank";

class StreamTransport;

/// What is sent: a header and a payload, or the greeting alone.
struct Outgoing {
  grpc::Slice header, payload;
  size_t size() const { return header.size() + payload.size(); }
};

/// The bytes of a message, taken piece by piece.
class Incoming {
public:
  explicit Incoming(const std::vector<grpc::Slice> &slices) : slices(slices) { skipEmpty(); }
  bool isAtEnd() const { return next == slices.size(); }
  /// Calls visit with pieces of `size` bytes in all; false when there are fewer.
  template <class V> bool take(size_t size, V &&visit) {
    while (size > 0 && !isAtEnd()) {
      const std::span whole(reinterpret_cast<const std::byte *>(slices[next].begin()), slices[next].size());
      const auto piece = whole.subspan(at, std::min(size, whole.size() - at));
      visit(piece);
      size -= piece.size();
      at += piece.size();
      skipEmpty();
    }
    return size == 0;
  }

private:
  void skipEmpty() {
    for (; next < slices.size() && at == slices[next].size(); ++next)
      at = 0;
  }
  const std::vector<grpc::Slice> &slices;
  size_t next = 0, at = 0;
};

/// One end of a stream: writes one message after the other, reads and hands on. The reactors below give it
/// their calls.
class Stream {
public:
  Stream(StreamTransport &owner, uint32_t peer) : owner(owner), peer(peer) {}
  virtual ~Stream() = default;

  /// Dropped when nothing is sent any more.
  void write(Outgoing outgoing) { // its listener is told without the lock
    std::lock_guard lock(mutex);
    if (isBroken || isEnding)
      return;
    queue.push_back(std::move(outgoing));
    if (!isWriting)
      writeNext();
  }
  /// Ends it once all is written.
  void end() {
    std::lock_guard lock(mutex);
    if (!std::exchange(isEnding, true) && !isWriting)
      startEnd();
  }
  /// Breaks it off.
  void cancel() {
    std::lock_guard lock(mutex);
    if (!isOver)
      tryCancel();
  }

  void written(bool ok) {
    std::deque<Outgoing> dropped; // their listeners are told without the lock
    grpc::ByteBuffer sent;
    std::lock_guard lock(mutex);
    sent.Swap(&out);
    isWriting = false;
    if (!ok) {
      isBroken = true;
      dropped.swap(queue);
      if (isEnding)
        startEnd();
      return;
    }
    if (!queue.empty())
      writeNext();
    else if (isEnding)
      startEnd();
  }
  void read(bool ok);
  /// Nothing will be read or written any more.
  void over(const Status &status);

protected:
  virtual void startRead(grpc::ByteBuffer &message) = 0;
  virtual void startWrite(grpc::ByteBuffer &message) = 0;
  virtual void startEnd() = 0;
  virtual void tryCancel() = 0;

  StreamTransport &owner;
  const uint32_t peer;
  std::mutex mutex;
  bool isBroken = false, isEnding = false, isOver = false;
  bool awaitsGreeting = false; ///< only what reads touches it
  grpc::ByteBuffer in;

private:
  /// Under the mutex.
  void writeNext() {
    constexpr size_t joinedBytes = size_t(64) << 10;
    std::vector<grpc::Slice> slices;
    size_t bytes = 0;
    do {
      bytes += queue.front().size();
      slices.push_back(std::move(queue.front().header));
      if (queue.front().payload.size() > 0)
        slices.push_back(std::move(queue.front().payload));
      queue.pop_front();
    } while (!queue.empty() && bytes + queue.front().size() <= joinedBytes);
    out = grpc::ByteBuffer(slices.data(), slices.size());
    isWriting = true;
    startWrite(out);
  }
  Status readFrames(FrameReceiver &receiver);

  std::deque<Outgoing> queue;
  grpc::ByteBuffer out; ///< while isWriting
  bool isWriting = false;
};

class ClientStream final : public Stream, public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
public:
  using Stream::Stream;
  /// The stream lives as long as the job; what ends it in time are the signs of life on it, and until it
  /// stands the deadline of the transport's open.
  void start(grpc::GenericStub &stub, const RpcCredentials &credentials, uint32_t self) {
    addToken(context, credentials);
    context.AddMetadata(rankKey, std::to_string(self));
    context.set_wait_for_ready(true);
    stub.PrepareBidiStreamingCall(&context, exchangeMethod, grpc::StubOptions(), this);
    AddHold();
    StartRead(&in);
    StartCall();
  }
  void OnReadInitialMetadataDone(bool ok) override;
  void OnReadDone(bool ok) override { read(ok); }
  void OnWriteDone(bool ok) override { written(ok); }
  void OnDone(const grpc::Status &status) override { over(fromGrpc(status)); }
  void release() {
    if (!isReleased.exchange(true))
      RemoveHold();
  }

private:
  void startRead(grpc::ByteBuffer &message) override { StartRead(&message); }
  void startWrite(grpc::ByteBuffer &message) override { StartWrite(&message); }
  void startEnd() override { StartWritesDone(); }
  void tryCancel() override { context.TryCancel(); }
  grpc::ClientContext context;
  std::atomic<bool> isReleased{false};
};

class ServerStream final : public Stream, public grpc::ServerGenericBidiReactor {
public:
  ServerStream(StreamTransport &owner, uint32_t peer, grpc::GenericCallbackServerContext &context)
      : Stream(owner, peer), context(context) {
    awaitsGreeting = true;
  }
  void start() { StartSendInitialMetadata(); }
  /// Not before there is a receiver: a call of gRPC that waited for one would keep a thread of gRPC's few,
  /// and with it what open() itself waits for. Once.
  void startReading() { StartRead(&in); }
  void OnReadDone(bool ok) override { read(ok); }
  void OnWriteDone(bool ok) override { written(ok); }
  void OnDone() override { over(unavailable("the connection is closed")); }
  uint32_t rank() const { return peer; }
  void finish() {
    if (!isFinished.exchange(true))
      Finish(grpc::Status::OK);
  }

private:
  void startRead(grpc::ByteBuffer &message) override { StartRead(&message); }
  void startWrite(grpc::ByteBuffer &message) override { StartWrite(&message); }
  void startEnd() override { finish(); }
  /// One that was never read would not learn of it: it is over once it is finished.
  void tryCancel() override {
    context.TryCancel();
    finish();
  }
  grpc::GenericCallbackServerContext &context;
  std::atomic<bool> isFinished{false};
};

class StreamTransport final : public GrpcTransport, grpc::CallbackGenericService {
public:
  explicit StreamTransport(const GrpcTransportOptions &options)
      : options(options), streams(options.numRanks), isOver(options.numRanks) {}
  ~StreamTransport() override { close(); }

  Status start() {
    WEFT_ASSIGN_OR_RETURN(listening, listen(options.listen, options.credentials, *this));
    return Status::ok();
  }
  std::string address() const override { return listening.address; }
  void setPeers(std::vector<std::string> addresses) override { peers = std::move(addresses); }
  uint32_t rank() const override { return options.rank; }
  uint32_t numRanks() const override { return options.numRanks; }
  std::string name() const override { return "grpc"; }

  Status open(FrameReceiver &to, std::chrono::milliseconds timeout, const std::stop_token &stop) override {
    if (peers.size() != options.numRanks)
      return failedPrecondition("the addresses of ", options.numRanks, " ranks are wanted, ", peers.size(),
                                " are known");
    const std::stop_callback wake(stop, [this] {
      std::lock_guard lock(mutex);
      changed.notify_all();
    });
    std::unique_lock lock(mutex);
    receiver = &to;
    for (ServerStream *early : std::exchange(waiting, {}))
      early->startReading();
    for (uint32_t peer = 0; peer < options.rank; ++peer) {
      WEFT_RETURN_IF_ERROR(checkAddress(peers[peer], options.credentials));
      stubs.push_back(std::make_unique<grpc::GenericStub>(makeChannel(peers[peer], options.credentials)));
      auto stream = std::make_unique<ClientStream>(*this, peer);
      stream->start(*stubs.back(), options.credentials, options.rank);
      streams[peer] = std::move(stream);
      ++numOpen;
    }
    const auto missing = [&] {
      uint32_t peer = 0;
      while (peer < options.numRanks && (peer == options.rank || isUp.count(peer) || isOver[peer]))
        ++peer;
      return peer;
    };
    const bool inTime = changed.wait_for(
        lock, timeout, [&] { return missing() == options.numRanks || stop.stop_requested(); });
    if (missing() != options.numRanks && stop.stop_requested())
      return cancelled("rank ", options.rank, ": connecting was given up");
    if (!inTime)
      return Status(Code::DeadlineExceeded,
                    concat("rank ", options.rank, ": rank ", missing(), " at ", peers[missing()],
                           " did not connect within ", timeout.count(), " ms"));
    for (uint32_t peer = 0; peer < options.numRanks; ++peer)
      if (isOver[peer] && !isUp.count(peer))
        return reasons[peer].context(
            concat("rank ", options.rank, ": cannot connect to rank ", peer, " at ", peers[peer]));
    return Status::ok();
  }

  void send(uint32_t to, const FrameHeader &header, std::span<const std::byte> payload,
            SentListener *sent) override {
    Stream *stream = nullptr;
    {
      std::lock_guard lock(mutex);
      if (!isClosing && !isOver[to])
        stream = streams[to].get();
      numLent += sent && !payload.empty();
    }
    const auto bytes = encodeFrameHeader(header);
    Outgoing frame{grpc::Slice(bytes.data(), bytes.size()), grpc::Slice()};
    if (!payload.empty())
      frame.payload = sent ? grpc::Slice(const_cast<std::byte *>(payload.data()), payload.size(), letGo,
                                         new Lent{*this, *sent})
                           : grpc::Slice(payload.data(), payload.size());
    // A frame that is dropped lets go of its slice too: the listener hears of it either way.
    if (stream)
      stream->write(std::move(frame));
    if (sent && payload.empty())
      sent->onSent();
  }

  void close() override {
    {
      std::unique_lock lock(mutex);
      if (isClosing) {
        changed.wait(lock, [&] { return numOpen == 0 && numLent == 0; });
        return;
      }
      isClosing = true;
      changed.notify_all();
    }
    for (uint32_t peer = 0; peer < streams.size(); ++peer)
      if (streams[peer] && isConnected(peer))
        streams[peer]->end();
      else if (streams[peer])
        streams[peer]->cancel(); // nothing was ever sent
    // What is on its way still goes out, unless the peer takes nothing any more.
    constexpr std::chrono::milliseconds grace(300);
    bool isDone = false;
    {
      std::unique_lock lock(mutex);
      isDone = changed.wait_for(lock, grace, [&] { return numOpen == 0; });
    }
    if (!isDone) {
      for (const auto &stream : streams)
        if (stream)
          stream->cancel();
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return numOpen == 0; });
    }
    stubs.clear();
    if (listening.server) {
      listening.server->Shutdown(std::chrono::system_clock::now());
      listening.server->Wait();
      listening.server.reset();
    }
    // gRPC holds what it did not send as long as the call lives, and its listeners must not outlive this.
    for (auto &stream : streams)
      stream.reset();
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return numLent == 0; });
  }

  grpc::ServerGenericBidiReactor *CreateReactor(grpc::GenericCallbackServerContext *context) override {
    class Refuse final : public grpc::ServerGenericBidiReactor {
    public:
      explicit Refuse(const Status &status) { Finish(toGrpc(status)); }
      void OnDone() override { delete this; }
    };
    Status status = checkToken(*context, options.credentials);
    if (status.isOk() && context->method() != exchangeMethod)
      status = unimplemented("no method ", context->method());
    const std::string text = metadataOf(*context, rankKey);
    const uint32_t peer = text.empty() || text.size() > 5 || text.find_first_not_of("0123456789") != text.npos
                              ? UINT32_MAX
                              : uint32_t(std::stoul(text));
    if (status.isOk())
      status = checkCertificate(*context, options.credentials, peer);
    std::lock_guard lock(mutex);
    if (status.isOk() && (peer <= options.rank || peer >= options.numRanks || streams[peer] || isClosing))
      status = failedPrecondition("rank ", options.rank, " of ", options.numRanks, " does not expect rank '",
                                  text, "' to call");
    if (!status.isOk())
      return new Refuse(status);
    auto stream = std::make_unique<ServerStream>(*this, peer, *context);
    ServerStream *reactor = stream.get();
    streams[peer] = std::move(stream);
    ++numOpen;
    reactor->start();
    if (receiver)
      reactor->startReading();
    else
      waiting.push_back(reactor);
    return reactor;
  }

  void up(uint32_t peer) {
    std::lock_guard lock(mutex);
    isUp.insert(peer);
    changed.notify_all();
  }
  /// Null when the transport closes.
  FrameReceiver *currentReceiver() {
    std::lock_guard lock(mutex);
    return isClosing ? nullptr : receiver;
  }
  void over(uint32_t peer, const Status &why) {
    FrameReceiver *told = nullptr;
    {
      std::lock_guard lock(mutex);
      std::erase_if(waiting, [&](const ServerStream *early) { return early->rank() == peer; });
      isOver[peer] = true;
      reasons[peer] = why;
      told = isClosing ? nullptr : receiver;
    }
    if (told)
      told->onClosed(peer, why);
    std::lock_guard lock(mutex);
    --numOpen;
    changed.notify_all();
  }

private:
  bool isConnected(uint32_t peer) {
    std::lock_guard lock(mutex);
    return isUp.count(peer) > 0;
  }
  /// The memory of a tensor in gRPC's hands.
  struct Lent {
    StreamTransport &owner;
    SentListener &listener;
  };
  static void letGo(void *memory) {
    const std::unique_ptr<Lent> lent(static_cast<Lent *>(memory));
    lent->listener.onSent();
    std::lock_guard lock(lent->owner.mutex);
    --lent->owner.numLent;
    lent->owner.changed.notify_all();
  }

  const GrpcTransportOptions options;
  std::vector<std::string> peers;
  std::mutex mutex;
  std::condition_variable changed;
  FrameReceiver *receiver = nullptr;
  std::vector<std::unique_ptr<Stream>> streams;
  std::vector<std::unique_ptr<grpc::GenericStub>> stubs;
  std::vector<ServerStream *> waiting; ///< came before open()
  std::vector<bool> isOver;
  std::set<uint32_t> isUp;
  std::map<uint32_t, Status> reasons;
  uint32_t numOpen = 0;
  uint64_t numLent = 0; ///< payloads whose listeners wait
  bool isClosing = false;
  Listening listening;
};

void ClientStream::OnReadInitialMetadataDone(bool ok) {
  if (!ok)
    return;
  write({grpc::Slice("!", 1), grpc::Slice()});
  owner.up(peer);
}

/// Hands on the frames of one message.
Status Stream::readFrames(FrameReceiver &receiver) {
  const Status cutOff = dataLoss("a frame is cut off");
  std::vector<grpc::Slice> slices;
  if (!in.Dump(&slices).ok())
    return cutOff;
  Incoming message(slices);
  std::vector<std::span<const std::byte>> payload;
  do {
    std::array<std::byte, frameHeaderSize> bytes{};
    std::byte *to = bytes.data();
    if (!message.take(bytes.size(), [&](std::span<const std::byte> piece) {
          to = std::copy(piece.begin(), piece.end(), to);
        }))
      return cutOff;
    WEFT_ASSIGN_OR_RETURN(const FrameHeader header, decodeFrameHeader(bytes));
    payload.clear();
    if (!message.take(header.size, [&](std::span<const std::byte> piece) { payload.push_back(piece); }))
      return cutOff;
    receiver.onFrame(peer, header, payload);
  } while (!message.isAtEnd());
  return Status::ok();
}

void Stream::read(bool ok) {
  FrameReceiver *receiver = ok ? owner.currentReceiver() : nullptr;
  if (receiver && std::exchange(awaitsGreeting, false) && in.Length() == 1) {
    owner.up(peer);
    in.Clear();
    return startRead(in);
  }
  if (receiver) {
    const Status status = readFrames(*receiver);
    if (status.isOk()) {
      in.Clear();
      return startRead(in);
    }
    receiver->onClosed(peer, status.context(concat("from rank ", peer)));
    cancel();
  }
  // The peer ends, or the connection broke: this end ends too.
  end();
  if (auto *client = dynamic_cast<ClientStream *>(this))
    client->release();
}

void Stream::over(const Status &status) {
  std::deque<Outgoing> dropped;
  grpc::ByteBuffer unsent;
  {
    std::lock_guard lock(mutex);
    isBroken = isOver = true;
    dropped.swap(queue);
    unsent.Swap(&out);
  }
  dropped.clear();
  unsent.Clear();
  // What the peer's own checks refuse comes as it is; all else is the connection's end, whatever gRPC calls
  // it.
  const bool isRefusal = status.code() == Code::FailedPrecondition ||
                         status.code() == Code::PermissionDenied || status.code() == Code::Unauthenticated ||
                         status.code() == Code::Unimplemented;
  const std::string &detail = status.message();
  owner.over(peer, isRefusal ? status.context(concat("rank ", peer))
                             : unavailable("rank ", peer, " is gone: its connection is closed",
                                           detail.empty() || status.code() == Code::Cancelled ? "" : ": ",
                                           status.code() == Code::Cancelled ? "" : detail));
}

/// gRPC allocates memory for each frame that comes in, and frees it. glibc would give so much back to the
/// system each time, and fetching and clearing its pages again takes longer than all that is done with a
/// frame.
void keepFreedMemory() {
#ifdef __GLIBC__
  constexpr int keptBytes = 64 << 20, mappedBytes = 8 << 20; // larger blocks stay mapped and unmapped alone
  static std::once_flag once;
  std::call_once(once, [] {
    mallopt(M_TRIM_THRESHOLD, keptBytes);
    mallopt(M_MMAP_THRESHOLD, mappedBytes);
  });
#endif
}

} // namespace

Result<std::unique_ptr<GrpcTransport>> makeGrpcTransport(const GrpcTransportOptions &options) {
  keepFreedMemory();
  auto transport = std::make_unique<StreamTransport>(options);
  WEFT_RETURN_IF_ERROR(transport->start());
  return std::unique_ptr<GrpcTransport>(std::move(transport));
}

} // namespace weft::distributed
