// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ranks as threads of one process: the sender's thread hands the frame to the receiver.
#include "weft/Distributed/Transport.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>

namespace weft::distributed {
namespace {

/// Where frames for one rank are handed in, while it is open.
struct Door {
  std::atomic<FrameReceiver *> receiver{nullptr};
  std::atomic<uint32_t> visitors{0};

  /// Calls f with the receiver unless the door is shut.
  template <class F> bool enter(F &&f) {
    visitors.fetch_add(1);
    FrameReceiver *inside = receiver.load();
    if (inside)
      f(*inside);
    if (visitors.fetch_sub(1) == 1)
      visitors.notify_all();
    return inside;
  }
  void shut() {
    receiver.store(nullptr);
    for (uint32_t n = visitors.load(); n != 0; n = visitors.load())
      visitors.wait(n);
  }
};

struct Building {
  explicit Building(uint32_t numRanks) : doors(numRanks), hasLeft(numRanks), hasCome(numRanks) {}
  std::vector<Door> doors;
  std::vector<std::atomic<bool>> hasLeft;
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<bool> hasCome; // under the mutex
};

class InProcessTransport final : public Transport {
public:
  InProcessTransport(std::shared_ptr<Building> building, uint32_t rank)
      : building(std::move(building)), self(rank) {}
  ~InProcessTransport() override { close(); }

  uint32_t rank() const override { return self; }
  uint32_t numRanks() const override { return uint32_t(building->doors.size()); }
  std::string name() const override { return "inprocess"; }

  Status open(FrameReceiver &receiver, std::chrono::milliseconds timeout,
              const std::stop_token &stop) override {
    building->doors[self].receiver.store(&receiver);
    const std::stop_callback wake(stop, [this] {
      std::lock_guard lock(building->mutex);
      building->changed.notify_all();
    });
    std::unique_lock lock(building->mutex);
    building->hasCome[self] = true;
    building->changed.notify_all();
    const auto missing = [&] {
      const auto &come = building->hasCome;
      return uint32_t(std::find(come.begin(), come.end(), false) - come.begin());
    };
    const bool inTime = building->changed.wait_for(
        lock, timeout, [&] { return missing() == numRanks() || stop.stop_requested(); });
    if (missing() != numRanks() && stop.stop_requested())
      return cancelled("connecting was given up");
    if (!inTime)
      return Status(Code::DeadlineExceeded,
                    concat("rank ", missing(), " did not come within ", timeout.count(), " ms"));
    lock.unlock();
    for (uint32_t peer = 0; peer < numRanks(); ++peer)
      if (building->hasLeft[peer])
        receiver.onClosed(peer, left(peer));
    return Status::ok();
  }

  void send(uint32_t peer, const FrameHeader &header, std::span<const std::byte> payload,
            SentListener *listener) override {
    building->doors[peer].enter(
        [&](FrameReceiver &receiver) { receiver.onFrame(self, header, {&payload, 1}); });
    if (listener)
      listener->onSent();
  }

  void close() override {
    if (building->hasLeft[self].exchange(true))
      return;
    building->doors[self].shut();
    for (uint32_t peer = 0; peer < numRanks(); ++peer)
      if (peer != self)
        building->doors[peer].enter([&](FrameReceiver &receiver) { receiver.onClosed(self, left(self)); });
  }

private:
  static Status left(uint32_t rank) { return unavailable("rank ", rank, " has left the job"); }

  std::shared_ptr<Building> building;
  uint32_t self;
};

} // namespace

std::vector<std::unique_ptr<Transport>> makeInProcessTransports(uint32_t numRanks) {
  const auto building = std::make_shared<Building>(numRanks);
  std::vector<std::unique_ptr<Transport>> transports;
  for (uint32_t rank = 0; rank < numRanks; ++rank)
    transports.push_back(std::make_unique<InProcessTransport>(building, rank));
  return transports;
}

} // namespace weft::distributed
