// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Takes conditions out of innermost loops, so that they vectorise. Stage: kernel. A condition that the loop
// does not change is asked once, with a loop for each case; bounds on an index that grows with the loop cut
// its range into what is outside, inside and outside again. So windows over padded edges test rows and edges,
// not elements.
#include "Kernel.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Transforms/LoopInvariantCodeMotionUtils.h"

using namespace mlir;

/// A condition inside `loop` (not in a nested loop) whose value comes from outside.
static scf::IfOp findInvariant(scf::ForOp loop) {
  scf::IfOp found;
  loop.getBody()->walk([&](scf::IfOp choice) {
    if (!found && choice->getParentOp() == loop.getOperation() &&
        loop.isDefinedOutsideOfLoop(choice.getCondition()))
      found = choice;
  });
  return found;
}

/// Puts the ops of the arm that runs in place of `choice`.
static void inlineArm(scf::IfOp choice, bool then) {
  Block *arm = then ? choice.thenBlock() : choice.elseBlock();
  if (arm) {
    Operation *yield = arm->getTerminator();
    choice->replaceAllUsesWith(yield->getOperands());
    choice->getBlock()->getOperations().splice(Block::iterator(choice), arm->getOperations(), arm->begin(),
                                               Block::iterator(yield));
  }
  choice.erase();
}

/// How much an index grows from one iteration to the next, where that can be told.
static std::optional<int64_t> stepOf(scf::ForOp loop, Value value) {
  if (value == loop.getInductionVar())
    return 1;
  if (loop.isDefinedOutsideOfLoop(value))
    return 0;
  Operation *op = value.getDefiningOp();
  if (!isa_and_nonnull<arith::AddIOp, arith::SubIOp, arith::MulIOp>(op) || !value.getType().isIndex())
    return std::nullopt;
  std::optional<int64_t> x = stepOf(loop, op->getOperand(0)), y = stepOf(loop, op->getOperand(1));
  if (!x || !y)
    return std::nullopt;
  if (isa<arith::AddIOp>(op))
    return *x + *y;
  if (isa<arith::SubIOp>(op))
    return *x - *y;
  if (*x == 0 && *y == 0)
    return 0;
  std::optional<int64_t> factor = getConstantIntValue(op->getOperand(*x == 0 ? 0 : 1));
  return factor && *y * *x == 0 ? std::optional<int64_t>((*x + *y) * *factor) : std::nullopt;
}

/// The value in the first iteration, computed before the loop.
static Value atFirst(OpBuilder &b, scf::ForOp loop, Value value) {
  if (value == loop.getInductionVar())
    return loop.getLowerBound();
  if (loop.isDefinedOutsideOfLoop(value))
    return value;
  Operation *op = value.getDefiningOp();
  IRMapping mapping;
  for (Value operand : op->getOperands())
    mapping.map(operand, atFirst(b, loop, operand));
  return b.clone(*op, mapping)->getResult(0);
}

/// The conjunction that a condition is: comparisons, and what the loop does not change; false if it holds
/// anything but bounds on growing indices.
static bool collectBounds(scf::ForOp loop, Value condition, SmallVectorImpl<arith::CmpIOp> &bounds,
                          SmallVectorImpl<Value> &invariants) {
  if (loop.isDefinedOutsideOfLoop(condition)) {
    invariants.push_back(condition);
    return true;
  }
  if (auto both = condition.getDefiningOp<arith::AndIOp>())
    return collectBounds(loop, both.getLhs(), bounds, invariants) &&
           collectBounds(loop, both.getRhs(), bounds, invariants);
  auto compare = condition.getDefiningOp<arith::CmpIOp>();
  if (!compare || !compare.getLhs().getType().isIndex() || !loop.isDefinedOutsideOfLoop(compare.getRhs()))
    return false;
  using P = arith::CmpIPredicate;
  if (!llvm::is_contained({P::sge, P::slt, P::ult}, compare.getPredicate()))
    return false;
  std::optional<int64_t> step = stepOf(loop, compare.getLhs());
  if (!step || *step <= 0)
    return false;
  bounds.push_back(compare);
  return true;
}

/// Cuts the range of a loop where the condition of its first scf.if begins and ceases to hold.
static void splitRange(scf::ForOp loop) {
  if (getConstantIntValue(loop.getStep()) != 1)
    return;
  scf::IfOp choice;
  loop.getBody()->walk([&](scf::IfOp found) {
    if (!choice && found->getParentOp() == loop.getOperation())
      choice = found;
  });
  SmallVector<arith::CmpIOp> bounds;
  SmallVector<Value> invariants;
  if (!choice || !collectBounds(loop, choice.getCondition(), bounds, invariants))
    return;
  OpBuilder b(loop);
  Location loc = loop.getLoc();
  Value low = loop.getLowerBound(), high = loop.getUpperBound(),
        zero = arith::ConstantIndexOp::create(b, loc, 0);
  Value begin = low, end = high;
  for (arith::CmpIOp compare : bounds) {
    Value first = atFirst(b, loop, compare.getLhs());
    Value step = arith::ConstantIndexOp::create(b, loc, *stepOf(loop, compare.getLhs()));
    // The first iteration that reaches a limit: low + ceil((limit - first) / step).
    auto reaches = [&](Value limit) -> Value {
      Value gap = arith::SubIOp::create(b, loc, limit, first);
      return arith::AddIOp::create(b, loc, low, arith::CeilDivSIOp::create(b, loc, gap, step));
    };
    if (compare.getPredicate() != arith::CmpIPredicate::slt)
      begin = arith::MaxSIOp::create(
          b, loc, begin,
          reaches(compare.getPredicate() == arith::CmpIPredicate::sge ? compare.getRhs() : zero));
    if (compare.getPredicate() != arith::CmpIPredicate::sge)
      end = arith::MinSIOp::create(b, loc, end, reaches(compare.getRhs()));
  }
  begin = arith::MinSIOp::create(b, loc, begin, high);
  for (Value invariant : invariants)
    end = arith::SelectOp::create(b, loc, invariant, end, begin);
  end = arith::MaxSIOp::create(b, loc, end, begin);
  SmallVector<Value> carried(loop.getInitArgs());
  Value limits[] = {low, begin, end, high};
  for (int part = 0; part < 3; ++part) {
    IRMapping mapping;
    auto copy = cast<scf::ForOp>(b.clone(*loop, mapping));
    copy.setLowerBound(limits[part]);
    copy.setUpperBound(limits[part + 1]);
    copy.getInitArgsMutable().assign(carried);
    auto inner = cast<scf::IfOp>(mapping.lookup(choice.getOperation()));
    Value condition = inner.getCondition();
    inlineArm(inner, part == 1);
    OpBuilder constants(copy);
    Value known = arith::ConstantIntOp::create(constants, loc, part == 1, 1);
    copy.getBody()->walk([&](Operation *op) { op->replaceUsesOfWith(condition, known); });
    carried.assign(copy.getResults().begin(), copy.getResults().end());
  }
  loop->replaceAllUsesWith(carried);
  loop.erase();
}

void weft::loops::unswitchLoops(func::FuncOp kernel) {
  kernel.walk([](LoopLikeOpInterface loop) { moveLoopInvariantCode(loop); });
  SmallVector<scf::ForOp> innermost;
  kernel.walk([&](scf::ForOp loop) {
    bool nested = false;
    loop.getBody()->walk([&](LoopLikeOpInterface) { nested = true; });
    if (!nested)
      innermost.push_back(loop);
  });
  for (scf::ForOp loop : innermost) {
    // Two copies per condition: stop after two conditions.
    SmallVector<scf::ForOp> work{loop};
    for (int round = 0; round < 2 && !work.empty(); ++round) {
      SmallVector<scf::ForOp> next;
      for (scf::ForOp one : work) {
        scf::IfOp choice = findInvariant(one);
        if (!choice) {
          splitRange(one);
          continue;
        }
        OpBuilder b(one);
        Value condition = choice.getCondition();
        auto outer =
            scf::IfOp::create(b, one.getLoc(), one.getResultTypes(), condition, /*withElseRegion=*/true);
        for (bool then : {true, false}) {
          Block *block = then ? outer.thenBlock() : outer.elseBlock();
          OpBuilder inner =
              block->empty() ? OpBuilder::atBlockEnd(block) : OpBuilder::atBlockTerminator(block);
          IRMapping mapping;
          auto copy = cast<scf::ForOp>(inner.clone(*one, mapping));
          if (one.getNumResults())
            scf::YieldOp::create(inner, one.getLoc(), copy.getResults());
          inlineArm(cast<scf::IfOp>(mapping.lookup(choice.getOperation())), then);
          OpBuilder constants(copy);
          Value known = arith::ConstantIntOp::create(constants, one.getLoc(), then, 1);
          copy.getBody()->walk([&](Operation *op) { op->replaceUsesOfWith(condition, known); });
          next.push_back(copy);
        }
        one->replaceAllUsesWith(outer.getResults());
        one.erase();
      }
      work = std::move(next);
    }
    for (scf::ForOp one : work)
      splitRange(one);
  }
}
