// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Launches: barriers, lanes, schedules, and what the checks of memory find.
#include "HandKernels.h"

#include <gmock/gmock.h>

using namespace weft;
using namespace weft::runtime::emulator;
using testing::AllOf;
using testing::HasSubstr;

namespace {

/// y[block] = the sum of 64 values: lanes first, then shared memory.
void sum(E e, void *const *params) {
  auto *x = parameter<const float *>(params, 0);
  auto *y = parameter<float *>(params, 1);
  float value = loadFrom(e, x + ctaid(e) * 64 + tid(e), WEFT_SITE("load"));
  for (uint32_t offset = 16; offset; offset /= 2) {
    uint32_t bits;
    std::memcpy(&bits, &value, 4);
    auto other =
        uint32_t(e->functions->shuffle(e, ~0u, WEFT_SHUFFLE_BFLY, bits, offset, 31, WEFT_SITE("shfl")));
    float theirs;
    std::memcpy(&theirs, &other, 4);
    value += theirs;
  }
  auto *shared = sharedArray<float>(e);
  if (tid(e) % 32 == 0)
    storeTo(e, shared + tid(e) / 32, value, WEFT_SITE("store"));
  e->functions->barrier(e, 0, 0, WEFT_SITE("barrier"));
  if (tid(e) == 0)
    storeTo(e, y + ctaid(e),
            loadFrom(e, shared, WEFT_SITE("load")) + loadFrom(e, shared + 1, WEFT_SITE("load")),
            WEFT_SITE("store"));
}

TEST(Launch, GivesTheSameBitsUnderAllSchedules) {
  for (const EmulatorOptions &options : allSchedules()) {
    Device device(options);
    std::vector<float> values(256);
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = float(i % 13);
    auto *x = device.array(values, "x");
    auto *y = device.fresh<float>(4, "y");
    Status status = device.launch(sum, 4, 64, {bits(x), bits(y)}, 8);
    ASSERT_TRUE(status.isOk()) << status;
    for (size_t block = 0; block < 4; ++block) {
      float wanted = 0;
      for (size_t i = 0; i < 64; ++i)
        wanted += values[block * 64 + i];
      EXPECT_EQ(y[block], wanted);
    }
    EXPECT_EQ(device.emulator.isInitialised(y, 16), options.checks);
  }
}

void exchangeWithoutBarrier(E e, void *const *) {
  auto *shared = sharedArray<int>(e);
  storeTo(e, shared + tid(e), int(tid(e)), WEFT_SITE("store"));
  loadFrom(e, shared + (tid(e) ^ 1), WEFT_SITE("load"));
}

TEST(Launch, FindsARaceUnderEverySchedule) {
  for (const EmulatorOptions &options : allSchedules()) {
    if (!options.checks)
      continue;
    Device device(options);
    Status status = device.launch(exchangeWithoutBarrier, 1, 64, {}, 256);
    EXPECT_EQ(status.code(), Code::FailedPrecondition);
    EXPECT_THAT(status.message(),
                AllOf(HasSubstr("hand:"), HasSubstr("RACE"), HasSubstr("nothing orders the two")));
  }
}

void exchangeWithBarrier(E e, void *const *) {
  auto *shared = sharedArray<int>(e);
  storeTo(e, shared + tid(e), int(tid(e)), WEFT_SITE("store"));
  e->functions->barrier(e, 0, 0, WEFT_SITE("barrier"));
  loadFrom(e, shared + (tid(e) ^ 1), WEFT_SITE("load"));
}

TEST(Launch, BarriersOrderAccesses) {
  for (const EmulatorOptions &options : allSchedules()) {
    Device device(options);
    Status status = device.launch(exchangeWithBarrier, 1, 64, {}, 256);
    EXPECT_TRUE(status.isOk()) << status;
  }
}

/// Bytes side by side, each written by another thread: no race.
void writeBytes(E e, void *const *params) {
  storeTo(e, parameter<uint8_t *>(params, 0) + ctaid(e) * 32 + tid(e), uint8_t(1), WEFT_SITE("store"));
}

TEST(Launch, NeighbouringBytesAreNoRace) {
  Device device;
  auto *y = device.fresh<uint8_t>(128, "y");
  Status status = device.launch(writeBytes, 4, 32, {bits(y)});
  EXPECT_TRUE(status.isOk()) << status;
  EXPECT_TRUE(device.emulator.isInitialised(y, 128));
}

void writeSame(E e, void *const *params) {
  storeTo(e, parameter<int *>(params, 0), int(ctaid(e)), WEFT_SITE("store"));
}

TEST(Launch, FindsRacesBetweenBlocks) {
  Device device;
  auto *y = device.fresh<int>(1, "y");
  Status status = device.launch(writeSame, 2, 1, {bits(y)});
  EXPECT_THAT(status.message(), AllOf(HasSubstr("RACE"), HasSubstr("'y' at byte 0"),
                                      HasSubstr("thread 0 of block 0"), HasSubstr("thread 0 of block 1")));
  // Launches follow each other: no race between them.
  EXPECT_TRUE(device.launch(writeSame, 1, 1, {bits(y)}).isOk());
  EXPECT_TRUE(device.launch(writeSame, 1, 1, {bits(y)}).isOk());
}

/// The last block to count reads what the others wrote.
void lastBlock(E e, void *const *params) {
  auto *partial = parameter<int *>(params, 0), *counter = parameter<int *>(params, 1),
       *y = parameter<int *>(params, 2);
  bool isFenced = parameter<int64_t>(params, 3);
  storeTo(e, partial + ctaid(e), int(ctaid(e)) + 1, WEFT_SITE("store"));
  if (isFenced)
    e->functions->fence(e, WEFT_FENCE_MEMORY, WEFT_SITE("fence"));
  uint32_t kind = WEFT_ACCESS_READ | WEFT_ACCESS_WRITE | WEFT_ACCESS_ATOMIC;
  auto *at = static_cast<int *>(e->functions->access(e, counter, 4, 4, kind, WEFT_SITE("atomicrmw")));
  if ((*at)++ != 3)
    return;
  if (isFenced)
    e->functions->fence(e, WEFT_FENCE_MEMORY, WEFT_SITE("fence"));
  int total = 0;
  for (int i = 0; i < 4; ++i)
    total += loadFrom(e, partial + i, WEFT_SITE("load"));
  storeTo(e, y, total, WEFT_SITE("store"));
}

TEST(Launch, FencesAndAtomicsOrderBlocks) {
  for (int64_t isFenced : {1, 0}) {
    Device device;
    auto *partial = device.fresh<int>(4, "partial");
    auto *counter = device.array<int>({0}, "counter");
    auto *y = device.fresh<int>(1, "y");
    Status status =
        device.launch(lastBlock, 4, 1, {bits(partial), bits(counter), bits(y), uint64_t(isFenced)});
    EXPECT_EQ(status.isOk(), isFenced == 1) << status;
    EXPECT_EQ(*y, 10);
    if (!isFenced) {
      EXPECT_THAT(status.message(), AllOf(HasSubstr("RACE"), HasSubstr("'partial'")));
    }
  }
}

void readAt(E e, void *const *params) {
  auto *x = parameter<const char *>(params, 0);
  int value =
      loadFrom(e, reinterpret_cast<const int *>(x + parameter<int64_t>(params, 1)), WEFT_SITE("load"));
  storeTo(e, parameter<int *>(params, 2), value, WEFT_SITE("store"));
}

TEST(Launch, ChecksBoundsAlignmentAndFirstWrites) {
  Device device;
  auto *x = device.array<int>({1, 2, 3, 4}, "x");
  auto *y = device.fresh<int>(1, "y");
  auto run = [&](int64_t offset) {
    return device.launch(readAt, 1, 1, {bits(x), uint64_t(offset), bits(y)}).message();
  };
  EXPECT_EQ(run(12), "");
  EXPECT_EQ(*y, 4);
  EXPECT_THAT(run(16),
              AllOf(HasSubstr("OUT OF BOUNDS"), HasSubstr("thread 0 of block 0 reads 4 bytes 0 bytes after "
                                                          "the end of 'x' of 16 bytes")));
  EXPECT_THAT(run(-4), HasSubstr("4 bytes before 'x'"));
  EXPECT_THAT(run(int64_t(1) << 40), HasSubstr("outside all memory"));
  EXPECT_THAT(run(2), AllOf(HasSubstr("MISALIGNED"), HasSubstr("2 more than a multiple of 4")));
  auto *z = device.fresh<int>(1, "z");
  EXPECT_THAT(device.launch(readAt, 1, 1, {bits(z), 0, bits(y)}).message(),
              AllOf(HasSubstr("UNINITIALISED"), HasSubstr("'z' at byte 0")));
  int unknown = 0;
  EXPECT_THAT(device.launch(readAt, 1, 1, {bits(&unknown), 0, bits(y)}).message(),
              HasSubstr("OUT OF BOUNDS"));
}

void readShared(E e, void *const *) { loadFrom(e, sharedArray<int>(e, 4), WEFT_SITE("load")); }

TEST(Launch, SharedMemoryStartsUnwrittenInEveryBlock) {
  Device device;
  EXPECT_TRUE(device.launch(exchangeWithBarrier, 1, 64, {}, 256).isOk());
  EXPECT_THAT(device.launch(readShared, 1, 1, {}, 256).message(),
              AllOf(HasSubstr("UNINITIALISED"), HasSubstr("shared memory at offset 4")));
}

void someWait(E e, void *const *) {
  if (tid(e) < 32)
    e->functions->barrier(e, 1, 64, WEFT_SITE("barrier"));
  else
    e->functions->barrier(e, 2, 64, WEFT_SITE("barrier"));
}

TEST(Launch, TellsWhoWaitsInADeadlock) {
  for (const EmulatorOptions &options : allSchedules()) {
    Device device(options);
    std::string message = device.launch(someWait, 1, 64, {}).message();
    EXPECT_THAT(message, AllOf(HasSubstr("DEADLOCK"), HasSubstr("64 of 64 threads cannot go on"),
                               HasSubstr("barrier 1, where 32 of 64 threads are"),
                               HasSubstr("barrier 2, where 32 of 64 threads are")));
  }
}

void endedThreadsDoNotCount(E e, void *const *) {
  if (tid(e) >= 32)
    return;
  e->functions->barrier(e, 0, 0, WEFT_SITE("barrier"));
}

TEST(Launch, BarriersOfAllDoNotWaitForThreadsThatEnded) {
  for (const EmulatorOptions &options : allSchedules()) {
    Device device(options);
    EXPECT_TRUE(device.launch(endedThreadsDoNotCount, 2, 96, {}).isOk());
  }
}

void divergentLanes(E e, void *const *) {
  if (tid(e) < 16)
    e->functions->shuffle(e, ~0u, WEFT_SHUFFLE_IDX, 0, 0, 31, WEFT_SITE("shfl"));
  else
    e->functions->vote(e, ~0u, WEFT_VOTE_ANY, 0, WEFT_SITE("vote"));
}

TEST(Launch, FindsLanesInDifferentOps) {
  for (const EmulatorOptions &options : allSchedules()) {
    Device device(options);
    EXPECT_THAT(device.launch(divergentLanes, 1, 32, {}).message(),
                AllOf(HasSubstr("DIVERGENT"), HasSubstr("of the same warp waits in")));
  }
}

void divergentBarrier(E e, void *const *) {
  if (tid(e) == 3)
    e->functions->barrier(e, 0, 0, WEFT_SITE("barrier"));
  else
    e->functions->barrier(e, 0, 0, WEFT_SITE("barrier"));
}

TEST(Launch, FindsLanesInDifferentBarriers) {
  Device device;
  EXPECT_THAT(
      device.launch(divergentBarrier, 1, 32, {}).message(),
      AllOf(HasSubstr("DIVERGENT"), HasSubstr("all threads of a warp must execute the same barrier")));
}

TEST(Launch, RefusesImpossibleShapes) {
  Device device;
  EXPECT_THAT(device.launch(sum, 1, 1025, {}).message(),
              HasSubstr("blocks of 1025x1x1 threads, wanted 1 to 1024"));
  EXPECT_THAT(device.launch(sum, 1, 32, {}, 1 << 20).message(),
              HasSubstr("found 1048576 bytes of shared memory"));
  EXPECT_THAT(device.launch(sum, 3, 32, {}, 0, 2).message(),
              HasSubstr("clusters of 2 blocks in a grid of 3x1x1"));
  EXPECT_TRUE(device.launch(sum, 0, 32, {}).isOk());
}

TEST(Launch, ParsesSchedules) {
  EmulatorOptions options;
  EXPECT_TRUE(options.parseSchedule("random:17").isOk());
  EXPECT_EQ(options.seed, 17u);
  for (const char *bad : {"", "random", "random:", "random:x", "random:99999999999999999999999", "Fifo"})
    EXPECT_EQ(options.parseSchedule(bad).code(), Code::InvalidArgument) << bad;
}

} // namespace
