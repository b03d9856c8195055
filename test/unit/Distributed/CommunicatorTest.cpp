// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sessions that speak with each other, and what ends them: other programs, failures, ranks that leave or
// hang.
#include "Program/SamplePrograms.h"
#include "Ranks.h"
#include "weft/Program/Writer.h"
#include "weft/Runtime/Session.h"

#include <numeric>

using namespace weft;
using namespace weft::distributed;
using namespace weft::distributed::test;
using namespace std::chrono_literals;
using runtime::Executable;
using runtime::Session;
namespace samples = weft::program::samples;

namespace {

std::shared_ptr<const Executable> load(const program::Program &program) {
  const Result<std::string> file = program::serializeProgram(program);
  EXPECT_TRUE(file.isOk()) << file.status();
  return *Executable::load(std::as_bytes(std::span<const char>(*file)), nullptr);
}

std::unique_ptr<Session> sessionOf(const std::shared_ptr<const Executable> &executable,
                                   GroupCommunicator &communicator) {
  runtime::SessionOptions options;
  options.communicator = &communicator;
  return *Session::create(executable, options);
}

HostTensor inputOf(uint32_t rank) {
  std::vector<float> values(8);
  std::iota(values.begin(), values.end(), 10.0f * float(rank + 1));
  return *HostTensor::fromValues<float>({8}, values);
}

class Communicators : public testing::TestWithParam<TransportKind> {};

TEST_P(Communicators, SessionsRunAProgramTogether) {
  for (const auto &mesh : {std::vector<program::MeshAxis>{{"data", 1}},
                           {{"data", 2}},
                           {{"data", 2}, {"model", 2}},
                           {{"data", 8}}}) {
    const auto executable = load(samples::meshProgram(mesh));
    const uint32_t n = executable->program().numRanks;
    withCommunicators(GetParam(), n, {}, [&](uint32_t rank, GroupCommunicator &communicator) {
      const auto session = sessionOf(executable, communicator);
      for (int step = 1; step <= 20; ++step) {
        const auto outputs = session->run(std::vector<HostTensor>{inputOf(rank)});
        ASSERT_TRUE(outputs.isOk()) << outputs.status();
        const auto [sum, all, part, shifted, where] =
            std::tie((*outputs)[0], (*outputs)[1], (*outputs)[2], (*outputs)[3], (*outputs)[4]);
        for (uint32_t i = 0; i < 8; ++i) {
          float wanted = 0;
          for (uint32_t r = 0; r < n; ++r)
            wanted += inputOf(r).data<float>()[i];
          ASSERT_EQ(sum.data<float>()[i], wanted);
          ASSERT_EQ(shifted.data<float>()[i], inputOf((rank + n - 1) % n).data<float>()[i]);
        }
        for (uint32_t i = 0; i < 8 * n; ++i)
          ASSERT_EQ(all.data<float>()[i], inputOf(i / 8).data<float>()[i % 8]);
        for (uint32_t i = 0; i < 8 / n; ++i) {
          float wanted = 1;
          for (uint32_t r = 0; r < n; ++r)
            wanted *= inputOf(r).data<float>()[rank * (8 / n) + i];
          ASSERT_EQ(part.data<float>()[i], wanted);
        }
        EXPECT_EQ(where.data<int64_t>()[mesh.size() - 1], rank % mesh.back().size);
        EXPECT_EQ(where.data<int64_t>()[0], rank / (n / mesh[0].size));
        EXPECT_EQ(communicator.step(), uint64_t(step));
      }
    });
  }
}

TEST_P(Communicators, FailureOfOneEndsAllWithItsReason) {
  const auto executable = load(samples::twoRankProgram());
  std::atomic<Session *> waiting{nullptr};
  withCommunicators(GetParam(), 2, {}, [&](uint32_t rank, GroupCommunicator &communicator) {
    const auto session = sessionOf(executable, communicator);
    if (rank == 0)
      waiting = session.get();
    if (rank == 1) {
      while (!waiting || waiting.load()->progress().command.empty())
        std::this_thread::sleep_for(1ms);
      communicator.abort(invalidArgument("index 7 is not below 3"));
      return;
    }
    const Status status = session->run(std::vector<HostTensor>{inputOf(rank)}).status();
    EXPECT_EQ(status.code(), Code::InvalidArgument);
    EXPECT_NE(status.message().find("rank 1, step 0: index 7 is not below 3"), std::string::npos) << status;
    EXPECT_NE(status.message().find("(mesh.mlir:"), std::string::npos) << status;
    // It stays ended.
    EXPECT_FALSE(session->run(std::vector<HostTensor>{inputOf(rank)}).isOk());
    EXPECT_FALSE(communicator.failure().isOk());
  });
}

TEST_P(Communicators, ARankThatLeavesIsNamed) {
  const auto executable = load(samples::twoRankProgram());
  withCommunicators(GetParam(), 2, {}, [&](uint32_t rank, GroupCommunicator &communicator) {
    if (rank == 1)
      return; // its communicator goes
    const auto session = sessionOf(executable, communicator);
    const Status status = session->run(std::vector<HostTensor>{inputOf(rank)}).status();
    EXPECT_EQ(status.code(), Code::Unavailable) << status;
    EXPECT_NE(status.message().find("rank 1"), std::string::npos) << status;
  });
}

TEST_P(Communicators, ConnectingIsGivenUpWhenToldOrLate) {
  const Watchdog watchdog;
  for (const bool isTold : {false, true}) {
    auto transports = GetParam().make(3); // the last one never comes
    std::stop_source source;
    CommunicatorOptions options;
    options.connectTimeout = isTold ? 100000ms : 100ms;
    options.stop = source.get_token();
    std::thread teller([&] {
      std::this_thread::sleep_for(50ms);
      if (isTold)
        source.request_stop();
    });
    onAllRanks(2, [&](uint32_t rank) {
      const auto communicator = GroupCommunicator::create(std::move(transports[rank]), options);
      ASSERT_FALSE(communicator.isOk());
      EXPECT_EQ(communicator.status().code(), isTold ? Code::Cancelled : Code::DeadlineExceeded)
          << communicator.status();
    });
    teller.join();
  }
}

TEST_P(Communicators, ARankThatNeverOpensMayLeave) {
  const Watchdog watchdog;
  auto transports = GetParam().make(2);
  std::thread caller([&] {
    CommunicatorOptions options;
    options.connectTimeout = 300ms;
    const auto communicator = GroupCommunicator::create(std::move(transports[1]), options);
    if (!communicator.isOk())
      return; // no answer came
    // Over gRPC the connection stands before rank 0 opens.
    std::vector<std::byte> data(8);
    EXPECT_TRUE((*communicator)->beginRun().isOk());
    Status status = (*communicator)->receive(1, 0, data);
    if (status.isOk())
      status = (*communicator)->wait(1);
    EXPECT_EQ(status.code(), Code::Unavailable) << status;
    EXPECT_NE(status.message().find("rank 0"), std::string::npos) << status;
  });
  std::this_thread::sleep_for(100ms);
  transports[0].reset();
  caller.join();
}

TEST_P(Communicators, CollectivesThatDoNotMatchAreNamed) {
  for (const int difference : {0, 1, 2})
    withCommunicators(GetParam(), 2, {}, [&](uint32_t rank, GroupCommunicator &communicator) {
      std::vector<float> from(8, 1), to(16);
      const std::vector<uint32_t> group = {0, 1};
      runtime::CollectiveCall call{program::Collective::AllReduce,
                                   program::Combine::Sum,
                                   DType::F32,
                                   group,
                                   4,
                                   reinterpret_cast<const std::byte *>(from.data()),
                                   reinterpret_cast<std::byte *>(to.data()),
                                   8};
      if (rank == 1 && difference == 0)
        call.kind = program::Collective::AllGather;
      if (rank == 1 && difference == 1)
        call.count = 4;
      if (rank == 1 && difference == 2)
        call.dtype = DType::I32;
      Status status = communicator.beginRun();
      if (status.isOk())
        status = communicator.start(call);
      if (status.isOk())
        status = communicator.wait(4);
      EXPECT_EQ(status.code(), Code::FailedPrecondition) << status;
      EXPECT_NE(status.message().find("programs do not match: on channel 4"), std::string::npos) << status;
      communicator.abort(status);
    });
}

TEST_P(Communicators, AnotherJobIsRefused) {
  const Watchdog watchdog;
  auto transports = GetParam().make(2);
  onAllRanks(2, [&](uint32_t rank) {
    CommunicatorOptions options;
    options.job = rank;
    auto communicator = *GroupCommunicator::create(std::move(transports[rank]), options);
    std::vector<std::byte> data(8);
    Status status = communicator->beginRun();
    if (status.isOk())
      status = rank == 0 ? communicator->send(1, 1, data) : communicator->receive(1, 0, data);
    if (rank == 1 && status.isOk())
      status = communicator->wait(1);
    if (rank == 1) {
      EXPECT_EQ(status.code(), Code::FailedPrecondition) << status;
      EXPECT_NE(status.message().find("another job"), std::string::npos) << status;
    } else {
      std::this_thread::sleep_for(50ms);
    }
    communicator->abort(status.isOk() ? cancelled("over") : status);
  });
}

TEST_P(Communicators, ASilentRankIsDeclaredDead) {
  CommunicatorOptions options;
  options.heartbeat = 20ms;
  options.deadAfter = 200ms;
  const Watchdog watchdog;
  auto transports = GetParam().make(2);
  onAllRanks(2, [&](uint32_t rank) {
    CommunicatorOptions mine = options;
    if (rank == 1)
      mine.heartbeat = 0ms; // lives, says nothing
    auto communicator = *GroupCommunicator::create(std::move(transports[rank]), mine);
    if (rank == 1) {
      while (communicator->failure().isOk())
        std::this_thread::sleep_for(5ms);
      return;
    }
    std::vector<std::byte> data(8);
    EXPECT_TRUE(communicator->beginRun().isOk());
    EXPECT_TRUE(communicator->receive(1, 1, data).isOk());
    const Status status = communicator->wait(1);
    EXPECT_EQ(status.code(), Code::Unavailable) << status;
    EXPECT_NE(status.message().find("rank 1 has not been heard of for 0."), std::string::npos) << status;
    EXPECT_NE(communicator->flightRecord().find("send and receive has 0 of 8 bytes from rank 1"),
              std::string::npos)
        << communicator->flightRecord();
    communicator->abort(status);
  });
}

TEST_P(Communicators, ARankThatDoesNotMoveIsNamedWithItsCommand) {
  const Watchdog watchdog;
  auto transports = GetParam().make(2);
  onAllRanks(2, [&](uint32_t rank) {
    CommunicatorOptions options;
    options.heartbeat = 20ms;
    options.stallAfter = 200ms;
    options.progress = [] { return runtime::RunProgress{5, "endless loop"}; };
    auto communicator = *GroupCommunicator::create(std::move(transports[rank]), options);
    if (rank == 1) {
      while (communicator->failure().isOk())
        std::this_thread::sleep_for(5ms);
      return;
    }
    std::vector<std::byte> data(8);
    EXPECT_TRUE(communicator->beginRun().isOk());
    EXPECT_TRUE(communicator->receive(1, 1, data).isOk());
    const Status status = communicator->wait(1);
    EXPECT_NE(status.message().find("rank 1 lives but has not moved for 0."), std::string::npos) << status;
    EXPECT_NE(status.message().find("it is at 'endless loop'"), std::string::npos) << status;
    communicator->abort(status);
  });
}

TEST_P(Communicators, TheOrderOfStartsDoesNotMatter) {
  // Each rank starts in an order of its own and waits in another; large and small ones.
  withCommunicators(GetParam(), 3, {}, [&](uint32_t rank, GroupCommunicator &communicator) {
    constexpr uint32_t numChannels = 12;
    std::vector<std::vector<float>> from(numChannels), to(numChannels);
    const std::vector<uint32_t> group = {0, 1, 2};
    for (int step = 0; step < 10; ++step) {
      ASSERT_TRUE(communicator.beginRun().isOk());
      for (uint32_t i = 0; i < numChannels; ++i) {
        const uint32_t channel = (i * 5 + rank * 4 + uint32_t(step)) % numChannels;
        from[channel].assign(channel % 2 ? 50000 : 5, float(channel));
        to[channel].assign(from[channel].size(), 0);
        ASSERT_TRUE(
            communicator
                .start({program::Collective::AllReduce, program::Combine::Sum, DType::F32, group, channel,
                        reinterpret_cast<const std::byte *>(from[channel].data()),
                        reinterpret_cast<std::byte *>(to[channel].data()), int64_t(from[channel].size())})
                .isOk());
      }
      for (uint32_t i = 0; i < numChannels; ++i) {
        const uint32_t channel = (i * 7 + rank) % numChannels;
        const Status status = communicator.wait(channel);
        ASSERT_TRUE(status.isOk()) << status;
        ASSERT_EQ(to[channel].back(), 3 * float(channel));
      }
    }
  });
}

TEST_P(Communicators, CancelEndsARunThatWaits) {
  const auto executable = load(samples::twoRankProgram());
  withCommunicators(GetParam(), 2, {}, [&](uint32_t rank, GroupCommunicator &communicator) {
    if (rank == 1) {
      while (communicator.failure().isOk())
        std::this_thread::sleep_for(5ms);
      return;
    }
    const auto session = sessionOf(executable, communicator);
    std::thread canceller([&] {
      while (session->progress().command.empty())
        std::this_thread::sleep_for(1ms);
      std::this_thread::sleep_for(20ms);
      session->cancel();
    });
    EXPECT_EQ(session->run(std::vector<HostTensor>{inputOf(rank)}).code(), Code::Cancelled);
    canceller.join();
  });
}

INSTANTIATE_TEST_SUITE_P(Transports, Communicators, testing::ValuesIn(transportKinds()),
                         [](const auto &info) { return info.param.name; });

} // namespace
