// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Memory of devices, and devices by name.
#include "weft/Runtime/Device.h"

#include "CUDA/CudaDevice.h"
#include "Emulator/EmulatorDevice.h"

#include <algorithm>

namespace weft::runtime {

DeviceMemory &DeviceMemory::operator=(DeviceMemory &&other) noexcept {
  if (this != &other) {
    reset();
    owner = std::move(other.owner);
    base = std::exchange(other.base, nullptr);
    size = std::exchange(other.size, 0);
  }
  return *this;
}

Result<DeviceMemory> DeviceMemory::allocate(std::shared_ptr<Device> device, int64_t bytes) {
  DeviceMemory memory;
  WEFT_ASSIGN_OR_RETURN(memory.base,
                        device->allocate(std::max<int64_t>(bytes, 64))); // empty ranges have an address
  memory.owner = std::move(device);
  memory.size = bytes;
  return memory;
}

Status DeviceMemory::reserve(const std::shared_ptr<Device> &device, int64_t bytes) {
  if (base && bytes <= size)
    return Status::ok();
  reset(); // first: there may not be room for both
  WEFT_ASSIGN_OR_RETURN(*this, allocate(device, bytes));
  return Status::ok();
}

void DeviceMemory::reset() {
  if (base)
    owner->release(base);
  owner = nullptr;
  base = nullptr;
  size = 0;
}

Result<std::shared_ptr<Device>> openDevice(std::string_view kind, int number) {
  if (kind == program::device::cuda)
    return cuda::openCudaDevice(number);
  if (kind == program::device::cudaEmu)
    return emulator::openEmulatorDevice(number);
  return invalidArgument("device '", kind, "', wanted cuda or cuda-emu");
}

} // namespace weft::runtime
