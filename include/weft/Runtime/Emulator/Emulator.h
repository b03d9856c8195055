// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A GPU on the CPU: memory and launches of kernels that Codegen/Emulator made. Each GPU thread is a fiber, so
// barriers, exchanges between lanes, asynchronous copies and matrix units behave as on the device, in an
// order that the policy chooses. With checks, every access is looked at: bounds, alignment, bytes that nobody
// wrote, and accesses that nothing orders. Without, blocks run in parallel and as fast as the host can.
#ifndef WEFT_RUNTIME_EMULATOR_EMULATOR_H
#define WEFT_RUNTIME_EMULATOR_EMULATOR_H

#include "weft/Program/EmulatorAbi.h"
#include "weft/Support/Status.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace weft::runtime::emulator {

using KernelEntry = WeftEmulatedKernel;

/// In which order threads that can run do: a right kernel gives the same bits under all of them.
enum class Schedule {
  Fifo,   ///< the one that waits longest
  Lifo,   ///< the one that became ready last; blocks from the last to the first
  Random, ///< by a seed; blocks too
};

struct EmulatorOptions {
  Schedule schedule = Schedule::Fifo;
  uint64_t seed = 0;
  /// Look at every access. Without, errors of memory are those of the host.
  bool checks = true;
  /// Count sectors and bank waves of each access; needs checks.
  bool lint = false;
  /// Host threads for launches without checks (0: all this process may use).
  int threads = 0;
  /// Of one GPU thread's local memory.
  size_t stackBytes = size_t(128) << 10;
  /// How many different errors of a launch are told.
  size_t maxReports = 20;

  /// "fifo", "lifo", "random:SEED" into schedule and seed.
  Status parseSchedule(const std::string &text);
};

struct LaunchShape {
  uint32_t grid[3] = {1, 1, 1};
  uint32_t block[3] = {1, 1, 1};
  uint32_t cluster = 1;     ///< blocks along x
  uint64_t sharedBytes = 0; ///< static and dynamic
};

/// Bytes of one parameter.
struct KernelParameter {
  const void *data = nullptr;
  size_t size = 0;
};

/// One device. Calls on one Emulator must not overlap.
class Emulator {
public:
  explicit Emulator(EmulatorOptions options = {});
  ~Emulator();
  Emulator(const Emulator &) = delete;
  Emulator &operator=(const Emulator &) = delete;

  const EmulatorOptions &options() const;
  void setOptions(const EmulatorOptions &options);

  /// Global memory, aligned to 256 bytes; all bytes 0xff and not yet written. The name is for messages.
  Result<void *> allocate(size_t bytes, const std::string &name = {});
  void release(void *memory);
  /// The host has written these bytes.
  void markInitialised(void *address, size_t bytes);
  /// Whether all of these bytes have been written, by the host or a kernel.
  bool isInitialised(const void *address, size_t bytes) const;

  /// Runs a kernel to its end. An error's message has a line for each thing found, with its source location.
  Status launch(KernelEntry entry, const LaunchShape &shape, std::span<const KernelParameter> parameters,
                const std::string &name);
  /// The same for parameters of up to 8 bytes.
  Status launch(KernelEntry entry, const LaunchShape &shape, std::span<const uint64_t> parameters,
                const std::string &name);

  /// What the access lint found in all launches so far, a line per source location and kind of access.
  std::string lintReport() const;

private:
  struct Impl;
  std::unique_ptr<Impl> impl;
};

} // namespace weft::runtime::emulator

#endif // WEFT_RUNTIME_EMULATOR_EMULATOR_H
