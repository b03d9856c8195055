// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A program on a device: what its Sessions share (kernels, constants), and what a Session has for itself (a
// stream, memory, launches whose checks have not been looked at yet).
#ifndef WEFT_LIB_RUNTIME_ONDEVICE_H
#define WEFT_LIB_RUNTIME_ONDEVICE_H

#include "Impl.h"
#include "weft/Runtime/Device.h"
#include "weft/Runtime/Trace.h"

namespace weft::runtime {

/// Kernels loaded and constants uploaded; one for all Sessions of an Executable on a device.
struct ProgramOnDevice {
  std::shared_ptr<Device> device;
  std::shared_ptr<const DeviceCode> code;
  std::vector<std::shared_ptr<const DeviceMemory>> constants; // as the program's; equal ones are one

  /// The Executable's, made at first need and kept while a Session uses it.
  static Result<std::shared_ptr<const ProgramOnDevice>> get(const Executable::Impl &executable,
                                                            std::string_view kind, int number);
};

/// A Session's part.
class OnDevice {
public:
  OnDevice() = default;
  OnDevice(const OnDevice &) = delete;
  OnDevice &operator=(const OnDevice &) = delete;
  ~OnDevice();
  static Result<std::unique_ptr<OnDevice>> create(const Executable::Impl &executable, std::string_view kind,
                                                  int number, const EmulatorMode &mode);

  const Device &device() const { return *shared->device; }
  std::byte *constant(program::ConstantId id) const { return shared->constants[id]->data(); }
  std::byte *variable(program::VariableId id) const { return variables[id].data(); }

  Status reserveArena(int64_t bytes) { return grow(arena, bytes); }
  const DeviceMemory &temporaries() const { return arena; }
  /// Memory for the entry's input or output of that number.
  Result<std::byte *> input(size_t number, int64_t bytes) { return room(inputs, number, bytes); }
  Result<std::byte *> output(size_t number, int64_t bytes) { return room(outputs, number, bytes); }

  DeviceStream &stream() { return *queue; }
  /// Puts the launch into the stream; `command` is named when one of the kernel's checks fails.
  Status launch(const program::Command &command, const DeviceLaunch &launch);
  /// Waits for all there is, and for the bytes; fails when a kernel's check did.
  Status read(void *to, const std::byte *from, int64_t bytes);
  /// Waits; fails when a kernel's check did.
  Status finish();
  /// After a failure: waits, whatever comes, and forgets what is pending.
  void abandon();

  /// The arguments of a host function, downloaded into memory of the host; `hostBuffers` point there.
  Status downloadArguments(std::span<HostBuffer> arguments);
  /// What the function wrote goes back.
  Status uploadResults(std::span<const HostBuffer> arguments, std::span<std::byte *const> places);

  /// Memory of the host that stands for a buffer while it is sent to, or received from, other ranks; by
  /// channel.
  Result<std::byte *> stageOut(uint32_t channel, const std::byte *from, int64_t bytes);
  Result<std::byte *> stageIn(uint32_t channel, std::byte *to, int64_t bytes);
  /// After the wait for the channel: what came in goes to the device.
  Status endStaged(uint32_t channel);

  /// Between the two, what the stream is given is timed for the trace.
  Status beginTraced(Trace &trace);
  Status endTraced(const TraceEvent &event);
  /// Waits; the times of all that was given so far go to the trace.
  Status flushTrace(Trace &trace);

  /// The command whose kernel's check was found to have failed.
  const program::Command *failed = nullptr;

private:
  Status grow(DeviceMemory &memory, int64_t bytes);
  Result<std::byte *> room(std::vector<DeviceMemory> &list, size_t number, int64_t bytes);
  Status checkFaults();

  const program::Program *program = nullptr;
  std::shared_ptr<const ProgramOnDevice> shared;
  std::unique_ptr<DeviceStream> queue;
  DeviceMemory arena;
  std::vector<DeviceMemory> variables, inputs, outputs;
  std::vector<HostTensor> hostCopies; // of a host function's arguments
  struct Staged {
    HostTensor out, in;
    std::byte *place = nullptr; // where `in` goes; null: nowhere
    int64_t bytes = 0;
  };
  std::map<uint32_t, Staged> staged; // by channel
  std::vector<const program::Command *>
      pending;                    // launches since the last wait; their numbers are those of the records
  std::vector<TraceEvent> traced; // commands whose times are not known yet; two marks each
};

} // namespace weft::runtime

#endif // WEFT_LIB_RUNTIME_ONDEVICE_H
