// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Turns allocations inside a kernel into views of its scratch argument: a kernel allocates nothing. Every
// allocation has its own 64-byte aligned offset, for all iterations of the loops around it.
#include "weft/Codegen/CPU/LowerToLLVM.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;

FailureOr<int64_t> weft::cpu::placeScratch(ModuleOp module) {
  IRRewriter rewriter(module.getContext());
  int64_t most = 0;
  WalkResult walk = module.walk([&](func::FuncOp func) {
    if (func.isExternal())
      return WalkResult::advance();
    SmallVector<Operation *> allocs, frees;
    func.walk([&](Operation *op) {
      if (isa<memref::AllocOp, memref::AllocaOp>(op))
        allocs.push_back(op);
      else if (isa<memref::DeallocOp>(op))
        frees.push_back(op);
    });
    int64_t bytes = 0;
    if (auto used = func->getAttrOfType<IntegerAttr>("weft.scratch_used"))
      bytes = used.getInt();
    for (Operation *op : frees)
      rewriter.eraseOp(op);
    unsigned numArguments = func.getNumArguments();
    Value scratch = numArguments >= 3 ? func.getArgument(numArguments - 3) : Value();
    for (Operation *op : allocs) {
      auto type = cast<MemRefType>(op->getResult(0).getType());
      if (!type.hasStaticShape() || !type.getLayout().isIdentity()) {
        op->emitError("scratch buffer of type ")
            << type << " in a kernel; wanted a static shape and the identity layout";
        return WalkResult::interrupt();
      }
      unsigned bits = type.getElementType().isIndex() ? 64 : type.getElementTypeBitWidth();
      bytes = (bytes + 63) / 64 * 64;
      rewriter.setInsertionPoint(op);
      Value offset = arith::ConstantIndexOp::create(rewriter, op->getLoc(), bytes);
      rewriter.replaceOpWithNewOp<memref::ViewOp>(op, type, scratch, offset, ValueRange());
      bytes += type.getNumElements() * ((bits + 7) / 8);
    }
    most = std::max(most, (bytes + 63) / 64 * 64);
    return WalkResult::advance();
  });
  if (walk.wasInterrupted())
    return failure();
  return most;
}
