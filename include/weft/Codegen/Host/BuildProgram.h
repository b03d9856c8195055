// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From an outlined module and its compiled kernels to the program that the runtime interprets.
#ifndef WEFT_CODEGEN_HOST_BUILDPROGRAM_H
#define WEFT_CODEGEN_HOST_BUILDPROGRAM_H

#include "mlir/IR/BuiltinOps.h"
#include "weft/Codegen/CompiledKernel.h"
#include "weft/Program/Program.h"
#include "llvm/ADT/StringMap.h"

namespace weft {

/// Builds functions, buffers, commands and constants; the caller adds code images and metadata. Failures are
/// diagnostics at the op that the host cannot run.
mlir::FailureOr<program::Program> buildProgram(mlir::ModuleOp module,
                                               const llvm::StringMap<CompiledKernel> &kernels);

} // namespace weft

#endif // WEFT_CODEGEN_HOST_BUILDPROGRAM_H
