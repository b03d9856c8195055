// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From the LLVM dialect to machine code of one kernel. Every call has an LLVMContext of its own and a
// TargetMachine of its thread, so several threads may emit modules of one MLIRContext.
#ifndef WEFT_CODEGEN_CPU_EMITOBJECT_H
#define WEFT_CODEGEN_CPU_EMITOBJECT_H

#include "weft/Codegen/CPU/TargetInfo.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/SmallVector.h"

namespace weft::cpu {

/// How LLVM IR is optimised before code generation.
enum class Pipeline {
  Vectorized, ///< kernels shaped at vector level: early-cse alone, LLVM finds nothing more
  Loops,      ///< scalar loops: simplified, vectorised and unrolled by LLVM
};

/// A relocatable ELF object. A symbol that it would import (a library function that lowering left) is an
/// error that names the kernel.
llvm::Expected<llvm::SmallVector<char, 0>> emitObject(mlir::ModuleOp module, const TargetInfo &target,
                                                      Pipeline pipeline);

enum class TextKind { LLVM, Assembly };
/// The optimised LLVM IR, or the assembly, as text.
llvm::Expected<std::string> emitText(mlir::ModuleOp module, const TargetInfo &target, Pipeline pipeline,
                                     TextKind kind);

} // namespace weft::cpu

#endif // WEFT_CODEGEN_CPU_EMITOBJECT_H
