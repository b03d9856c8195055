// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The CUDA driver, found when the program runs: libcuda.so.1, or the library that $WEFT_CUDA_DRIVER names.
// Types and numbers are those of the driver's interface, written down here, so that nothing of the toolkit is
// needed to build; a test holds them against cuda.h where that is installed. All functions that are used
// stand in one list.
#ifndef WEFT_LIB_RUNTIME_CUDA_DRIVER_H
#define WEFT_LIB_RUNTIME_CUDA_DRIVER_H

#include "weft/Support/Status.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace weft::runtime::cuda {

// Handles and results.
using CuResult = int;
using CuDevice = int;
using CuPointer = unsigned long long;
using CuContext = struct CuContextHandle *;
using CuModule = struct CuModuleHandle *;
using CuFunction = struct CuFunctionHandle *;
using CuStream = struct CuStreamHandle *;
using CuEvent = struct CuEventHandle *;
using CuPool = struct CuPoolHandle *;

/// Results that are told apart here.
namespace result {
constexpr CuResult success = 0, outOfMemory = 2, stubLibrary = 34, noDevice = 100, invalidPtx = 218,
                   unsupportedPtx = 222, notReady = 600;
} // namespace result

/// Attributes of a device.
namespace deviceAttribute {
constexpr int maxThreadsPerBlock = 1, maxGridX = 5, multiprocessors = 16, computeMajor = 75,
              computeMinor = 76, maxSharedOptIn = 97, memoryPools = 115;
} // namespace deviceAttribute

/// Attributes of a function.
namespace functionAttribute {
constexpr int maxThreadsPerBlock = 0, maxDynamicShared = 8, nonPortableCluster = 14;
} // namespace functionAttribute

/// Options of compiling PTX.
namespace jit {
constexpr int infoLog = 3, infoLogSize = 4, errorLog = 5, errorLogSize = 6;
} // namespace jit

constexpr int poolReleaseThreshold = 4;
constexpr unsigned streamNonBlocking = 1, eventDefault = 0, hostAllocPortable = 1;

/// One attribute of a launch. The only one used is a cluster's extents.
struct LaunchAttribute {
  static constexpr unsigned clusterDimension = 4;
  unsigned id = 0;
  char pad[4] = {};
  union {
    char room[64] = {};
    struct {
      unsigned x, y, z;
    } cluster;
  } value;
};

struct LaunchConfig {
  unsigned gridX = 1, gridY = 1, gridZ = 1;
  unsigned blockX = 1, blockY = 1, blockZ = 1;
  unsigned sharedBytes = 0;
  CuStream stream = nullptr;
  LaunchAttribute *attributes = nullptr;
  unsigned numAttributes = 0;
};

/// The functions: name, parameters. All return CuResult. OPTIONAL ones may be missing; what needs them has
/// another way.
#define WEFT_CUDA_FUNCTIONS(REQUIRED, OPTIONAL)                                                              \
  REQUIRED(cuInit, (unsigned flags))                                                                         \
  REQUIRED(cuDriverGetVersion, (int *version))                                                               \
  REQUIRED(cuGetErrorName, (CuResult error, const char **name))                                              \
  REQUIRED(cuGetErrorString, (CuResult error, const char **text))                                            \
  REQUIRED(cuDeviceGetCount, (int *count))                                                                   \
  REQUIRED(cuDeviceGet, (CuDevice * device, int number))                                                     \
  REQUIRED(cuDeviceGetName, (char *name, int size, CuDevice device))                                         \
  REQUIRED(cuDeviceGetAttribute, (int *value, int attribute, CuDevice device))                               \
  REQUIRED(cuDeviceTotalMem, (size_t *bytes, CuDevice device))                                               \
  REQUIRED(cuDevicePrimaryCtxRetain, (CuContext * context, CuDevice device))                                 \
  REQUIRED(cuDevicePrimaryCtxRelease, (CuDevice device))                                                     \
  REQUIRED(cuCtxSetCurrent, (CuContext context))                                                             \
  REQUIRED(cuModuleLoadDataEx,                                                                               \
           (CuModule * module, const void *image, unsigned numOptions, int *options, void **values))         \
  REQUIRED(cuModuleUnload, (CuModule module))                                                                \
  REQUIRED(cuModuleGetFunction, (CuFunction * function, CuModule module, const char *name))                  \
  REQUIRED(cuFuncGetAttribute, (int *value, int attribute, CuFunction function))                             \
  REQUIRED(cuFuncSetAttribute, (CuFunction function, int attribute, int value))                              \
  REQUIRED(cuLaunchKernelEx,                                                                                 \
           (const LaunchConfig *config, CuFunction function, void **parameters, void **extra))               \
  REQUIRED(cuStreamCreate, (CuStream * stream, unsigned flags))                                              \
  REQUIRED(cuStreamDestroy, (CuStream stream))                                                               \
  REQUIRED(cuStreamSynchronize, (CuStream stream))                                                           \
  REQUIRED(cuEventCreate, (CuEvent * event, unsigned flags))                                                 \
  REQUIRED(cuEventDestroy, (CuEvent event))                                                                  \
  REQUIRED(cuEventRecord, (CuEvent event, CuStream stream))                                                  \
  REQUIRED(cuEventSynchronize, (CuEvent event))                                                              \
  REQUIRED(cuEventElapsedTime, (float *milliseconds, CuEvent start, CuEvent end))                            \
  REQUIRED(cuMemGetInfo, (size_t *free, size_t *total))                                                      \
  REQUIRED(cuMemAlloc, (CuPointer * memory, size_t bytes))                                                   \
  REQUIRED(cuMemFree, (CuPointer memory))                                                                    \
  REQUIRED(cuMemHostAlloc, (void **memory, size_t bytes, unsigned flags))                                    \
  REQUIRED(cuMemFreeHost, (void *memory))                                                                    \
  REQUIRED(cuMemcpyHtoDAsync, (CuPointer to, const void *from, size_t bytes, CuStream stream))               \
  REQUIRED(cuMemcpyDtoHAsync, (void *to, CuPointer from, size_t bytes, CuStream stream))                     \
  REQUIRED(cuMemcpyDtoDAsync, (CuPointer to, CuPointer from, size_t bytes, CuStream stream))                 \
  REQUIRED(cuMemsetD8Async, (CuPointer to, unsigned char value, size_t count, CuStream stream))              \
  REQUIRED(cuMemsetD16Async, (CuPointer to, unsigned short value, size_t count, CuStream stream))            \
  REQUIRED(cuMemsetD32Async, (CuPointer to, unsigned value, size_t count, CuStream stream))                  \
  REQUIRED(cuMemsetD2D32Async,                                                                               \
           (CuPointer to, size_t pitch, unsigned value, size_t width, size_t height, CuStream stream))       \
  OPTIONAL(cuDeviceGetDefaultMemPool, (CuPool * pool, CuDevice device))                                      \
  OPTIONAL(cuMemPoolSetAttribute, (CuPool pool, int attribute, void *value))                                 \
  OPTIONAL(cuMemAllocAsync, (CuPointer * memory, size_t bytes, CuStream stream))                             \
  OPTIONAL(cuMemFreeAsync, (CuPointer memory, CuStream stream))

/// The oldest driver that is used, and the version whose functions are asked for: 12.0.
constexpr int wantedVersion = 12000;

class Driver {
public:
  /// Opens the driver and starts it. The error is one line that says what to do.
  static Result<std::shared_ptr<const Driver>> open();

#define WEFT_CUDA_MEMBER(name, parameters) CuResult(*name) parameters = nullptr;
  WEFT_CUDA_FUNCTIONS(WEFT_CUDA_MEMBER, WEFT_CUDA_MEMBER)
#undef WEFT_CUDA_MEMBER

  /// "12.4"
  std::string versionText() const;
  /// OK, or what the driver says of the result: "cuMemAlloc: CUDA_ERROR_ILLEGAL_ADDRESS (an illegal memory
  /// access ...)".
  Status check(CuResult code, const char *what) const {
    return code == result::success ? Status::ok() : error(code, what);
  }
  Status error(CuResult code, const char *what) const;
  std::string nameOf(CuResult code) const;

private:
  Driver() = default;
  Status load(const std::string &path);
  int version = 0;
};

} // namespace weft::runtime::cuda

#endif // WEFT_LIB_RUNTIME_CUDA_DRIVER_H
