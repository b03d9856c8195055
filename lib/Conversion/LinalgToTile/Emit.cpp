// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tile kernel: the rows of a block, then stage after stage. What lanes spread over is reduced by
// tile.reduce.
#include "TileLowering.h"
#include "weft/Conversion/WeftToLinalg.h"

using namespace mlir;
using namespace weft;
using namespace weft::loops;

void TileLowering::createTileKernel() {
  SmallVector<Type> types;
  SmallVector<unsigned> firstExtent;
  SmallVector<RankedTensorType> tensors;
  for (Type type : llvm::concat<const Type>(func.getArgumentTypes(), func.getResultTypes())) {
    tensors.push_back(cast<RankedTensorType>(type));
    types.push_back(MemRefType::get(tensors.back().getShape(), tensors.back().getElementType()));
  }
  for (RankedTensorType tensor : tensors) {
    firstExtent.push_back(types.size());
    types.append(tensor.getNumDynamicDims(), b.getIndexType());
  }
  b.setInsertionPoint(func);
  kernel = func::FuncOp::create(b, func.getLoc(), func.getSymName(), b.getFunctionType(types, {}));
  entry->block = kernel.addEntryBlock();
  b.setInsertionPointToEnd(entry->block);
  func::ReturnOp::create(b, func.getLoc());
  for (auto &[key, atom] : argumentExtents) {
    unsigned number = cast<BlockArgument>(key.first).getArgNumber();
    unsigned before =
        llvm::count_if(llvm::seq<int64_t>(0, key.second),
                       [&, tensor = tensors[number]](int64_t d) { return tensor.isDynamicDim(d); });
    table[atom].value = kernel.getArgument(firstExtent[number] + before);
  }
}

/// Gives every stage's values a place: the result's buffer, a value of the row, or slots of each thread.
LogicalResult TileLowering::placePrivate() {
  for (Stage &stage : stages)
    for (auto [i, target] : llvm::enumerate(stage.targets)) {
      if (!target)
        continue;
      if (target->buffer >= 0)
        target->memref = buffer(target->buffer);
      bool carried = stage.kind != Stage::Reduce || stage.carried[i];
      bool isPrivate = stage.kind == Stage::Sequence;
      int64_t points = 1;
      auto times = [&](const Expr &extent) {
        points = extent.isConstant() && points >= 0 ? points * extent.constant : -1;
      };
      if (isPrivate)
        for (const Expr &extent : extentsOf(target->tensor ? target->tensor : stage.op->getResult(0)))
          times(extent);
      if (schedule != Schedule::Lanes)
        for (const Loop &loop : stage.layout)
          if (loop.shared < 0 && !(loop.reduced && carried)) {
            isPrivate = true;
            times(loop.extent);
          }
      target->isScalar = !isPrivate && (schedule != Schedule::Lanes || stage.kind == Stage::Reduce);
      if (target->buffer >= 0 || target->isScalar || schedule == Schedule::Lanes)
        continue;
      Operation *op = stage.op ? stage.op : stage.source.getDefiningOp();
      if (points < 0)
        return op->emitOpError(
            "needs a temporary of unknown size, wanted static extents where a reduction is read "
            "across another dimension");
      Type element = cast<RankedTensorType>(target->tensor.getType()).getElementType();
      auto type = tile::PrivateType::get(func.getContext(), std::max<int64_t>(points, 1),
                                         tileType(groupLength > 1 ? Full : Rows, element));
      setPoint(entry);
      target->memref = tile::AllocPrivateOp::create(b, kernel.getLoc(), type);
    }
  return success();
}

LogicalResult TileLowering::emitTileKernel() {
  if (mlir::failed(placePrivate()))
    return failure();
  Location loc = kernel.getLoc();
  Expr points = numRows();
  if (points.is(0))
    return success();
  setPoint(entry);
  Value block = tile::ProgramIdOp::create(b, loc);
  auto emitTile = [&](Value number, Scope *scope) {
    schedule == Schedule::Contract ? emitContractTile(number, scope) : emitRows(number, scope);
  };
  Expr tiles = schedule == Schedule::Contract ? tilesOfContract()
                                              : table.div(table.add(points, Expr(rows - 1)), Expr(rows));
  if (tiles.isConstant()) {
    emitTile(block, entry);
  } else {
    Value count = materialise(tiles, entry);
    setPoint(entry);
    Value step = tile::NumProgramsOp::create(b, loc);
    emitLoop(
        block, count, entry, {},
        [&](Scope *inner, Value number, ValueRange) -> SmallVector<Value> {
          emitTile(number, inner);
          return {};
        },
        step);
  }
  return failure(failed);
}

void TileLowering::emitRows(Value tileNumber, Scope *scope) {
  Location loc = kernel.getLoc();
  Expr points = numRows();
  setPoint(scope);
  Value first = binary<arith::MulIOp>(tileNumber, arith::ConstantIndexOp::create(b, loc, rows));
  Value number =
      binary<arith::AddIOp>(tile::RangeOp::create(b, loc, tileType(Rows, b.getIndexType())), first);
  Value mask;
  if (!points.isConstant() || points.constant % rows != 0) {
    Value limit = materialise(points, scope);
    setPoint(scope);
    mask = binary<arith::CmpIOp>(number, limit, arith::CmpIPredicate::ult);
  }
  Scope &inner = openScope(scope, mask);
  Value rest = number;
  for (size_t k = rowLoops.size(); k-- > 0;) {
    Atom &atom = table[shared[rowLoops[k]].atom];
    Value extent = materialise(shared[rowLoops[k]].extent, scope);
    setPoint(scope);
    atom.value = k ? binary<arith::RemUIOp>(rest, extent) : rest;
    atom.scope = &inner;
    if (k)
      rest = binary<arith::DivUIOp>(rest, extent);
  }
  if (schedule == Schedule::Threads && columnAtom) {
    table[*columnAtom].value = tile::RangeOp::create(b, loc, tileType(Columns, b.getIndexType()));
    table[*columnAtom].scope = &inner;
  }
  wholeScope = nullptr;
  emitStages(&inner);
}

//===-- Columns
//----------------------------------------------------------------------------------------------===//

/// A scope for `columns` points of a loop, those of chunk `chunk`.
Scope *TileLowering::openColumns(AtomId atom, const Expr &extent, Value chunk, Scope *scope) {
  Location loc = kernel.getLoc();
  setPoint(scope);
  Value number = tile::RangeOp::create(b, loc, tileType(Columns, b.getIndexType()));
  if (chunk)
    number = binary<arith::AddIOp>(
        number, arith::MulIOp::create(b, loc, chunk, arith::ConstantIndexOp::create(b, loc, columns)));
  Value mask;
  if (!extent.isConstant() || extent.constant % columns != 0) {
    Value limit = materialise(extent, scope);
    setPoint(scope);
    mask = binary<arith::CmpIOp>(number, limit, arith::CmpIPredicate::ult);
  }
  Scope &inner = openScope(scope, mask);
  table[atom].value = number;
  table[atom].scope = &inner;
  columnAtom = atom;
  return &inner;
}

/// Runs `body` on the columns of a stage, tile after tile inside its other loops.
SmallVector<Value>
TileLowering::overColumns(Stage &stage, Scope *scope, ValueRange carried,
                          llvm::function_ref<SmallVector<Value>(Scope *, ValueRange)> body) {
  auto found = columnOf.find(&stage);
  if (found == columnOf.end())
    return body(scope, carried);
  Column column = found->second;
  if (wholeRow) {
    if (!wholeScope)
      wholeScope = openColumns(column.atom, column.extent, Value(), scope);
    return body(wholeScope, carried);
  }
  return emitReduced(stage.loops, scope, carried, [&](Scope *inner, ValueRange values) {
    if (column.extent.isConstant() && column.extent.constant <= columns)
      return body(openColumns(column.atom, column.extent, Value(), inner), values);
    Value zero = materialise(Expr(0), inner);
    Expr chunks = table.div(table.add(column.extent, Expr(columns - 1)), Expr(columns));
    Value count = materialise(chunks, inner);
    return emitLoop(zero, count, inner, values, [&](Scope *at, Value chunk, ValueRange held) {
      return body(openColumns(column.atom, column.extent, chunk, at), held);
    });
  });
}

void TileLowering::emitMaps(ArrayRef<Stage *> maps, Scope *scope) {
  if (schedule != Schedule::Lanes)
    return KernelLowering::emitMaps(maps, scope);
  for (Stage *stage : maps)
    overColumns(*stage, scope, {}, [&](Scope *at, ValueRange) -> SmallVector<Value> {
      // By way of load(), which computes and remembers it.
      Value value = element(stage->source, stage->dims, at);
      if (!failed)
        storeValue(*stage->targets[0], stage->dims, value, at);
      return {};
    });
}

SmallVector<Value> weft::loops::emitBetter(OpBuilder &b, Location loc, linalg::GenericOp reduction,
                                           ValueRange pairs) {
  ArrayRef<bool> flags = reduction->getAttrOfType<DenseBoolArrayAttr>(argReductionAttrName).asArrayRef();
  bool greatest = flags[0], last = flags[1], asUnsigned = flags[2];
  Value value = pairs[0], place = pairs[1], otherValue = pairs[2], otherPlace = pairs[3];
  auto both = [&](Value x, Value y) -> Value { return arith::AndIOp::create(b, loc, x, y); };
  auto either = [&](Value x, Value y) -> Value { return arith::OrIOp::create(b, loc, x, y); };
  using FP = arith::CmpFPredicate;
  using IP = arith::CmpIPredicate;
  Value earlier = arith::CmpIOp::create(b, loc, IP::slt, otherPlace, place);
  Value preferred = last ? Value(arith::CmpIOp::create(b, loc, IP::sgt, otherPlace, place)) : earlier;
  Value better;
  if (isa<FloatType>(value.getType())) {
    better = arith::CmpFOp::create(b, loc, greatest ? FP::OGT : FP::OLT, otherValue, value);
    better = either(better, both(arith::CmpFOp::create(b, loc, FP::OEQ, otherValue, value), preferred));
    // Of NaNs the first one, before all numbers.
    Value isNaN = arith::CmpFOp::create(b, loc, FP::UNO, value, value);
    Value isOtherNaN = arith::CmpFOp::create(b, loc, FP::UNO, otherValue, otherValue);
    Value always = arith::ConstantIntOp::create(b, loc, 1, 1);
    Value isNumber = arith::XOrIOp::create(b, loc, isNaN, always);
    better = either(better, both(isOtherNaN, either(isNumber, earlier)));
  } else {
    IP beyond = greatest ? (asUnsigned ? IP::ugt : IP::sgt) : (asUnsigned ? IP::ult : IP::slt);
    better = arith::CmpIOp::create(b, loc, beyond, otherValue, value);
    better = either(better, both(arith::CmpIOp::create(b, loc, IP::eq, otherValue, value), preferred));
  }
  return {arith::SelectOp::create(b, loc, better, otherValue, value),
          arith::SelectOp::create(b, loc, better, otherPlace, place)};
}

void TileLowering::emitReduction(Stage &stage, Scope *scope) {
  if (schedule == Schedule::Threads)
    return KernelLowering::emitReduction(stage, scope);
  if (schedule == Schedule::Contract)
    return emitContraction(stage, scope);
  Location loc = stage.op->getLoc();
  auto generic = cast<linalg::GenericOp>(stage.op);
  unsigned count = stage.targets.size();
  bool isArg = isArgReduction(generic);
  SmallVector<Operation *> combiners;
  SmallVector<Value> start, initial;
  for (unsigned i = 0; i < count && !failed; ++i) {
    combiners.push_back(findCombiner(generic, i));
    initial.push_back(element(generic.getDpsInits()[i], targetIndices(stage, i), scope));
    setPoint(scope);
    // What an extreme starts with is worse than all elements, for every lane.
    start.push_back(toShape(
        isArg ? initial[i] : arith::ConstantOp::create(b, loc, identityOf(combiners[i])).getResult(), Full));
  }
  if (failed)
    return;
  auto body = [&](Scope *at, ValueRange held) {
    Frame frame;
    frame.root = generic;
    frame.dims = stage.dims;
    frame.accumulators.assign(held.begin(), held.end());
    SmallVector<Value> values;
    for (Value yielded : generic.getBlock()->getTerminator()->getOperands())
      values.push_back(bodyValue(yielded, frame, at));
    setPoint(at);
    bool fine = false;
    Value mask = maskOf(at, fine);
    for (auto [value, old] : llvm::zip(values, held)) {
      if (failed)
        break;
      value = toShape(value, Full);
      // Columns past the end add nothing; rows past the end come to nothing anyway.
      if (mask && shapeOf(mask) != Rows && shapeOf(mask) != Scalar)
        value = arith::SelectOp::create(b, loc, toShape(mask, Full), value, old);
    }
    return values;
  };
  if (!columnOf.count(&stage)) {
    // Nothing to go over: one point.
    SmallVector<Value> values = body(scope, start);
    for (unsigned i = 0; i < count && !failed; ++i)
      if (stage.targets[i])
        storeValue(*stage.targets[i], targetIndices(stage, i), values[i], scope);
    return;
  }
  SmallVector<Value> sums = overColumns(stage, scope, start, body);
  if (failed)
    return;
  setPoint(scope);
  if (isArg) {
    Type value = getElementTypeOrSelf(sums[0].getType()), place = getElementTypeOrSelf(sums[1].getType());
    auto reduce = tile::ReduceOp::create(b, loc, TypeRange{tileType(Rows, value), tileType(Rows, place)},
                                         sums, b.getI64IntegerAttr(1));
    {
      OpBuilder::InsertionGuard guard(b);
      Block *block =
          b.createBlock(&reduce.getCombiner(), {}, {value, place, value, place}, {loc, loc, loc, loc});
      tile::YieldOp::create(b, loc, emitBetter(b, loc, generic, block->getArguments()));
    }
    for (unsigned i = 0; i < count; ++i)
      if (stage.targets[i])
        storeValue(*stage.targets[i], targetIndices(stage, i), reduce.getResult(i), scope);
    return;
  }
  for (unsigned i = 0; i < count; ++i) {
    if (!stage.targets[i])
      continue;
    Type element = getElementTypeOrSelf(sums[i].getType());
    auto reduce =
        tile::ReduceOp::create(b, loc, TypeRange{tileType(Rows, element)}, sums[i], b.getI64IntegerAttr(1));
    {
      OpBuilder::InsertionGuard guard(b);
      Block *block = b.createBlock(&reduce.getCombiner(), {}, {element, element}, {loc, loc});
      Operation *op = combiners[i];
      OperationState state(loc, op->getName());
      state.addOperands(block->getArguments());
      state.addTypes(element);
      state.propertiesAttr = op->getPropertiesAsAttribute();
      tile::YieldOp::create(b, loc, b.create(state)->getResults());
    }
    Value operands[] = {initial[i], reduce.getResult(0)};
    unify(operands);
    OperationState state(loc, combiners[i]->getName());
    state.addOperands(operands);
    state.addTypes(operands[0].getType());
    state.propertiesAttr = combiners[i]->getPropertiesAsAttribute();
    Value total = b.create(state)->getResult(0);
    storeValue(*stage.targets[i], targetIndices(stage, i), total, scope);
  }
}

FailureOr<TileKernel> TileLowering::run() {
  if (mlir::failed(checkSignature()) || mlir::failed(findStages(/*storeCostly=*/false)))
    return failure();
  if (!stages.empty())
    chooseSchedule();
  else
    result.threads = tile::warpSize;
  result.blocks = countBlocks();
  emitting = true;
  createTileKernel();
  if (!stages.empty() && (mlir::failed(emitTileKernel()) || failed)) {
    kernel.erase();
    return failure();
  }
  kernel->setAttr(tile::TileDialect::getThreadsAttrName(), b.getI64IntegerAttr(result.threads));
  func.erase();
  return result;
}
