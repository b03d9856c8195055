// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs a program: holds its variables and temporary memory, binds inputs, interprets commands. One run at a
// time (a second caller gets FAILED_PRECONDITION); for parallel runs make a Session each over one Executable.
#ifndef WEFT_RUNTIME_SESSION_H
#define WEFT_RUNTIME_SESSION_H

#include "weft/Runtime/Device.h"
#include "weft/Runtime/Executable.h"
#include "weft/Runtime/Trace.h"
#include "weft/Support/HostTensor.h"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace weft::runtime {

class Communicator;

struct SessionOptions {
  /// At most this many threads of the pool; 0: all of them.
  int threads = 0;
  /// Record each command (Trace.h).
  bool trace = false;
  /// Most bytes of temporary memory; 0: no limit. RESOURCE_EXHAUSTED when a run needs more.
  int64_t memoryLimit = 0;
  /// Connects this rank to the others; programs with a mesh need one. It must outlive the Session. A run that
  /// fails once it has begun ends it; a run refused before that (inputs that do not fit) does not.
  Communicator *communicator = nullptr;
  /// Run a program for a GPU on this kind of device ("cuda", "cuda-emu"); empty: what it was compiled for. It
  /// must have code for it. Programs for the CPU take no other.
  std::string device;
  /// Which of several devices.
  int deviceNumber = 0;
  /// How the emulator runs, where that is the device.
  EmulatorMode emulator;
};

/// How far a run is.
struct RunProgress {
  uint64_t commands = 0; ///< begun since the Session was made
  std::string command;   ///< the one in progress; empty between runs
};

struct MemoryUse {
  int64_t arenaBytes = 0;     ///< reserved now
  int64_t planBytes = 0;      ///< of the last run's plan
  int64_t planLowerBound = 0; ///< no plan of it can be smaller
  int64_t constantBytes = 0, variableBytes = 0;
  std::string device; ///< whose memory that is: "cuda:0 (NVIDIA H100, sm_90, ...)"; empty: the process's
};

class Session {
public:
  static Result<std::unique_ptr<Session>> create(std::shared_ptr<const Executable> executable,
                                                 const SessionOptions &options = {});
  ~Session();
  Session(const Session &) = delete;
  Session &operator=(const Session &) = delete;

  const Executable &executable() const;

  /// Runs a function on inputs in its order; outputs in its order, newly allocated.
  Result<std::vector<HostTensor>> run(std::span<const HostTensor> inputs,
                                      const std::string &function = "main");
  /// The same with inputs by name, in any order; all must be there and no other.
  Result<NamedTensors> run(const NamedTensors &inputs, const std::string &function = "main");
  /// Writes into the caller's tensors: type and extents must be those of the outputs, and they must be
  /// writable and not overlap an input. Those that are 64-byte aligned are written in place; a steady state
  /// allocates nothing. Data-dependent extents: use run.
  Status runInto(std::span<const HostTensor> inputs, std::span<HostTensor> outputs,
                 const std::string &function = "main");

  /// Ends the run in progress with CANCELLED before its next command, on a device after those that it has
  /// been given already. From any thread; a run that begins later is not touched. With a communicator, the
  /// other ranks' runs end too.
  void cancel();
  /// From any thread, while a run is in progress too.
  RunProgress progress() const;

  /// A copy of the variable's value.
  Result<HostTensor> variable(const std::string &name) const;
  Status setVariable(const std::string &name, const HostTensor &value);

  MemoryUse memoryUse() const;
  /// What the last runs did (empty unless SessionOptions::trace).
  const Trace &trace() const;
  Trace &trace();

private:
  Session();
  struct Impl;
  std::unique_ptr<Impl> pimpl;
};

} // namespace weft::runtime

#endif // WEFT_RUNTIME_SESSION_H
