// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One kernel's way to a GPU. Stage: kernel. A generator, or linalg as for a CPU, then tiles, exchanges
// through shared memory with their barriers, the code of one thread, llvm and nvvm.
#include "weft/Pipeline/CompileGpuKernel.h"

#include "CloneKernel.h"
#include "GenerateGpuKernel.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "weft/Codegen/GPU/LowerToNVVM.h"
#include "weft/Codegen/Passes.h"
#include "weft/Conversion/LinalgToTile.h"
#include "weft/Conversion/TileToNVVM.h"
#include "weft/Conversion/WeftToLinalg.h"
#include "weft/Dialect/Tile/TileDialect.h"

using namespace mlir;
using namespace weft;

FailureOr<gpu::GpuKernel> weft::lowerToGpuKernel(OwningOpRef<ModuleOp> module,
                                                 const GpuKernelOptions &options) {
  auto function = *module->getOps<func::FuncOp>().begin();
  gpu::GpuKernel kernel;
  kernel.name = function.getSymName().str();
  auto observe = [&](StringRef stage) {
    if (options.observe)
      options.observe(stage, kernel.name, *module);
  };
  if (failed(convertWeftToLinalg(function)))
    return failure();
  observe("tensor");
  auto inPlace = function->getAttrOfType<IntegerAttr>(host::inPlaceAttrName);
  unsigned numOperands = function.getNumArguments();
  FailureOr<TileKernel> tiles = lowerTensorKernelToTile(function);
  if (failed(tiles))
    return failure();
  // The result lies where the operand lies: one pointer for both, which is read and written.
  if (inPlace) {
    auto tileKernel = *module->getOps<func::FuncOp>().begin();
    tileKernel.getArgument(numOperands).replaceAllUsesWith(tileKernel.getArgument(inPlace.getInt()));
  }
  kernel.blocks = tiles->blocks;
  kernel.threads = tiles->threads;

  PassManager passes(module->getContext(), ModuleOp::getOperationName());
  passes.enableVerifier(options.verify);
  passes.addPass(createCSEPass());
  OpPassManager &functions = passes.nest<func::FuncOp>();
  functions.addPass(createExpandExchangesPass());
  functions.addPass(createInsertBarriersPass());
  if (failed(passes.run(*module)))
    return failure();
  observe("tile");
  if (failed(convertTileToThreads(*module)))
    return failure();
  auto code = *module->getOps<LLVM::LLVMFuncOp>().begin();
  kernel.sharedBytes = cast<IntegerAttr>(code->removeAttr(sharedBytesAttrName)).getInt();
  code->removeAttr(tile::TileDialect::getThreadsAttrName());
  observe("threads");
  if (failed(gpu::lowerToNVVM(*module, options.verify)))
    return failure();
  kernel.module = std::move(module);
  return kernel;
}

FailureOr<CompiledKernel> weft::compileGpuKernel(host::KernelOp kernel,
                                                 const llvm::SmallBitVector &constantOperands,
                                                 const GpuKernelOptions &options) {
  CompiledKernel compiled;
  compiled.name = kernel.getSymName().str();
  FailureOr<std::optional<GeneratedGpuKernel>> generated =
      generateGpuKernel(kernel, constantOperands, options.gpu, options.fast);
  if (failed(generated))
    return failure();
  FailureOr<gpu::GpuKernel> lowered = failure();
  if (*generated) {
    lowered = std::move((*generated)->kernel);
    compiled.arguments = std::move((*generated)->arguments);
    compiled.packed = std::move((*generated)->packed);
  } else {
    OwningOpRef<ModuleOp> module = cloneAsFunction(kernel);
    if (Attribute inPlace = kernel->getAttr(host::inPlaceAttrName))
      (*module->getOps<func::FuncOp>().begin())->setAttr(host::inPlaceAttrName, inPlace);
    lowered = lowerToGpuKernel(std::move(module), options);
  }
  if (failed(lowered))
    return failure();
  compiled.chunks = lowered->blocks;
  compiled.threads = lowered->threads;
  compiled.sharedBytes = lowered->sharedBytes;
  compiled.cluster = lowered->clusterBlocks;
  compiled.gpu = std::make_shared<gpu::GpuKernel>(std::move(*lowered));
  return compiled;
}
