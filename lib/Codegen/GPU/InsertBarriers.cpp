// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Puts a barrier wherever a thread may touch shared memory that another one wrote, or write what another one
// still reads; with it what products of warpgroups need, which read by themselves and by another way. Stage:
// kernel, for GPUs. Follows loops around, so that an iteration waits for the one before. Before and after:
// Passes.td.
#include "weft/Codegen/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"
#include "weft/Dialect/Tile/TileDialect.h"

using namespace mlir;
using namespace weft::tile;

namespace weft {
#define GEN_PASS_DEF_INSERTBARRIERSPASS
#include "weft/Codegen/Passes.h.inc"

namespace {

/// A buffer in shared memory, or a slot of a ring.
struct Access {
  Value buffer;      ///< as it was allocated
  Value step;        ///< of a slot; null: any slot
  int64_t ahead = 0; ///< of the step, counted around
  int64_t stages = 1;

  static Access of(Value buffer) {
    auto slot = buffer.getDefiningOp<SlotOp>();
    if (!slot)
      return {buffer, {}};
    int64_t stages = slot.getRing().getType().getShape()[0];
    return {slot.getRing(), slot.getStep(), int64_t(slot.getAhead()) % stages, stages};
  }
  bool meets(const Access &other) const {
    return buffer == other.buffer && (!step || !other.step || step != other.step || ahead == other.ahead);
  }
  bool operator==(const Access &other) const = default;
  /// As the next iteration of a loop sees it, or what follows the loop.
  Access after(Value iteration, bool isLast) const {
    Access then = *this;
    if (step != iteration || isLast)
      then.step = {}, then.ahead = 0;
    else
      then.ahead = (ahead + stages - 1) % stages;
    return then;
  }
};

/// A set, in the order of insertion.
struct Accesses : SmallVector<Access, 4> {
  void add(const Access &access) {
    if (!llvm::is_contained(*this, access))
      push_back(access);
  }
  void add(const Accesses &other) {
    for (const Access &access : other)
      add(access);
  }
  bool meets(const Accesses &other) const {
    return llvm::any_of(*this, [&](const Access &x) {
      return llvm::any_of(other, [&](const Access &y) { return x.meets(y); });
    });
  }
};

/// What threads have touched since the last barrier, and what runs by itself.
struct Pending {
  Accesses read, written;
  Accesses copied;     ///< by copies that no wait has settled: no one can have seen it
  Accesses multiplied; ///< what products under way read
  void add(const Pending &other) {
    forEach(other, [](Accesses &own, const Accesses &more) { own.add(more); });
  }
  bool contains(const Pending &other) const {
    Pending both = *this;
    both.add(other);
    return both.read.size() == read.size() && both.written.size() == written.size() &&
           both.copied.size() == copied.size() && both.multiplied.size() == multiplied.size();
  }
  Pending after(Value iteration, bool isLast) const {
    Pending then;
    then.forEach(*this, [&](Accesses &own, const Accesses &before) {
      for (const Access &access : before)
        own.add(access.after(iteration, isLast));
    });
    return then;
  }

private:
  void forEach(const Pending &other, llvm::function_ref<void(Accesses &, const Accesses &)> visit) {
    visit(read, other.read);
    visit(written, other.written);
    visit(copied, other.copied);
    visit(multiplied, other.multiplied);
  }
};

/// What an op does to shared memory, with all that is in it.
Pending accessesOf(Operation *root) {
  Pending accesses;
  root->walk([&](Operation *op) {
    auto effects = dyn_cast<MemoryEffectOpInterface>(op);
    if (!effects)
      return;
    SmallVector<MemoryEffects::EffectInstance> list;
    effects.getEffects(list);
    for (const MemoryEffects::EffectInstance &effect : list) {
      Value buffer = effect.getValue();
      if (!buffer || !isa<SharedType>(buffer.getType()))
        continue;
      if (isa<MemoryEffects::Read>(effect.getEffect()))
        accesses.read.add(Access::of(buffer));
      if (isa<MemoryEffects::Write>(effect.getEffect()))
        accesses.written.add(Access::of(buffer));
    }
  });
  return accesses;
}

bool conflict(const Pending &before, const Pending &now) {
  return before.written.meets(now.read) || before.written.meets(now.written) ||
         before.read.meets(now.written);
}

/// Whether the value holds sums of products that may be under way.
bool isAccumulator(Value value) {
  if (value.getDefiningOp<WarpgroupMmaOp>())
    return true;
  auto result = dyn_cast<OpResult>(value);
  auto loop = value.getDefiningOp<scf::ForOp>();
  return loop && isAccumulator(loop.getYieldedValues()[result.getResultNumber()]);
}

struct InsertBarriers : impl::InsertBarriersPassBase<InsertBarriers> {
  void runOnOperation() override {
    getOperation().walk([&](WarpgroupMmaOp op) {
      for (Value buffer : {op.getA(), op.getB()})
        multiplied.add(Access{Access::of(buffer).buffer, {}});
    });
    visit(getOperation().getBody().front(), Pending());
    multiplied.clear();
  }

  /// Goes through a block; what is pending at its end.
  Pending visit(Block &block, Pending pending) {
    for (Operation &op : llvm::make_early_inc_range(block)) {
      if (!isa<WarpgroupMmaOp>(op) && !op.hasTrait<OpTrait::IsTerminator>() &&
          llvm::any_of(op.getOperands(), isAccumulator))
        awaitProducts(op, pending);
      if (isa<BarrierOp>(op)) {
        settle(op, pending);
      } else if (isa<AsyncWaitOp>(op)) {
        // What this thread copied may be there now, for itself.
        pending.written.add(pending.copied);
      } else if (isa<WarpgroupWaitOp>(op)) {
        pending.multiplied.clear();
      } else if (auto loop = dyn_cast<LoopLikeOpInterface>(op)) {
        pending = visitLoop(loop, pending);
      } else if (auto choice = dyn_cast<scf::IfOp>(op)) {
        separate(op, pending, accessesOf(&op));
        Pending after = visit(*choice.thenBlock(), pending);
        after.add(choice.elseBlock() ? visit(*choice.elseBlock(), pending) : pending);
        pending = after;
      } else {
        Pending now = accessesOf(&op);
        separate(op, pending, now);
        if (isa<AsyncCopyOp>(op))
          std::swap(now.written, now.copied);
        if (isa<WarpgroupMmaOp>(op))
          now.multiplied = now.read;
        pending.add(now);
      }
    }
    return pending;
  }

  /// Round by round, until what one leaves behind for the next is nothing new.
  Pending visitLoop(LoopLikeOpInterface loop, Pending pending) {
    auto counted = dyn_cast<scf::ForOp>(*loop);
    APInt step;
    Value iteration = counted && matchPattern(counted.getStep(), m_ConstantInt(&step)) && step == 1
                          ? counted.getInductionVar()
                          : Value();
    Pending end;
    while (true) {
      end = pending;
      for (Region *region : loop.getLoopRegions())
        for (Block &body : *region)
          end.add(visit(body, end));
      Pending next = end.after(iteration, /*isLast=*/false);
      if (pending.contains(next))
        return end.after(iteration, /*isLast=*/true);
      pending.add(next);
    }
  }

  /// A barrier before `op`, if one has to be between what is pending and what it does.
  void separate(Operation &op, Pending &pending, const Pending &now) {
    if (!conflict(pending, now))
      return;
    OpBuilder b(&op);
    settle(*BarrierOp::create(b, op.getLoc()), pending);
  }

  /// At a barrier all products are done, and what threads wrote is known to those that follow.
  void settle(Operation &barrier, Pending &pending) {
    Operation *first = &barrier;
    if (isa_and_nonnull<ProxyFenceOp>(barrier.getPrevNode())) {
      first = barrier.getPrevNode();
    } else if (pending.written.meets(multiplied)) {
      OpBuilder b(&barrier);
      first = ProxyFenceOp::create(b, barrier.getLoc());
    }
    awaitProducts(*first, pending);
    pending.read.clear();
    pending.written.clear();
  }

  void awaitProducts(Operation &op, Pending &pending) {
    if (pending.multiplied.empty())
      return;
    OpBuilder b(&op);
    WarpgroupWaitOp::create(b, op.getLoc());
    pending.multiplied.clear();
  }

  Accesses multiplied; ///< all buffers that products of warpgroups read
};

} // namespace
} // namespace weft
