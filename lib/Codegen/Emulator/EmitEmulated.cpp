// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The pass --weft-emulate-nvvm, then code generation as for CPU kernels. Stage: code.
#include "weft/Codegen/Emulator/EmitEmulated.h"

#include "weft/Codegen/CPU/EmitObject.h"
#include "weft/Codegen/Passes.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Pass/PassManager.h"

using namespace mlir;

void weft::emulator::flattenGpuModules(ModuleOp module) {
  for (Operation &op : llvm::make_early_inc_range(*module.getBody())) {
    if (op.getName().getStringRef() != "gpu.module")
      continue;
    for (Operation &inner : llvm::make_early_inc_range(op.getRegion(0).front()))
      if (isa<LLVM::LLVMFuncOp, LLVM::GlobalOp>(inner))
        inner.moveBefore(&op);
    op.erase();
  }
  for (StringRef name : {"gpu.container_module", "llvm.target_triple", "llvm.data_layout", "dlti.dl_spec"})
    module->removeAttr(name);
}

llvm::Expected<llvm::SmallVector<char, 0>> weft::emulator::emitEmulatedObject(ModuleOp nvvm,
                                                                              const cpu::TargetInfo &host) {
  PassManager passes(nvvm.getContext(), ModuleOp::getOperationName());
  passes.addPass(createEmulateNvvmPass());
  if (failed(passes.run(nvvm)))
    return llvm::createStringError("the kernel cannot be emulated; the diagnostics say why");
  return cpu::emitObject(nvvm, host, cpu::Pipeline::Loops);
}
