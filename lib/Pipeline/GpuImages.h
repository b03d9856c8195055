// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Code of GPU kernels for the devices of a target: PTX for CUDA, a shared object for the emulator.
#ifndef WEFT_LIB_PIPELINE_GPUIMAGES_H
#define WEFT_LIB_PIPELINE_GPUIMAGES_H

#include "weft/Codegen/CPU/TargetInfo.h"
#include "weft/Codegen/CompiledKernel.h"
#include "weft/Codegen/GPU/GpuKernel.h"
#include "weft/Codegen/GPU/Target.h"

#include "mlir/IR/BuiltinOps.h"

namespace weft {

/// Reports every call of a runtime function in the module that would run on the CPU in a program for a GPU.
mlir::LogicalResult refuseFallbacks(mlir::ModuleOp module, llvm::StringRef device);

/// Fills in `object` of a compiled GPU kernel: its code for the emulator.
mlir::LogicalResult emulateKernel(mlir::Location loc, CompiledKernel &kernel, const cpu::TargetInfo &host);

/// One text for all kernels, in the order of their names: PTX, or the LLVM IR before it.
llvm::Expected<std::string> gpuText(llvm::SmallVector<const gpu::GpuKernel *> kernels,
                                    const gpu::GpuTarget &target, bool isPtx);

} // namespace weft

#endif // WEFT_LIB_PIPELINE_GPUIMAGES_H
