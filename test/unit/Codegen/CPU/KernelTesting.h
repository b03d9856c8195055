// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiles a kernel module to code in this process and calls it: lower, emit, link, dlopen.
#ifndef WEFT_TEST_UNIT_CODEGEN_CPU_KERNELTESTING_H
#define WEFT_TEST_UNIT_CODEGEN_CPU_KERNELTESTING_H

#include "weft/Codegen/CPU/EmitObject.h"
#include "weft/Codegen/CPU/GenerateGemm.h"
#include "weft/Codegen/CPU/LinkImage.h"
#include "weft/Codegen/CPU/LowerToLLVM.h"
#include "weft/Program/Abi.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace weft::testing {

/// 64-byte aligned memory that ends at a page nobody may touch, filled with 0xA5 so that what a kernel leaves
/// unwritten shows.
class Buffer {
public:
  explicit Buffer(size_t bytes);
  Buffer(Buffer &&other);
  ~Buffer();
  template <typename T> static Buffer of(const std::vector<T> &values) {
    Buffer b(values.size() * sizeof(T));
    std::copy(values.begin(), values.end(), b.as<T>());
    return b;
  }
  template <typename T> T *as() const { return reinterpret_cast<T *>(data); }
  void *raw() const { return data; }

private:
  std::byte *data;
  size_t mapped;
};

/// How all chunks of a kernel are called: in one call; one by one, the last first; one by one, each with the
/// scratch that the one before it left.
enum class Calls { One, Backwards, Following };
/// For messages: "in one call".
const char *describe(Calls calls);

/// A kernel that can be called.
class Kernel {
public:
  /// Runs chunks [lo, hi) with the buffers in order.
  int32_t operator()(std::vector<void *> buffers, std::vector<int64_t> dims, int64_t lo, int64_t hi,
                     bool follows = false) const;
  /// Runs chunks [0, count); no chunk may fail.
  void run(Calls calls, const std::vector<void *> &buffers, const std::vector<int64_t> &dims,
           int64_t count) const;
  cpu::KernelInfo info;
  WeftKernel entry = nullptr;
  std::shared_ptr<void> library;
  std::shared_ptr<Buffer> scratch;
};

/// The context that all tests share, with everything loaded.
mlir::MLIRContext &context();
/// Opens an image; null and the reason in `error` when that fails.
std::shared_ptr<void> load(const llvm::SmallVector<char, 0> &image, std::string &error);
/// Compiles; an empty kernel and the reason in `error` when a step fails.
Kernel compile(mlir::ModuleOp module, const cpu::TargetInfo &target, cpu::Pipeline pipeline,
               std::string &error);
/// The same from text.
Kernel compileText(const std::string &text, const cpu::TargetInfo &target, cpu::Pipeline pipeline,
                   std::string &error);
/// [K, N] elements of so many bytes, packed.
std::vector<std::byte> packed(std::span<const std::byte> b, size_t elementBytes, const cpu::PackedB &layout);
/// x86-64-v3, and this machine where it has more.
std::vector<cpu::TargetInfo> testTargets();

} // namespace weft::testing

#endif // WEFT_TEST_UNIT_CODEGEN_CPU_KERNELTESTING_H
