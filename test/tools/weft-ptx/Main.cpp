// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Prints what becomes of GPU kernels: each FILE is a module of llvm.func kernels in llvm, nvvm, arith, math,
// scf and vector ops.
//   weft-ptx FILE.mlir... [--target=sm_80|sm_90a] [--emit=nvvm|llvm|ptx]
#include "weft/Codegen/GPU/EmitPTX.h"
#include "weft/Codegen/GPU/LowerToNVVM.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <memory>

using namespace weft;

int main(int argc, char **argv) {
  llvm::StringRef targetName, form = "ptx";
  llvm::SmallVector<llvm::StringRef> inputs;
  for (llvm::StringRef arg : llvm::ArrayRef(argv, argc).drop_front()) {
    if (arg.consume_front("--target="))
      targetName = arg;
    else if (arg.consume_front("--emit="))
      form = arg;
    else
      inputs.push_back(arg);
  }
  auto target = gpu::GpuTarget::get(targetName);
  if (!target) {
    llvm::errs() << "weft-ptx: " << llvm::toString(target.takeError()) << "\n";
    return 2;
  }
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  gpu::loadGpuCodegen(context);
  std::vector<std::unique_ptr<gpu::GpuKernel>> kernels;
  llvm::SmallVector<const gpu::GpuKernel *> list;
  for (llvm::StringRef input : inputs) {
    auto kernel = std::make_unique<gpu::GpuKernel>();
    kernel->module = mlir::parseSourceFile<mlir::ModuleOp>(input, &context);
    if (!kernel->module || mlir::failed(gpu::lowerToNVVM(*kernel->module, /*verify=*/true)))
      return 1;
    kernel->name = llvm::sys::path::stem(input);
    if (form == "nvvm")
      kernel->module->print(llvm::outs());
    list.push_back(kernel.get());
    kernels.push_back(std::move(kernel));
  }
  if (form == "nvvm")
    return 0;
  auto text = form == "llvm" ? gpu::emitNvptxIR(list, *target) : gpu::emitPTX(list, *target);
  if (!text) {
    llvm::errs() << "weft-ptx: " << llvm::toString(text.takeError()) << "\n";
    return 1;
  }
  llvm::outs() << *text;
  return 0;
}
