// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The shared-memory transport. One thread reads all rings of a rank; senders write from their own threads
// while there is room, else a thread of the peer's writes when there is.
#include "weft/Distributed/SharedMemory.h"

#include "Ring.h"
#include "weft/Support/File.h"

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

namespace weft::distributed {
namespace {

using Clock = std::chrono::steady_clock;
constexpr uint32_t helloMagic = 0x48534657; // "WFSH"

/// What both ends say first; their ring and bell come with it.
struct Hello {
  uint32_t magic = helloMagic;
  uint32_t version = wireVersion;
  uint32_t rank = 0, numRanks = 0;
  uint64_t ringBytes = 0;
  Token token{};
};

/// A descriptor that is closed.
class Socket {
public:
  explicit Socket(int fd = -1) : fd(fd) {}
  Socket(Socket &&other) noexcept : fd(std::exchange(other.fd, -1)) {}
  Socket &operator=(Socket &&other) noexcept {
    std::swap(fd, other.fd);
    return *this;
  }
  ~Socket() {
    if (fd >= 0)
      ::close(fd);
  }
  int get() const { return fd; }

private:
  int fd;
};

Result<sockaddr_un> addressOf(const std::string &directory, uint32_t rank) {
  const std::string path = concat(directory, "/", rank, ".sock");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return invalidArgument("the path '", path, "' is too long for a socket: use a shorter folder (TMPDIR)");
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

/// Until when ranks may connect, and whether somebody wants them to give up.
struct Patience {
  Clock::time_point deadline;
  const std::stop_token &stop;

  Status check(const std::string &what) const {
    if (stop.stop_requested())
      return cancelled(what, ": connecting was given up");
    return Clock::now() < deadline ? Status::ok() : Status(Code::DeadlineExceeded, what);
  }
};

/// Waits until there is something to read.
Status waitFor(int fd, const Patience &patience, const char *what) {
  constexpr int glance = 20; // milliseconds
  while (true) {
    pollfd poll{fd, POLLIN, 0};
    const int count = ::poll(&poll, 1, glance);
    if (count > 0)
      return Status::ok();
    if (count < 0 && errno != EINTR)
      return errnoStatus(errno, what);
    WEFT_RETURN_IF_ERROR(patience.check(concat(what, ": nothing came in time")));
  }
}

Status sendHello(int socket, const Hello &hello, int ring, int bell) {
  iovec part{const_cast<Hello *>(&hello), sizeof hello};
  alignas(cmsghdr) char control[CMSG_SPACE(2 * sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(2 * sizeof(int));
  const int fds[2] = {ring, bell};
  std::memcpy(CMSG_DATA(header), fds, sizeof fds);
  return ::sendmsg(socket, &message, MSG_NOSIGNAL) == ssize_t(sizeof hello)
             ? Status::ok()
             : errnoStatus(errno, "cannot greet a peer");
}

Status receiveHello(int socket, Hello &hello, Socket &ring, Socket &bell) {
  iovec part{&hello, sizeof hello};
  alignas(cmsghdr) char control[CMSG_SPACE(2 * sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const ssize_t size = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  if (const cmsghdr *header = CMSG_FIRSTHDR(&message); size >= 0 && header &&
                                                       header->cmsg_type == SCM_RIGHTS &&
                                                       header->cmsg_len == CMSG_LEN(2 * sizeof(int))) {
    int fds[2];
    std::memcpy(fds, CMSG_DATA(header), sizeof fds);
    ring = Socket(fds[0]);
    bell = Socket(fds[1]);
  }
  ucred credentials{};
  socklen_t length = sizeof credentials;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0 ||
      credentials.uid != ::getuid())
    return Status(Code::Unauthenticated, "a peer belongs to another user");
  if (size <= 0)
    return unavailable("a peer left before it greeted");
  if (size != ssize_t(sizeof hello) || ring.get() < 0 || bell.get() < 0 || hello.magic != helloMagic)
    return invalidArgument("a peer's greeting is not one");
  if (hello.version != wireVersion)
    return unimplemented("a peer has wire version ", hello.version, ", this runtime has ", int(wireVersion));
  return Status::ok();
}

bool sameToken(const Token &a, const Token &b) { // in the same time wherever they differ
  uint8_t difference = 0;
  for (size_t i = 0; i < a.size(); ++i)
    difference |= a[i] ^ b[i];
  return difference == 0;
}

class SharedMemoryTransport final : public Transport {
public:
  explicit SharedMemoryTransport(const SharedMemoryOptions &options)
      : options(options), peers(options.numRanks) {}
  ~SharedMemoryTransport() override { close(); }

  /// Listens, so that peers find it whenever they come.
  Status listen() {
    WEFT_ASSIGN_OR_RETURN(ownBell, SharedMapping::create(ringHeadBytes, 0));
    WEFT_ASSIGN_OR_RETURN(const sockaddr_un address, addressOf(options.directory, options.rank));
    path = address.sun_path;
    listener = Socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    if (listener.get() < 0 ||
        ::bind(listener.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address) ||
        ::listen(listener.get(), int(options.numRanks)) != 0)
      return errnoStatus(errno, concat("cannot listen at '", path, "'"));
    return Status::ok();
  }

  uint32_t rank() const override { return options.rank; }
  uint32_t numRanks() const override { return options.numRanks; }
  std::string name() const override { return "shm"; }
  size_t preferredPayload() const override { return size_t(256) << 10; }

  Status open(FrameReceiver &to, std::chrono::milliseconds timeout, const std::stop_token &stop) override {
    receiver = &to;
    const Patience patience{Clock::now() + timeout, stop};
    // Each pair has one connection: the higher rank calls the lower one.
    for (uint32_t peer = 0; peer < options.rank; ++peer)
      WEFT_RETURN_IF_ERROR(call(peer, patience).context(concat("rank ", options.rank, ": rank ", peer)));
    for (uint32_t missing = options.numRanks - options.rank - 1; missing > 0;) {
      const Status came = waitFor(listener.get(), patience, "waiting for other ranks");
      if (!came.isOk())
        return came.context(concat("rank ", options.rank, ": ", missing, " ranks are missing",
                                   refused.isOk() ? "" : concat(" (refused: ", refused.message(), ")")));
      Socket socket(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
      // A stranger is sent away; the job goes on waiting for its own.
      if (const Status status = greet(std::move(socket), UINT32_MAX, patience); status.isOk())
        --missing;
      else
        refused = status;
    }
    listener = Socket();
    ::unlink(path.c_str());
    reader = std::thread([this] { read(); });
    return Status::ok();
  }

  void send(uint32_t to, const FrameHeader &header, std::span<const std::byte> payload,
            SentListener *sent) override {
    if (peers[to]) { // else it has not connected, and never will
      Peer &peer = *peers[to];
      std::lock_guard lock(peer.mutex);
      const bool isOver = peer.isClosed || isClosing;
      if (!isOver && !(peer.queue.empty() && write(peer, header, payload)) &&
          header.kind != FrameKind::Alive) {
        peer.queue.push_back({header, payload, {}, sent});
        if (!sent) {
          peer.queue.back().own.assign(payload.begin(), payload.end());
          peer.queue.back().payload = peer.queue.back().own;
        }
        if (!peer.writer.joinable())
          peer.writer = std::thread([this, &peer] { writeQueue(peer); });
        peer.queued.notify_one();
        return;
      }
    }
    if (sent)
      sent->onSent();
  }

  void close() override {
    if (isClosing)
      return;
    // What is on its way still goes out, unless the peer takes nothing any more.
    constexpr std::chrono::milliseconds grace(200);
    const Clock::time_point deadline = Clock::now() + grace;
    for (auto &peer : peers)
      if (peer) {
        std::unique_lock lock(peer->mutex);
        peer->written.wait_until(lock, deadline, [&] { return peer->queue.empty() || peer->isClosed; });
      }
    isClosing = true;
    if (ownBell)
      bell().ring();
    if (reader.joinable())
      reader.join();
    for (auto &peer : peers) {
      if (!peer)
        continue;
      {
        std::lock_guard lock(peer->mutex);
        peer->queued.notify_one();
      }
      if (peer->writer.joinable())
        peer->writer.join();
      peer->socket = Socket();
    }
    if (listener.get() >= 0)
      ::unlink(path.c_str());
  }

private:
  /// A frame for which there was no room.
  struct Waiting {
    FrameHeader header;
    std::span<const std::byte> payload;
    std::vector<std::byte> own; ///< the payload, when nobody keeps it
    SentListener *sent = nullptr;
  };
  struct Peer {
    Socket socket;
    std::unique_ptr<SharedMapping> outMemory, inMemory, bellMemory;
    std::unique_ptr<Ring> out, in;
    Bell *bell = nullptr;
    std::mutex mutex; ///< of the writing end
    std::deque<Waiting> queue;
    std::condition_variable queued, written;
    std::thread writer; ///< started when there first is no room
    std::atomic<bool> isClosed{false};
    bool isTold = false; ///< the receiver knows
  };

  static size_t paddedSize(size_t payload) { return (frameHeaderSize + payload + 63) / 64 * 64; }
  Bell &bell() { return *reinterpret_cast<Bell *>(ownBell->head()); }

  /// False when there is no room. Under the peer's mutex.
  static bool write(Peer &peer, const FrameHeader &header, std::span<const std::byte> payload) {
    const size_t size = paddedSize(payload.size());
    std::byte *memory = peer.out->reserve(size);
    if (!memory)
      return false;
    const auto bytes = encodeFrameHeader(header);
    std::memcpy(memory, bytes.data(), bytes.size());
    if (!payload.empty())
      std::memcpy(memory + frameHeaderSize, payload.data(), payload.size());
    peer.out->publish(size);
    peer.bell->ring();
    return true;
  }

  /// The writing thread of a peer: writes what waits as room comes.
  void writeQueue(Peer &peer) {
    std::unique_lock lock(peer.mutex);
    while (true) {
      peer.queued.wait(lock, [&] { return isClosing || !peer.queue.empty(); });
      if (peer.queue.empty())
        return;
      const Waiting &next = peer.queue.front();
      const size_t size = paddedSize(next.payload.size());
      if (!isClosing && !peer.isClosed && !write(peer, next.header, next.payload)) {
        lock.unlock();
        peer.out->waitForRoom(20, [&] { return peer.out->reserve(size) != nullptr; });
        lock.lock();
        continue;
      }
      SentListener *sent = next.sent;
      peer.queue.pop_front();
      if (peer.queue.empty())
        peer.written.notify_all();
      lock.unlock();
      if (sent)
        sent->onSent();
      lock.lock();
    }
  }

  Status call(uint32_t peer, const Patience &patience) {
    WEFT_ASSIGN_OR_RETURN(const sockaddr_un address, addressOf(options.directory, peer));
    while (true) {
      Socket socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
      if (socket.get() < 0)
        return errnoStatus(errno, "cannot make a socket");
      if (::connect(socket.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address) == 0)
        return greet(std::move(socket), peer, patience);
      if (errno != ENOENT && errno != ECONNREFUSED && errno != EAGAIN && errno != EINTR)
        return errnoStatus(errno, concat("cannot connect to '", address.sun_path, "'"));
      WEFT_RETURN_IF_ERROR(patience.check(concat("nobody listens at '", address.sun_path, "'")));
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }

  /// Says who this is, hears who that is. `wanted`: the rank that was called, or any higher one.
  Status greet(Socket socket, uint32_t wanted, const Patience &patience) {
    auto peer = std::make_unique<Peer>();
    WEFT_ASSIGN_OR_RETURN(peer->outMemory, SharedMapping::create(ringHeadBytes, options.ringBytes));
    const Hello mine{helloMagic,       wireVersion,       options.rank,
                     options.numRanks, options.ringBytes, options.token};
    WEFT_RETURN_IF_ERROR(sendHello(socket.get(), mine, peer->outMemory->descriptor(), ownBell->descriptor()));
    WEFT_RETURN_IF_ERROR(waitFor(socket.get(), patience, "waiting for a peer's greeting"));
    Hello hello;
    Socket ring, theirBell;
    WEFT_RETURN_IF_ERROR(receiveHello(socket.get(), hello, ring, theirBell));
    if (!sameToken(hello.token, options.token))
      return Status(Code::Unauthenticated, "a peer does not know the job's token");
    const bool isWanted = wanted == UINT32_MAX ? hello.rank > options.rank && hello.rank < options.numRanks &&
                                                     !peers[hello.rank]
                                               : hello.rank == wanted;
    if (!isWanted || hello.numRanks != options.numRanks || hello.ringBytes != options.ringBytes)
      return failedPrecondition("a peer says it is rank ", hello.rank, " of ", hello.numRanks,
                                " with rings of ", hello.ringBytes, " bytes; this is rank ", options.rank,
                                " of ", options.numRanks, ", ", options.ringBytes);
    WEFT_ASSIGN_OR_RETURN(peer->inMemory,
                          SharedMapping::adopt(::dup(ring.get()), ringHeadBytes, options.ringBytes));
    WEFT_ASSIGN_OR_RETURN(peer->bellMemory, SharedMapping::adopt(::dup(theirBell.get()), ringHeadBytes, 0));
    peer->out = std::make_unique<Ring>(*peer->outMemory, options.ringBytes);
    peer->in = std::make_unique<Ring>(*peer->inMemory, options.ringBytes);
    peer->bell = reinterpret_cast<Bell *>(peer->bellMemory->head());
    peer->socket = std::move(socket);
    peers[hello.rank] = std::move(peer);
    return Status::ok();
  }

  /// The reading thread: hands on what is in the rings, sleeps when there is nothing, looks for dead peers.
  void read() {
    constexpr std::chrono::microseconds spin(20);
    constexpr std::chrono::milliseconds glance(20);
    Clock::time_point lastWork = Clock::now(), lastGlance = lastWork;
    const auto hasWork = [this] {
      return isClosing || std::any_of(peers.begin(), peers.end(), [](const auto &peer) {
               return peer && !peer->isTold && !peer->in->readable().empty();
             });
    };
    while (!isClosing) {
      bool worked = false;
      for (uint32_t rank = 0; rank < peers.size(); ++rank)
        if (peers[rank] && !peers[rank]->isTold)
          worked |= drain(rank, *peers[rank]);
      const Clock::time_point now = Clock::now();
      if (worked)
        lastWork = now;
      if (now - lastGlance > glance) {
        lookForDead();
        lastGlance = now;
      }
      if (now - lastWork > spin)
        bell().sleep(int(glance.count()), hasWork);
    }
  }

  /// Hands on all frames of one ring.
  bool drain(uint32_t rank, Peer &peer) {
    // Whether it is closed is asked first: what it wrote before is read after.
    const bool isClosed = peer.isClosed;
    bool worked = false;
    for (auto bytes = peer.in->readable(); !bytes.empty() && !isClosing; bytes = peer.in->readable()) {
      worked = true;
      std::array<std::byte, frameHeaderSize> copy{}; // the peer could change what lies in the ring
      Status status = bytes.size() < frameHeaderSize ? dataLoss("a frame is cut off") : Status::ok();
      if (status.isOk()) {
        std::memcpy(copy.data(), bytes.data(), copy.size());
        const Result<FrameHeader> header = decodeFrameHeader(copy);
        status = header.status();
        if (header.isOk() && paddedSize(header->size) > bytes.size())
          status = dataLoss("a frame is cut off");
        if (status.isOk()) {
          const std::span<const std::byte> payload = bytes.subspan(frameHeaderSize, header->size);
          receiver->onFrame(rank, *header, {&payload, 1});
          peer.in->consume(paddedSize(header->size));
        }
      }
      if (!status.isOk()) {
        tellClosed(rank, peer, status.context(concat("from rank ", rank)));
        return true;
      }
    }
    if (isClosed)
      tellClosed(rank, peer, unavailable("rank ", rank, " is gone: its process ended"));
    return worked;
  }

  void tellClosed(uint32_t rank, Peer &peer, const Status &why) {
    peer.isTold = true;
    peer.isClosed = true;
    receiver->onClosed(rank, why);
  }

  void lookForDead() {
    for (auto &peer : peers) {
      if (!peer || peer->isTold || peer->isClosed)
        continue;
      pollfd poll{peer->socket.get(), POLLIN, 0}; // nothing is ever written to it
      if (::poll(&poll, 1, 0) > 0)
        peer->isClosed = true;
    }
  }

  const SharedMemoryOptions options;
  std::vector<std::unique_ptr<Peer>> peers;
  std::unique_ptr<SharedMapping> ownBell;
  Socket listener;
  std::string path;
  Status refused;
  FrameReceiver *receiver = nullptr;
  std::atomic<bool> isClosing{false};
  std::thread reader;
};

} // namespace

Result<std::unique_ptr<Transport>> makeSharedMemoryTransport(const SharedMemoryOptions &options) {
  if (options.ringBytes < (size_t(1) << 20) || options.ringBytes & (options.ringBytes - 1))
    return invalidArgument("a ring of ", options.ringBytes, " bytes, wanted a power of two from 1 MiB on");
  auto transport = std::make_unique<SharedMemoryTransport>(options);
  WEFT_RETURN_IF_ERROR(transport->listen());
  return std::unique_ptr<Transport>(std::move(transport));
}

} // namespace weft::distributed
