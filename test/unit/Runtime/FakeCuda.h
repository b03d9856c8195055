// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a test sets and sees of the fake CUDA driver (FakeCudaDriver.cpp). The driver is a library of its own,
// opened like the real one; fakeCuda() hands out this.
#ifndef WEFT_TEST_UNIT_RUNTIME_FAKECUDA_H
#define WEFT_TEST_UNIT_RUNTIME_FAKECUDA_H

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace weft::fake {

struct Launch {
  std::string kernel;
  unsigned grid = 0, block = 0, sharedBytes = 0, cluster = 1;
  std::vector<uint64_t> parameters; ///< of as many as the kernel is known to have
};

struct Cuda {
  // The machine. Also set from $WEFT_FAKE_CUDA: "version=11040 devices=1 architecture=90
  // missing=cuLaunchKernelEx".
  int version = 12040, devices = 2, architecture = 80, maxSharedBytes = 166912, maxThreads = 1024;
  size_t memoryBytes = size_t(1) << 30;
  bool hasPools = true;
  std::string missing; ///< a function this driver lacks
  std::string log;     ///< a file that each launch is written to, a line each
  /// The result of the next launch's work, told when it is waited for, as a GPU does; and of all calls after
  /// it.
  int nextLaunchResult = 0;
  int lost = 0; ///< the result of all calls after work that failed

  // What happened.
  std::vector<Launch> launches;
  std::map<std::string, int> calls;              ///< by function
  std::map<std::string, int> functionAttributes; ///< "kernel/attribute" -> value
  size_t liveAllocations = 0, liveModules = 0, liveStreams = 0, liveEvents = 0, liveContexts = 0,
         livePinned = 0;
  size_t usedBytes = 0;
};

} // namespace weft::fake

/// The one of the process.
extern "C" weft::fake::Cuda *fakeCuda();

#endif // WEFT_TEST_UNIT_RUNTIME_FAKECUDA_H
