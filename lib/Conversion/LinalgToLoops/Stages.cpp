// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a kernel stores: its results (reshapes at the end are free: the buffer is row-major either way;
// inserted slices are written where they belong), every reduction, and costly values that several stages
// read.
#include "Kernel.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace weft::loops;

Storage &KernelLowering::newStorage(Value tensor, int buffer) {
  Storage &storage = storages.emplace_back();
  storage.tensor = tensor;
  storage.buffer = buffer;
  return storage;
}

bool KernelLowering::mustBeStored(Value tensor) {
  Operation *op = tensor.getDefiningOp();
  if (auto generic = dyn_cast_or_null<linalg::GenericOp>(op))
    return generic.getNumReductionLoops() != 0;
  return isa_and_nonnull<scf::ForOp, scf::IfOp>(op);
}

void KernelLowering::rebuildDims(Stage &stage) {
  SmallVector<Expr> dims(stage.dims.size(), Expr(0));
  for (const Loop &loop : stage.loops)
    dims[loop.base] = table.add(dims[loop.base], table.scale(Expr::atom(loop.atom), loop.factor));
  stage.dims = std::move(dims);
}

void KernelLowering::setIterationSpace(Stage &stage, ArrayRef<Expr> spaceExtents, ArrayRef<bool> reduced) {
  stage.dims.assign(spaceExtents.size(), Expr(0));
  for (auto [i, extent] : llvm::enumerate(spaceExtents)) {
    if (extent.is(1))
      continue;
    Loop loop;
    loop.atom = table.newLoop(extent.isConstant() ? extent.constant : -1);
    if (!extent.isConstant())
      table[loop.atom].b = extent;
    loop.extent = extent;
    loop.reduced = reduced[i];
    loop.base = i;
    stage.loops.push_back(loop);
  }
  rebuildDims(stage);
}

/// The stage that stores `value` in `storage`.
Stage &KernelLowering::addStored(Value value, Storage *storage) {
  if (auto found = producers.find(value);
      found != producers.end() && mustBeStored(value) && storedValues.lookup(value) == nullptr) {
    // Another result of a reduction that is there already.
    Stage &stage = *found->second;
    unsigned number = cast<OpResult>(value).getResultNumber();
    stage.targets[number] = storage;
    storedValues[value] = storage;
    return stage;
  }
  Stage &stage = stages.emplace_back();
  Operation *op = value.getDefiningOp();
  bool isNew = !storedValues.count(value);
  if (isNew && mustBeStored(value)) {
    stage.op = op;
    stage.targets.assign(op->getNumResults(), nullptr);
    stage.targets[cast<OpResult>(value).getResultNumber()] = storage;
    for (Value result : op->getResults())
      producers[result] = &stage;
    storedValues[value] = storage;
    if (auto generic = dyn_cast<linalg::GenericOp>(op)) {
      stage.kind = Stage::Reduce;
      SmallVector<Expr> spaceExtents(generic.getNumLoops());
      SmallVector<bool> known(generic.getNumLoops(), false), reduced(generic.getNumLoops(), false);
      for (OpOperand &operand : generic->getOpOperands())
        for (auto [i, e] : llvm::enumerate(generic.getMatchingIndexingMap(&operand).getResults()))
          if (auto dim = dyn_cast<AffineDimExpr>(e)) {
            Expr extent = extentOf(operand.get(), i);
            if (!known[dim.getPosition()] || extent.isConstant())
              spaceExtents[dim.getPosition()] = extent;
            known[dim.getPosition()] = true;
          }
      for (auto [i, iterator] : llvm::enumerate(generic.getIteratorTypesArray()))
        reduced[i] = iterator == utils::IteratorType::reduction;
      for (OpOperand &init : generic.getDpsInitsMutable()) {
        AffineMap map = generic.getMatchingIndexingMap(&init);
        bool carried = true;
        for (AffineExpr e : map.getResults())
          if (auto dim = dyn_cast<AffineDimExpr>(e))
            carried &= !reduced[dim.getPosition()];
        stage.carried.push_back(carried);
      }
      setIterationSpace(stage, spaceExtents, reduced);
    } else {
      stage.kind = Stage::Sequence;
      if (op->getNumResults() != 1 || !isa<scf::ForOp>(op))
        fail(op, "is no loop over one tensor");
    }
  } else {
    stage.source = value;
    stage.targets.push_back(storage);
    SmallVector<Expr> shape = extentsOf(value);
    setIterationSpace(stage, shape, SmallVector<bool>(shape.size(), false));
    if (storage->tensor && isNew) {
      storedValues[value] = storage;
      producers[value] = &stage;
    }
  }
  return stage;
}

/// Whether a chain of inserted slices starts from nothing and no two of them overlap.
bool KernelLowering::isMadeOfParts(tensor::InsertSliceOp last) {
  SmallVector<std::pair<SmallVector<Expr>, SmallVector<Expr>>> parts; // from, past
  Value value = last.getResult();
  while (auto insert = value.getDefiningOp<tensor::InsertSliceOp>()) {
    SmallVector<Expr> from, past;
    for (auto [offset, size] : llvm::zip(insert.getMixedOffsets(), insert.getMixedSizes())) {
      from.push_back(foldExpr(offset));
      past.push_back(table.add(from.back(), foldExpr(size)));
    }
    auto isBefore = [&](const Expr &x, const Expr &y) {
      return table.least(table.sub(y, x)).value_or(-1) >= 0;
    };
    for (const auto &[otherFrom, otherPast] : parts) {
      bool apart = false;
      for (size_t d = 0; d < from.size(); ++d)
        apart |= isBefore(past[d], otherFrom[d]) || isBefore(otherPast[d], from[d]);
      if (!apart)
        return false;
    }
    parts.push_back({from, past});
    value = insert.getDest();
  }
  return value.getDefiningOp<tensor::EmptyOp>() != nullptr;
}

/// Stores `value` into a result's buffer of `shape` from `offsets` on.
void KernelLowering::addResult(Value value, int index, ArrayRef<Expr> shape, ArrayRef<Expr> offsets) {
  while (offsets.empty() && isa_and_nonnull<tensor::CollapseShapeOp, tensor::ExpandShapeOp, tensor::CastOp>(
                                value.getDefiningOp()))
    value = value.getDefiningOp()->getOperand(0);
  SmallVector<Expr> bufferShape = offsets.empty() ? extentsOf(value) : SmallVector<Expr>(shape);
  SmallVector<Expr> start =
      offsets.empty() ? SmallVector<Expr>(bufferShape.size(), Expr(0)) : SmallVector<Expr>(offsets);
  auto shifted = [&](ArrayRef<OpFoldResult> by) {
    SmallVector<Expr> moved;
    for (auto [s, o] : llvm::zip(start, by))
      moved.push_back(table.add(s, foldExpr(o)));
    return moved;
  };
  if (auto insert = value.getDefiningOp<tensor::InsertSliceOp>();
      insert && insert.getDroppedDims().none() && (storesInOrder() || isMadeOfParts(insert))) {
    if (!insert.getDest().getDefiningOp<tensor::EmptyOp>())
      addResult(insert.getDest(), index, bufferShape, start);
    addResult(insert.getSource(), index, bufferShape, shifted(insert.getMixedOffsets()));
    return;
  }
  if (auto pad = value.getDefiningOp<tensor::PadOp>();
      pad && pad.getConstantPaddingValue() && storesInOrder()) {
    b.setInsertionPointAfter(pad);
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, pad.getLoc(), pad.getResult());
    Value empty = tensor::EmptyOp::create(b, pad.getLoc(), sizes, pad.getResultType().getElementType());
    Value filled = linalg::FillOp::create(b, pad.getLoc(), pad.getConstantPaddingValue(), empty).getResult(0);
    addResult(filled, index, bufferShape, start);
    addResult(pad.getSource(), index, bufferShape, shifted(pad.getMixedLowPad()));
    return;
  }
  bool whole = offsets.empty() || (llvm::all_of(start, [](const Expr &e) { return e.is(0); }) &&
                                   llvm::equal(bufferShape, extentsOf(value)));
  // Others read a reduction, or what is costly, from the result; the rest they compute again.
  bool shareable = mustBeStored(value) || (whole && isCostly(value));
  Storage &storage = newStorage(shareable ? value : Value(), index);
  storage.shape = bufferShape;
  if (!whole)
    storage.offsets = start;
  SmallVector<Stage *> before;
  for (Stage &stage : stages)
    for (Storage *target : stage.targets)
      if (target && target->buffer == index)
        before.push_back(&stage);
  Stage &stage = addStored(value, &storage);
  stage.after.append(before);
}

void KernelLowering::findResults() {
  auto terminator = cast<func::ReturnOp>(func.getBody().front().getTerminator());
  for (auto [i, value] : llvm::enumerate(terminator.getOperands()))
    addResult(value, func.getNumArguments() + i, {}, {});
  llvm::DenseSet<Value> seen;
  for (Value value : terminator.getOperands())
    requireStored(value, seen);
}

/// Gives every reduction below `tensor` a stage.
void KernelLowering::requireStored(Value tensor, llvm::DenseSet<Value> &seen) {
  Operation *op = tensor.getDefiningOp();
  if (!op || !seen.insert(tensor).second)
    return;
  SmallVector<Value> operands(op->getOperands());
  op->walk([&](Operation *nested) { llvm::append_range(operands, nested->getOperands()); });
  for (Value operand : operands)
    if (isa<RankedTensorType>(operand.getType()) && operand.getParentRegion() == &func.getBody())
      requireStored(operand, seen);
  if (mustBeStored(tensor) && !storedValues.count(tensor))
    addStored(tensor, &newStorage(tensor, -1));
}

bool KernelLowering::isCostly(Value tensor) {
  Operation *op = tensor.getDefiningOp();
  if (!op || mustBeStored(tensor))
    return false;
  bool costly = false;
  op->walk([&](Operation *nested) {
    costly |=
        isa<arith::DivFOp, arith::RemFOp, arith::DivSIOp, arith::DivUIOp, arith::RemSIOp, arith::RemUIOp>(
            nested);
    costly |= isa<math::MathDialect>(nested->getDialect()) &&
              !isa<math::AbsFOp, math::CopySignOp, math::FloorOp, math::CeilOp, math::TruncOp,
                   math::RoundEvenOp, math::FmaOp, math::CtPopOp, math::CountLeadingZerosOp>(nested);
  });
  if (costly)
    return true;
  SmallVector<Value> operands(op->getOperands());
  op->walk([&](Operation *nested) { llvm::append_range(operands, nested->getOperands()); });
  // What has fewer elements is computed outside the loops over the rest.
  auto isSmaller = [&](Value operand) {
    auto type = cast<RankedTensorType>(operand.getType()), own = cast<RankedTensorType>(tensor.getType());
    return type.hasStaticShape() && own.hasStaticShape() && type.getNumElements() < own.getNumElements();
  };
  return llvm::any_of(operands, [&](Value operand) {
    return operand != tensor && isa<RankedTensorType>(operand.getType()) &&
           operand.getParentRegion() == &func.getBody() && !storedValues.count(operand) &&
           !isSmaller(operand) && isCostly(operand);
  });
}

void KernelLowering::analyse(Stage &stage) {
  current = &stage;
  entry->elements.clear();
  stage.reads.clear();
  stage.touched.clear();
  stage.loads.clear();
  if (stage.kind == Stage::Map) {
    auto found = storedValues.find(stage.source);
    bool own = found == storedValues.end() || found->second == stage.targets[0];
    if (own)
      emitElement(stage.source, stage.dims, entry, /*compute=*/true);
    else
      element(stage.source, stage.dims, entry);
  } else if (stage.kind == Stage::Reduce) {
    auto generic = cast<linalg::GenericOp>(stage.op);
    Frame frame;
    frame.root = generic;
    frame.dims = stage.dims;
    frame.accumulators.resize(generic.getNumDpsInits());
    for (Value yielded : generic.getBlock()->getTerminator()->getOperands())
      bodyValue(yielded, frame, entry);
    for (unsigned i = 0; i < stage.targets.size(); ++i)
      if (stage.carried[i])
        element(generic.getDpsInits()[i], targetIndices(stage, i), entry);
  } else {
    auto visit = [&](Value value) {
      if (isa<RankedTensorType>(value.getType()) && value.getParentRegion() == &func.getBody()) {
        SmallVector<Expr> opaque;
        for (int64_t i = 0, e = cast<RankedTensorType>(value.getType()).getRank(); i < e; ++i)
          opaque.push_back(Expr::atom(table.newSymbol(0)));
        element(value, opaque, entry);
      }
    };
    stage.op->walk([&](Operation *nested) {
      for (Value operand : nested->getOperands())
        visit(operand);
    });
  }
  for (auto [i, target] : llvm::enumerate(stage.targets))
    if (target)
      stage.touched.push_back(addressOf(*target, targetIndices(stage, i)));
  current = nullptr;
}

void KernelLowering::analyseAll() {
  readers.clear();
  for (Stage &stage : stages)
    analyse(stage);
}

/// Stores costly values that several stages would compute, nearest to their readers first, as long as that
/// costs no shared loop and the value's extents are known.
void KernelLowering::storeCostlyValues() {
  for (int round = 0; round < 16 && !failed; ++round) {
    splitLoops();
    analyseAll();
    if (failed)
      return;
    double before = shareLoops(/*apply=*/false);
    SmallVector<Value> candidates;
    for (Operation &op : llvm::reverse(func.getBody().front()))
      if (auto generic = dyn_cast<linalg::GenericOp>(op))
        for (Value result : generic->getResults())
          if (readers.lookup(result).size() >= 2 && !storedValues.count(result) &&
              cast<RankedTensorType>(result.getType()).hasStaticShape() && isCostly(result))
            candidates.push_back(result);
    bool added = false;
    for (Value candidate : candidates) {
      // Maps over shared loops alone are emitted together and compute it once.
      bool together = llvm::all_of(readers.lookup(candidate), [&](Stage *reader) {
        return reader->kind == Stage::Map &&
               llvm::all_of(reader->loops, [](const Loop &l) { return l.shared >= 0; });
      });
      if (together)
        continue;
      addStored(candidate, &newStorage(candidate, -1));
      storedBelow.clear();
      splitLoops();
      analyseAll();
      if (shareLoops(/*apply=*/false) >= before) {
        added = true;
        break;
      }
      storedValues.erase(candidate);
      producers.erase(candidate);
      stages.pop_back();
      storages.pop_back();
    }
    if (!added) {
      analyseAll();
      return;
    }
  }
}

void KernelLowering::orderStages() {
  llvm::SetVector<Stage *> done;
  llvm::DenseSet<Stage *> open;
  std::function<void(Stage *)> visit = [&](Stage *stage) {
    if (done.contains(stage) || !open.insert(stage).second)
      return;
    for (Stage *earlier : stage->after)
      visit(earlier);
    for (const Read &read : stage->reads)
      if (Stage *producer = producers.lookup(read.storage->tensor))
        visit(producer);
    done.insert(stage);
  };
  for (Stage &stage : stages)
    visit(&stage);
  order.assign(done.begin(), done.end());
}
