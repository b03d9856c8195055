// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The emulator behind the interface of devices: memory is the emulator's, everything happens at once, and one
// launch at a time. An error of a kernel is told where it was launched.
#include "EmulatorDevice.h"

#include "weft/Runtime/Emulator/Emulator.h"
#include "weft/Runtime/Loader.h"
#include "weft/Runtime/Trace.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <mutex>

namespace weft::runtime::emulator {
namespace {

class EmulatorCode final : public DeviceCode {
public:
  struct Kernel {
    KernelEntry entry = nullptr;
    std::string name;
    LaunchShape shape; ///< but for the grid
  };
  std::shared_ptr<const CodeLibrary> library;
  std::vector<Kernel> kernels; ///< as the program's
};

/// The one emulated GPU of the process.
class EmulatorDevice final : public Device, public std::enable_shared_from_this<EmulatorDevice> {
public:
  const std::string &name() const override { return label; }
  std::string description() const override { return concat(label, " (GPU kernels on the CPU)"); }
  Result<std::byte *> allocate(int64_t bytes) override;
  void release(std::byte *memory) override;
  Result<std::shared_ptr<const DeviceCode>> load(const program::Program &program) override;
  Result<std::unique_ptr<DeviceStream>> createStream(const EmulatorMode &mode) override;

  std::mutex mutex; // calls on the emulator must not overlap
  Emulator emulator;

private:
  const std::string label = std::string(program::device::cudaEmu);
};

class EmulatorStream final : public DeviceStream {
public:
  EmulatorStream(std::shared_ptr<EmulatorDevice> owner, EmulatorOptions mode, DeviceMemory records)
      : owner(std::move(owner)), mode(std::move(mode)), records(std::move(records)), times(numMarks) {}

  Status begin() override { return Status::ok(); }
  Status upload(std::byte *to, const void *from, int64_t bytes) override;
  Status download(void *to, const std::byte *from, int64_t bytes) override;
  Status copy(std::byte *to, const std::byte *from, int64_t bytes) override;
  Status fill(std::byte *to, int64_t bytes, uint64_t pattern, int width) override;
  Status launch(const DeviceCode &code, const DeviceLaunch &launch) override;
  Status synchronize() override { return Status::ok(); }
  std::span<WeftFault> faults() override {
    return {reinterpret_cast<WeftFault *>(records.data()), numFaults};
  }
  Status mark(uint32_t number) override {
    times[number] = Trace::now();
    return Status::ok();
  }
  Result<int64_t> timeOf(uint32_t number) override { return times[number]; }

private:
  std::shared_ptr<EmulatorDevice> owner;
  EmulatorOptions mode;
  DeviceMemory records;
  std::vector<uint64_t> parameters;
  std::vector<int64_t> times;
};

Result<std::byte *> EmulatorDevice::allocate(int64_t bytes) {
  const std::lock_guard<std::mutex> lock(mutex);
  WEFT_ASSIGN_OR_RETURN(void *const memory, emulator.allocate(size_t(bytes)));
  return static_cast<std::byte *>(memory);
}

void EmulatorDevice::release(std::byte *memory) {
  const std::lock_guard<std::mutex> lock(mutex);
  emulator.release(memory);
}

Result<std::shared_ptr<const DeviceCode>> EmulatorDevice::load(const program::Program &program) {
  auto code = std::make_shared<EmulatorCode>();
  if (program.kernels.empty())
    return std::shared_ptr<const DeviceCode>(std::move(code));
  WEFT_ASSIGN_OR_RETURN(const program::CodeImage *image, chooseImage(program, program::device::cudaEmu));
  WEFT_ASSIGN_OR_RETURN(code->library, CodeLibrary::load(image->bytes.bytes));
  for (const program::Kernel &kernel : program.kernels) {
    WEFT_ASSIGN_OR_RETURN(void *const entry, code->library->symbol(kernel.symbol));
    LaunchShape shape;
    shape.block[0] = kernel.threads;
    shape.cluster = kernel.cluster;
    shape.sharedBytes = kernel.sharedBytes;
    code->kernels.push_back({reinterpret_cast<KernelEntry>(entry), kernel.name, shape});
  }
  return std::shared_ptr<const DeviceCode>(std::move(code));
}

Result<std::unique_ptr<DeviceStream>> EmulatorDevice::createStream(const EmulatorMode &mode) {
  EmulatorOptions options;
  options.checks = mode.checks;
  options.threads = mode.threads;
  WEFT_RETURN_IF_ERROR(options.parseSchedule(mode.schedule));
  constexpr auto bytes = int64_t(DeviceStream::numFaults * sizeof(WeftFault));
  WEFT_ASSIGN_OR_RETURN(DeviceMemory records, DeviceMemory::allocate(shared_from_this(), bytes));
  std::byte *const place = records.data();
  auto stream = std::make_unique<EmulatorStream>(shared_from_this(), std::move(options), std::move(records));
  WEFT_RETURN_IF_ERROR(stream->fill(place, bytes, 0, 1));
  return std::unique_ptr<DeviceStream>(std::move(stream));
}

Status EmulatorStream::upload(std::byte *to, const void *from, int64_t bytes) {
  if (bytes == 0)
    return Status::ok();
  std::memcpy(to, from, size_t(bytes));
  const std::lock_guard<std::mutex> lock(owner->mutex);
  owner->emulator.markInitialised(to, size_t(bytes));
  return Status::ok();
}

Status EmulatorStream::download(void *to, const std::byte *from, int64_t bytes) {
  if (bytes == 0)
    return Status::ok();
  if (mode.checks) {
    const std::lock_guard<std::mutex> lock(owner->mutex);
    if (!owner->emulator.isInitialised(from, size_t(bytes)))
      return internalError("some of these ", bytes, " bytes no kernel has written");
  }
  std::memcpy(to, from, size_t(bytes));
  return Status::ok();
}

Status EmulatorStream::copy(std::byte *to, const std::byte *from, int64_t bytes) {
  if (bytes == 0 || to == from)
    return Status::ok();
  std::memcpy(to, from, size_t(bytes));
  const std::lock_guard<std::mutex> lock(owner->mutex);
  owner->emulator.markInitialised(to, size_t(bytes));
  return Status::ok();
}

Status EmulatorStream::fill(std::byte *to, int64_t bytes, uint64_t pattern, int width) {
  for (int64_t at = 0; at < bytes; at += width)
    std::memcpy(to + at, &pattern, size_t(std::min<int64_t>(width, bytes - at)));
  const std::lock_guard<std::mutex> lock(owner->mutex);
  owner->emulator.markInitialised(to, size_t(bytes));
  return Status::ok();
}

Status EmulatorStream::launch(const DeviceCode &code, const DeviceLaunch &launch) {
  if (launch.blocks == 0)
    return Status::ok();
  if (launch.blocks > std::numeric_limits<int32_t>::max())
    return outOfRange("a grid of ", launch.blocks, " blocks, wanted at most ",
                      std::numeric_limits<int32_t>::max());
  const EmulatorCode::Kernel &kernel = static_cast<const EmulatorCode &>(code).kernels[launch.kernel];
  parameters.clear();
  for (void *buffer : launch.buffers)
    parameters.push_back(reinterpret_cast<uint64_t>(buffer));
  for (const int64_t dim : launch.dims)
    parameters.push_back(uint64_t(dim));
  parameters.push_back(reinterpret_cast<uint64_t>(&faults()[launch.fault]));
  LaunchShape shape = kernel.shape;
  shape.grid[0] = uint32_t(launch.blocks);
  const std::lock_guard<std::mutex> lock(owner->mutex);
  owner->emulator.setOptions(mode);
  return owner->emulator.launch(kernel.entry, shape, std::span<const uint64_t>(parameters), kernel.name);
}

} // namespace

Result<std::shared_ptr<Device>> openEmulatorDevice(int number) {
  static std::mutex mutex;
  static std::weak_ptr<Device> only;
  if (number != 0)
    return notFound("no device cuda-emu ", number, "; there is one, 0");
  const std::lock_guard<std::mutex> lock(mutex);
  std::shared_ptr<Device> device = only.lock();
  if (!device)
    only = device = std::make_shared<EmulatorDevice>();
  return device;
}

} // namespace weft::runtime::emulator
