// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes out what goes through shared memory: reductions over several warps, changes of layout. Stage:
// kernel, for GPUs. Barriers between the parts are --tile-insert-barriers' business. Before and after:
// Passes.td.
#include "weft/Codegen/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "weft/Dialect/Tile/TileDialect.h"

using namespace mlir;
using namespace weft::tile;

namespace weft {
#define GEN_PASS_DEF_EXPANDEXCHANGESPASS
#include "weft/Codegen/Passes.h.inc"

namespace {

SwizzledAttr plain(MLIRContext *context) { return SwizzledAttr::get(context, 1, 1); }

/// Buffers are allocated where the kernel starts.
Value allocate(func::FuncOp kernel, Location loc, ArrayRef<int64_t> shape, Type element,
               SwizzledAttr layout) {
  OpBuilder b(kernel.getContext());
  b.setInsertionPointToStart(&kernel.getBody().front());
  return AllocSharedOp::create(b, loc, SharedType::get(kernel.getContext(), shape, element, layout));
}

void expandReduction(ReduceOp op, func::FuncOp kernel) {
  auto tile = cast<RankedTensorType>(op.getInputs()[0].getType());
  int64_t warps = 1;
  for (const Coordinates &basis : linearLayoutOf(tile).warps)
    warps *= basis[op.getAxis()] ? 2 : 1;
  if (warps == 1)
    return;
  OpBuilder b(op);
  int64_t elements = tile.getNumElements() / tile.getDimSize(op.getAxis());
  SmallVector<Value> scratch;
  for (Value input : op.getInputs())
    scratch.push_back(allocate(kernel, op.getLoc(), {elements, warps},
                               cast<RankedTensorType>(input.getType()).getElementType(),
                               plain(op.getContext())));
  auto store = StorePartialsOp::create(b, op.getLoc(), op.getInputs(), scratch, op.getAxisAttr());
  auto combine = CombinePartialsOp::create(b, op.getLoc(), op.getResultTypes(), scratch);
  IRMapping mapping;
  op.getCombiner().cloneInto(&store.getCombiner(), mapping);
  combine.getCombiner().takeBody(op.getCombiner());
  op.replaceAllUsesWith(combine.getResults());
  op.erase();
}

void expandConversion(ConvertLayoutOp op, func::FuncOp kernel) {
  OpBuilder b(op);
  auto from = op.getValue().getType(), to = op.getType();
  if (from == to) {
    op.replaceAllUsesWith(op.getValue());
    op.erase();
    return;
  }
  // Where every thread keeps its elements nothing is exchanged: --convert-tile-to-nvvm renames registers.
  if (linearLayoutOf(from).holdsAlike(linearLayoutOf(to)))
    return;
  Value buffer =
      allocate(kernel, op.getLoc(), from.getShape(), from.getElementType(), plain(op.getContext()));
  LocalStoreOp::create(b, op.getLoc(), op.getValue(), buffer, Value(), /*transposed=*/false);
  Value moved = LocalLoadOp::create(b, op.getLoc(), to, buffer, Value(), /*transposed=*/false);
  op.replaceAllUsesWith(moved);
  op.erase();
}

struct ExpandExchanges : impl::ExpandExchangesPassBase<ExpandExchanges> {
  void runOnOperation() override {
    func::FuncOp kernel = getOperation();
    SmallVector<ReduceOp> reductions;
    SmallVector<ConvertLayoutOp> conversions;
    kernel.walk([&](Operation *op) {
      if (auto reduce = dyn_cast<ReduceOp>(op))
        reductions.push_back(reduce);
      else if (auto convert = dyn_cast<ConvertLayoutOp>(op))
        conversions.push_back(convert);
    });
    for (ReduceOp op : reductions)
      expandReduction(op, kernel);
    for (ConvertLayoutOp op : conversions)
      expandConversion(op, kernel);
  }
};

} // namespace
} // namespace weft
