// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A CUDA driver for tests, on memory of the host. Streams do nothing until they are waited for: who forgets
// to wait, or changes pinned memory too early, gets wrong numbers here as on a GPU. Calls without a current
// context fail. Kernels are those of Program/Kernels.c, as functions over a whole grid; others do nothing.
#include "FakeCuda.h"

#include "Runtime/CUDA/Driver.h"
#include "weft/Program/Abi.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <mutex>
#include <sstream>

using namespace weft::runtime::cuda;

namespace {

constexpr CuResult invalidValue = 1, notInitialized = 3, invalidContext = 201, notFound = 500,
                   illegalAddress = 700;

struct Machine : weft::fake::Cuda {
  Machine() {
    const char *text = std::getenv("WEFT_FAKE_CUDA");
    std::istringstream in(text ? text : "");
    for (std::string word; in >> word;) {
      const size_t at = word.find('=');
      const std::string name = word.substr(0, at), value = at == std::string::npos ? "" : word.substr(at + 1);
      if (name == "version")
        version = std::atoi(value.c_str());
      else if (name == "devices")
        devices = std::atoi(value.c_str());
      else if (name == "architecture")
        architecture = std::atoi(value.c_str());
      else if (name == "memory")
        memoryBytes = std::strtoull(value.c_str(), nullptr, 10);
      else if (name == "missing")
        missing = value;
      else if (name == "log")
        log = value;
      else
        std::fprintf(stderr, "WEFT_FAKE_CUDA: what is '%s'?\n", word.c_str()), std::abort();
    }
  }

  std::recursive_mutex mutex;
  bool isInitialized = false;
  std::map<CuPointer, size_t> memory;
  std::map<const std::byte *, size_t> pinned;
};

Machine &machine() {
  static auto *one = new Machine;
  return *one;
}

thread_local CuContext current = nullptr;

/// The allocation that holds the range.
bool isDevice(CuPointer address, size_t bytes) {
  auto it = machine().memory.upper_bound(address);
  if (it == machine().memory.begin())
    return false;
  --it;
  return address - it->first <= it->second && bytes <= it->second - (address - it->first);
}

bool isPinned(const void *address, size_t bytes) {
  const auto *at = static_cast<const std::byte *>(address);
  auto it = machine().pinned.upper_bound(at);
  if (it == machine().pinned.begin())
    return false;
  --it;
  return at + bytes <= it->first + it->second;
}

/// Counts a call; what hinders it.
CuResult enter(const char *name, bool needsContext = true) {
  ++machine().calls[name];
  if (!machine().isInitialized)
    return notInitialized;
  return needsContext && !current ? invalidContext : machine().lost;
}
#define ENTER(...)                                                                                           \
  const std::lock_guard<std::recursive_mutex> lock(machine().mutex);                                         \
  if (const CuResult why = enter(__func__ __VA_OPT__(, ) __VA_ARGS__); why != result::success)               \
  return why

double nowMs() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// ---- Kernels ----

struct Grid {
  int64_t threads;
};
using Kernel = void (*)(const uint64_t *p, Grid grid);
template <class T> T *at(uint64_t address) { return reinterpret_cast<T *>(address); }

void add(const uint64_t *p, Grid grid) {
  for (int64_t i = 0; i < std::min(grid.threads, int64_t(p[3])); ++i)
    at<float>(p[2])[i] = at<float>(p[0])[i] + at<float>(p[1])[i];
}
void twice(const uint64_t *p, Grid grid) {
  for (int64_t i = 0; i < std::min(grid.threads, int64_t(p[2])); ++i)
    at<float>(p[1])[i] = at<float>(p[0])[i] * 2;
}
void gather(const uint64_t *p, Grid grid) {
  auto *fault = at<WeftFault>(p[5]);
  for (int64_t i = 0; i < std::min(grid.threads, int64_t(p[3])); ++i) {
    const int64_t index = at<int64_t>(p[1])[i];
    if (index >= 0 && index < int64_t(p[4]))
      at<float>(p[2])[i] = at<float>(p[0])[index];
    else if (fault->check == 0)
      *fault = {1, 0, index, int64_t(p[4]), i};
  }
}
void addInt(const uint64_t *p, Grid) { *at<int64_t>(p[2]) = *at<int64_t>(p[0]) + *at<int64_t>(p[1]); }
void less(const uint64_t *p, Grid) { *at<uint8_t>(p[2]) = *at<int64_t>(p[0]) < *at<int64_t>(p[1]); }

struct KnownKernel {
  const char *name;
  size_t parameters;
  Kernel run;
};
constexpr KnownKernel kernels[] = {{"k_add", 5, add},
                                   {"k_double", 4, twice},
                                   {"k_gather", 6, gather},
                                   {"k_add_int", 4, addInt},
                                   {"k_less", 4, less}};

} // namespace

// ---- What handles point to ----

struct weft::runtime::cuda::CuContextHandle {
  int device = 0;
  int count = 0;
};
struct weft::runtime::cuda::CuModuleHandle {
  std::string text;
  std::map<std::string, CuFunctionHandle *> functions;
};
struct weft::runtime::cuda::CuFunctionHandle {
  std::string name;
  const KnownKernel *known = nullptr;
  int allowedShared = 48 << 10, allowedCluster = 8;
};
struct weft::runtime::cuda::CuStreamHandle {
  std::deque<std::function<CuResult()>> work;
  /// Does what was given until `stop` says enough.
  CuResult run(const std::function<bool()> &stop = [] { return false; }) {
    while (!work.empty() && !stop()) {
      const auto step = std::move(work.front());
      work.pop_front();
      if (const CuResult code = step(); code != result::success)
        return machine().lost = code;
    }
    return result::success;
  }
};
struct weft::runtime::cuda::CuEventHandle {
  CuStream stream = nullptr;
  int asked = 0, passed = 0; ///< how many times recorded, and how many of them have been reached
  double time = 0;
};
struct weft::runtime::cuda::CuPoolHandle {};

namespace {
CuContextHandle contexts[16];

CuResult later(CuStream stream, std::function<CuResult()> step) {
  if (!stream)
    return invalidValue; // the default stream is never used
  stream->work.push_back(std::move(step));
  return result::success;
}
CuResult laterFill(CuPointer to, size_t bytes, CuStream stream, std::function<void(std::byte *)> fill) {
  return later(stream, [=] {
    if (!isDevice(to, bytes))
      return illegalAddress;
    fill(reinterpret_cast<std::byte *>(to));
    return result::success;
  });
}
CuResult allocate(CuPointer *memory, size_t bytes) {
  Machine &m = machine();
  if (bytes == 0)
    return invalidValue;
  if (m.usedBytes + bytes > m.memoryBytes)
    return result::outOfMemory;
  void *made = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
  std::memset(made, 0xcd, bytes);
  *memory = reinterpret_cast<CuPointer>(made);
  m.memory[*memory] = bytes;
  m.usedBytes += bytes;
  ++m.liveAllocations;
  return result::success;
}
CuResult release(CuPointer memory) {
  Machine &m = machine();
  const auto it = m.memory.find(memory);
  if (it == m.memory.end())
    return invalidValue;
  std::memset(reinterpret_cast<void *>(memory), 0xdd, it->second);
  m.usedBytes -= it->second;
  --m.liveAllocations;
  m.memory.erase(it);
  std::free(reinterpret_cast<void *>(memory));
  return result::success;
}
} // namespace

// ---- The driver's functions ----

extern "C" {

weft::fake::Cuda *fakeCuda() { return &machine(); }

CuResult cuInit(unsigned) {
  machine().isInitialized = true;
  return machine().devices == 0 ? result::noDevice : result::success;
}
CuResult cuDriverGetVersion(int *version) {
  *version = machine().version;
  return result::success;
}
CuResult cuGetErrorName(CuResult code, const char **name) {
  static const std::map<CuResult, const char *> names = {
      {invalidValue, "CUDA_ERROR_INVALID_VALUE"},
      {result::outOfMemory, "CUDA_ERROR_OUT_OF_MEMORY"},
      {invalidContext, "CUDA_ERROR_INVALID_CONTEXT"},
      {result::invalidPtx, "CUDA_ERROR_INVALID_PTX"},
      {result::unsupportedPtx, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION"},
      {notFound, "CUDA_ERROR_NOT_FOUND"},
      {illegalAddress, "CUDA_ERROR_ILLEGAL_ADDRESS"}};
  const auto it = names.find(code);
  *name = it == names.end() ? nullptr : it->second;
  return *name ? result::success : invalidValue;
}
CuResult cuGetErrorString(CuResult code, const char **text) {
  *text = code == illegalAddress ? "an illegal memory access was encountered" : nullptr;
  return *text ? result::success : invalidValue;
}
CuResult cuDeviceGetCount(int *count) {
  *count = machine().devices;
  return result::success;
}
CuResult cuDeviceGet(CuDevice *device, int number) {
  *device = number;
  return number < machine().devices ? result::success : invalidValue;
}
CuResult cuDeviceGetName(char *name, int size, CuDevice device) {
  std::snprintf(name, size_t(size), "Fake GPU %d", device);
  return result::success;
}
CuResult cuDeviceGetAttribute(int *value, int attribute, CuDevice) {
  ENTER(false);
  switch (attribute) {
  case deviceAttribute::computeMajor:
    *value = machine().architecture / 10;
    return result::success;
  case deviceAttribute::computeMinor:
    *value = machine().architecture % 10;
    return result::success;
  case deviceAttribute::maxSharedOptIn:
    *value = machine().maxSharedBytes;
    return result::success;
  case deviceAttribute::memoryPools:
    *value = machine().hasPools;
    return result::success;
  }
  return invalidValue;
}
CuResult cuDeviceTotalMem(size_t *bytes, CuDevice) {
  *bytes = machine().memoryBytes;
  return result::success;
}
CuResult cuDevicePrimaryCtxRetain(CuContext *context, CuDevice device) {
  ENTER(false);
  *context = &contexts[device];
  machine().liveContexts += contexts[device].count++ == 0;
  return result::success;
}
CuResult cuDevicePrimaryCtxRelease(CuDevice device) {
  ENTER(false);
  machine().liveContexts -= --contexts[device].count == 0;
  return result::success;
}
CuResult cuCtxSetCurrent(CuContext context) {
  ENTER(false);
  current = context;
  return result::success;
}
CuResult cuModuleLoadDataEx(CuModule *module, const void *image, unsigned numOptions, int *options,
                            void **values) {
  ENTER();
  const std::string text(static_cast<const char *>(image));
  const auto say = [&](const char *log) {
    for (unsigned i = 0; i < numOptions; ++i)
      if (options[i] == jit::errorLog)
        std::strcpy(static_cast<char *>(values[i]), log);
  };
  if (text.find(".version 99") != std::string::npos)
    return result::unsupportedPtx;
  if (text.find(".version") == std::string::npos) {
    say("ptxas application ptx input, line 1; fatal   : Missing .version directive at start of file\n");
    return result::invalidPtx;
  }
  auto *made = new CuModuleHandle{text, {}};
  for (size_t at = 0; (at = text.find(".entry ", at)) != std::string::npos;) {
    at += 7;
    const std::string name = text.substr(at, text.find_first_of("( \n", at) - at);
    const KnownKernel *known = nullptr;
    for (const KnownKernel &kernel : kernels)
      if (kernel.name == name)
        known = &kernel;
    made->functions[name] = new CuFunctionHandle{name, known};
  }
  ++machine().liveModules;
  *module = made;
  return result::success;
}
CuResult cuModuleUnload(CuModule module) {
  ENTER();
  for (const auto &[name, function] : module->functions)
    delete function;
  delete module;
  --machine().liveModules;
  return result::success;
}
CuResult cuModuleGetFunction(CuFunction *function, CuModule module, const char *name) {
  ENTER();
  const auto it = module->functions.find(name);
  if (it == module->functions.end())
    return notFound;
  *function = it->second;
  return result::success;
}
CuResult cuFuncGetAttribute(int *value, int attribute, CuFunction) {
  ENTER();
  if (attribute != functionAttribute::maxThreadsPerBlock)
    return invalidValue;
  *value = machine().maxThreads;
  return result::success;
}
CuResult cuFuncSetAttribute(CuFunction function, int attribute, int value) {
  ENTER();
  if (attribute == functionAttribute::maxDynamicShared)
    function->allowedShared = value;
  else if (attribute == functionAttribute::nonPortableCluster)
    function->allowedCluster = 16;
  else
    return invalidValue;
  machine().functionAttributes[function->name + "/" + std::to_string(attribute)] = value;
  return result::success;
}
CuResult cuLaunchKernelEx(const LaunchConfig *config, CuFunction function, void **parameters, void **) {
  ENTER();
  Machine &m = machine();
  weft::fake::Launch launch{function->name, config->gridX, config->blockX, config->sharedBytes, 1, {}};
  for (unsigned i = 0; i < config->numAttributes; ++i)
    if (config->attributes[i].id == LaunchAttribute::clusterDimension)
      launch.cluster = config->attributes[i].value.cluster.x;
  if (config->gridX == 0 || config->gridY != 1 || config->gridZ != 1 ||
      config->blockX > unsigned(m.maxThreads) || config->sharedBytes > unsigned(function->allowedShared) ||
      launch.cluster > unsigned(function->allowedCluster) || config->gridX % launch.cluster)
    return invalidValue;
  if (function->known)
    for (size_t i = 0; i < function->known->parameters; ++i) // read now, as the driver does
      launch.parameters.push_back(*static_cast<const uint64_t *>(parameters[i]));
  m.launches.push_back(launch);
  if (!m.log.empty())
    if (FILE *file = std::fopen(m.log.c_str(), "a")) {
      std::fprintf(file, "%s grid=%u block=%u shared=%u cluster=%u\n", launch.kernel.c_str(), launch.grid,
                   launch.block, launch.sharedBytes, launch.cluster);
      std::fclose(file);
    }
  const CuResult code = std::exchange(m.nextLaunchResult, 0);
  return later(config->stream, [launch, code, known = function->known] {
    if (known)
      known->run(launch.parameters.data(), {int64_t(launch.grid) * launch.block});
    return code;
  });
}
CuResult cuStreamCreate(CuStream *stream, unsigned) {
  ENTER();
  *stream = new CuStreamHandle;
  ++machine().liveStreams;
  return result::success;
}
CuResult cuStreamDestroy(CuStream stream) {
  ENTER();
  stream->run();
  delete stream;
  --machine().liveStreams;
  return result::success;
}
CuResult cuStreamSynchronize(CuStream stream) {
  ENTER();
  return stream->run();
}
CuResult cuEventCreate(CuEvent *event, unsigned) {
  ENTER();
  *event = new CuEventHandle;
  ++machine().liveEvents;
  return result::success;
}
CuResult cuEventDestroy(CuEvent event) {
  ENTER();
  delete event;
  --machine().liveEvents;
  return result::success;
}
CuResult cuEventRecord(CuEvent event, CuStream stream) {
  ENTER();
  event->stream = stream;
  ++event->asked;
  return later(stream, [event] {
    ++event->passed;
    event->time = nowMs();
    return result::success;
  });
}
CuResult cuEventSynchronize(CuEvent event) {
  ENTER();
  return event->stream && event->passed < event->asked
             ? event->stream->run([&] { return event->passed == event->asked; })
             : result::success;
}
CuResult cuEventElapsedTime(float *milliseconds, CuEvent start, CuEvent end) {
  ENTER();
  if (!start->asked || !end->asked)
    return invalidValue;
  if (start->passed < start->asked || end->passed < end->asked)
    return result::notReady;
  *milliseconds = float(end->time - start->time);
  return result::success;
}
CuResult cuMemGetInfo(size_t *free, size_t *total) {
  ENTER();
  *free = machine().memoryBytes - std::min(machine().memoryBytes, machine().usedBytes);
  *total = machine().memoryBytes;
  return result::success;
}
CuResult cuMemAlloc(CuPointer *memory, size_t bytes) {
  ENTER();
  return allocate(memory, bytes);
}
CuResult cuMemFree(CuPointer memory) {
  ENTER();
  return release(memory);
}
CuResult cuMemHostAlloc(void **memory, size_t bytes, unsigned) {
  ENTER();
  *memory = std::aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
  machine().pinned[static_cast<std::byte *>(*memory)] = bytes;
  ++machine().livePinned;
  return result::success;
}
CuResult cuMemFreeHost(void *memory) {
  ENTER();
  if (machine().pinned.erase(static_cast<std::byte *>(memory)) == 0)
    return invalidValue;
  --machine().livePinned;
  std::free(memory);
  return result::success;
}
CuResult cuMemcpyHtoDAsync(CuPointer to, const void *from, size_t bytes, CuStream stream) {
  ENTER();
  if (!isPinned(from, bytes))
    return invalidValue;
  return laterFill(to, bytes, stream, [=](std::byte *place) { std::memcpy(place, from, bytes); });
}
CuResult cuMemcpyDtoHAsync(void *to, CuPointer from, size_t bytes, CuStream stream) {
  ENTER();
  if (!isPinned(to, bytes))
    return invalidValue;
  return later(stream, [=] {
    if (!isDevice(from, bytes))
      return illegalAddress;
    std::memcpy(to, reinterpret_cast<const void *>(from), bytes);
    return result::success;
  });
}
CuResult cuMemcpyDtoDAsync(CuPointer to, CuPointer from, size_t bytes, CuStream stream) {
  ENTER();
  if (to == from || (to < from + bytes && from < to + bytes))
    return invalidValue;
  return laterFill(to, bytes, stream, [=](std::byte *place) {
    if (isDevice(from, bytes))
      std::memcpy(place, reinterpret_cast<const void *>(from), bytes);
  });
}
CuResult cuMemsetD8Async(CuPointer to, unsigned char value, size_t count, CuStream stream) {
  ENTER();
  return laterFill(to, count, stream, [=](std::byte *place) { std::memset(place, value, count); });
}
CuResult cuMemsetD16Async(CuPointer to, unsigned short value, size_t count, CuStream stream) {
  ENTER();
  return laterFill(to, 2 * count, stream, [=](std::byte *place) {
    for (size_t i = 0; i < count; ++i)
      std::memcpy(place + 2 * i, &value, 2);
  });
}
CuResult cuMemsetD32Async(CuPointer to, unsigned value, size_t count, CuStream stream) {
  ENTER();
  return laterFill(to, 4 * count, stream, [=](std::byte *place) {
    for (size_t i = 0; i < count; ++i)
      std::memcpy(place + 4 * i, &value, 4);
  });
}
CuResult cuMemsetD2D32Async(CuPointer to, size_t pitch, unsigned value, size_t width, size_t height,
                            CuStream stream) {
  ENTER();
  return laterFill(to, pitch * (height - 1) + 4 * width, stream, [=](std::byte *place) {
    for (size_t row = 0; row < height; ++row)
      for (size_t i = 0; i < width; ++i)
        std::memcpy(place + row * pitch + 4 * i, &value, 4);
  });
}
CuResult cuDeviceGetDefaultMemPool(CuPool *pool, CuDevice) {
  ENTER(false);
  static CuPoolHandle only;
  *pool = &only;
  return result::success;
}
CuResult cuMemPoolSetAttribute(CuPool, int, void *) {
  ENTER(false);
  return result::success;
}
CuResult cuMemAllocAsync(CuPointer *memory, size_t bytes, CuStream) {
  ENTER();
  return allocate(memory, bytes);
}
CuResult cuMemFreeAsync(CuPointer memory, CuStream stream) {
  ENTER();
  return later(stream, [=] { return release(memory); });
}

CuResult cuGetProcAddress_v2(const char *name, void **function, int version, uint64_t, int *) {
  static const std::map<std::string, void *> functions = {
#define WEFT_FAKE(name, parameters) {#name, reinterpret_cast<void *>(&name)},
      WEFT_CUDA_FUNCTIONS(WEFT_FAKE, WEFT_FAKE)
#undef WEFT_FAKE
  };
  const auto it = functions.find(name);
  *function = it == functions.end() || name == machine().missing || version > machine().version ? nullptr
                                                                                                : it->second;
  return *function ? result::success : notFound;
}

} // extern "C"
