// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// GPU kernels in the nvvm dialect to host code for the emulator (Program/EmulatorAbi.h).
#ifndef WEFT_CODEGEN_EMULATOR_EMITEMULATED_H
#define WEFT_CODEGEN_EMULATOR_EMITEMULATED_H

#include "weft/Codegen/CPU/TargetInfo.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/SmallVector.h"

namespace weft::emulator {

/// Takes the contents of gpu.module ops to the top of the module, and drops what only a GPU reads off it.
void flattenGpuModules(mlir::ModuleOp module);

/// A relocatable object that exports, for each kernel NAME of the module, `NAME` (a WeftEmulatedKernel) and
/// `NAME.info` (a WeftEmulatedKernelInfo). The module has ops of llvm and nvvm only, at the top or inside
/// gpu.module, and is changed. An op without emulation is an error that names it and where it stands; details
/// go to the module's diagnostics.
llvm::Expected<llvm::SmallVector<char, 0>> emitEmulatedObject(mlir::ModuleOp nvvm,
                                                              const cpu::TargetInfo &host);

} // namespace weft::emulator

#endif // WEFT_CODEGEN_EMULATOR_EMITEMULATED_H
