// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Puts a barrier wherever a thread may touch shared memory that another one wrote, or write what another one
// still reads. Stage: kernel, for GPUs. Follows loops around, so that an iteration waits for the one before.
// Before and after: Passes.td.
#include "weft/Codegen/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "weft/Dialect/Tile/TileDialect.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace weft::tile;

namespace weft {
#define GEN_PASS_DEF_INSERTBARRIERSPASS
#include "weft/Codegen/Passes.h.inc"

namespace {

/// Buffers that threads have touched since the last barrier.
struct Pending {
  llvm::SmallSetVector<Value, 4> read, written;
  void join(const Pending &other) {
    read.insert(other.read.begin(), other.read.end());
    written.insert(other.written.begin(), other.written.end());
  }
};

/// What an op does to shared memory.
Pending accessesOf(Operation *op) {
  Pending accesses;
  auto effects = dyn_cast<MemoryEffectOpInterface>(op);
  if (!effects)
    return accesses;
  SmallVector<MemoryEffects::EffectInstance> list;
  effects.getEffects(list);
  for (const MemoryEffects::EffectInstance &effect : list) {
    Value buffer = effect.getValue();
    if (!buffer || !isa<SharedType>(buffer.getType()))
      continue;
    if (isa<MemoryEffects::Read>(effect.getEffect()))
      accesses.read.insert(buffer);
    if (isa<MemoryEffects::Write>(effect.getEffect()))
      accesses.written.insert(buffer);
  }
  return accesses;
}

bool conflict(const Pending &before, const Pending &now) {
  auto meets = [](const auto &x, const auto &y) {
    return llvm::any_of(x, [&](Value buffer) { return y.contains(buffer); });
  };
  return meets(before.written, now.read) || meets(before.written, now.written) ||
         meets(before.read, now.written);
}

struct InsertBarriers : impl::InsertBarriersPassBase<InsertBarriers> {
  void runOnOperation() override { visit(getOperation().getBody().front(), Pending()); }

  /// Goes through a block; what is pending at its end.
  Pending visit(Block &block, Pending pending) {
    for (Operation &op : llvm::make_early_inc_range(block)) {
      if (isa<BarrierOp>(op)) {
        pending = {};
      } else if (auto loop = dyn_cast<LoopLikeOpInterface>(op)) {
        // The second round meets what the first left behind.
        for (int round = 0; round < 2; ++round)
          for (Region *region : loop.getLoopRegions())
            for (Block &body : *region)
              pending.join(visit(body, pending));
      } else if (auto choice = dyn_cast<scf::IfOp>(op)) {
        Pending after = visit(*choice.thenBlock(), pending);
        if (choice.elseBlock())
          after.join(visit(*choice.elseBlock(), pending));
        else
          after.join(pending);
        pending = after;
      } else {
        Pending now = accessesOf(&op);
        if (conflict(pending, now)) {
          OpBuilder b(&op);
          BarrierOp::create(b, op.getLoc());
          ++numBarriers;
          pending = {};
        }
        pending.join(now);
      }
    }
    return pending;
  }
};

} // namespace
} // namespace weft
