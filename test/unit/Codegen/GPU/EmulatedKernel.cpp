// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiles GPU kernels for the emulator, opens them, and runs them.
#include "EmulatedKernel.h"

#include "weft/Codegen/CPU/LinkImage.h"
#include "weft/Codegen/CPU/LowerToLLVM.h"
#include "weft/Codegen/Emulator/EmitEmulated.h"
#include "weft/Codegen/GPU/EmitPTX.h"

#include <cstring>
#include <dlfcn.h>
#include <random>
#include <sys/mman.h>
#include <unistd.h>

using namespace weft;
using namespace weft::testing;
using namespace weft::runtime::emulator;

mlir::MLIRContext &weft::testing::gpuContext() {
  static mlir::MLIRContext *context = [] {
    auto *made = new mlir::MLIRContext(mlir::MLIRContext::Threading::DISABLED);
    gpu::loadGpuCodegen(*made);
    cpu::loadCpuCodegen(*made);
    return made;
  }();
  return *context;
}

Numbers Numbers::random(DType type, size_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<double> uniform(-1, 1);
  Numbers numbers{type, std::vector<double>(count)};
  for (double &value : numbers.values)
    value = floatFromBits(type, floatToBits(type, uniform(generator)));
  return numbers;
}

std::unique_ptr<EmulatedKernel> EmulatedKernel::compile(const gpu::GpuKernel &kernel, std::string &error) {
  mlir::OwningOpRef<mlir::ModuleOp> copy(kernel.module.get().clone());
  auto object = emulator::emitEmulatedObject(*copy, llvm::cantFail(cpu::TargetInfo::get("x86-64-v3")));
  if (!object) {
    error = llvm::toString(object.takeError());
    return nullptr;
  }
  auto image = cpu::linkImage({llvm::StringRef(object->data(), object->size())});
  if (!image) {
    error = llvm::toString(image.takeError());
    return nullptr;
  }
  int fd = memfd_create("kernel", MFD_CLOEXEC);
  if (fd < 0 || write(fd, image->data(), image->size()) != static_cast<ssize_t>(image->size())) {
    error = "memfd";
    return nullptr;
  }
  std::string path = "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(fd);
  auto made = std::make_unique<EmulatedKernel>();
  made->library = std::shared_ptr<void>(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL), [](void *p) {
    if (p)
      dlclose(p);
  });
  close(fd);
  if (!made->library) {
    error = dlerror();
    return nullptr;
  }
  made->entry = reinterpret_cast<KernelEntry>(dlsym(made->library.get(), kernel.name.c_str()));
  if (!made->entry) {
    error = "no symbol " + kernel.name;
    return nullptr;
  }
  made->threads = kernel.threads;
  made->sharedBytes = kernel.sharedBytes;
  made->name = kernel.name;
  return made;
}

Status EmulatedKernel::run(const EmulatorOptions &options, const std::vector<Numbers> &inputs,
                           Numbers &result, const std::vector<int64_t> &extents, int64_t blocks) {
  Emulator device(options);
  std::vector<uint64_t> parameters;
  auto allocate = [&](const Numbers &numbers, const std::string &what, bool fill) -> std::byte * {
    size_t width = byteWidth(numbers.type);
    auto *memory = static_cast<std::byte *>(*device.allocate(numbers.values.size() * width, what));
    for (size_t i = 0; fill && i < numbers.values.size(); ++i) {
      uint64_t bits = floatToBits(numbers.type, numbers.values[i]);
      std::memcpy(memory + i * width, &bits, width);
    }
    if (fill)
      device.markInitialised(memory, numbers.values.size() * width);
    parameters.push_back(reinterpret_cast<uint64_t>(memory));
    return memory;
  };
  for (size_t i = 0; i < inputs.size(); ++i)
    allocate(inputs[i], "input " + std::to_string(i), true);
  std::byte *out = allocate(result, "result", false);
  parameters.insert(parameters.end(), extents.begin(), extents.end());
  parameters.push_back(reinterpret_cast<uint64_t>(*device.allocate(64, "fault")));
  LaunchShape shape;
  shape.grid[0] = blocks;
  shape.block[0] = threads;
  shape.sharedBytes = sharedBytes;
  Status status = device.launch(entry, shape, std::span<const uint64_t>(parameters), name);
  size_t width = byteWidth(result.type);
  if (status.isOk() && options.checks && !device.isInitialised(out, result.values.size() * width))
    status = Status(Code::Internal, "some of the result is not written");
  for (size_t i = 0; i < result.values.size(); ++i) {
    uint64_t bits = 0;
    std::memcpy(&bits, out + i * width, width);
    result.values[i] = floatFromBits(result.type, bits);
  }
  if (options.lint)
    lint = device.lintReport();
  return status;
}

std::vector<EmulatorOptions> weft::testing::allSchedules() {
  std::vector<EmulatorOptions> all(4);
  all[1].schedule = Schedule::Lifo;
  all[2].schedule = all[3].schedule = Schedule::Random;
  all[2].seed = 1;
  all[3].seed = 7;
  return all;
}
