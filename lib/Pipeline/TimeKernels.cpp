// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The ways are linked into one image, which the dynamic linker loads from memory. All share their buffers.
// Packed constants move on through a larger buffer from run to run: in a model they come from memory.
#include "TimeKernels.h"

#include "weft/Codegen/CPU/LinkImage.h"

#include "llvm/ADT/StringSet.h"

#include <algorithm>
#include <cstring>
#include <ctime>
#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

using namespace mlir;
using namespace weft;

static constexpr size_t page = 4096, constantBytes = size_t(48) << 20;

static size_t roundUp(size_t bytes) { return (bytes + page - 1) / page * page; }

static double cpuMs() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return double(time.tv_sec) * 1e3 + double(time.tv_nsec) * 1e-6;
}

/// Values as a model's might be: floats around 0 of no extreme size, small integers.
static void fill(char *memory, size_t bytes, Type element) {
  const size_t size = std::max(1u, element.getIntOrFloatBitWidth() / 8);
  uint32_t state = 1;
  for (size_t at = 0; at + size <= bytes; at += size) {
    state = state * 1664525 + 1013904223;
    const float value = float(state >> 8) / float(1 << 24) - 0.5f;
    if (element.isF32()) {
      std::memcpy(memory + at, &value, sizeof value);
    } else if (element.isF64()) {
      const double wide = value;
      std::memcpy(memory + at, &wide, sizeof wide);
    } else if (element.isBF16()) {
      std::memcpy(memory + at, reinterpret_cast<const char *>(&value) + 2, 2);
    } else if (element.isF16()) {
      const uint16_t half = uint16_t(0x2c00 | (state >> 16 & 0x83ff)); // 1/16 to 1/8, of either sign
      std::memcpy(memory + at, &half, sizeof half);
    } else if (size == 1) {
      memory[at] = char(state >> 24);
    } else {
      const uint64_t number = state >> 30;
      std::memcpy(memory + at, &number, size);
    }
  }
}

static char *allocate(size_t bytes) {
  void *memory = mmap(nullptr, roundUp(bytes), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? nullptr : static_cast<char *>(memory);
}

llvm::Expected<std::unique_ptr<KernelTimer>> KernelTimer::load(llvm::ArrayRef<TimedKernel> kernels,
                                                               const llvm::SmallBitVector &constants) {
  std::unique_ptr<KernelTimer> timer(new KernelTimer);
  timer->constants = constants;
  llvm::StringSet<> names; // ways may come to the same code
  SmallVector<StringRef> objects;
  for (const TimedKernel &kernel : kernels)
    if (names.insert(kernel.code.name).second)
      objects.push_back({kernel.code.object.data(), kernel.code.object.size()});
  auto image = cpu::linkImage(objects);
  if (!image)
    return image.takeError();
  const int fd = memfd_create("weft-timed-kernels", MFD_CLOEXEC);
  auto failed = [&](const char *what) {
    return llvm::createStringError(std::error_code(errno, std::generic_category()), what);
  };
  if (fd < 0)
    return failed("memory for code");
  const bool written = write(fd, image->data(), image->size()) == ssize_t(image->size());
  if (written)
    timer->library = dlopen(("/proc/self/fd/" + std::to_string(fd)).c_str(), RTLD_NOW | RTLD_LOCAL);
  close(fd);
  if (!timer->library)
    return failed("loading code");
  size_t scratchBytes = 64;
  const size_t numBuffers = kernels.front().buffers.size();
  timer->capacity.resize(numBuffers), timer->next.resize(numBuffers);
  for (const TimedKernel &kernel : kernels) {
    Way way;
    way.entry = reinterpret_cast<WeftKernel>(dlsym(timer->library, kernel.code.name.c_str()));
    way.chunks = kernel.code.chunks.fixed().value_or(0);
    way.scratchBytes = kernel.code.scratchBytes;
    scratchBytes = std::max(scratchBytes, size_t(way.scratchBytes));
    if (!way.entry || way.chunks <= 0 || kernel.buffers.size() != numBuffers)
      return failed("a kernel without an entry");
    for (const auto &[i, type] : llvm::enumerate(kernel.buffers)) {
      const size_t bytes = size_t(type.getNumElements()) * std::max(1u, type.getElementTypeBitWidth() / 8);
      way.bytes.push_back(bytes);
      const size_t least = constants.test(i) ? constantBytes : 0;
      timer->capacity[i] = std::max({timer->capacity[i], roundUp(bytes), least});
    }
    timer->ways.push_back(std::move(way));
  }
  for (const auto &[i, bytes] : llvm::enumerate(timer->capacity)) {
    timer->memory.push_back(allocate(bytes));
    if (!timer->memory.back())
      return failed("memory for operands");
    fill(timer->memory.back(), bytes, kernels.front().buffers[i].getElementType());
  }
  timer->scratch = allocate(scratchBytes);
  if (!timer->scratch)
    return failed("memory for scratch");
  timer->capacity.push_back(scratchBytes), timer->memory.push_back(timer->scratch);
  return timer;
}

KernelTimer::~KernelTimer() {
  for (const auto &[memory, bytes] : llvm::zip(this->memory, capacity))
    if (memory)
      munmap(memory, roundUp(bytes));
  if (library)
    dlclose(library);
}

void KernelTimer::run(const Way &way) {
  SmallVector<void *> buffers;
  for (const auto &[i, bytes] : llvm::enumerate(way.bytes)) {
    if (constants.test(i)) {
      if (next[i] + bytes > capacity[i])
        next[i] = 0;
      buffers.push_back(memory[i] + next[i]);
      next[i] += roundUp(bytes);
    } else {
      buffers.push_back(memory[i]);
    }
  }
  WeftFault fault = {};
  const WeftCall call = {buffers.data(), nullptr, scratch, &fault, 0};
  way.entry(&call, 0, way.chunks);
}

double KernelTimer::time(size_t way) {
  constexpr double measurable = 0.2; // ms
  run(ways[way]);                    // warm again after another way
  int count = 0;
  const double start = cpuMs();
  double elapsed = 0;
  while (elapsed < measurable) {
    run(ways[way]);
    ++count;
    elapsed = cpuMs() - start;
  }
  return elapsed / count;
}
