// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One kernel's way to machine code. Stage: kernel. The kernel is cloned into a module of its own as a
// function on tensors, then: generator, or linalg -> loops; then LLVM -> object.
#include "weft/Pipeline/CompileKernel.h"

#include "CloneKernel.h"
#include "GenerateKernel.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "weft/Codegen/CPU/EmitObject.h"
#include "weft/Codegen/CPU/LowerToLLVM.h"
#include "weft/Conversion/LinalgToLoops.h"
#include "weft/Conversion/WeftToLinalg.h"
#include "weft/Dialect/Weft/WeftOps.h"

using namespace mlir;
using namespace weft;

OwningOpRef<ModuleOp> weft::cloneAsFunction(host::KernelOp kernel) {
  OpBuilder builder(kernel.getContext());
  OwningOpRef<ModuleOp> module = ModuleOp::create(kernel.getLoc());
  builder.setInsertionPointToStart(module->getBody());
  auto function =
      func::FuncOp::create(builder, kernel.getLoc(), kernel.getSymName(), kernel.getFunctionType());
  Block *entry = function.addEntryBlock();
  builder.setInsertionPointToStart(entry);
  IRMapping mapping;
  for (auto [from, to] : llvm::zip(kernel.getBody().getArguments(), entry->getArguments()))
    mapping.map(from, to);
  for (Operation &op : kernel.getBody().front().without_terminator())
    builder.clone(op, mapping);
  SmallVector<Value> results;
  for (Value result : kernel.getBody().front().getTerminator()->getOperands())
    results.push_back(mapping.lookupOrDefault(result));
  func::ReturnOp::create(builder, kernel.getLoc(), results);
  return module;
}

FailureOr<CompiledKernel> weft::compileKernel(host::KernelOp kernel,
                                              const llvm::SmallBitVector &constantOperands,
                                              const KernelOptions &options) {
  CompiledKernel compiled;
  compiled.name = kernel.getSymName().str();
  auto observe = [&](StringRef stage, ModuleOp module) {
    if (options.observe)
      options.observe(stage, kernel.getSymName(), module);
  };

  OwningOpRef<ModuleOp> module;
  cpu::Pipeline pipeline = cpu::Pipeline::Loops;
  FailureOr<std::optional<GeneratedFor>> generated = generateKernel(kernel, constantOperands, options.target);
  if (failed(generated))
    return failure();
  if (*generated) {
    module = std::move((*generated)->kernel.module);
    pipeline = (*generated)->kernel.pipeline;
    compiled.chunks = (*generated)->kernel.chunks;
    compiled.arguments = std::move((*generated)->arguments);
    compiled.packed = std::move((*generated)->packed);
  } else {
    module = cloneAsFunction(kernel);
    auto function = *module->getOps<func::FuncOp>().begin();
    if (failed(convertWeftToLinalg(function)))
      return failure();
    observe("tensor", *module);
    FailureOr<cpu::ChunkCount> chunks = lowerTensorKernelToLoops(function);
    if (failed(chunks))
      return failure();
    compiled.chunks = *chunks;
  }
  observe("loops", *module);

  cpu::LowerOptions lowerOptions;
  lowerOptions.verify = options.verify;
  FailureOr<cpu::KernelInfo> info = cpu::lowerKernelToLLVM(*module, options.target, lowerOptions);
  if (failed(info))
    return failure();
  compiled.scratchBytes = info->scratchBytes;
  observe("llvm", *module);
  if (options.wantText)
    for (auto [kind, name] :
         {std::pair(cpu::TextKind::LLVM, "llvm"), std::pair(cpu::TextKind::Assembly, "asm")}) {
      auto text = cpu::emitText(*module, options.target, pipeline, kind);
      if (!text)
        return emitError(kernel.getLoc()) << llvm::toString(text.takeError());
      options.observeText(name, kernel.getSymName(), *text);
    }
  auto object = cpu::emitObject(*module, options.target, pipeline);
  if (!object)
    return emitError(kernel.getLoc())
           << "kernel @" << kernel.getSymName() << ": " << llvm::toString(object.takeError());
  compiled.object = std::move(*object);
  return compiled;
}
