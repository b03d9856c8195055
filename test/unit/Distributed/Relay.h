// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A relay between a TCP client and a server on this host that misbehaves after so many bytes: the same
// everywhere, without root.
#ifndef WEFT_TEST_UNIT_DISTRIBUTED_RELAY_H
#define WEFT_TEST_UNIT_DISTRIBUTED_RELAY_H

#include <arpa/inet.h>
#include <atomic>
#include <cstdint>
#include <list>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace weft::distributed::test {

class Relay {
public:
  enum class Kind { Cut, Stall, HalfOpen, Flip };
  struct Fault {
    Kind kind = Kind::Cut;
    uint64_t after = 0; ///< bytes over all connections, both directions
    int direction = 0;  ///< HalfOpen: of the direction that is lost; Flip: that is damaged
  };

  Relay(int target, Fault fault) : target(target), fault(fault) {
    listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = local(0);
    (void)!::bind(listener, reinterpret_cast<sockaddr *>(&address), sizeof address);
    ::listen(listener, 16);
    socklen_t length = sizeof address;
    ::getsockname(listener, reinterpret_cast<sockaddr *>(&address), &length);
    ownPort = ntohs(address.sin_port);
    thread = std::thread([this] { run(); });
  }
  ~Relay() {
    isStopping = true;
    thread.join();
    ::close(listener);
    for (const Pair &pair : pairs) {
      ::close(pair.ends[0]);
      ::close(pair.ends[1]);
    }
  }
  int port() const { return ownPort; }

private:
  struct Pair {
    int ends[2]; ///< caller, server
    bool isOpen = true;
  };
  static sockaddr_in local(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(uint16_t(port));
    return address;
  }

  void run() {
    while (!isStopping) {
      std::vector<pollfd> polls = {{listener, POLLIN, 0}};
      std::vector<std::pair<Pair *, int>> owners = {{nullptr, 0}};
      for (Pair &pair : pairs)
        for (const int side : {0, 1})
          if (pair.isOpen && !(isFaulty() && (fault.kind == Kind::Stall ||
                                              (fault.kind == Kind::HalfOpen && fault.direction == side)))) {
            polls.push_back({pair.ends[side], POLLIN, 0});
            owners.emplace_back(&pair, side);
          }
      ::poll(polls.data(), nfds_t(polls.size()), 5);
      if (polls[0].revents)
        accept();
      for (size_t i = 1; i < polls.size(); ++i)
        if (polls[i].revents && owners[i].first->isOpen)
          forward(*owners[i].first, owners[i].second);
    }
  }
  bool isFaulty() const { return bytes >= fault.after; }

  void accept() {
    const int caller = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = local(target);
    if (caller >= 0 && ::connect(server, reinterpret_cast<sockaddr *>(&address), sizeof address) == 0) {
      pairs.push_back({{caller, server}});
      return;
    }
    ::close(caller);
    ::close(server);
  }

  void forward(Pair &pair, int side) {
    char data[16384];
    const ssize_t size = ::read(pair.ends[side], data, sizeof data);
    const bool wasFaulty = isFaulty();
    bytes += size > 0 ? uint64_t(size) : 0;
    if (size <= 0 || (isFaulty() && fault.kind == Kind::Cut))
      return cut(pair);
    if (isFaulty() && !hasFlipped && fault.kind == Kind::Flip && fault.direction == side) {
      data[size_t(size) / 2] = char(data[size_t(size) / 2] ^ 1);
      hasFlipped = true;
    }
    if (isFaulty() && !wasFaulty && fault.kind == Kind::Stall)
      return; // what was read is lost
    for (ssize_t sent = 0; sent < size;) {
      const ssize_t part = ::send(pair.ends[1 - side], data + sent, size_t(size - sent), MSG_NOSIGNAL);
      if (part <= 0)
        return cut(pair);
      sent += part;
    }
  }
  static void cut(Pair &pair) {
    ::shutdown(pair.ends[0], SHUT_RDWR);
    ::shutdown(pair.ends[1], SHUT_RDWR);
    pair.isOpen = false;
  }

  const int target;
  const Fault fault;
  int listener = -1, ownPort = 0;
  uint64_t bytes = 0;
  bool hasFlipped = false;
  std::list<Pair> pairs;
  std::atomic<bool> isStopping{false};
  std::thread thread;
};

} // namespace weft::distributed::test

#endif // WEFT_TEST_UNIT_DISTRIBUTED_RELAY_H
