// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a CUDA device hands out: its context, modules, the kernels of a program, streams.
#ifndef WEFT_LIB_RUNTIME_CUDA_CUDASTREAM_H
#define WEFT_LIB_RUNTIME_CUDA_CUDASTREAM_H

#include "Driver.h"
#include "weft/Runtime/Device.h"

namespace weft::runtime::cuda {

/// The primary context of a GPU, which the process's libraries share; given back at the end.
struct Context {
  static Result<std::shared_ptr<Context>> create(std::shared_ptr<const Driver> driver, CuDevice device);
  Context() = default;
  Context(const Context &) = delete;
  Context &operator=(const Context &) = delete;
  ~Context();
  /// Makes it the one of the calling thread.
  Status makeCurrent() const;

  std::shared_ptr<const Driver> driver;
  CuDevice device = 0;
  CuContext handle = nullptr;
};

/// PTX as the driver has compiled it. The driver keeps compiled code in a folder of its own.
class CudaModule {
public:
  static Result<std::shared_ptr<const CudaModule>> load(std::shared_ptr<Context> context,
                                                        std::span<const std::byte> ptx);
  CudaModule(const CudaModule &) = delete;
  CudaModule &operator=(const CudaModule &) = delete;
  ~CudaModule();

  std::shared_ptr<Context> context;
  CuModule handle = nullptr;

private:
  CudaModule() = default;
};

/// The kernels of a program as functions of a module.
class CudaCode final : public DeviceCode {
public:
  static Result<std::shared_ptr<const DeviceCode>>
  create(std::shared_ptr<const CudaModule> module, const program::Program &program, int maxSharedBytes);
  struct Kernel {
    CuFunction function = nullptr;
    LaunchConfig config; ///< but for the grid and the stream
    LaunchAttribute cluster;
  };
  std::vector<Kernel> kernels; ///< as the program's

private:
  std::shared_ptr<const CudaModule> module;
};

class CudaStream final : public DeviceStream {
public:
  static Result<std::unique_ptr<DeviceStream>> create(std::shared_ptr<Context> context);
  ~CudaStream() override;

  Status begin() override;
  Status upload(std::byte *to, const void *from, int64_t bytes) override;
  Status download(void *to, const std::byte *from, int64_t bytes) override;
  Status copy(std::byte *to, const std::byte *from, int64_t bytes) override;
  Status fill(std::byte *to, int64_t bytes, uint64_t pattern, int width) override;
  Status launch(const DeviceCode &code, const DeviceLaunch &launch) override;
  Status synchronize() override;
  std::span<WeftFault> faults() override { return {faultRecords, numFaults}; }
  Status mark(uint32_t number) override;
  Result<int64_t> timeOf(uint32_t number) override;

private:
  CudaStream() = default;
  Status check(CuResult code, const char *what) const { return context->driver->check(code, what); }

  /// Pinned memory that bytes pass through on their way, in pieces: one is copied by the CPU while the other
  /// travels.
  struct Piece {
    std::byte *memory = nullptr;
    CuEvent isFree = nullptr; ///< passed when the device has taken or brought its bytes
  };
  static constexpr size_t pieceBytes = size_t(1) << 20;

  std::shared_ptr<Context> context;
  CuStream stream = nullptr;
  std::byte *pinned = nullptr; // the pieces, then the fault records
  Piece pieces[2];
  unsigned nextPiece = 0;
  WeftFault *faultRecords = nullptr;
  std::vector<uint64_t> values; // of a launch's parameters
  std::vector<void *> parameters;
  // Marks: events, made when first used, and the host's time of the first.
  std::vector<CuEvent> events;
  CuEvent origin = nullptr;
  int64_t originTime = 0;
};

} // namespace weft::runtime::cuda

#endif // WEFT_LIB_RUNTIME_CUDA_CUDASTREAM_H
