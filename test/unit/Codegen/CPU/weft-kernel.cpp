// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shows what becomes of one kernel: reads a kernel module, or generates one, and prints its LLVM IR or
// assembly.
//   weft-kernel FILE.mlir | gemm:MxNxK | conv:HxWxCixCoxKERNELxSTRIDE[xGROUPS]
//     [--target-cpu=NAME] [--pipeline=vectorized|loops] [--emit=llvm|asm|mlir]
#include "weft/Codegen/CPU/EmitObject.h"
#include "weft/Codegen/CPU/GenerateConv.h"
#include "weft/Codegen/CPU/GenerateGemm.h"
#include "weft/Codegen/CPU/LowerToLLVM.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace weft;

int main(int argc, char **argv) {
  llvm::StringRef input, cpuName = "native", pipeline = "vectorized", emit = "asm";
  for (int i = 1; i < argc; ++i) {
    llvm::StringRef arg = argv[i];
    if (!arg.consume_front("--"))
      input = arg;
    else if (arg.consume_front("target-cpu="))
      cpuName = arg;
    else if (arg.consume_front("pipeline="))
      pipeline = arg;
    else if (arg.consume_front("emit="))
      emit = arg;
    else {
      llvm::errs() << "weft-kernel: unknown option --" << arg << "\n";
      return 2;
    }
  }
  auto target = cpu::TargetInfo::get(cpuName);
  if (!target) {
    llvm::errs() << "weft-kernel: " << llvm::toString(target.takeError()) << "\n";
    return 2;
  }
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  cpu::loadCpuCodegen(context);
  mlir::OpBuilder builder(&context);
  mlir::OwningOpRef<mlir::ModuleOp> module;
  if (input.consume_front("gemm:") || input.starts_with("conv:")) {
    bool conv = input.consume_front("conv:");
    llvm::SmallVector<llvm::StringRef> words;
    input.split(words, 'x');
    llvm::SmallVector<int64_t> n(7, 1);
    for (size_t i = 0; i < words.size() && i < n.size(); ++i)
      if (words[i].getAsInteger(10, n[i])) {
        llvm::errs() << "weft-kernel: '" << words[i] << "' is not a number\n";
        return 2;
      }
    mlir::FailureOr<cpu::GeneratedKernel> kernel;
    if (conv) {
      cpu::ConvSpec spec;
      spec.space = {{n[0], n[4], n[5], 1, (n[4] - 1) / 2, (n[4] - 1) / 2},
                    {n[1], n[4], n[5], 1, (n[4] - 1) / 2, (n[4] - 1) / 2}};
      spec.ci = n[2], spec.co = n[3], spec.groups = n[6];
      spec.xType = spec.wType = spec.yType = builder.getF32Type();
      kernel = cpu::generateConv(builder.getUnknownLoc(), spec, *target);
    } else {
      cpu::GemmSpec spec;
      spec.m = n[0], spec.n = n[1], spec.k = n[2];
      spec.aType = spec.bType = spec.cType = builder.getF32Type();
      kernel = cpu::generateGemm(builder.getUnknownLoc(), spec, *target);
    }
    if (mlir::failed(kernel))
      return 1;
    module = std::move(kernel->module);
  } else {
    module = mlir::parseSourceFile<mlir::ModuleOp>(input, &context);
  }
  if (!module || (emit != "mlir" && mlir::failed(cpu::lowerKernelToLLVM(*module, *target, {.verify = true}))))
    return 1;
  if (emit == "mlir") {
    module->print(llvm::outs());
    return 0;
  }
  auto text =
      cpu::emitText(*module, *target, pipeline == "loops" ? cpu::Pipeline::Loops : cpu::Pipeline::Vectorized,
                    emit == "llvm" ? cpu::TextKind::LLVM : cpu::TextKind::Assembly);
  if (!text) {
    llvm::errs() << "weft-kernel: " << llvm::toString(text.takeError()) << "\n";
    return 1;
  }
  llvm::outs() << *text;
  return 0;
}
