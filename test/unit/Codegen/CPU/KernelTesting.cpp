// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiles and calls kernels for tests.
#include "KernelTesting.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"

#include <cstring>
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

using namespace weft;
using namespace weft::testing;

Buffer::Buffer(size_t bytes) {
  size_t page = 4096, rounded = (bytes + 63) / 64 * 64;
  mapped = (rounded + page - 1) / page * page + page;
  void *p = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED || mprotect(static_cast<std::byte *>(p) + mapped - page, page, PROT_NONE) != 0)
    std::abort();
  data = static_cast<std::byte *>(p) + mapped - page - rounded;
  std::memset(data, 0xA5, rounded);
}

Buffer::Buffer(Buffer &&other) : data(std::exchange(other.data, nullptr)), mapped(other.mapped) {}

Buffer::~Buffer() {
  if (data)
    munmap(reinterpret_cast<void *>(reinterpret_cast<uintptr_t>(data) / 4096 * 4096), mapped);
}

int32_t Kernel::operator()(std::vector<void *> buffers, std::vector<int64_t> dims, int64_t lo, int64_t hi,
                           bool follows) const {
  WeftFault fault = {};
  WeftCall call = {buffers.data(), dims.data(), scratch->raw(), &fault, follows};
  return entry(&call, lo, hi);
}

const char *weft::testing::describe(Calls calls) {
  switch (calls) {
  case Calls::One:
    return "in one call";
  case Calls::Backwards:
    return "chunk by chunk, the last first";
  case Calls::Following:
    return "chunk by chunk with shared scratch";
  }
}

void Kernel::run(Calls calls, const std::vector<void *> &buffers, const std::vector<int64_t> &dims,
                 int64_t count) const {
  if (calls == Calls::One) {
    EXPECT_EQ((*this)(buffers, dims, 0, count), 0);
    return;
  }
  const bool backwards = calls == Calls::Backwards;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t chunk = backwards ? count - 1 - i : i;
    EXPECT_EQ((*this)(buffers, dims, chunk, chunk + 1, !backwards && i != 0), 0);
  }
}

mlir::MLIRContext &weft::testing::context() {
  static mlir::MLIRContext *context = [] {
    auto *c = new mlir::MLIRContext(mlir::MLIRContext::Threading::DISABLED);
    cpu::loadCpuCodegen(*c);
    return c;
  }();
  return *context;
}

std::shared_ptr<void> weft::testing::load(const llvm::SmallVector<char, 0> &image, std::string &error) {
  int fd = memfd_create("kernel", MFD_CLOEXEC);
  if (fd < 0 || write(fd, image.data(), image.size()) != static_cast<ssize_t>(image.size())) {
    error += "memfd";
    return nullptr;
  }
  std::string path = "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(fd);
  std::shared_ptr<void> library(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL), [](void *p) {
    if (p)
      dlclose(p);
  });
  close(fd);
  if (!library)
    error += dlerror();
  return library;
}

Kernel weft::testing::compile(mlir::ModuleOp module, const cpu::TargetInfo &target, cpu::Pipeline pipeline,
                              std::string &error) {
  mlir::ScopedDiagnosticHandler handler(module.getContext(), [&](mlir::Diagnostic &diagnostic) {
    error += diagnostic.str() + "\n";
    return mlir::success();
  });
  Kernel kernel;
  cpu::LowerOptions options;
  options.verify = true;
  auto info = cpu::lowerKernelToLLVM(module, target, options);
  if (mlir::failed(info)) {
    error += "lowering failed";
    return kernel;
  }
  auto object = cpu::emitObject(module, target, pipeline);
  if (!object) {
    error += llvm::toString(object.takeError());
    return kernel;
  }
  auto image = cpu::linkImage({llvm::StringRef(object->data(), object->size())});
  if (!image) {
    error += llvm::toString(image.takeError());
    return kernel;
  }
  kernel.library = load(*image, error);
  if (!kernel.library)
    return kernel;
  kernel.info = *info;
  kernel.scratch = std::make_shared<Buffer>(info->scratchBytes);
  kernel.entry = reinterpret_cast<WeftKernel>(dlsym(kernel.library.get(), info->name.c_str()));
  if (!kernel.entry)
    error += "no symbol " + info->name;
  return kernel;
}

Kernel weft::testing::compileText(const std::string &text, const cpu::TargetInfo &target,
                                  cpu::Pipeline pipeline, std::string &error) {
  std::string messages;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  {
    mlir::ScopedDiagnosticHandler handler(&context(), [&](mlir::Diagnostic &diagnostic) {
      messages += diagnostic.str() + "\n";
      return mlir::success();
    });
    module = mlir::parseSourceString<mlir::ModuleOp>(text, &context());
  }
  if (!module) {
    error = messages;
    return {};
  }
  return compile(*module, target, pipeline, error);
}

std::vector<std::byte> weft::testing::packed(std::span<const std::byte> b, size_t elementBytes,
                                             const cpu::PackedB &layout) {
  const llvm::SmallVector<int64_t> shape = layout.shape();
  std::vector<std::byte> to(shape[0] * shape[1] * shape[2] * elementBytes, std::byte(0xA5));
  cpu::packB(b, elementBytes, layout, layout.n, 1, 0, to);
  return to;
}

std::vector<cpu::TargetInfo> weft::testing::testTargets() {
  std::vector<cpu::TargetInfo> targets;
  targets.push_back(llvm::cantFail(cpu::TargetInfo::get("x86-64-v3")));
  auto native = llvm::cantFail(cpu::TargetInfo::get("native"));
  if (native.hasAvx512)
    targets.push_back(native);
  return targets;
}
