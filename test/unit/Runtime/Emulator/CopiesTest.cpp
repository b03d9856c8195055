// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tensor maps and copies: boxes of every rank and swizzle against plain loops, also over the edges;
// mbarriers; the order of copies in flight.
#include "HandKernels.h"

#include "weft/Runtime/Emulator/TensorMap.h"

#include <gmock/gmock.h>
#include <random>

using namespace weft;
using namespace weft::runtime::emulator;
using testing::AllOf;
using testing::HasSubstr;

namespace {

struct CopyPlan {
  int32_t coordinates[5];
  uint32_t rank, bytes, reduce;
};

constexpr size_t barrierAt = 32768;

/// Loads a box into shared memory, gives it out as it lies there, and stores it through a second map.
void moveBox(E e, void *const *params) {
  const auto &plan = *parameter<const CopyPlan *>(params, 2);
  auto *y = parameter<uint8_t *>(params, 3);
  const WeftEmulatorFunctions *f = e->functions;
  void *bar = e->shared + barrierAt;
  if (tid(e) == 0) {
    f->mbarrierInit(e, bar, 1, WEFT_SITE("init"));
    f->fence(e, WEFT_FENCE_MBARRIER_INIT, WEFT_SITE("fence"));
    f->mbarrierArrive(e, bar, 1, plan.bytes, 0, WEFT_SITE("arrive"));
    f->tensorLoad(e, e->shared, params[0], bar, plan.rank, plan.coordinates, 0, WEFT_SITE("load"));
  }
  f->barrier(e, 0, 0, WEFT_SITE("barrier"));
  f->mbarrierWait(e, bar, 0, WEFT_WAIT_PARITY | WEFT_WAIT_BLOCK, WEFT_SITE("wait"));
  for (uint32_t i = tid(e); i < plan.bytes; i += 32)
    storeTo(e, y + i, loadFrom(e, e->shared + i, WEFT_SITE("load")), WEFT_SITE("store"));
  f->barrier(e, 0, 0, WEFT_SITE("barrier"));
  if (tid(e) == 0) {
    f->tensorStore(e, params[1], e->shared, plan.rank, plan.coordinates, plan.reduce, WEFT_SITE("store"));
    f->bulkCommit(e, WEFT_SITE("commit"));
    f->bulkWait(e, 0, 0, WEFT_SITE("wait"));
  }
}

struct Box {
  std::vector<uint64_t> extents;
  std::vector<uint32_t> boxes;
  std::vector<int32_t> at;
  Swizzle swizzle;
};

/// The box of a tensor of u16, row-major with the first dimension innermost; zero outside.
std::vector<uint16_t> boxOf(const std::vector<uint16_t> &tensor, const Box &box) {
  std::vector<uint16_t> result;
  size_t total = 1;
  for (uint32_t extent : box.boxes)
    total *= extent;
  for (size_t i = 0; i < total; ++i) {
    size_t rest = i, offset = 0, stride = 1;
    bool isInside = true;
    for (size_t d = 0; d < box.boxes.size(); ++d) {
      int64_t at = int64_t(rest % box.boxes[d]) + box.at[d];
      rest /= box.boxes[d];
      isInside &= at >= 0 && at < int64_t(box.extents[d]);
      offset += size_t(at) * stride;
      stride *= box.extents[d];
    }
    result.push_back(isInside ? tensor[offset] : 0);
  }
  return result;
}

TEST(Copies, MoveBoxesOfEveryRankAndSwizzle) {
  const std::vector<Box> boxes = {
      {{64}, {16}, {8}, Swizzle::None},
      {{64}, {16}, {-3}, Swizzle::None},
      {{64}, {16}, {57}, Swizzle::None},
      {{64, 10}, {64, 4}, {0, 3}, Swizzle::Bytes128},
      {{64, 10}, {32, 8}, {40, -2}, Swizzle::Bytes64},
      {{64, 10}, {16, 16}, {3, 1}, Swizzle::Bytes32},
      {{16, 5, 7}, {16, 3, 2}, {0, 4, 6}, Swizzle::Bytes32},
      {{16, 4, 3, 5}, {8, 2, 2, 3}, {5, 1, -1, 3}, Swizzle::None},
      {{8, 3, 4, 2, 3}, {8, 2, 2, 2, 2}, {0, 2, 1, 0, 2}, Swizzle::None},
  };
  for (size_t b = 0; b < boxes.size(); ++b)
    for (const EmulatorOptions &options : allSchedules()) {
      SCOPED_TRACE(b);
      const Box &box = boxes[b];
      Device device(options);
      size_t total = 1, bytes = 2;
      for (uint64_t extent : box.extents)
        total *= extent;
      for (uint32_t extent : box.boxes)
        bytes *= extent;
      std::vector<uint16_t> values(total);
      for (size_t i = 0; i < total; ++i)
        values[i] = uint16_t(i + 1);
      auto *x = device.array(values, "x");
      auto *z = device.array(std::vector<uint16_t>(total, 7), "z");
      auto *y = device.fresh<uint8_t>(bytes, "y");
      CopyPlan plan{{}, uint32_t(box.extents.size()), uint32_t(bytes), WEFT_REDUCE_NONE};
      std::copy(box.at.begin(), box.at.end(), plan.coordinates);
      auto *planOnDevice = device.array(std::vector<CopyPlan>{plan}, "plan");
      std::vector<uint64_t> strides;
      uint64_t stride = 2;
      for (size_t d = 0; d + 1 < box.extents.size(); ++d)
        strides.push_back(stride *= box.extents[d]);
      auto from = encodeTensorMap(WEFT_U16, x, box.extents, strides, box.boxes, box.swizzle);
      auto to = encodeTensorMap(WEFT_U16, z, box.extents, strides, box.boxes, box.swizzle);
      ASSERT_TRUE(from.isOk()) << from.status();
      ASSERT_TRUE(to.isOk()) << to.status();
      std::vector<KernelParameter> parameters = {
          {&*from, sizeof *from}, {&*to, sizeof *to}, {&planOnDevice, 8}, {&y, 8}};
      LaunchShape shape;
      shape.block[0] = 32;
      shape.sharedBytes = barrierAt + 8;
      Status status = device.emulator.launch(moveBox, shape, parameters, "move");
      ASSERT_TRUE(status.isOk()) << status;
      std::vector<uint16_t> wanted = boxOf(values, box);
      for (size_t i = 0; i < wanted.size(); ++i) {
        uint16_t found;
        std::memcpy(&found, y + swizzleOffset(box.swizzle, i * 2), 2);
        EXPECT_EQ(found, wanted[i]) << i;
      }
      // What lies inside has gone to the same place, the rest is as it was.
      std::vector<uint16_t> stored(z, z + total), untouched(total, 7);
      EXPECT_EQ(boxOf(stored, box), wanted);
      size_t changed = 0;
      for (size_t i = 0; i < total; ++i)
        changed += stored[i] != 7 || values[i] == 7;
      EXPECT_GE(changed,
                size_t(std::count_if(wanted.begin(), wanted.end(), [](uint16_t v) { return v != 0; })));
    }
}

TEST(Copies, StoresCanReduce) {
  for (auto [kind, wanted] : {std::pair(WEFT_REDUCE_ADD, 12), std::pair(WEFT_REDUCE_SMAX, 7),
                              std::pair(WEFT_REDUCE_SMIN, 5), std::pair(WEFT_REDUCE_XOR, 5 ^ 7)}) {
    Device device;
    auto *x = device.array(std::vector<int32_t>(8, 5), "x"),
         *z = device.array(std::vector<int32_t>(8, 7), "z");
    auto *y = device.fresh<uint8_t>(32, "y");
    auto *plan = device.array(std::vector<CopyPlan>{{{}, 1, 32, uint32_t(kind)}}, "plan");
    uint64_t extent = 8;
    uint32_t box = 8;
    auto from = encodeTensorMap(WEFT_S32, x, std::span(&extent, 1), {}, std::span(&box, 1), Swizzle::None);
    auto to = encodeTensorMap(WEFT_S32, z, std::span(&extent, 1), {}, std::span(&box, 1), Swizzle::None);
    std::vector<KernelParameter> parameters = {
        {&*from, sizeof *from}, {&*to, sizeof *to}, {&plan, 8}, {&y, 8}};
    LaunchShape shape;
    shape.block[0] = 32;
    shape.sharedBytes = barrierAt + 8;
    Status status = device.emulator.launch(moveBox, shape, parameters, "move");
    ASSERT_TRUE(status.isOk()) << status;
    EXPECT_EQ(z[3], wanted);
  }
}

TEST(TensorMap, RefusesWhatTheDriverRefuses) {
  alignas(16) static char memory[64];
  auto encode = [&](std::vector<uint64_t> extents, std::vector<uint64_t> strides, std::vector<uint32_t> boxes,
                    Swizzle swizzle = Swizzle::None, size_t shift = 0) {
    return encodeTensorMap(WEFT_F16, memory + shift, extents, strides, boxes, swizzle).status().message();
  };
  EXPECT_EQ(encode({64, 4}, {128}, {64, 2}, Swizzle::Bytes128), "");
  EXPECT_THAT(encode({64, 4}, {128}, {64, 2}, Swizzle::Bytes64),
              HasSubstr("rows have 128 bytes, wanted 64 at most"));
  EXPECT_THAT(encode({64, 4}, {120}, {64, 2}), HasSubstr("stride of 120 bytes"));
  EXPECT_THAT(encode({64, 4}, {}, {64, 2}), HasSubstr("rank 2 with 0 strides"));
  EXPECT_THAT(encode({64, 4}, {128}, {64, 257}), HasSubstr("box of 257 in dimension 1"));
  EXPECT_THAT(encode({64, 0}, {128}, {64, 2}), HasSubstr("extent 0"));
  EXPECT_THAT(encode({64}, {}, {4}), HasSubstr("rows have 8 bytes, wanted a multiple of 16"));
  EXPECT_THAT(encode({64}, {}, {8}, Swizzle::None, 8), HasSubstr("not a multiple of 16"));
}

TEST(TensorMap, SwizzlesArePermutations) {
  for (Swizzle swizzle : {Swizzle::None, Swizzle::Bytes32, Swizzle::Bytes64, Swizzle::Bytes128}) {
    std::vector<bool> seen(4096);
    for (uint64_t at = 0; at < 4096; ++at) {
      uint64_t to = swizzleOffset(swizzle, at);
      ASSERT_LT(to, 4096u);
      EXPECT_FALSE(seen[to]);
      seen[to] = true;
      EXPECT_EQ(swizzleOffset(swizzle, to), at);
    }
  }
}

/// Thread 0 arrives too often.
void arriveTwice(E e, void *const *) {
  if (tid(e) != 0)
    return;
  e->functions->mbarrierInit(e, e->shared, 2, WEFT_SITE("init"));
  e->functions->mbarrierArrive(e, e->shared, 3, 0, 0, WEFT_SITE("arrive"));
}
void useWithoutInit(E e, void *const *) {
  e->functions->mbarrierArrive(e, e->shared, 1, 0, 0, WEFT_SITE("arrive"));
}
void initTwice(E e, void *const *) {
  e->functions->mbarrierInit(e, e->shared, 1, WEFT_SITE("init"));
  e->functions->mbarrierInit(e, e->shared, 1, WEFT_SITE("init"));
}
void initAgain(E e, void *const *) {
  e->functions->mbarrierInit(e, e->shared, 1, WEFT_SITE("init"));
  e->functions->mbarrierInvalidate(e, e->shared, WEFT_SITE("inval"));
  e->functions->mbarrierInit(e, e->shared, 1, WEFT_SITE("init"));
}
/// Asks in a loop for something that never comes.
void spin(E e, void *const *) {
  e->functions->mbarrierInit(e, e->shared, 1, WEFT_SITE("init"));
  while (!e->functions->mbarrierWait(e, e->shared, 0, WEFT_WAIT_PARITY, WEFT_SITE("test")))
    ;
}
/// Asks in a loop for something that comes.
void spinUntil(E e, void *const *params) {
  if (tid(e) == 0)
    e->functions->mbarrierInit(e, e->shared, 32, WEFT_SITE("init"));
  e->functions->barrier(e, 0, 0, WEFT_SITE("barrier"));
  if (tid(e) < 32) {
    storeTo(e, sharedArray<int>(e, 8) + tid(e), int(tid(e)), WEFT_SITE("store"));
    e->functions->mbarrierArrive(e, e->shared, 1, 0, 0, WEFT_SITE("arrive"));
    return;
  }
  while (!e->functions->mbarrierWait(e, e->shared, 0, WEFT_WAIT_PARITY, WEFT_SITE("test")))
    ;
  storeTo(e, parameter<int *>(params, 0) + tid(e) - 32,
          loadFrom(e, sharedArray<int>(e, 8) + tid(e) - 32, WEFT_SITE("load")), WEFT_SITE("store"));
}

TEST(Mbarriers, KeepTheirRules) {
  Device device;
  auto run = [&](KernelEntry kernel, uint32_t threads) {
    return device.launch(kernel, 1, threads, {}, 256).message();
  };
  EXPECT_THAT(run(arriveTwice, 32),
              AllOf(HasSubstr("MBARRIER"), HasSubstr("arrives 3 times"), HasSubstr("2 of 2")));
  EXPECT_THAT(run(useWithoutInit, 1), HasSubstr("which was not initialised"));
  EXPECT_THAT(run(initTwice, 1), HasSubstr("where an mbarrier lies"));
  EXPECT_EQ(run(initAgain, 1), "");
  EXPECT_THAT(run(spin, 1), AllOf(HasSubstr("DEADLOCK"), HasSubstr("asks for ever in test")));
  for (const EmulatorOptions &options : allSchedules()) {
    Device other(options);
    auto *y = other.fresh<int>(32, "y");
    Status status = other.launch(spinUntil, 1, 64, {bits(y)}, 256);
    EXPECT_TRUE(status.isOk()) << status;
    EXPECT_EQ(y[31], 31);
  }
}

/// Bulk copies without a tensor map, there and back.
void bulk(E e, void *const *params) {
  const WeftEmulatorFunctions *f = e->functions;
  void *bar = e->shared + 64;
  if (tid(e) != 0)
    return;
  f->mbarrierInit(e, bar, 1, WEFT_SITE("init"));
  f->fence(e, WEFT_FENCE_PROXY_ASYNC, WEFT_SITE("fence"));
  f->mbarrierArrive(e, bar, 1, 64, 0, WEFT_SITE("arrive"));
  f->bulkLoad(e, e->shared, parameter<void *>(params, 0), bar, 64, 0, WEFT_SITE("load"));
  f->mbarrierWait(e, bar, 0, WEFT_WAIT_PARITY | WEFT_WAIT_BLOCK, WEFT_SITE("wait"));
  f->bulkStore(e, parameter<void *>(params, 1), e->shared, 64, WEFT_SITE("store"));
  f->bulkCommit(e, WEFT_SITE("commit"));
  f->bulkWait(e, 0, 1, WEFT_SITE("wait"));
}

TEST(Copies, MoveBytesWithoutAMap) {
  for (const EmulatorOptions &options : allSchedules()) {
    Device device(options);
    auto *x = device.array<int>({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, "x");
    auto *y = device.fresh<int>(16, "y");
    Status status = device.launch(bulk, 1, 32, {bits(x), bits(y)}, 128);
    EXPECT_TRUE(status.isOk()) << status;
    EXPECT_EQ(y[15], 16);
  }
}

/// cp.async that an mbarrier tracks.
void trackedCopy(E e, void *const *params) {
  const WeftEmulatorFunctions *f = e->functions;
  void *bar = e->shared + 512;
  if (tid(e) == 0)
    f->mbarrierInit(e, bar, 32, WEFT_SITE("init"));
  f->barrier(e, 0, 0, WEFT_SITE("barrier"));
  auto *x = parameter<const int *>(params, 0);
  f->copyAsync(e, e->shared + tid(e) * 4, x + tid(e), 4, tid(e) < 30 ? 4 : 0, WEFT_SITE("cp.async"));
  f->copyAsyncArrive(e, bar, 1, WEFT_SITE("arrive"));
  f->mbarrierWait(e, bar, 0, WEFT_WAIT_PARITY | WEFT_WAIT_BLOCK, WEFT_SITE("wait"));
  storeTo(e, parameter<int *>(params, 1) + tid(e),
          loadFrom(e, sharedArray<int>(e) + (tid(e) ^ 1), WEFT_SITE("load")), WEFT_SITE("store"));
}

TEST(Copies, MbarriersTrackCopiesOfThreads) {
  for (const EmulatorOptions &options : allSchedules()) {
    Device device(options);
    std::vector<int> values(32);
    for (int i = 0; i < 32; ++i)
      values[size_t(i)] = i + 1;
    auto *x = device.array(values, "x");
    auto *y = device.fresh<int>(32, "y");
    Status status = device.launch(trackedCopy, 1, 32, {bits(x), bits(y)}, 1024);
    EXPECT_TRUE(status.isOk()) << status;
    EXPECT_EQ(y[0], 2);
    EXPECT_EQ(y[28], 30);
    EXPECT_EQ(y[31], 0) << "the rest of a copy is zero";
  }
}

} // namespace
