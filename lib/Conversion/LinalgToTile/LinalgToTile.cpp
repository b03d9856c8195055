// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The door to the lowering of tensor functions to tiles, and the pass over it. Stage: kernel.
#include "weft/Conversion/LinalgToTile.h"
#include "TileLowering.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "weft/Conversion/Passes.h"

using namespace mlir;
using namespace weft;

namespace weft {
#define GEN_PASS_DEF_CONVERTLINALGTOTILEPASS
#include "weft/Conversion/Passes.h.inc"
} // namespace weft

FailureOr<TileKernel> weft::lowerTensorKernelToTile(func::FuncOp func) {
  if (func.isExternal() || !llvm::hasSingleElement(func.getBody()))
    return func.emitOpError("has no body of one block, wanted a kernel"), failure();
  func->getContext()
      ->loadDialect<memref::MemRefDialect, scf::SCFDialect, arith::ArithDialect, math::MathDialect,
                    tile::TileDialect>();
  return loops::TileLowering(func).run();
}

namespace {
struct ConvertLinalgToTilePass : weft::impl::ConvertLinalgToTilePassBase<ConvertLinalgToTilePass> {
  void runOnOperation() override {
    for (func::FuncOp func : llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>()))
      if (failed(lowerTensorKernelToTile(func)))
        return signalPassFailure();
  }
};
} // namespace
