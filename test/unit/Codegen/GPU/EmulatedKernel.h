// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Generated GPU kernels run on the emulator in this process, under each schedule.
#ifndef WEFT_TEST_UNIT_CODEGEN_GPU_EMULATEDKERNEL_H
#define WEFT_TEST_UNIT_CODEGEN_GPU_EMULATEDKERNEL_H

#include "weft/Codegen/GPU/GpuKernel.h"
#include "weft/Runtime/Emulator/Emulator.h"
#include "weft/Support/DType.h"

#include "mlir/IR/MLIRContext.h"

#include <memory>
#include <string>
#include <vector>

namespace weft::testing {

/// The context of all tests, with everything loaded.
mlir::MLIRContext &gpuContext();

/// Numbers of an element type, kept as doubles that the type holds exactly.
struct Numbers {
  DType type = DType::F32;
  std::vector<double> values;
  /// `count` numbers between -1 and 1, rounded to the type.
  static Numbers random(DType type, size_t count, unsigned seed);
};

/// A kernel as emulated code.
class EmulatedKernel {
public:
  /// From a kernel, which stays as it is; null and the reason in `error` when a step fails.
  static std::unique_ptr<EmulatedKernel> compile(const gpu::GpuKernel &kernel, std::string &error);

  /// Runs `blocks` blocks on the inputs; `result` gives the type and the count of what it computes.
  Status run(const runtime::emulator::EmulatorOptions &options, const std::vector<Numbers> &inputs,
             Numbers &result, const std::vector<int64_t> &extents, int64_t blocks);
  /// Of the last run, when lint was on.
  std::string lint;

private:
  std::shared_ptr<void> library;
  runtime::emulator::KernelEntry entry = nullptr;
  int64_t threads = 0, sharedBytes = 0;
  std::string name;
};

/// First in, first out; last in, first out; at random by two seeds.
std::vector<runtime::emulator::EmulatorOptions> allSchedules();

} // namespace weft::testing

#endif // WEFT_TEST_UNIT_CODEGEN_GPU_EMULATEDKERNEL_H
