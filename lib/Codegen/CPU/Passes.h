// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The steps of lowering that are ours, between upstream's conversions.
#ifndef WEFT_LIB_CODEGEN_CPU_PASSES_H
#define WEFT_LIB_CODEGEN_CPU_PASSES_H

#include "weft/Codegen/CPU/LowerToLLVM.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include "llvm/IR/PassManager.h"

namespace weft::cpu {

/// The kernel of a module, after a check that it keeps the contract of LowerToLLVM.h; else a diagnostic.
mlir::FailureOr<mlir::func::FuncOp> findKernel(mlir::ModuleOp module);
/// Lowers vector.multi_reduction, memref.copy and other ops that upstream's conversions would take to library
/// calls or refuse.
mlir::LogicalResult lowerLeftovers(mlir::ModuleOp module, const TargetInfo &target);
/// Gives the kernel its internal signature: plain noalias pointers, then extents, scratch, lo, hi; returns
/// i32; the symbol becomes NAME.body.
void rewriteSignature(mlir::func::FuncOp kernel);
/// Whether all ops of the module, which has branches instead of loops, are such that convertAtOnce knows.
bool convertsAtOnce(mlir::ModuleOp module);
/// To the LLVM dialect in one conversion.
mlir::LogicalResult convertAtOnce(mlir::ModuleOp module);
/// After conversion to the LLVM dialect: adds the function NAME that unpacks a WeftCall and calls NAME.body.
void addEntry(mlir::ModuleOp module, const KernelInfo &info);

/// Gives calls of llvm.ldexp whose exponent was rounded as a float to AVX-512's vscalef.
void useScalef(llvm::Function &function);

/// Before the vectoriser: tells it which loops to compute two vectors of at once.
struct InterleaveMathPass : llvm::PassInfoMixin<InterleaveMathPass> {
  llvm::PreservedAnalyses run(llvm::Function &function, llvm::FunctionAnalysisManager &analyses);
};

/// Asks for the next row of buffers of more than `leastBytes` while a row is computed with.
struct PrefetchRowsPass : llvm::PassInfoMixin<PrefetchRowsPass> {
  PrefetchRowsPass(int64_t leastBytes, int64_t l1Bytes) : leastBytes(leastBytes), l1Bytes(l1Bytes) {}
  llvm::PreservedAnalyses run(llvm::Function &function, llvm::FunctionAnalysisManager &analyses);
  int64_t leastBytes, l1Bytes;
};

/// On x86: stores of whole vectors through pointer argument `argument` go past the caches.
void streamStores(llvm::Function &function, unsigned argument, unsigned vectorBits);

/// Rewrites addresses so that code generation needs no loop strength reduction.
void factorAddresses(llvm::Function &function);

} // namespace weft::cpu

#endif // WEFT_LIB_CODEGEN_CPU_PASSES_H
