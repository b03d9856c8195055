// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What every device does: one contract, held against CUDA (over the driver made for tests) and the emulator.
#include "weft/Runtime/Device.h"

#include "FakeCuda.h"
#include "Program/SamplePrograms.h"
#include "weft/Runtime/Trace.h"
#include <cstdlib>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <numeric>

using namespace weft;
using namespace weft::runtime;
using testing::HasSubstr;

namespace {

class AnyDevice : public testing::TestWithParam<const char *> {
protected:
  void SetUp() override {
    ASSERT_EQ(setenv("WEFT_CUDA_DRIVER", WEFT_FAKE_CUDA_DRIVER, 1), 0);
    Result<std::shared_ptr<Device>> opened = openDevice(GetParam(), 0);
    ASSERT_TRUE(opened.isOk()) << opened.status();
    device = *opened;
    stream = *device->createStream({});
    ASSERT_TRUE(stream->begin().isOk());
  }
  void TearDown() override {
    stream = nullptr;
    device = nullptr;
    unsetenv("WEFT_CUDA_DRIVER");
  }
  DeviceMemory allocate(int64_t bytes) { return *DeviceMemory::allocate(device, bytes); }

  std::shared_ptr<Device> device;
  std::unique_ptr<DeviceStream> stream;
};

TEST_P(AnyDevice, IsOpenedOnce) {
  EXPECT_EQ(*openDevice(GetParam(), 0), device);
  EXPECT_THAT(device->description(), testing::StartsWith(device->name()));
  EXPECT_EQ(openDevice(GetParam(), 99).code(), Code::NotFound);
}

TEST_P(AnyDevice, MovesBytesInOrder) {
  // More than pinned memory holds at once; what is uploaded may change as soon as the call is back.
  const int64_t bytes = (int64_t(3) << 20) + 12345;
  std::vector<uint8_t> from(static_cast<size_t>(bytes)), to(static_cast<size_t>(bytes));
  for (size_t i = 0; i < from.size(); ++i)
    from[i] = uint8_t(i * 7 + i / 1000);
  const std::vector<uint8_t> wanted = from;
  const DeviceMemory a = allocate(bytes), b = allocate(bytes);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(a.data()) % 64, 0u);
  ASSERT_TRUE(stream->upload(a.data(), from.data(), bytes).isOk());
  std::fill(from.begin(), from.end(), uint8_t(0));
  ASSERT_TRUE(stream->copy(b.data(), a.data(), bytes).isOk());
  ASSERT_TRUE(stream->copy(b.data(), b.data(), bytes).isOk());
  ASSERT_TRUE(stream->fill(a.data(), bytes, 0, 1).isOk());
  ASSERT_TRUE(stream->download(to.data(), b.data(), bytes).isOk());
  EXPECT_EQ(to, wanted);
}

TEST_P(AnyDevice, FillsInAllWidths) {
  constexpr uint64_t pattern = 0x1122334455667788;
  const DeviceMemory memory = allocate(128);
  for (const int width : {1, 2, 4, 8})
    for (const size_t bytes : {0, 1, 7, 8, 64, 103}) {
      std::vector<uint8_t> wanted(bytes), found(bytes);
      for (size_t i = 0; i < bytes; ++i)
        wanted[i] = uint8_t(pattern >> (8 * (i % size_t(width))));
      ASSERT_TRUE(stream->fill(memory.data(), int64_t(bytes), pattern, width).isOk());
      ASSERT_TRUE(stream->download(found.data(), memory.data(), int64_t(bytes)).isOk());
      EXPECT_EQ(found, wanted) << width << " " << bytes;
    }
}

TEST_P(AnyDevice, MarksTimesInOrder) {
  constexpr int64_t slack = 1000000; // between the device's clock and the host's
  const int64_t before = Trace::now() - slack;
  const DeviceMemory memory = allocate(64);
  for (uint32_t mark = 0; mark < 4; ++mark) {
    ASSERT_TRUE(stream->mark(mark).isOk());
    ASSERT_TRUE(stream->fill(memory.data(), 64, mark, 4).isOk());
  }
  ASSERT_TRUE(stream->synchronize().isOk());
  const int64_t after = Trace::now() + slack;
  int64_t last = before;
  for (uint32_t mark = 0; mark < 4; ++mark) {
    const Result<int64_t> time = stream->timeOf(mark);
    ASSERT_TRUE(time.isOk()) << time.status();
    EXPECT_GE(*time, last);
    last = *time;
  }
  EXPECT_LE(last, after);
}

TEST_P(AnyDevice, HasFaultRecordsThatAreClear) {
  const std::span<WeftFault> records = stream->faults();
  ASSERT_EQ(records.size(), DeviceStream::numFaults);
  for (const WeftFault &record : records)
    ASSERT_EQ(record.check, 0u);
}

TEST_P(AnyDevice, RefusesProgramsWithoutCodeForIt) {
  program::Program p = program::samples::onGpu(program::samples::staticProgram());
  p.images.clear();
  EXPECT_EQ(device->load(p).code(), Code::FailedPrecondition);
}

INSTANTIATE_TEST_SUITE_P(, AnyDevice, testing::Values("cuda", "cuda-emu"), [](const auto &info) {
  return std::string(info.param) == "cuda" ? "Cuda" : "Emulator";
});

TEST(EmulatorDevice, TellsOfBytesThatNobodyWrote) {
  const std::shared_ptr<Device> device = *openDevice("cuda-emu", 0);
  const DeviceMemory memory = *DeviceMemory::allocate(device, 64);
  uint8_t found[64];
  EmulatorMode mode;
  EXPECT_EQ((*device->createStream(mode))->download(found, memory.data(), 64).message(),
            "some of these 64 bytes no kernel has written");
  mode.checks = false;
  EXPECT_TRUE((*device->createStream(mode))->download(found, memory.data(), 64).isOk());
  mode.schedule = "backwards";
  EXPECT_EQ(device->createStream(mode).code(), Code::InvalidArgument);
}

TEST(Devices, OtherNames) {
  EXPECT_EQ(openDevice("tpu", 0).status().message(), "device 'tpu', wanted cuda or cuda-emu");
}

} // namespace
