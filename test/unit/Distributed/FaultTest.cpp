// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Faults on the wire, seeded: bits that flip under a checksum, and connections through a relay of our own
// that are cut, stalled, half open or flip a bit of TCP's bytes. A job ends with an error that names a rank,
// or is right; it never hangs and never gives other bits. WEFT_NIGHTLY=1 tries many more seeds.
#include "Ranks.h"
#include "Relay.h"
#include "weft/Distributed/Rpc.h"

#include <cstdlib>
#include <cstring>
#include <random>

using namespace weft;
using namespace weft::distributed;
using namespace weft::distributed::test;
using namespace std::chrono_literals;

namespace {

int numSeeds(int few, int many) { return std::getenv("WEFT_NIGHTLY") ? many : few; }

/// Flips one bit of the payload of the k-th frame with one, after its checksum was made.
class FlippingTransport final : public Transport {
public:
  FlippingTransport(std::unique_ptr<Transport> inner, uint32_t k, uint32_t bit)
      : inner(std::move(inner)), k(k), bit(bit) {}
  uint32_t rank() const override { return inner->rank(); }
  uint32_t numRanks() const override { return inner->numRanks(); }
  std::string name() const override { return inner->name(); }
  size_t preferredPayload() const override { return inner->preferredPayload(); }
  Status open(FrameReceiver &receiver, std::chrono::milliseconds timeout,
              const std::stop_token &stop) override {
    return inner->open(receiver, timeout, stop);
  }
  void send(uint32_t peer, const FrameHeader &header, std::span<const std::byte> payload,
            SentListener *sent) override {
    if (header.kind != FrameKind::Data || payload.empty() || count.fetch_add(1) != k)
      return inner->send(peer, header, payload, sent);
    std::vector<std::byte> damaged(payload.begin(), payload.end());
    damaged[bit / 8 % damaged.size()] ^= std::byte(1 << bit % 8);
    inner->send(peer, header, damaged, nullptr);
    if (sent)
      sent->onSent();
  }
  void close() override { inner->close(); }

private:
  std::unique_ptr<Transport> inner;
  std::atomic<uint32_t> count{0};
  const uint32_t k, bit;
};

/// Runs all-reduces until one fails or all are done; every result is checked.
Status runReductions(GroupCommunicator &communicator, uint32_t rank, uint32_t n, int steps) {
  constexpr size_t count = 20000;
  std::vector<uint32_t> group(n);
  for (uint32_t i = 0; i < n; ++i)
    group[i] = i;
  std::vector<float> from(count), to(count);
  for (int step = 0; step < steps; ++step) {
    for (size_t i = 0; i < count; ++i)
      from[i] = float((i + size_t(step)) % 101) + float(rank);
    const auto run = [&]() -> Status {
      WEFT_RETURN_IF_ERROR(communicator.beginRun());
      WEFT_RETURN_IF_ERROR(
          communicator.start({program::Collective::AllReduce, program::Combine::Sum, DType::F32, group, 3,
                              reinterpret_cast<const std::byte *>(from.data()),
                              reinterpret_cast<std::byte *>(to.data()), int64_t(count)}));
      return communicator.wait(3);
    };
    if (const Status status = run(); !status.isOk()) {
      communicator.abort(status);
      return status;
    }
    for (size_t i = 0; i < count; ++i) {
      const float wanted = float(n) * float((i + size_t(step)) % 101) + float(n * (n - 1) / 2);
      if (to[i] != wanted)
        return internalError("WRONG RESULT: element ", i, " is ", to[i], ", wanted ", wanted);
    }
  }
  return Status::ok();
}

class Faults : public testing::TestWithParam<TransportKind> {};

TEST_P(Faults, EveryFlippedBitIsFound) {
  const Watchdog watchdog(300);
  for (int seed = 0; seed < numSeeds(10, 100); ++seed) {
    std::mt19937 random{unsigned(seed)};
    auto transports = GetParam().make(3);
    const uint32_t culprit = random() % 3;
    transports[culprit] =
        std::make_unique<FlippingTransport>(std::move(transports[culprit]), random() % 20, random());
    std::vector<Status> statuses(3);
    onAllRanks(3, [&](uint32_t rank) {
      const auto communicator = *GroupCommunicator::create(std::move(transports[rank]));
      statuses[rank] = runReductions(*communicator, rank, 3, 30);
    });
    for (const Status &status : statuses) {
      EXPECT_EQ(status.code(), Code::DataLoss) << "seed " << seed << ": " << status;
      EXPECT_NE(status.message().find(concat("from rank ", culprit)), std::string::npos) << status;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Transports, Faults, testing::ValuesIn(transportKinds()),
                         [](const auto &info) { return info.param.name; });

/// Takes nothing any more after `k` frames: its reading thread stands still, as in a stopped process.
class DeafReceiver final : public FrameReceiver {
public:
  DeafReceiver(FrameReceiver &inner, uint32_t k, const std::atomic<bool> &isOver)
      : inner(inner), k(k), isOver(isOver) {}
  void onFrame(uint32_t peer, const FrameHeader &header, Pieces payload) override {
    while (count.fetch_add(1) >= k && !isOver)
      std::this_thread::sleep_for(1ms);
    inner.onFrame(peer, header, payload);
  }
  void onClosed(uint32_t peer, const Status &why) override { inner.onClosed(peer, why); }

private:
  FrameReceiver &inner;
  const uint32_t k;
  const std::atomic<bool> &isOver;
  std::atomic<uint32_t> count{0};
};
class DeafTransport final : public Transport {
public:
  DeafTransport(std::unique_ptr<Transport> inner, uint32_t k, const std::atomic<bool> &isOver)
      : inner(std::move(inner)), k(k), isOver(isOver) {}
  uint32_t rank() const override { return inner->rank(); }
  uint32_t numRanks() const override { return inner->numRanks(); }
  std::string name() const override { return inner->name(); }
  Status open(FrameReceiver &receiver, std::chrono::milliseconds timeout,
              const std::stop_token &stop) override {
    deaf = std::make_unique<DeafReceiver>(receiver, k, isOver);
    return inner->open(*deaf, timeout, stop);
  }
  void send(uint32_t peer, const FrameHeader &header, std::span<const std::byte> payload,
            SentListener *sent) override {
    inner->send(peer, header, payload, sent);
  }
  void close() override { inner->close(); }

private:
  std::unique_ptr<Transport> inner;
  std::unique_ptr<DeafReceiver> deaf;
  const uint32_t k;
  const std::atomic<bool> &isOver;
};

TEST(SharedMemory, APeerThatTakesNothingDoesNotHoldUpTheOthers) {
  const Watchdog watchdog;
  const TransportKind kind = transportKinds()[1];
  ASSERT_EQ(kind.name, "shm");
  for (const uint32_t k : {3u, 8u, 20u}) {
    auto transports = kind.make(3);
    std::atomic<bool> isOver{false};
    std::atomic<int> numEnded{0};
    transports[2] = std::make_unique<DeafTransport>(std::move(transports[2]), k, isOver);
    CommunicatorOptions options;
    options.heartbeat = 20ms;
    options.deadAfter = 300ms;
    onAllRanks(3, [&](uint32_t rank) {
      CommunicatorOptions mine = options;
      if (rank == 2)
        mine.heartbeat = 0ms;
      const auto communicator = *GroupCommunicator::create(std::move(transports[rank]), mine);
      // Fills the ring: what rank 2 does not read is more than there is room for.
      std::vector<std::byte> data(size_t(8) << 20);
      Status status = communicator->beginRun();
      if (status.isOk())
        status = rank == 2 ? communicator->receive(1, 0, data) : Status::ok();
      if (status.isOk() && rank == 0)
        status = communicator->send(1, 2, data);
      if (status.isOk() && rank != 1)
        status = communicator->wait(1);
      if (status.isOk())
        status = runReductions(*communicator, rank, 3, 100000);
      if (rank != 2) {
        EXPECT_EQ(status.code(), Code::Unavailable) << status;
        EXPECT_NE(status.message().find("rank 2 has not been heard of"), std::string::npos) << status;
      }
      communicator->abort(status);
      if (++numEnded == 2)
        isOver = true;
    });
  }
}

#ifdef WEFT_TEST_GRPC

TEST(Relay, CutsStallsAndFlipsEndTheJobOrLeaveItRight) {
  const Watchdog watchdog(600);
  int numEnded = 0, numRight = 0;
  const int seeds = numSeeds(20, 150);
  for (int seed = 0; seed < seeds; ++seed) {
    std::mt19937 random{unsigned(seed)};
    constexpr uint32_t n = 3;
    const GrpcLibrary &library = **grpcLibrary();
    std::vector<std::unique_ptr<GrpcTransport>> transports;
    RpcCredentials credentials;
    credentials.token[0] = 1;
    for (uint32_t rank = 0; rank < n; ++rank)
      transports.push_back(*library.makeTransport({rank, n, "127.0.0.1:0", credentials}));
    // All calls to rank 0 go through the relay.
    const std::string behind = transports[0]->address();
    Relay::Fault fault{Relay::Kind(random() % 4), random() % 3000000, int(random() % 2)};
    Relay relay(std::stoi(behind.substr(behind.rfind(':') + 1)), fault);
    std::vector<std::string> addresses;
    for (const auto &transport : transports)
      addresses.push_back(transport->address());
    addresses[0] = concat("127.0.0.1:", relay.port());
    for (auto &transport : transports)
      transport->setPeers(addresses);
    CommunicatorOptions options;
    options.heartbeat = 20ms;
    options.deadAfter = 400ms;
    options.connectTimeout = 1000ms;
    std::vector<Status> statuses(n);
    onAllRanks(n, [&](uint32_t rank) {
      auto communicator = GroupCommunicator::create(std::move(transports[rank]), options);
      statuses[rank] =
          communicator.isOk() ? runReductions(**communicator, rank, n, 40) : communicator.status();
    });
    for (const Status &status : statuses)
      EXPECT_EQ(status.message().find("WRONG RESULT"), std::string::npos)
          << "seed " << seed << ": " << status;
    const bool isRight = statuses[0].isOk() && statuses[1].isOk() && statuses[2].isOk();
    (isRight ? numRight : numEnded) += 1;
    if (!isRight)
      for (const Status &status : statuses)
        if (!status.isOk())
          EXPECT_NE(status.message().find("rank "), std::string::npos) << "seed " << seed << ": " << status;
  }
  EXPECT_EQ(numRight + numEnded, seeds);
  EXPECT_GT(numEnded, seeds / 4) << "the faults came too late to matter";
}

#endif

} // namespace
