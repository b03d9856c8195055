// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Stacks that GPU threads run on, and switching between them. All fibers of a pool belong to one host thread.
#ifndef WEFT_LIB_RUNTIME_EMULATOR_FIBER_H
#define WEFT_LIB_RUNTIME_EMULATOR_FIBER_H

#include <cstddef>
#include <memory>
#include <vector>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace weft::runtime::emulator {

/// A stack with an unmapped page below it, and where its code stands while another fiber runs. One without a
/// stack stands for the host thread itself.
class Fiber {
public:
  /// The host thread.
  Fiber();
  ~Fiber();
  Fiber(const Fiber &) = delete;
  Fiber &operator=(const Fiber &) = delete;

  /// A stack of `bytes`; null when there is no memory.
  static std::unique_ptr<Fiber> create(size_t bytes);

  /// Makes `entry` run from its start when the fiber is next switched to. It must never return.
  void reset(void (*entry)(void *), void *argument);
  /// Stops here and goes on there; returns when someone switches back.
  void switchTo(Fiber &next);
  /// The next switch from here is the last before a reset: sanitizers let go of what they keep for it then.
  void willEnd() { isEnding = true; }

  bool owns(const void *address) const { return address >= memory && address < memory + size; }

private:
  char *memory = nullptr; ///< of the whole mapping, the guard page first
  size_t size = 0;
  size_t colour = 0; ///< bytes left free at the top
#if defined(__x86_64__)
  void *stackPointer = nullptr;
#else
  ucontext_t context;
#endif
  void (*entry)(void *) = nullptr;
  void *argument = nullptr;
  // What the sanitizers want to know of stacks.
  bool isEnding = false;
  void *fakeStack = nullptr;
  const void *hostStack = nullptr;
  size_t hostStackSize = 0;
  void *sanitizerFiber = nullptr;

  void noteHostStack(void *arrivingFakeStack);
  static void start(Fiber *self);
  friend void startFiber(Fiber *self);
};

} // namespace weft::runtime::emulator

#endif // WEFT_LIB_RUNTIME_EMULATOR_FIBER_H
