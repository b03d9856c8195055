// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the files of this folder do with the ops of a kernel, one after the other.
#ifndef WEFT_LIB_CODEGEN_EMULATOR_LOWER_H
#define WEFT_LIB_CODEGEN_EMULATOR_LOWER_H

#include "Emit.h"

namespace weft::emulator {

enum class Lowered {
  Unknown, ///< not an op of this file
  Done,    ///< replaced and erased
  Failed,  ///< a form that has no emulation; a diagnostic says which
};

/// Registers, barriers, exchanges between lanes, fences.
Lowered lowerThreadOp(mlir::Operation *op, mlir::SymbolTable &symbols);
/// Asynchronous copies and mbarriers.
Lowered lowerCopyOp(mlir::Operation *op, mlir::SymbolTable &symbols);
/// Matrix units and conversions of packed elements.
Lowered lowerMatrixOp(mlir::Operation *op, mlir::SymbolTable &symbols);
/// Inline assembly of the short list that is known.
Lowered lowerInlineAssembly(mlir::Operation *op, mlir::SymbolTable &symbols);
/// Ops of the LLVM dialect that the host would call a library for: math, memcpy, narrow floats.
Lowered lowerLibraryOp(mlir::Operation *op, mlir::SymbolTable &symbols);

/// One of `WeftMathFunction` of a scalar or vector of floats.
mlir::Value emitMath(Emit &emit, uint32_t function, mlir::Value x);
/// Runs `body` under the condition (always, when there is none) in front of the op, which is left in place.
void emitPredicated(mlir::Operation *op, mlir::Value predicate, mlir::SymbolTable &symbols,
                    llvm::function_ref<void(Emit &)> body);
/// Replaces the op's only result, or drops it when there is none.
void replaceOp(mlir::Operation *op, mlir::Value value);

/// Fuses products and sums that may be contracted, and forbids any further contraction and reordering.
void contractProducts(mlir::LLVM::LLVMFuncOp function);

/// Makes every access to memory of the function ask the emulator first; accesses to the thread's own stack,
/// to parameters and to constants of the image are left alone.
void checkAccesses(mlir::LLVM::LLVMFuncOp function, mlir::SymbolTable &symbols);

} // namespace weft::emulator

#endif // WEFT_LIB_CODEGEN_EMULATOR_LOWER_H
