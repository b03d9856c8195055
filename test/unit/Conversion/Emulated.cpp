// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a function of weft ops to an emulated launch: tiles, nvvm, host code, an image, the emulator's memory.
#include "Emulated.h"

#include "KernelTesting.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "weft/Codegen/Emulator/EmitEmulated.h"
#include "weft/Pipeline/CompileGpuKernel.h"

#include <dlfcn.h>

using namespace weft;
using namespace weft::runtime::emulator;

Result<std::vector<HostTensor>> weft::test::runEmulated(mlir::OwningOpRef<mlir::ModuleOp> module,
                                                        const std::vector<HostTensor> &inputs,
                                                        const std::vector<HostTensor> &results,
                                                        const EmulatorOptions &options) {
  auto function = module->lookupSymbol<mlir::func::FuncOp>("k");
  llvm::SmallVector<mlir::Type> types(function.getArgumentTypes());
  types.append(function.getResultTypes().begin(), function.getResultTypes().end());
  GpuKernelOptions kernelOptions;
  kernelOptions.verify = true;
  auto kernel = lowerToGpuKernel(std::move(module), kernelOptions);
  if (mlir::failed(kernel))
    return Status(Code::Internal, "the GPU lowering failed");
  auto object = emulator::emitEmulatedObject(*kernel->module, weft::testing::testTargets().back());
  if (!object)
    return Status(Code::Internal, llvm::toString(object.takeError()));
  auto image = cpu::linkImage({llvm::StringRef(object->data(), object->size())});
  if (!image)
    return Status(Code::Internal, llvm::toString(image.takeError()));
  std::string error;
  std::shared_ptr<void> library = weft::testing::load(*image, error);
  if (!library)
    return Status(Code::Internal, error);
  auto entry = reinterpret_cast<KernelEntry>(dlsym(library.get(), "k"));
  if (!entry)
    return Status(Code::Internal, "the image has no @k");

  Emulator device(options);
  std::vector<uint64_t> parameters, extents;
  std::vector<void *> memory;
  auto shapeOf = [&](unsigned i) {
    return (i < inputs.size() ? inputs[i] : results[i - inputs.size()]).shape();
  };
  for (auto [i, type] : llvm::enumerate(types)) {
    const HostTensor &like = i < inputs.size() ? inputs[i] : results[i - inputs.size()];
    auto bytes = device.allocate(std::max<size_t>(like.numBytes(), 1), "buffer " + std::to_string(i));
    if (!bytes.isOk())
      return bytes.status();
    memory.push_back(*bytes);
    if (i < inputs.size()) {
      std::memcpy(*bytes, like.raw(), like.numBytes());
      device.markInitialised(*bytes, like.numBytes());
    }
    parameters.push_back(reinterpret_cast<uint64_t>(*bytes));
    for (auto [d, extent] : llvm::enumerate(mlir::cast<mlir::RankedTensorType>(type).getShape()))
      if (mlir::ShapedType::isDynamic(extent))
        extents.push_back(like.shape()[d]);
  }
  parameters.insert(parameters.end(), extents.begin(), extents.end());
  auto fault = device.allocate(sizeof(WeftFault), "fault");
  if (!fault.isOk())
    return fault.status();
  parameters.push_back(reinterpret_cast<uint64_t>(*fault));
  LaunchShape shape;
  shape.grid[0] =
      kernel->blocks.evaluate([&](unsigned buffer, unsigned dim) { return shapeOf(buffer)[dim]; });
  shape.block[0] = kernel->threads;
  shape.sharedBytes = kernel->sharedBytes;
  if (shape.grid[0] > 0)
    if (Status status = device.launch(entry, shape, parameters, "k"); !status.isOk())
      return status;
  std::vector<HostTensor> found;
  for (auto [i, like] : llvm::enumerate(results)) {
    auto *bytes = static_cast<const std::byte *>(memory[inputs.size() + i]);
    if (options.checks && !device.isInitialised(bytes, like.numBytes()))
      return Status(Code::Internal, "result " + std::to_string(i) + " is not written everywhere");
    found.push_back(*HostTensor::copyOf(like.dtype(), like.shape(), {bytes, size_t(like.numBytes())}));
  }
  return found;
}
