// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The loops of a kernel. Outermost the chunks [lo, hi), then the shared loops of a chunk; inside, stage after
// stage. A reduction carries its accumulators in registers, or, under a vector loop, in a row of memory.
#include "Kernel.h"

using namespace mlir;
using namespace weft;
using namespace weft::loops;

Value KernelLowering::buffer(int index) {
  Value &view = views[index];
  if (view)
    return view;
  Value argument = kernel.getArgument(index);
  auto type = cast<MemRefType>(argument.getType());
  if (type.getRank() == 1)
    return view = argument;
  Location loc = kernel.getLoc();
  OpBuilder::InsertionGuard guard(b);
  setPoint(entry);
  OpFoldResult count = b.getIndexAttr(type.hasStaticShape() ? type.getNumElements() : 0);
  int64_t extent = type.hasStaticShape() ? type.getNumElements() : ShapedType::kDynamic;
  if (!type.hasStaticShape()) {
    Value product = arith::ConstantIndexOp::create(b, loc, 1);
    for (int64_t i = 0; i < type.getRank(); ++i)
      product = arith::MulIOp::create(b, loc, product, memref::DimOp::create(b, loc, argument, i));
    count = product;
  }
  view = memref::ReinterpretCastOp::create(b, loc, MemRefType::get({extent}, type.getElementType()), argument,
                                           OpFoldResult(b.getIndexAttr(0)), SmallVector<OpFoldResult>{count},
                                           SmallVector<OpFoldResult>{b.getIndexAttr(1)});
  return view;
}

SmallVector<Expr> KernelLowering::targetIndices(const Stage &stage, unsigned result) {
  if (stage.kind != Stage::Reduce)
    return stage.dims;
  auto generic = cast<linalg::GenericOp>(stage.op);
  SmallVector<Expr> indices;
  for (AffineExpr e : generic.getIndexingMapMatchingResult(generic->getResult(result)).getResults()) {
    auto dim = dyn_cast<AffineDimExpr>(e);
    indices.push_back(dim ? stage.dims[dim.getPosition()] : Expr(cast<AffineConstantExpr>(e).getValue()));
  }
  return indices;
}

Expr KernelLowering::addressOf(const Storage &storage, ArrayRef<Expr> indices) {
  if (storage.buffer >= 0) {
    if (storage.offsets.empty())
      return linearise(indices, storage.shape);
    SmallVector<Expr> moved;
    for (auto [index, offset] : llvm::zip(indices, storage.offsets))
      moved.push_back(table.add(index, offset));
    return linearise(moved, storage.shape);
  }
  // A temporary: the private loops of its stage, then the vector block.
  Stage *producer = producers.lookup(storage.tensor);
  if (!producer || producer->kind == Stage::Sequence)
    return linearise(indices, extentsOf(storage.tensor));
  SmallVector<Expr> base = baseIndices(*producer, storage, indices);
  Expr address;
  unsigned result = producer->kind == Stage::Reduce ? cast<OpResult>(storage.tensor).getResultNumber() : 0;
  for (const Loop &loop : producer->layout.empty() ? producer->loops : producer->layout)
    if (loop.shared < 0 && (!loop.reduced || !producer->carried[result]))
      address = table.add(table.mul(address, loop.extent), loopIndex(*producer, loop, base));
  if (vector >= 0 && vectorBlock > 0)
    address = table.add(table.scale(address, vectorBlock), Expr::atom(vectorLocal));
  return table.rejoin(address);
}

void KernelLowering::storeValue(Storage &storage, ArrayRef<Expr> indices, Value value, Scope *scope) {
  if (storage.isScalar)
    storage.scalar = value;
  if (!storage.memref || failed)
    return;
  storeAt(storage.memref, addressOf(storage, indices), value, scope);
}

//===-- Loops
//----------------------------------------------------------------------------------------------------===//

SmallVector<Value>
KernelLowering::emitLoop(Value low, Value high, Scope *scope, ValueRange carried,
                         llvm::function_ref<SmallVector<Value>(Scope *, Value, ValueRange)> body,
                         Value step) {
  Location loc = kernel.getLoc();
  setPoint(scope);
  if (!step)
    step = arith::ConstantIndexOp::create(b, loc, 1);
  auto loop = scf::ForOp::create(b, loc, low, high, step, carried);
  Scope *around = scope;
  while (around->sameBlock)
    around = around->sameBlock;
  Operation *outerChild = around->child;
  around->child = loop;
  Scope &inner = scopes.emplace_back();
  inner.parent = scope;
  inner.block = loop.getBody();
  SmallVector<Value> next = body(&inner, loop.getInductionVar(), loop.getRegionIterArgs());
  if (!carried.empty() && !failed) {
    b.setInsertionPointToEnd(loop.getBody());
    scf::YieldOp::create(b, loc, next);
  }
  around->child = outerChild;
  return SmallVector<Value>(loop.getResults());
}

void KernelLowering::emitNest(ArrayRef<Loop> nest, Scope *scope, llvm::function_ref<void(Scope *)> body) {
  if (nest.empty() || failed)
    return body(scope);
  const Loop &loop = nest.front();
  Value low = materialise(Expr(0), scope), high = materialise(loop.extent, scope);
  emitLoop(low, high, scope, {}, [&](Scope *inner, Value iv, ValueRange) -> SmallVector<Value> {
    table[loop.atom].value = iv;
    table[loop.atom].scope = inner;
    emitNest(nest.drop_front(), inner, body);
    return {};
  });
}

SmallVector<Value>
KernelLowering::emitReduced(ArrayRef<Loop> nest, Scope *scope, ValueRange carried,
                            llvm::function_ref<SmallVector<Value>(Scope *, ValueRange)> body) {
  if (nest.empty() || failed)
    return body(scope, carried);
  const Loop &loop = nest.front();
  Value low = materialise(Expr(0), scope), high = materialise(loop.extent, scope);
  return emitLoop(low, high, scope, carried, [&](Scope *inner, Value iv, ValueRange values) {
    table[loop.atom].value = iv;
    table[loop.atom].scope = inner;
    return emitReduced(nest.drop_front(), inner, values, body);
  });
}

void KernelLowering::emitVectorLoop(Scope *scope, llvm::function_ref<void(Scope *)> body) {
  Value low = materialise(Expr(0), scope);
  emitLoop(low, vectorLength, scope, {}, [&](Scope *inner, Value iv, ValueRange) -> SmallVector<Value> {
    table[vectorLocal].value = iv;
    table[vectorLocal].scope = inner;
    setPoint(inner);
    AtomId atom = shared[vector].atom;
    table[atom].value = arith::AddIOp::create(b, kernel.getLoc(), vectorStart, iv);
    table[atom].scope = inner;
    body(inner);
    return {};
  });
}

//===-- Stages
//---------------------------------------------------------------------------------------------------===//

void KernelLowering::emitMaps(ArrayRef<Stage *> maps, Scope *scope) {
  auto body = [&](Scope *inner) {
    for (Stage *stage : maps) {
      Storage &target = *stage->targets[0];
      auto found = storedValues.find(stage->source);
      bool own = found == storedValues.end() || found->second == &target;
      Value value = own ? emitElement(stage->source, stage->dims, inner, /*compute=*/true)
                        : element(stage->source, stage->dims, inner);
      if (failed)
        return;
      storeValue(target, stage->dims, value, inner);
    }
  };
  emitNest(maps.front()->loops, scope, [&](Scope *inner) {
    if (vector >= 0)
      emitVectorLoop(inner, body);
    else
      body(inner);
  });
}

void KernelLowering::emitReduction(Stage &stage, Scope *scope) {
  auto generic = cast<linalg::GenericOp>(stage.op);
  SmallVector<Loop> parallel, reduced;
  for (const Loop &loop : stage.loops)
    (loop.reduced ? reduced : parallel).push_back(loop);
  unsigned count = stage.targets.size();
  auto initial = [&](unsigned i, Scope *at) {
    return element(generic.getDpsInits()[i], targetIndices(stage, i), at);
  };
  /// The body at one point; `held` are the accumulators of all results (null for what is not carried).
  auto combined = [&](ArrayRef<Value> held, Scope *at) {
    Frame frame;
    frame.root = generic;
    frame.dims = stage.dims;
    frame.accumulators.assign(held.begin(), held.end());
    for (unsigned i = 0; i < count; ++i)
      if (!stage.carried[i])
        frame.accumulators[i] = Value();
    SmallVector<Value> values;
    for (Value yielded : generic.getBlock()->getTerminator()->getOperands())
      values.push_back(bodyValue(yielded, frame, at));
    return values;
  };
  auto storeRunning = [&](ArrayRef<Value> values, Scope *at) {
    for (unsigned i = 0; i < count; ++i)
      if (!stage.carried[i] && stage.targets[i])
        storeValue(*stage.targets[i], targetIndices(stage, i), values[i], at);
  };

  emitNest(parallel, scope, [&](Scope *inner) {
    if (vector >= 0) {
      // Accumulators lie in memory along the vector loop.
      emitVectorLoop(inner, [&](Scope *at) {
        for (unsigned i = 0; i < count && !failed; ++i)
          if (stage.carried[i])
            storeValue(*stage.targets[i], targetIndices(stage, i), initial(i, at), at);
      });
      emitNest(reduced, inner, [&](Scope *deep) {
        emitVectorLoop(deep, [&](Scope *at) {
          SmallVector<Value> held(count);
          for (unsigned i = 0; i < count && !failed; ++i)
            if (stage.carried[i]) {
              Value address = materialise(addressOf(*stage.targets[i], targetIndices(stage, i)), at);
              setPoint(at);
              held[i] = memref::LoadOp::create(b, kernel.getLoc(), stage.targets[i]->memref, address);
            }
          SmallVector<Value> values = combined(held, at);
          if (failed)
            return;
          for (unsigned i = 0; i < count; ++i)
            if (stage.carried[i])
              storeValue(*stage.targets[i], targetIndices(stage, i), values[i], at);
          storeRunning(values, at);
        });
      });
      return;
    }
    SmallVector<Value> start;
    for (unsigned i = 0; i < count && !failed; ++i)
      if (stage.carried[i]) {
        Value value = initial(i, inner);
        setPoint(inner);
        start.push_back(asCarried(value));
      }
    if (failed)
      return;
    SmallVector<Value> last = emitReduced(reduced, inner, start, [&](Scope *at, ValueRange carried) {
      SmallVector<Value> held(count);
      unsigned next = 0;
      for (unsigned i = 0; i < count; ++i)
        if (stage.carried[i])
          held[i] = carried[next++];
      SmallVector<Value> values = combined(held, at), onward;
      if (failed)
        return onward;
      storeRunning(values, at);
      setPoint(at);
      for (unsigned i = 0; i < count; ++i)
        if (stage.carried[i])
          onward.push_back(asCarried(values[i]));
      return onward;
    });
    unsigned next = 0;
    for (unsigned i = 0; i < count && !failed; ++i)
      if (stage.carried[i]) {
        if (stage.targets[i])
          storeValue(*stage.targets[i], targetIndices(stage, i), last[next], inner);
        ++next;
      }
  });
}

/// Ops of a loop that updates a tensor in place, in their order.
void KernelLowering::emitSequenceBlock(Block &block, Frame &frame, Storage &target, Scope *scope) {
  auto isTarget = [&](Value tensor) {
    Operation *op = tensor.getDefiningOp();
    return isa<RankedTensorType>(tensor.getType()) &&
           frame.root->isAncestor(op ? op : cast<BlockArgument>(tensor).getOwner()->getParentOp()) &&
           tensor.getParentRegion() != &func.getBody();
  };
  auto position = [&](ValueRange values) {
    SmallVector<Expr> indices;
    for (Value value : values)
      indices.push_back(indexExpr(value, frame, scope));
    return indices;
  };
  for (Operation &op : block.without_terminator()) {
    if (failed)
      return;
    if (auto loop = dyn_cast<scf::ForOp>(op);
        loop && loop.getNumResults() == 1 && isa<RankedTensorType>(loop.getResult(0).getType())) {
      auto bound = [&](Value v) { return materialise(indexExpr(v, frame, scope), scope); };
      Value low = bound(loop.getLowerBound()), high = bound(loop.getUpperBound());
      emitLoop(low, high, scope, {}, [&](Scope *inner, Value iv, ValueRange) -> SmallVector<Value> {
        Frame nested = frame;
        nested.values[loop.getInductionVar()] = iv;
        AtomId id = table.newSymbol(0);
        table[id].value = iv;
        table[id].scope = inner;
        nested.exprs[loop.getInductionVar()] = Expr::atom(id);
        emitSequenceBlock(*loop.getBody(), nested, target, inner);
        return {};
      });
    } else if (auto choice = dyn_cast<scf::IfOp>(op); choice && choice.getNumResults() == 1 &&
                                                      isa<RankedTensorType>(choice.getResult(0).getType())) {
      Value condition = bodyValue(choice.getCondition(), frame, scope);
      if (failed)
        return;
      guarded(condition, scope, [&](Scope *inner) {
        Frame nested = frame;
        emitSequenceBlock(*choice.thenBlock(), nested, target, inner);
      });
      if (!choice.elseBlock()->without_terminator().empty())
        fail(choice, "writes in both branches, wanted one");
    } else if (auto insert = dyn_cast<tensor::InsertOp>(op)) {
      Value value = bodyValue(insert.getScalar(), frame, scope);
      SmallVector<Expr> indices = position(insert.getIndices());
      if (!failed)
        storeValue(target, indices, value, scope);
    } else if (auto extract = dyn_cast<tensor::ExtractOp>(op); extract && isTarget(extract.getTensor())) {
      frame.values[extract.getResult()] =
          loadAt(target.memref, addressOf(target, position(extract.getIndices())), scope);
    } else if (op.getNumResults() == 1) {
      bodyValue(op.getResult(0), frame, scope);
    } else {
      fail(&op, "has no place in a loop over a tensor");
    }
  }
}

void KernelLowering::emitSequence(Stage &stage, Scope *scope) {
  auto loop = cast<scf::ForOp>(stage.op);
  Storage &target = *stage.targets[0];
  // Start from the initial value.
  SmallVector<Loop> nest;
  SmallVector<Expr> indices;
  Value init = loop.getInitArgs()[0];
  for (const Expr &extent : extentsOf(init)) {
    Loop one;
    one.atom = table.newLoop(extent.isConstant() ? extent.constant : -1);
    one.extent = extent;
    nest.push_back(one);
    indices.push_back(Expr::atom(one.atom));
  }
  emitNest(nest, scope, [&](Scope *inner) {
    Value value = element(init, indices, inner);
    if (!failed)
      storeValue(target, indices, value, inner);
  });
  // The loop itself, as the first op of a block of its own.
  auto bound = [&](Value v) { return materialise(scalarExpr(v), scope); };
  Value low = bound(loop.getLowerBound()), high = bound(loop.getUpperBound());
  if (failed)
    return;
  emitLoop(low, high, scope, {}, [&](Scope *inner, Value iv, ValueRange) -> SmallVector<Value> {
    Frame frame;
    frame.root = loop;
    frame.values[loop.getInductionVar()] = iv;
    AtomId id = table.newSymbol(0);
    table[id].value = iv;
    table[id].scope = inner;
    frame.exprs[loop.getInductionVar()] = Expr::atom(id);
    emitSequenceBlock(*loop.getBody(), frame, target, inner);
    return {};
  });
}

void KernelLowering::emitStages(Scope *scope) {
  row = scope;
  for (size_t i = 0; i < order.size() && !failed;) {
    Stage *stage = order[i];
    if (stage->kind == Stage::Reduce) {
      emitReduction(*stage, scope);
      ++i;
    } else if (stage->kind == Stage::Sequence) {
      emitSequence(*stage, scope);
      ++i;
    } else {
      // Maps over shared loops alone run together: what they have in common is computed once.
      size_t end = i + 1;
      if (stage->loops.empty())
        while (end < order.size() && order[end]->kind == Stage::Map && order[end]->loops.empty())
          ++end;
      emitMaps(ArrayRef(order).slice(i, end - i), scope);
      i = end;
    }
  }
}

//===-- The kernel
//-----------------------------------------------------------------------------------------------===//

LogicalResult KernelLowering::placeTemporaries() {
  // A result that only its own reduction needs still has to lie somewhere under a vector loop.
  if (vector >= 0)
    for (Stage &stage : stages)
      if (stage.kind == Stage::Reduce)
        for (unsigned i = 0; i < stage.targets.size(); ++i)
          if (stage.carried[i] && !stage.targets[i])
            stage.targets[i] = &newStorage(stage.op->getResult(i), -1);
  int64_t bytesPerElement = 0;
  SmallVector<std::pair<Storage *, int64_t>> temporaries;
  for (Stage &stage : stages)
    for (auto [i, target] : llvm::enumerate(stage.targets)) {
      if (!target)
        continue;
      bool carried = stage.kind != Stage::Reduce || stage.carried[i];
      int64_t points = 1;
      bool isPrivate = stage.kind == Stage::Sequence;
      if (stage.kind == Stage::Sequence) {
        for (const Expr &extent : extentsOf(target->tensor ? target->tensor : stage.op->getResult(0)))
          points = extent.isConstant() && points >= 0 ? points * extent.constant : -1;
      }
      for (const Loop &loop : stage.layout) {
        if (loop.shared >= 0 || (loop.reduced && carried))
          continue;
        isPrivate = true;
        points = loop.extent.isConstant() && points >= 0 ? points * loop.extent.constant : -1;
      }
      target->isScalar = !isPrivate && vector < 0;
      if (target->buffer >= 0 || target->isScalar)
        continue;
      if (points < 0) {
        Operation *op = stage.op ? stage.op : stage.source.getDefiningOp();
        return op->emitOpError(
            "needs a temporary of unknown size, wanted static extents where a reduction is read "
            "across another dimension");
      }
      unsigned bits = cast<RankedTensorType>(target->tensor.getType()).getElementTypeBitWidth();
      bytesPerElement += std::max<int64_t>(points, 1) * ((bits + 7) / 8);
      temporaries.push_back({target, std::max<int64_t>(points, 1)});
    }
  if (vector >= 0 && !temporaries.empty()) {
    // Blocks of the vector loop whose temporaries stay in the first level cache.
    int64_t block =
        std::clamp<int64_t>((24 << 10) / std::max<int64_t>(bytesPerElement, 1), 16, 1024) / 16 * 16;
    const Expr &extent = shared[vector].extent;
    if (extent.isConstant() && extent.constant <= block + block / 4)
      block = std::max<int64_t>(extent.constant, 1);
    vectorBlock = block;
  }
  setPoint(entry);
  for (auto [target, points] : temporaries) {
    Type elementType = cast<RankedTensorType>(target->tensor.getType()).getElementType();
    int64_t size = points * (vector >= 0 ? vectorBlock : 1);
    target->memref = memref::AllocOp::create(b, kernel.getLoc(), MemRefType::get({size}, elementType),
                                             b.getI64IntegerAttr(64));
  }
  return success();
}

void KernelLowering::createKernel() {
  SmallVector<Type> types;
  auto add = [&](Type type) {
    auto tensor = cast<RankedTensorType>(type);
    types.push_back(MemRefType::get(tensor.getShape(), tensor.getElementType()));
  };
  for (Type type : func.getArgumentTypes())
    add(type);
  for (Type type : func.getResultTypes())
    add(type);
  views.resize(types.size());
  types.push_back(MemRefType::get({ShapedType::kDynamic}, b.getI8Type()));
  types.append(2, b.getIndexType());
  b.setInsertionPoint(func);
  kernel = func::FuncOp::create(b, func.getLoc(), func.getSymName(), b.getFunctionType(types, {}));
  entry->block = kernel.addEntryBlock();
  b.setInsertionPointToEnd(entry->block);
  func::ReturnOp::create(b, func.getLoc());
  // Extents of arguments are symbols without a source.
  for (auto &[key, atom] : argumentExtents) {
    setPoint(entry);
    unsigned number = cast<BlockArgument>(key.first).getArgNumber();
    table[atom].value = memref::DimOp::create(b, func.getLoc(), kernel.getArgument(number), key.second);
  }
}

/// The buffer and dimension whose extent an expression is.
static std::optional<std::pair<unsigned, unsigned>>
findExtent(func::FuncOp func, const Expr &extent, llvm::function_ref<Expr(Value, int64_t)> extentOf) {
  auto search = [&](ValueRange tensors, unsigned base) -> std::optional<std::pair<unsigned, unsigned>> {
    for (auto [i, tensor] : llvm::enumerate(tensors))
      for (int64_t d = 0, e = cast<RankedTensorType>(tensor.getType()).getRank(); d < e; ++d)
        if (extentOf(tensor, d) == extent)
          return std::make_pair(unsigned(base + i), unsigned(d));
    return std::nullopt;
  };
  if (auto found = search(func.getArguments(), 0))
    return found;
  return search(func.getBody().front().getTerminator()->getOperands(), func.getNumArguments());
}

LogicalResult KernelLowering::emitKernel() {
  Location loc = func.getLoc();
  if (mlir::failed(placeTemporaries()))
    return failure();
  for (Storage &storage : storages)
    if (storage.buffer >= 0)
      storage.memref = buffer(storage.buffer);
  vectorLocal = table.newLoop(vectorBlock > 0 ? vectorBlock : -1);

  // Work of one point of the shared loops, and of the loops that are not chunked one by one.
  double work = 1;
  for (Stage &stage : stages) {
    double points = stage.source && isCostly(stage.source) ? 3 : 1;
    for (const Loop &loop : stage.loops)
      points *= loop.extent.isConstant() ? double(std::max<int64_t>(loop.extent.constant, 1)) : 64.0;
    work += points;
  }
  constexpr double target = 1 << 15;
  SmallVector<int> outers;
  bool isStatic = true;
  for (int i = 0; i < int(shared.size()); ++i) {
    isStatic &= shared[i].extent.isConstant();
    if (i != vector)
      outers.push_back(i);
  }
  Value lo = kernel.getArgument(kernel.getNumArguments() - 2),
        hi = kernel.getArgument(kernel.getNumArguments() - 1);
  auto index = [&](int64_t value, Scope *scope) {
    setPoint(scope);
    return Value(arith::ConstantIndexOp::create(b, loc, value));
  };
  auto bind = [&](int i, Value value, Scope *scope) {
    table[shared[i].atom].value = value;
    table[shared[i].atom].scope = scope;
  };
  auto least = [&](Value x, Value y, Scope *scope) {
    setPoint(scope);
    return Value(arith::MinSIOp::create(b, loc, x, y));
  };
  /// The stages over [first, last) of the vector loop, block by block where temporaries ask for it.
  auto emitRange = [&](Value first, Value last, std::optional<int64_t> length, Scope *scope) {
    if (vector < 0)
      return emitStages(scope);
    if (vectorBlock == 0 || (length && *length <= vectorBlock)) {
      setPoint(scope);
      vectorStart = first;
      vectorLength = length ? index(*length, scope) : Value(arith::SubIOp::create(b, loc, last, first));
      return emitStages(scope);
    }
    setPoint(scope);
    Value span = arith::SubIOp::create(b, loc, last, first);
    Value blocks = arith::CeilDivUIOp::create(b, loc, span, index(vectorBlock, scope));
    emitLoop(index(0, scope), blocks, scope, {},
             [&](Scope *inner, Value iv, ValueRange) -> SmallVector<Value> {
               setPoint(inner);
               Value offset = arith::MulIOp::create(b, loc, iv, index(vectorBlock, inner));
               vectorStart = arith::AddIOp::create(b, loc, first, offset);
               vectorLength =
                   least(arith::SubIOp::create(b, loc, last, vectorStart), index(vectorBlock, inner), inner);
               emitStages(inner);
               return {};
             });
  };
  /// Loops over outers[from..], then the whole vector loop.
  std::function<void(size_t, Scope *)> emitOuters = [&](size_t from, Scope *scope) {
    if (from == outers.size()) {
      Value first, last;
      std::optional<int64_t> length;
      if (vector >= 0) {
        first = index(0, scope);
        last = materialise(shared[vector].extent, scope);
        if (shared[vector].extent.isConstant())
          length = shared[vector].extent.constant;
      }
      return emitRange(first, last, length, scope);
    }
    Value high = materialise(shared[outers[from]].extent, scope);
    emitLoop(index(0, scope), high, scope, {}, [&](Scope *inner, Value iv, ValueRange) -> SmallVector<Value> {
      bind(outers[from], iv, inner);
      emitOuters(from + 1, inner);
      return {};
    });
  };

  if (isStatic) {
    // Units are points of the outer loops times blocks of the vector loop; a chunk is a run of units.
    int64_t points = 1, length = vector >= 0 ? shared[vector].extent.constant : 1;
    for (int i : outers)
      points *= shared[i].extent.constant;
    int64_t block = length;
    if (vector >= 0 && vectorBlock > 0)
      block = std::min(length, vectorBlock * std::max<int64_t>(1, int64_t(target / (work * vectorBlock))));
    else if (vector >= 0)
      block = std::min<int64_t>(length, std::max<int64_t>(256, int64_t(target / work) / 64 * 64));
    block = std::max<int64_t>(block, 1);
    int64_t blocks = (length + block - 1) / block, units = points * blocks;
    if (units == 0 || length == 0) {
      chunks = {};
      return success();
    }
    int64_t perChunk = std::clamp<int64_t>(int64_t(target / (work * block)), 1, units);
    chunks = cpu::ChunkCount::of((units + perChunk - 1) / perChunk);
    emitLoop(lo, hi, entry, {}, [&](Scope *chunk, Value c, ValueRange) -> SmallVector<Value> {
      auto unit = [&](Scope *scope, Value u) {
        Value rest = u;
        Value which;
        if (blocks > 1) {
          setPoint(scope);
          which = points > 1 ? Value(arith::RemUIOp::create(b, loc, rest, index(blocks, scope))) : rest;
          if (points > 1)
            rest = arith::DivUIOp::create(b, loc, rest, index(blocks, scope));
        }
        for (size_t k = outers.size(); k-- > 0;) {
          int64_t extent = shared[outers[k]].extent.constant;
          setPoint(scope);
          if (k == 0) {
            bind(outers[k], rest, scope);
          } else {
            Value divisor = index(extent, scope);
            bind(outers[k], arith::RemUIOp::create(b, loc, rest, divisor), scope);
            rest = arith::DivUIOp::create(b, loc, rest, divisor);
          }
        }
        if (blocks == 1) {
          emitRange(index(0, scope), index(length, scope), length, scope);
        } else {
          setPoint(scope);
          Value first = arith::MulIOp::create(b, loc, which, index(block, scope));
          Value past = arith::AddIOp::create(b, loc, first, index(block, scope));
          bool even = length % block == 0;
          Value last = even ? past : least(past, index(length, scope), scope);
          emitRange(first, last, even ? std::optional<int64_t>(block) : std::nullopt, scope);
        }
      };
      if (perChunk == 1) {
        unit(chunk, c);
        return {};
      }
      setPoint(chunk);
      Value first = arith::MulIOp::create(b, loc, c, index(perChunk, chunk));
      Value last =
          least(arith::AddIOp::create(b, loc, first, index(perChunk, chunk)), index(units, chunk), chunk);
      emitLoop(first, last, chunk, {}, [&](Scope *inner, Value u, ValueRange) -> SmallVector<Value> {
        unit(inner, u);
        return {};
      });
      return {};
    });
    return failure(failed);
  }

  // Some extent is known only when running: chunks are runs of the first loop.
  int lead = outers.empty() ? vector : outers.front();
  Shared &first = shared[lead];
  double inside = work * double(first.inner);
  for (int i = 0; i < int(shared.size()); ++i)
    if (i != lead)
      inside *=
          shared[i].extent.isConstant() ? double(std::max<int64_t>(shared[i].extent.constant, 1)) : 64.0;
  int64_t rows = std::max<int64_t>(1, int64_t(target / inside));
  auto where = findExtent(func, first.lead, [&](Value tensor, int64_t d) { return extentOf(tensor, d); });
  if (first.lead.isConstant())
    chunks = cpu::ChunkCount::of(std::max<int64_t>(1, (first.lead.constant + rows - 1) / rows));
  else if (where)
    chunks.terms.push_back({where->first, where->second, ShapedType::kDynamic, rows});
  bool whole = !first.lead.isConstant() && !where;
  emitLoop(lo, hi, entry, {}, [&](Scope *chunk, Value c, ValueRange) -> SmallVector<Value> {
    Value begin = index(0, chunk), end = materialise(first.extent, chunk);
    if (!whole) {
      Value step = index(rows * first.inner, chunk);
      setPoint(chunk);
      begin = arith::MulIOp::create(b, loc, c, step);
      end = least(arith::AddIOp::create(b, loc, begin, step), end, chunk);
    }
    if (lead == vector) {
      emitRange(begin, end, std::nullopt, chunk);
      return {};
    }
    emitLoop(begin, end, chunk, {}, [&](Scope *inner, Value iv, ValueRange) -> SmallVector<Value> {
      bind(lead, iv, inner);
      emitOuters(1, inner);
      return {};
    });
    return {};
  });
  return failure(failed);
}

LogicalResult KernelLowering::checkSignature() {
  for (Type type : llvm::concat<const Type>(func.getArgumentTypes(), func.getResultTypes()))
    if (!isa<RankedTensorType>(type))
      return func.emitOpError("has type ") << type << " in its signature, wanted ranked tensors";
  return success();
}

LogicalResult KernelLowering::findStages(bool storeCostly) {
  entry = &scopes.emplace_back();
  for (Value argument : func.getArguments())
    extentsOf(argument);
  unifyExtents();
  findResults();
  if (failed || stages.empty())
    return failure(failed);
  if (storeCostly) {
    storeCostlyValues();
  } else {
    splitLoops();
    analyseAll();
  }
  if (failed)
    return failure();
  storedBelow.clear();
  shareLoops(/*apply=*/true);
  analyseAll();
  chooseVectorLoop();
  mergeLoops();
  if (failed)
    return failure();
  orderStages();
  entry->elements.clear();
  return success();
}

FailureOr<cpu::ChunkCount> KernelLowering::run() {
  if (mlir::failed(checkSignature()) || mlir::failed(findStages(/*storeCostly=*/true)))
    return failure();
  emitting = true;
  createKernel();
  if (!stages.empty()) {
    if (mlir::failed(emitKernel()) || failed) {
      kernel.erase();
      return failure();
    }
    unswitchLoops(kernel);
  }
  func.erase();
  return chunks;
}
