// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The state of a Session, shared by the files that run one: Session.cpp (the public face), BindInputs.cpp
// (before a run), Interpreter.cpp (the commands), LaunchKernel.cpp (code on threads), OnDevice.cpp (memory
// and work on a device), Communicate.cpp (other ranks).
#ifndef WEFT_LIB_RUNTIME_SESSIONIMPL_H
#define WEFT_LIB_RUNTIME_SESSIONIMPL_H

#include "Impl.h"
#include "OnDevice.h"
#include "weft/Runtime/Session.h"

#include <atomic>
#include <map>

namespace weft::runtime {

/// Temporary memory: address space reserved at once, pages taken when first touched, kept for the Session's
/// life.
class Arena {
public:
  Arena() = default;
  ~Arena() { release(); }
  Arena(const Arena &) = delete;
  Arena &operator=(const Arena &) = delete;

  Status reserve(int64_t bytes);
  std::byte *data() const { return base; }
  int64_t bytes() const { return size; }

private:
  void release();
  std::byte *base = nullptr;
  int64_t size = 0;
};

alignas(64) inline std::byte nothing[64]; // what empty buffers point to

inline bool isAligned(const void *pointer) {
  return reinterpret_cast<uintptr_t>(pointer) % program::arenaAlignment == 0;
}

struct Session::Impl {
  /// Where the buffers of one function are while it runs. Functions do not recurse: one frame each is enough.
  struct Frame {
    std::vector<std::byte *> buffers;
    std::vector<std::byte *> inputs, outputs;
    std::vector<std::byte *> loopFrom, loopTo; // what a call, branch or loop in progress passes on
    std::byte *arena = nullptr;
    bool isActive = false;
  };

  std::shared_ptr<const Executable> executable;
  const Executable::Impl *exe = nullptr;
  const program::Program *program = nullptr;
  SessionOptions options;
  Trace trace;

  std::atomic<bool> isRunning{false}, isCancelled{false};
  // How far the run is, for other threads to look at.
  std::atomic<uint64_t> watermark{0};
  std::atomic<const program::Command *> currentCommand{nullptr};
  /// For a program on a device: its memory is what all buffers lie in. Null on the CPU.
  std::unique_ptr<OnDevice> device;
  std::vector<HostTensor> variables; // on the CPU
  Arena arena;                       // on the CPU
  std::vector<Frame> frames;

  // Plans by the values of the symbols. Those whose sizes were checked for a function are marked.
  struct CachedPlan {
    ShapePlan plan;
    std::vector<bool> isChecked; // per function
  };
  std::map<std::vector<int64_t>, std::shared_ptr<CachedPlan>> plans;
  std::vector<int64_t> symbols, boundSymbols;
  std::shared_ptr<CachedPlan> current;
  // How much memory is planned for symbols that nothing bounds; a run that finds more raises its guess and is
  // begun again.
  std::vector<int64_t> guesses;
  bool guessedTooLittle = false;
  static constexpr int64_t firstGuess = 8;

  /// Keeps what a run that begins again has guessed only if that run succeeds: an absurd extent must not stay
  /// planned for.
  struct GuessGuard {
    Impl &impl;
    bool raised = false, succeeded = false;
    ~GuessGuard() {
      if (!raised || succeeded)
        return;
      impl.guesses.assign(impl.guesses.size(), firstGuess);
      impl.guessedTooLittle = false;
      impl.plans.clear();
      impl.current = nullptr;
    }
  };
  std::vector<int64_t> dataValues; // of expressions, in programs with data-dependent symbols
  std::vector<int64_t> dataSymbols;
  const int64_t *values = nullptr;
  program::FunctionId entry = program::noId;
  int64_t lastPlanBytes = 0, lastLowerBound = 0;

  // Room for one launch or host call at a time.
  std::vector<void *> callBuffers;
  std::vector<int64_t> callDims;
  alignas(64) WeftFault fault = {};
  std::vector<HostBuffer> hostBuffers;
  std::vector<int64_t> hostDims;
  std::vector<std::byte *> hostPlaces; // on a device: where the copies came from

  // Aligned copies of inputs and outputs that the caller did not align.
  std::vector<HostTensor> stagedInputs, stagedOutputs;
  std::vector<std::byte *> entryInputs, entryOutputs;
  std::vector<std::vector<int64_t>> outputDims;

  Status create();
  Status bindInputs(program::FunctionId function, std::span<const HostTensor> inputs);
  Status prepare(program::FunctionId function, std::span<const HostTensor> inputs);
  Status stageInputs(std::span<const HostTensor> inputs);
  Status computeOutputDims(std::span<const int64_t> from);
  Status execute(program::FunctionId function);
  Status endOnDevice(Status status);
  /// Where the entry's output goes while it runs: `tensor`, or memory of the device.
  Result<std::byte *> outputPlace(size_t number, HostTensor &tensor);
  /// Brings outputs from the device into the caller's tensors.
  Status downloadOutputs(std::span<HostTensor> outputs);

  void activate(program::FunctionId id, std::byte *arenaBase);
  void pointAliases(program::FunctionId id);
  Status runCommands(program::FunctionId id);
  void addWork(const program::Function &function, const program::Command &command, TraceEvent &event) const;
  Status runFunction(program::FunctionId id, std::byte *arenaBase, std::span<std::byte *const> inputs,
                     std::span<std::byte *const> outputs);
  Status launch(const FlatFunction &function, const FlatCommand &command, Frame &frame);
  Status launchOnDevice(const FlatCommand &command, int64_t blocks);
  Status callHost(const FlatCommand &command, Frame &frame);
  Status runOther(program::FunctionId id, const FlatCommand &command, size_t index, Frame &frame);
  Status loop(const program::Function &function, const program::While &what, Frame &frame,
              std::byte *arenaBase);
  Status checkCommunicator() const;
  Status communicate(const FlatCommand &command, Frame &frame);
  Status setSymbol(const program::SetSymbol &what, const Frame &frame);
  Status commandError(const program::Command &command, const Status &status) const {
    return status.context(command.location.empty() ? concat("'", command.name, "'")
                                                   : concat("'", command.name, "' (", command.location, ")"));
  }
  // Memory by where it lies: the process's or the device's.
  Status copyBytes(std::byte *to, const std::byte *from, int64_t bytes);
  Status fillBytes(std::byte *to, int64_t bytes, uint64_t pattern, int width);
  Status readBytes(void *to, const std::byte *from, int64_t bytes);
  Status noExtent() const { return internalError("an extent has no value yet, or overflows"); }
};

} // namespace weft::runtime

#endif // WEFT_LIB_RUNTIME_SESSIONIMPL_H
