// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lets copies into shared memory run ahead of the steps that use them: the one place where their groups and
// waits are written. Stage: kernel, for GPUs. Before and after: Passes.td.
#include "weft/Codegen/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "weft/Dialect/Tile/TileDialect.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace weft::tile;

namespace weft {
#define GEN_PASS_DEF_PIPELINECOPIESPASS
#include "weft/Codegen/Passes.h.inc"

namespace {

bool isNumber(Value value, int64_t number) {
  APInt found;
  return matchPattern(value, m_ConstantInt(&found)) && found == number;
}

/// One loop while it is rewritten.
struct Loop {
  Loop(scf::ForOp loop, int64_t stages) : loop(loop), stages(stages), ahead(stages - 1) {}

  LogicalResult run() {
    if (stages < 2 || !isNumber(loop.getLowerBound(), 0) || !isNumber(loop.getStep(), 1))
      return loop.emitOpError("has ") << stages << " stages, wanted two or more, and steps by 1 from 0";
    if (failed(collect()))
      return failure();
    makeRings();
    OpBuilder b(loop);
    for (int64_t step = 0; step < ahead; ++step)
      begin(b, arith::ConstantIndexOp::create(b, loop.getLoc(), step), /*distance=*/0);
    b.setInsertionPointToStart(loop.getBody());
    begin(b, loop.getInductionVar(), ahead);
    useSlots(b);
    // What only the copies needed went with them.
    for (Operation *op : llvm::reverse(moved))
      if (isa<AsyncCopyOp>(op) || op->use_empty())
        op->erase();
    for (auto &[buffer, ring] : rings)
      buffer.getDefiningOp()->erase();
    return success();
  }

private:
  /// The copies of the loop, with what computes their operands there.
  LogicalResult collect() {
    llvm::SetVector<Operation *> needed;
    for (AsyncCopyOp copy : loop.getOps<AsyncCopyOp>())
      needed.insert(copy);
    for (size_t i = 0; i < needed.size(); ++i) {
      Operation *op = needed[i];
      if (!isa<AsyncCopyOp>(op) && (!isPure(op) || op->getNumRegions() != 0))
        return op->emitOpError("is needed by a copy that is to run ahead; wanted an op without effects");
      for (Value operand : op->getOperands()) {
        if (llvm::is_contained(loop.getRegionIterArgs(), operand))
          return op->emitOpError("makes a copy depend on the step before it; wanted one that can run ahead");
        if (Operation *by = operand.getDefiningOp(); by && by->getBlock() == loop.getBody())
          needed.insert(by);
      }
    }
    for (Operation &op : *loop.getBody())
      if (needed.contains(&op))
        moved.push_back(&op);
    for (Operation *op : moved)
      if (auto copy = dyn_cast<AsyncCopyOp>(op)) {
        auto buffer = copy.getTarget().getDefiningOp<AllocSharedOp>();
        if (!buffer || llvm::any_of(buffer->getUsers(), [&](Operation *user) {
              return loop.getBody()->findAncestorOpInBlock(*user) == nullptr;
            }))
          return copy.emitOpError("fills ")
                 << copy.getTarget().getType() << ", wanted a buffer of its own that only the loop uses";
      }
    return success();
  }

  void makeRings() {
    for (Operation *op : moved) {
      auto copy = dyn_cast<AsyncCopyOp>(op);
      if (!copy || rings.contains(copy.getTarget()))
        continue;
      SharedType type = copy.getTarget().getType();
      SmallVector<int64_t> shape{stages};
      llvm::append_range(shape, type.getShape());
      OpBuilder b(copy.getTarget().getDefiningOp());
      rings[copy.getTarget()] = AllocSharedOp::create(
          b, copy.getLoc(), SharedType::get(b.getContext(), shape, type.getElementType(), type.getLayout()));
    }
  }

  /// Begins the copies of the step that is `distance` after `step`, if the loop has it; in the loop after a
  /// wait for those of `step`. They are one group, also where there are none, so that a wait can count.
  void begin(OpBuilder &b, Value step, int64_t distance) {
    Location loc = loop.getLoc();
    Value then = step;
    if (distance)
      then = arith::AddIOp::create(b, loc, step, arith::ConstantIndexOp::create(b, loc, distance));
    Value exists = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, then, loop.getUpperBound());
    if (distance)
      AsyncWaitOp::create(b, loc, ahead - 1);
    scf::IfOp::create(b, loc, exists, [&](OpBuilder &inner, Location) {
      IRMapping mapping;
      mapping.map(loop.getInductionVar(), then);
      for (auto &[buffer, ring] : rings)
        mapping.map(buffer, SlotOp::create(inner, loc, buffer.getType(), ring, step, distance));
      for (Operation *op : moved)
        inner.clone(*op, mapping);
      scf::YieldOp::create(inner, loc);
    });
    AsyncCommitOp::create(b, loc);
  }

  void useSlots(OpBuilder &b) {
    for (auto &[buffer, ring] : rings) {
      Value slot = SlotOp::create(b, loop.getLoc(), buffer.getType(), ring, loop.getInductionVar(), 0);
      Value(buffer).replaceAllUsesWith(slot);
    }
  }

  scf::ForOp loop;
  int64_t stages, ahead;
  SmallVector<Operation *> moved; ///< in order
  llvm::MapVector<Value, Value> rings;
};

/// Copies that no loop runs ahead: what follows waits for them.
void awaitAtOnce(func::FuncOp kernel) {
  auto settle = [](Operation *before) {
    OpBuilder b(before);
    AsyncCommitOp::create(b, before->getLoc());
    AsyncWaitOp::create(b, before->getLoc(), 0);
  };
  kernel.walk([&](Block *block) {
    if (block->getParentOp()->hasAttr(TileDialect::getStagesAttrName()))
      return;
    bool open = false;
    for (Operation &op : llvm::make_early_inc_range(*block)) {
      if (isa<AsyncCopyOp>(op)) {
        open = true;
      } else if (open && (!isPure(&op) || op.hasTrait<OpTrait::IsTerminator>())) {
        settle(&op);
        open = false;
      }
    }
  });
}

struct PipelineCopies : impl::PipelineCopiesPassBase<PipelineCopies> {
  void runOnOperation() override {
    SmallVector<scf::ForOp> loops;
    getOperation().walk([&](scf::ForOp loop) {
      if (loop->hasAttr(TileDialect::getStagesAttrName()))
        loops.push_back(loop);
    });
    awaitAtOnce(getOperation());
    for (scf::ForOp loop : loops) {
      auto stages = dyn_cast<IntegerAttr>(loop->removeAttr(TileDialect::getStagesAttrName()));
      if (!stages) {
        loop.emitOpError("has no number of stages, wanted an integer");
        return signalPassFailure();
      }
      if (failed(Loop(loop, stages.getInt()).run()))
        return signalPassFailure();
    }
  }
};

} // namespace
} // namespace weft
