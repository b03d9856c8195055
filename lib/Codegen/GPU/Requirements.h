// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which nvvm ops a target has. Most say so themselves (RequiresSMInterface); the table here is for those that
// do not, so that LLVM never meets an instruction it cannot select.
#ifndef WEFT_LIB_CODEGEN_GPU_REQUIREMENTS_H
#define WEFT_LIB_CODEGEN_GPU_REQUIREMENTS_H

#include "weft/Codegen/GPU/Target.h"

#include "mlir/IR/BuiltinOps.h"

namespace weft::gpu {

/// An error that names the first op of `module` that `target` does not have, with its place.
llvm::Error checkRequirements(mlir::ModuleOp module, llvm::StringRef kernel, const GpuTarget &target);

} // namespace weft::gpu

#endif // WEFT_LIB_CODEGEN_GPU_REQUIREMENTS_H
