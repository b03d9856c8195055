// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Collectives over every transport, with every algorithm, for 1 to 5 ranks and sizes around what is cut: all
// give the bits of values combined in group order.
#include "Ranks.h"

#include <cmath>
#include <cstring>
#include <random>

using namespace weft;
using namespace weft::distributed;
using namespace weft::distributed::test;
using program::Collective;
using program::Combine;
using runtime::CollectiveCall;

namespace {

using Bytes = std::vector<std::byte>;

/// What rank `rank` brings: floats whose sum depends on their order.
std::vector<float> valuesOf(uint32_t rank, size_t count) {
  std::mt19937 random(rank + 17);
  std::uniform_real_distribution<float> exponent(-20, 20), sign(-1, 1);
  std::vector<float> values(count);
  for (float &value : values)
    value = std::ldexp(sign(random), int(exponent(random)));
  return values;
}

struct Case {
  TransportKind kind;
  uint32_t numRanks;
  Algorithm algorithm;
};

class Collectives : public testing::TestWithParam<Case> {
protected:
  static constexpr size_t counts[] = {0, 1, 3, 60, 1000, 100020, 300000};

  /// Runs a collective of all ranks with f32s; result of each rank.
  std::vector<std::vector<float>> run(Collective collective, Combine combine, size_t count,
                                      size_t resultCount, std::vector<uint32_t> group) {
    std::vector<std::vector<float>> results(GetParam().numRanks);
    withCommunicators(GetParam().kind, GetParam().numRanks, {.algorithm = GetParam().algorithm},
                      [&](uint32_t rank, GroupCommunicator &communicator) {
                        const std::vector<float> from = valuesOf(rank, count);
                        std::vector<float> to(resultCount, -7.0f);
                        EXPECT_TRUE(communicator.beginRun().isOk());
                        for (int repeat = 0; repeat < 2; ++repeat) { // a channel is used again
                          CollectiveCall call{collective,
                                              combine,
                                              DType::F32,
                                              group,
                                              5,
                                              reinterpret_cast<const std::byte *>(from.data()),
                                              reinterpret_cast<std::byte *>(to.data()),
                                              int64_t(count)};
                          EXPECT_TRUE(communicator.start(call).isOk());
                          const Status status = communicator.wait(5);
                          EXPECT_TRUE(status.isOk()) << status;
                        }
                        results[rank] = to;
                      });
    return results;
  }
  std::vector<uint32_t> reversed() const {
    std::vector<uint32_t> group;
    for (uint32_t rank = GetParam().numRanks; rank-- > 0;)
      group.push_back(rank);
    return group;
  }
  static bool sameBits(const std::vector<float> &a, const std::vector<float> &b) {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * 4) == 0);
  }
};

TEST_P(Collectives, AllReduceAddsInGroupOrder) {
  const uint32_t n = GetParam().numRanks;
  for (const size_t count : counts) {
    const auto results = run(Collective::AllReduce, Combine::Sum, count, count, reversed());
    std::vector<float> wanted = valuesOf(n - 1, count);
    for (uint32_t rank = n - 1; rank-- > 0;) {
      const std::vector<float> values = valuesOf(rank, count);
      for (size_t i = 0; i < count; ++i)
        wanted[i] += values[i];
    }
    for (uint32_t rank = 0; rank < n; ++rank)
      EXPECT_TRUE(sameBits(results[rank], wanted)) << "rank " << rank << ", " << count << " elements";
  }
}

TEST_P(Collectives, ReduceScatterGivesEachItsPart) {
  const uint32_t n = GetParam().numRanks;
  for (const size_t part : {size_t(1), size_t(50), size_t(30000)}) {
    const size_t count = part * n;
    const std::vector<uint32_t> group = reversed();
    const auto results = run(Collective::ReduceScatter, Combine::Max, count, part, group);
    for (uint32_t member = 0; member < n; ++member)
      for (size_t i = 0; i < part; ++i) {
        float wanted = -INFINITY;
        for (uint32_t rank = 0; rank < n; ++rank)
          wanted = std::max(wanted, valuesOf(rank, count)[member * part + i]);
        ASSERT_EQ(results[group[member]][i], wanted) << member << " at " << i;
        if (part > 100)
          i += part / 7;
      }
  }
}

TEST_P(Collectives, AllGatherJoinsInGroupOrder) {
  const uint32_t n = GetParam().numRanks;
  for (const size_t count : counts) {
    const auto results = run(Collective::AllGather, Combine::Sum, count, count * n, reversed());
    std::vector<float> wanted;
    for (const uint32_t rank : reversed()) {
      const std::vector<float> values = valuesOf(rank, count);
      wanted.insert(wanted.end(), values.begin(), values.end());
    }
    for (uint32_t rank = 0; rank < n; ++rank)
      EXPECT_TRUE(sameBits(results[rank], wanted)) << "rank " << rank << ", " << count << " elements";
  }
}

TEST_P(Collectives, AllToAllTransposes) {
  const uint32_t n = GetParam().numRanks;
  for (const size_t part : {size_t(1), size_t(70), size_t(40000)}) {
    const std::vector<uint32_t> group = reversed();
    const auto results = run(Collective::AllToAll, Combine::Sum, part * n, part * n, group);
    for (uint32_t me = 0; me < n; ++me)
      for (uint32_t other = 0; other < n; ++other) {
        const std::vector<float> sent = valuesOf(group[other], part * n);
        EXPECT_EQ(std::memcmp(results[group[me]].data() + other * part, sent.data() + me * part, part * 4),
                  0);
      }
  }
}

TEST_P(Collectives, BroadcastGivesTheFirstMembersValue) {
  const uint32_t n = GetParam().numRanks;
  for (const size_t count : counts) {
    const auto results = run(Collective::Broadcast, Combine::Sum, count, count, reversed());
    for (uint32_t rank = 0; rank < n; ++rank)
      EXPECT_TRUE(sameBits(results[rank], valuesOf(n - 1, count))) << rank << ", " << count << " elements";
  }
}

std::vector<Case> allCases() {
  std::vector<Case> cases;
  for (const TransportKind &kind : transportKinds())
    for (const uint32_t n : {1u, 2u, 3u, 4u, 5u})
      for (const Algorithm algorithm : {Algorithm::Ring, Algorithm::Doubling})
        cases.push_back({kind, n, algorithm});
  return cases;
}
INSTANTIATE_TEST_SUITE_P(Transports, Collectives, testing::ValuesIn(allCases()), [](const auto &info) {
  return concat(info.param.kind.name, info.param.numRanks,
                info.param.algorithm == Algorithm::Ring ? "Ring" : "Doubling");
});

TEST(Combine, IntegersWrapBooleansAndNarrowFloats) {
  // Through one rank pair: what the loops do for each type is the same whatever carries them.
  const TransportKind kind = transportKinds()[0];
  const auto reduce = [&](DType dtype, Combine how, const auto &first, const auto &second) {
    auto result = first;
    withCommunicators(kind, 2, {}, [&](uint32_t rank, GroupCommunicator &communicator) {
      auto mine = rank == 0 ? first : second;
      const std::vector<uint32_t> group = {0, 1};
      auto *memory = reinterpret_cast<std::byte *>(mine.data()); // in place
      EXPECT_TRUE(communicator.beginRun().isOk());
      EXPECT_TRUE(
          communicator
              .start({Collective::AllReduce, how, dtype, group, 0, memory, memory, int64_t(mine.size())})
              .isOk());
      EXPECT_TRUE(communicator.wait(0).isOk());
      if (rank == 1)
        result = mine;
    });
    return result;
  };
  using I8 = std::vector<int8_t>;
  EXPECT_EQ(reduce(DType::I8, Combine::Sum, I8{100, -1}, I8{100, 2}), (I8{-56, 1}));
  EXPECT_EQ(reduce(DType::I8, Combine::Min, I8{100, -1}, I8{99, 2}), (I8{99, -1}));
  EXPECT_EQ(reduce(DType::I1, Combine::Max, I8{0, 1}, I8{0, 0}), (I8{0, 1}));
  EXPECT_EQ(reduce(DType::I1, Combine::Prod, I8{1, 1}, I8{1, 0}), (I8{1, 0}));
  using U64 = std::vector<uint64_t>;
  EXPECT_EQ(reduce(DType::UI64, Combine::Prod, U64{uint64_t(1) << 63}, U64{3}), (U64{uint64_t(1) << 63}));
  using U16 = std::vector<uint16_t>;
  EXPECT_EQ(reduce(DType::BF16, Combine::Sum, U16{0x3f80}, U16{0x4000}), (U16{0x4040})); // 1 + 2
  EXPECT_EQ(reduce(DType::F16, Combine::Prod, U16{0x4000}, U16{0x4200}), (U16{0x4600})); // 2 * 3
  using F64 = std::vector<double>;
  EXPECT_TRUE(std::isnan(reduce(DType::F64, Combine::Max, F64{NAN}, F64{1})[0]));
  EXPECT_TRUE(std::isnan(reduce(DType::F64, Combine::Min, F64{1}, F64{NAN})[0]));
}

} // namespace
