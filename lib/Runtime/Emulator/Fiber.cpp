// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Switches stacks: on x86-64 by saving the registers that a callee must keep, elsewhere by ucontext. The
// sanitizers are told, since they track stacks.
#include "Fiber.h"

#include <atomic>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WEFT_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define WEFT_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define WEFT_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__)
#define WEFT_TSAN 1
#endif

#if WEFT_ASAN
extern "C" void __sanitizer_start_switch_fiber(void **save, const void *bottom, size_t size);
extern "C" void __sanitizer_finish_switch_fiber(void *save, const void **bottom, size_t *size);
#endif
#if WEFT_TSAN
extern "C" void *__tsan_get_current_fiber();
extern "C" void *__tsan_create_fiber(unsigned flags);
extern "C" void __tsan_destroy_fiber(void *fiber);
extern "C" void __tsan_switch_to_fiber(void *fiber, unsigned flags);
#endif

namespace weft::runtime::emulator {

#if defined(__x86_64__)
extern "C" void weftSwitchStack(void **save, void *next);
asm(R"(
.text
.p2align 4
.globl weftSwitchStack
.hidden weftSwitchStack
.type weftSwitchStack, @function
weftSwitchStack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  retq
.size weftSwitchStack, .-weftSwitchStack

.p2align 4
.type weftStartStack, @function
weftStartStack:
  movq %rbx, %rdi
  xorl %ebp, %ebp
  callq *%r12
  ud2
.size weftStartStack, .-weftStartStack
)");
extern "C" void weftStartStack();
#endif

Fiber::Fiber() {
#if WEFT_TSAN
  sanitizerFiber = __tsan_get_current_fiber();
#endif
}

std::unique_ptr<Fiber> Fiber::create(size_t bytes) {
  const size_t page = size_t(::sysconf(_SC_PAGESIZE));
  const size_t total = (bytes + page - 1) / page * page + page;
  void *memory =
      ::mmap(nullptr, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED)
    return nullptr;
  auto fiber = std::make_unique<Fiber>();
  fiber->memory = static_cast<char *>(memory);
  fiber->size = total;
  // Equal places of stacks would share one set of the cache: each begins a little further down.
  static std::atomic<size_t> count{0};
  fiber->colour = count++ % 12 * 336;
  if (::mprotect(memory, page, PROT_NONE) != 0)
    return nullptr;
#if WEFT_TSAN
  fiber->sanitizerFiber = __tsan_create_fiber(0);
#endif
  return fiber;
}

Fiber::~Fiber() {
  if (!memory)
    return;
#if WEFT_TSAN
  __tsan_destroy_fiber(sanitizerFiber);
#endif
  ::munmap(memory, size);
}

#if WEFT_ASAN
/// The fiber that switched last: who it was tells where the host thread's own stack lies.
static thread_local Fiber *lastFiber = nullptr;

/// On arrival from this fiber: tells the sanitizer, and learns the bounds of the host thread's stack.
void Fiber::noteHostStack(void *arrivingFakeStack) {
  const void *bottom = nullptr;
  size_t bytes = 0;
  __sanitizer_finish_switch_fiber(arrivingFakeStack, &bottom, &bytes);
  if (!memory) {
    hostStack = bottom;
    hostStackSize = bytes;
  }
}
#endif

void Fiber::start(Fiber *self) {
#if WEFT_ASAN
  lastFiber->noteHostStack(nullptr);
#endif
  self->entry(self->argument);
}

void startFiber(Fiber *self) { Fiber::start(self); }

void Fiber::reset(void (*newEntry)(void *), void *newArgument) {
  entry = newEntry;
  argument = newArgument;
  isEnding = false;
  fakeStack = nullptr;
#if defined(__x86_64__)
  // As weftSwitchStack leaves a stack: six registers, then where to return to. rbx and r12 carry what to
  // call.
  auto **top = reinterpret_cast<void **>(memory + size - colour) - 3; // aligned to 16 where a call wants it
  top[0] = reinterpret_cast<void *>(&weftStartStack);
  top[-1] = nullptr;                               // rbp
  top[-2] = this;                                  // rbx
  top[-3] = reinterpret_cast<void *>(&startFiber); // r12
  top[-4] = top[-5] = top[-6] = nullptr;           // r13 to r15
  stackPointer = top - 6;
#else
  ::getcontext(&context);
  const size_t page = size_t(::sysconf(_SC_PAGESIZE));
  context.uc_stack.ss_sp = memory + page;
  context.uc_stack.ss_size = size - page;
  context.uc_link = nullptr;
  // makecontext passes ints: the pointer goes in two halves.
  auto bits = reinterpret_cast<uintptr_t>(this);
  auto body = +[](unsigned low, unsigned high) {
    startFiber(reinterpret_cast<Fiber *>(uintptr_t(low) | uintptr_t(high) << 32));
  };
  ::makecontext(&context, reinterpret_cast<void (*)()>(body), 2, unsigned(bits), unsigned(bits >> 32));
#endif
}

void Fiber::switchTo(Fiber &next) {
#if WEFT_ASAN
  lastFiber = this;
  __sanitizer_start_switch_fiber(isEnding ? nullptr : &fakeStack, next.memory ? next.memory : next.hostStack,
                                 next.memory ? next.size : next.hostStackSize);
#endif
#if WEFT_TSAN
  __tsan_switch_to_fiber(next.sanitizerFiber, 0);
#endif
#if defined(__x86_64__)
  weftSwitchStack(&stackPointer, next.stackPointer);
#else
  ::swapcontext(&context, &next.context);
#endif
#if WEFT_ASAN
  lastFiber->noteHostStack(fakeStack);
#endif
}

} // namespace weft::runtime::emulator
