// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One kernel's way to a GPU. Stage: kernel. A generator, or linalg as for a CPU, gives tiles.
#include "weft/Pipeline/CompileGpuKernel.h"

#include "CloneKernel.h"
#include "GenerateGpuKernel.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "weft/Conversion/LinalgToTile.h"
#include "weft/Conversion/WeftToLinalg.h"
#include "weft/Pipeline/LowerTiles.h"

using namespace mlir;
using namespace weft;

namespace {
/// Shows a stage of one kernel to whoever asked.
struct Observer {
  Observer(const GpuKernelOptions &options, StringRef name) : options(options), name(name.str()) {}
  void operator()(StringRef stage, ModuleOp module) const {
    if (options.observe)
      options.observe(stage, name, module);
  }
  const GpuKernelOptions &options;
  std::string name;
};
} // namespace

FailureOr<gpu::GpuKernel> weft::lowerToGpuKernel(OwningOpRef<ModuleOp> module,
                                                 const GpuKernelOptions &options) {
  auto function = *module->getOps<func::FuncOp>().begin();
  if (failed(convertWeftToLinalg(function)))
    return failure();
  Observer observe(options, function.getSymName());
  observe("tensor", *module);
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
  return lowerTiles({std::move(module), std::move(tiles->blocks)}, options.verify, observe);
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
    auto &made = (*generated)->kernel;
    if (auto *tiled = std::get_if<gpu::TiledKernel>(&made))
      lowered = lowerTiles(std::move(*tiled), options.verify, Observer(options, compiled.name));
    else
      lowered = std::move(std::get<gpu::GpuKernel>(made));
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
