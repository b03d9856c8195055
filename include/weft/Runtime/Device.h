// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A machine with memory of its own that runs GPU kernels: a GPU behind the CUDA driver, or the emulator. The
// CPU is none: programs for it run on the memory and threads of the process, without a call through here.
//
// All memory is addressed by pointers that only the device may follow. A Device is shared by Sessions on
// several threads; a DeviceStream belongs to one Session, does what it is told in order, and may do it later:
// only download and synchronize wait. Whatever is still under way must have been waited for before memory is
// released.
#ifndef WEFT_RUNTIME_DEVICE_H
#define WEFT_RUNTIME_DEVICE_H

#include "weft/Program/Abi.h"
#include "weft/Program/Program.h"
#include "weft/Support/Status.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace weft::runtime {

/// The kernels of one program, loaded on one device; unloaded when the last owner lets go.
class DeviceCode {
public:
  virtual ~DeviceCode() = default;
};

/// One launch: blocks of as many threads as the kernel says. The arguments are pointers of the device, then
/// extents.
struct DeviceLaunch {
  program::KernelId kernel = 0; ///< of the program the code was loaded for
  int64_t blocks = 0;
  std::span<void *const> buffers;
  std::span<const int64_t> dims;
  uint32_t fault =
      0; ///< the record the kernel reports a failed check in: a number below DeviceStream::numFaults
};

/// Work in order, for one thread at a time.
class DeviceStream {
public:
  static constexpr uint32_t numFaults = 4096, numMarks = 2 * numFaults;

  virtual ~DeviceStream() = default;

  /// Before the first call of a run, on the thread that makes the run.
  virtual Status begin() = 0;
  /// `from` may be reused at once.
  virtual Status upload(std::byte *to, const void *from, int64_t bytes) = 0;
  /// Waits for all that came before and for the bytes.
  virtual Status download(void *to, const std::byte *from, int64_t bytes) = 0;
  /// The ranges are the same or do not overlap.
  virtual Status copy(std::byte *to, const std::byte *from, int64_t bytes) = 0;
  /// Repeats the low `width` bytes of `pattern` over all of the range; a last one may be cut off.
  virtual Status fill(std::byte *to, int64_t bytes, uint64_t pattern, int width) = 0;
  /// An error may also come back from a later call that waits.
  virtual Status launch(const DeviceCode &code, const DeviceLaunch &launch) = 0;
  virtual Status synchronize() = 0;

  /// The fault records of launches, numFaults of them; complete once the stream has been waited for. All zero
  /// at first; who finds one set clears it.
  virtual std::span<WeftFault> faults() = 0;

  /// For traces: notes the time when all that came before is done. Marks are numbered from 0 to below
  /// numMarks.
  virtual Status mark(uint32_t number) = 0;
  /// When the mark was passed, in nanoseconds of CLOCK_MONOTONIC, after synchronize.
  virtual Result<int64_t> timeOf(uint32_t number) = 0;
};

/// How the emulator looks at what it runs; a GPU takes no notice.
struct EmulatorMode {
  /// Find races, accesses out of bounds, reads of what was never written. Off: numbers only, many times
  /// faster.
  bool checks = true;
  /// In which order threads run: "fifo", "lifo", "random:SEED".
  std::string schedule = "fifo";
  /// Of the CPU, for launches without checks; 0: all.
  int threads = 0;
};

class Device {
public:
  virtual ~Device() = default;

  /// "cuda:0", "cuda-emu"
  virtual const std::string &name() const = 0;
  /// "cuda:0 (NVIDIA H100 80GB HBM3, sm_90, 81079 MiB)"
  virtual std::string description() const = 0;

  /// 64-byte aligned. RESOURCE_EXHAUSTED names what was asked for and what there is.
  virtual Result<std::byte *> allocate(int64_t bytes) = 0;
  virtual void release(std::byte *memory) = 0;

  /// Chooses among the program's images the one for this device and loads its kernels. FAILED_PRECONDITION:
  /// none fits.
  virtual Result<std::shared_ptr<const DeviceCode>> load(const program::Program &program) = 0;
  virtual Result<std::unique_ptr<DeviceStream>> createStream(const EmulatorMode &mode) = 0;
};

/// A device by the kind that programs name (program::device) and its number. The same device is opened once
/// per process. Errors say in one line what is missing: the driver, a GPU, the number asked for.
Result<std::shared_ptr<Device>> openDevice(std::string_view kind, int number);

/// A range of a device's memory.
class DeviceMemory {
public:
  DeviceMemory() = default;
  DeviceMemory(DeviceMemory &&other) noexcept { *this = std::move(other); }
  DeviceMemory &operator=(DeviceMemory &&other) noexcept;
  ~DeviceMemory() { reset(); }

  static Result<DeviceMemory> allocate(std::shared_ptr<Device> device, int64_t bytes);
  /// Makes room for `bytes`; what was there is lost when more had to be allocated.
  Status reserve(const std::shared_ptr<Device> &device, int64_t bytes);
  void reset();
  std::byte *data() const { return base; }
  int64_t bytes() const { return size; }

private:
  std::shared_ptr<Device> owner;
  std::byte *base = nullptr;
  int64_t size = 0;
};

} // namespace weft::runtime

#endif // WEFT_RUNTIME_DEVICE_H
