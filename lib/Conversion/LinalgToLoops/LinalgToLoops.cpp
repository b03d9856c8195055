// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The door to the lowering of tensor functions to loops, and the pass over it. Stage: kernel.
#include "weft/Conversion/LinalgToLoops.h"
#include "Kernel.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "weft/Conversion/Passes.h"

using namespace mlir;
using namespace weft;

namespace weft {
#define GEN_PASS_DEF_LOWERTENSORKERNELSPASS
#include "weft/Conversion/Passes.h.inc"
} // namespace weft

FailureOr<cpu::ChunkCount> weft::lowerTensorKernelToLoops(func::FuncOp func) {
  if (func.isExternal() || !llvm::hasSingleElement(func.getBody()))
    return func.emitOpError("has no body of one block, wanted a kernel"), failure();
  func->getContext()
      ->loadDialect<memref::MemRefDialect, scf::SCFDialect, arith::ArithDialect, math::MathDialect>();
  return loops::KernelLowering(func).run();
}

namespace {
struct LowerTensorKernelsPass : weft::impl::LowerTensorKernelsPassBase<LowerTensorKernelsPass> {
  void runOnOperation() override {
    for (func::FuncOp func : llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>())) {
      std::string name = func.getSymName().str();
      FailureOr<cpu::ChunkCount> chunks = lowerTensorKernelToLoops(func);
      if (failed(chunks))
        return signalPassFailure();
      Builder b(&getContext());
      SmallVector<Attribute> terms;
      for (const cpu::ChunkCount::Term &term : chunks->terms) {
        NamedAttrList list;
        if (ShapedType::isDynamic(term.extent)) {
          list.append("buffer", b.getI64IntegerAttr(term.buffer));
          list.append("dim", b.getI64IntegerAttr(term.dim));
        } else {
          list.append("extent", b.getI64IntegerAttr(term.extent));
        }
        list.append("block", b.getI64IntegerAttr(term.block));
        terms.push_back(list.getDictionary(&getContext()));
      }
      Attribute count = b.getArrayAttr(terms);
      getOperation().lookupSymbol<func::FuncOp>(name)->setAttr("weft.chunks", count);
    }
  }
};
} // namespace
