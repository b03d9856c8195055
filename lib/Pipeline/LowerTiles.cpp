// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tiles to the code of a GPU. Stage: kernel. Copies that run ahead, exchanges through shared memory with
// their barriers, the code of one thread, llvm and nvvm.
#include "weft/Pipeline/LowerTiles.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "weft/Codegen/GPU/LowerToNVVM.h"
#include "weft/Codegen/Passes.h"
#include "weft/Conversion/TileToNVVM.h"
#include "weft/Dialect/Tile/TileDialect.h"

using namespace mlir;
using namespace weft;

FailureOr<gpu::GpuKernel> weft::lowerTiles(gpu::TiledKernel tiled, bool verify,
                                           llvm::function_ref<void(StringRef, ModuleOp)> observe) {
  ModuleOp module = *tiled.module;
  auto function = *module.getOps<func::FuncOp>().begin();
  gpu::GpuKernel kernel;
  kernel.name = function.getSymName().str();
  kernel.blocks = std::move(tiled.blocks);
  kernel.threads = function->getAttrOfType<IntegerAttr>(tile::TileDialect::getThreadsAttrName()).getInt();

  PassManager passes(module.getContext(), ModuleOp::getOperationName());
  passes.enableVerifier(verify);
  passes.addPass(createCSEPass());
  passes.addPass(createCanonicalizerPass());
  OpPassManager &functions = passes.nest<func::FuncOp>();
  functions.addPass(createPipelineCopiesPass());
  functions.addPass(createExpandExchangesPass());
  functions.addPass(createInsertBarriersPass());
  if (failed(passes.run(module)))
    return failure();
  if (observe)
    observe("tile", module);
  if (failed(convertTileToThreads(module)))
    return failure();
  auto code = *module.getOps<LLVM::LLVMFuncOp>().begin();
  kernel.sharedBytes = cast<IntegerAttr>(code->removeAttr(sharedBytesAttrName)).getInt();
  code->removeAttr(tile::TileDialect::getThreadsAttrName());
  if (observe)
    observe("threads", module);
  if (failed(gpu::lowerToNVVM(module, verify)))
    return failure();
  kernel.module = std::move(tiled.module);
  return kernel;
}
