// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From GPU kernels in the llvm and nvvm dialects to what devices load. Stage: program.
#include "GpuImages.h"

#include "mlir/IR/Diagnostics.h"
#include "weft/Codegen/Emulator/EmitEmulated.h"
#include "weft/Codegen/GPU/EmitPTX.h"
#include "weft/Dialect/Host/HostDialect.h"

using namespace mlir;
using namespace weft;

LogicalResult weft::refuseFallbacks(ModuleOp module, StringRef device) {
  LogicalResult result = success();
  module.walk([&](host::CallOp call) {
    // A kernel's call is its content; print shows, and computes nothing.
    if (call->getParentOfType<host::KernelOp>() || call.getFunction() == "print")
      return;
    call.emitError() << "'" << call.getFunction() << "' has no kernel for " << device
                     << "; --allow-fallback runs it on the CPU, on copies";
    result = failure();
  });
  return result;
}

LogicalResult weft::emulateKernel(Location loc, CompiledKernel &kernel, const cpu::TargetInfo &host) {
  OwningOpRef<ModuleOp> copy(kernel.gpu->module->clone());
  auto object = emulator::emitEmulatedObject(*copy, host);
  if (!object)
    return emitError(loc) << "kernel @" << kernel.name
                          << " for the emulator: " << llvm::toString(object.takeError());
  kernel.object = std::move(*object);
  return success();
}

llvm::Expected<std::string> weft::gpuText(SmallVector<const gpu::GpuKernel *> kernels,
                                          const gpu::GpuTarget &target, bool isPtx) {
  llvm::sort(kernels, [](const gpu::GpuKernel *a, const gpu::GpuKernel *b) { return a->name < b->name; });
  return isPtx ? gpu::emitPTX(kernels, target) : gpu::emitNvptxIR(kernels, target);
}
