// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The last steps of a GPU kernel to the llvm and nvvm dialects: math functions expanded, loops to branches,
// arith, math, vector and index to llvm. Stage: code.
#ifndef WEFT_CODEGEN_GPU_LOWERTONVVM_H
#define WEFT_CODEGEN_GPU_LOWERTONVVM_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"

namespace weft::gpu {

/// Lowers the bodies of the llvm.func ops of a module, in place: scf, cf, arith, math, vector (without
/// memrefs), index and ub become llvm; llvm and nvvm stay. Any other op that is left is a diagnostic at its
/// location. Several threads may do this for modules of one context.
mlir::LogicalResult lowerToNVVM(mlir::ModuleOp module, bool verify = false);

} // namespace weft::gpu

#endif // WEFT_CODEGEN_GPU_LOWERTONVVM_H
