// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels for the emulator written by hand in C++, as its compiler would write them: through the table, with
// checked accesses.
#ifndef WEFT_TEST_UNIT_RUNTIME_EMULATOR_HANDKERNELS_H
#define WEFT_TEST_UNIT_RUNTIME_EMULATOR_HANDKERNELS_H

#include "weft/Runtime/Emulator/Emulator.h"

#include <cstring>
#include <string>
#include <vector>

/// A place in a kernel: its line in the test and an op's name.
#define WEFT_SITE_TEXT(line) #line
#define WEFT_SITE_LINE(line) WEFT_SITE_TEXT(line)
#define WEFT_SITE(op) ("hand:" WEFT_SITE_LINE(__LINE__) "\0" op)

namespace weft::runtime::emulator {

using E = const WeftEmulator *;

inline uint32_t tid(E e) { return e->registers[WEFT_SREG_TID]; }
inline uint32_t ctaid(E e) { return e->registers[WEFT_SREG_CTAID]; }
template <class T> T parameter(void *const *params, int i) {
  T value;
  std::memcpy(&value, params[i], sizeof value);
  return value;
}
template <class T> T *sharedArray(E e, size_t offset = 0) {
  return reinterpret_cast<T *>(e->shared + offset);
}

template <class T> T loadFrom(E e, const T *from, const char *site, uint32_t kind = WEFT_ACCESS_READ) {
  T value;
  const void *at =
      e->checks ? e->functions->access(e, const_cast<T *>(from), sizeof(T), alignof(T), kind, site) : from;
  std::memcpy(&value, at, sizeof value);
  return value;
}
template <class T> void storeTo(E e, T *to, T value, const char *site, uint32_t kind = WEFT_ACCESS_WRITE) {
  void *at = e->checks ? e->functions->access(e, to, sizeof(T), alignof(T), kind, site) : to;
  std::memcpy(at, &value, sizeof value);
}

/// An emulator with a few arrays.
struct Device {
  explicit Device(EmulatorOptions options = {}) : emulator(options) {}

  template <class T> T *array(std::vector<T> values, const std::string &name) {
    T *memory = fresh<T>(values.size(), name);
    std::memcpy(memory, values.data(), values.size() * sizeof(T));
    emulator.markInitialised(memory, values.size() * sizeof(T));
    return memory;
  }
  template <class T> T *fresh(size_t count, const std::string &name) {
    return static_cast<T *>(*emulator.allocate(count * sizeof(T), name));
  }
  Status launch(KernelEntry kernel, uint32_t blocks, uint32_t threads, std::vector<uint64_t> parameters,
                uint64_t shared = 0, uint32_t cluster = 1) {
    LaunchShape shape;
    shape.grid[0] = blocks;
    shape.block[0] = threads;
    shape.sharedBytes = shared;
    shape.cluster = cluster;
    return emulator.launch(kernel, shape, std::span<const uint64_t>(parameters), "hand");
  }

  Emulator emulator;
};

inline uint64_t bits(const void *pointer) { return reinterpret_cast<uint64_t>(pointer); }

inline std::vector<EmulatorOptions> allSchedules() {
  std::vector<EmulatorOptions> all(6);
  all[1].schedule = Schedule::Lifo;
  for (size_t i = 2; i < 5; ++i) {
    all[i].schedule = Schedule::Random;
    all[i].seed = i;
  }
  all[5].checks = false;
  return all;
}

} // namespace weft::runtime::emulator

#endif // WEFT_TEST_UNIT_RUNTIME_EMULATOR_HANDKERNELS_H
