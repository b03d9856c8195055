// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tiles as values. What does not depend on rows or columns stays a scalar, what depends on rows alone a tile
// of rows; two values meet in the smallest shape that holds both. Conditions on tiles become masks.
#include "TileLowering.h"

using namespace mlir;
using namespace weft;
using namespace weft::loops;

TileLowering::Shape TileLowering::shapeOf(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type)
    return Scalar;
  if (type.getEncoding() == rowLayout)
    return Rows;
  return type.getEncoding() == columnLayout ? Columns : Full;
}

RankedTensorType TileLowering::tileType(Shape shape, Type element) {
  switch (shape) {
  case Rows:
    return RankedTensorType::get({rows}, element, rowLayout);
  case Columns:
    return RankedTensorType::get({columns}, element, columnLayout);
  default:
    return RankedTensorType::get({rows, columns}, element, layout);
  }
}

Value TileLowering::toShape(Value value, Shape shape) {
  Shape from = shapeOf(value);
  if (from == shape || shape == Scalar)
    return value;
  RankedTensorType type = tileType(shape, getElementTypeOrSelf(value.getType()));
  if (from == Scalar)
    return tile::SplatOp::create(b, value.getLoc(), type, value);
  return tile::BroadcastOp::create(b, value.getLoc(), type, value);
}

void TileLowering::unify(MutableArrayRef<Value> values) {
  int shape = Scalar;
  for (Value value : values)
    shape |= shapeOf(value);
  for (Value &value : values)
    value = toShape(value, Shape(shape));
}

Value TileLowering::maskOf(Scope *scope, bool &fine) {
  for (; scope; scope = scope->parent)
    if (scope->mask) {
      fine = scope->finelyMasked;
      return scope->mask;
    }
  fine = false;
  return {};
}

/// A scope among the code of `scope`, for whose elements `mask` holds too.
Scope &TileLowering::openScope(Scope *scope, Value mask) {
  bool fine = false;
  Value around = maskOf(scope, fine);
  Scope &inner = scopes.emplace_back();
  inner.parent = scope;
  inner.sameBlock = scope;
  inner.mask = around;
  inner.finelyMasked = fine;
  if (mask) {
    setPoint(scope);
    inner.mask = around ? binary<arith::AndIOp>(around, mask) : mask;
  }
  return inner;
}

Value TileLowering::conditional(Type type, Value condition, Scope *scope,
                                llvm::function_ref<Value(Scope *)> then,
                                llvm::function_ref<Value(Scope *)> otherwise) {
  if (!emitting)
    return KernelLowering::conditional(type, condition, scope, then, otherwise);
  auto arm = [&](Value holds, llvm::function_ref<Value(Scope *)> compute) -> Value {
    Scope &inner = openScope(scope, holds);
    inner.isCondition = true;
    // Whoever asked whether an index is inside asks it of each element.
    inner.finelyMasked |= (shapeOf(holds) & Columns) != 0;
    return compute(&inner);
  };
  setPoint(scope);
  Value always = arith::ConstantIntOp::create(b, func.getLoc(), 1, 1);
  Value operands[] = {condition, always};
  unify(operands);
  Value opposite = arith::XOrIOp::create(b, func.getLoc(), operands[0], operands[1]);
  Value yes = arm(condition, then), no = arm(opposite, otherwise);
  if (!yes || !no) {
    fail(func, "has a branch without a value");
    return {};
  }
  setPoint(scope);
  Value choice[] = {condition, yes, no};
  unify(choice);
  return arith::SelectOp::create(b, func.getLoc(), choice[0], choice[1], choice[2]);
}

void TileLowering::guarded(Value condition, Scope *scope, llvm::function_ref<void(Scope *)> body) {
  Scope &inner = openScope(scope, condition);
  inner.isCondition = true;
  inner.finelyMasked |= (shapeOf(condition) & Columns) != 0;
  body(&inner);
}

SmallVector<Value> TileLowering::cloneMapped(Operation *op, IRMapping &mapping) {
  // What the op reads, values that its regions capture included.
  SmallVector<Value> sources, values;
  auto read = [&](Value source) {
    Value value = mapping.lookupOrNull(source);
    if (value && !llvm::is_contained(sources, source)) {
      sources.push_back(source);
      values.push_back(value);
    }
  };
  for (Value operand : op->getOperands())
    read(operand);
  for (Region &region : op->getRegions())
    region.walk([&](Operation *nested) {
      for (Value operand : nested->getOperands())
        if (!region.isAncestor(operand.getParentRegion()))
          read(operand);
    });
  if (llvm::all_of(values, [&](Value value) { return shapeOf(value) == Scalar; }))
    return KernelLowering::cloneMapped(op, mapping);
  unify(values);
  Shape shape = shapeOf(values.front());
  SmallVector<Type> types;
  for (Type type : op->getResultTypes())
    types.push_back(tileType(shape, type));
  IRMapping lifted;
  lifted.map(sources, values);
  if (op->getNumRegions() == 0) {
    OperationState state(op->getLoc(), op->getName());
    for (Value operand : op->getOperands())
      state.addOperands(lifted.lookup(operand));
    state.addTypes(types);
    state.addAttributes(op->getDiscardableAttrDictionary().getValue());
    state.propertiesAttr = op->getPropertiesAsAttribute();
    return b.create(state)->getResults();
  }
  // Loops and branches inside a body run for each element.
  auto map = tile::MapOp::create(b, op->getLoc(), types, values);
  OpBuilder::InsertionGuard guard(b);
  Block *body = b.createBlock(&map.getBody());
  IRMapping scalars;
  for (Value source : sources)
    scalars.map(source, body->addArgument(source.getType(), op->getLoc()));
  Operation *copy = b.clone(*op, scalars);
  tile::YieldOp::create(b, op->getLoc(), copy->getResults());
  return map->getResults();
}

//===-- Memory
//-----------------------------------------------------------------------------------------------===//

/// Whether something else than the column itself differs between neighbouring columns: an index that was
/// loaded.
bool TileLowering::hasLoadedColumns(const Expr &address) {
  return llvm::any_of(address.terms, [&](auto term) {
    Atom atom = table[term.first];
    if (atom.kind == Atom::Symbol)
      return term.first != *columnAtom && atom.value && (shapeOf(atom.value) & Columns) != 0;
    if (atom.kind == Atom::Product)
      return llvm::any_of(atom.factors, [&](AtomId id) { return hasLoadedColumns(Expr::atom(id)); });
    return hasLoadedColumns(atom.a) || hasLoadedColumns(atom.b);
  });
}

int64_t TileLowering::contiguousAt(const Expr &address, Shape shape, bool fineMask) {
  if (groupLength == 1 || fineMask || !(shape & Columns) || !columnAtom)
    return 1;
  if (!table.isLinearIn(address, *columnAtom) || address.coefficient(*columnAtom) != 1 ||
      hasLoadedColumns(address))
    return 1;
  bool aligned = address.constant % groupLength == 0;
  for (auto [atom, k] : address.terms)
    aligned &= atom == *columnAtom || k % groupLength == 0;
  return aligned ? groupLength : 1;
}

Value TileLowering::loadAt(Value memory, const Expr &address, Scope *scope) {
  Value at = materialise(address, scope);
  setPoint(scope);
  Location loc = kernel.getLoc();
  if (isa<tile::PrivateType>(memory.getType())) {
    auto type = cast<tile::PrivateType>(memory.getType()).getTile();
    if (shapeOf(at) != Scalar)
      at = toShape(at, type.getEncoding() == rowLayout ? Rows : Full);
    return tile::PrivateLoadOp::create(b, loc, memory, at);
  }
  bool fine = false;
  Value mask = maskOf(scope, fine);
  Value operands[] = {at, mask ? mask : at};
  unify(operands);
  Type element = cast<MemRefType>(memory.getType()).getElementType();
  Shape shape = shapeOf(operands[0]);
  return tile::LoadOp::create(b, loc, shape == Scalar ? element : tileType(shape, element), memory,
                              operands[0], mask ? operands[1] : Value(), Value(),
                              contiguousAt(address, shape, fine));
}

void TileLowering::storeAt(Value memory, const Expr &address, Value value, Scope *scope) {
  Value at = materialise(address, scope);
  setPoint(scope);
  Location loc = kernel.getLoc();
  if (isa<tile::PrivateType>(memory.getType())) {
    auto type = cast<tile::PrivateType>(memory.getType()).getTile();
    Shape shape = type.getEncoding() == rowLayout ? Rows : Full;
    if (shapeOf(at) != Scalar)
      at = toShape(at, shape);
    value = toShape(value, shape);
    // In a branch, elements that do not take it keep what they have.
    bool fine = false, inBranch = false;
    for (Scope *s = scope; s; s = s->parent)
      inBranch |= s->isCondition;
    if (inBranch) {
      Value old = tile::PrivateLoadOp::create(b, loc, memory, at);
      value = arith::SelectOp::create(b, loc, toShape(maskOf(scope, fine), shape), value, old);
    }
    tile::PrivateStoreOp::create(b, loc, value, memory, at);
    return;
  }
  bool fine = false;
  Value mask = maskOf(scope, fine);
  Value operands[] = {value, at, mask ? mask : at};
  unify(operands);
  tile::StoreOp::create(b, loc, operands[0], memory, operands[1], mask ? operands[2] : Value(),
                        contiguousAt(address, shapeOf(operands[1]), fine));
}

Value TileLowering::load(Storage &storage, ArrayRef<Expr> indices, Scope *scope) {
  // Other lanes stored what a map stores: this one computes it again, or finds it computed.
  Stage *producer = producers.lookup(storage.tensor);
  if (emitting && schedule == Schedule::Lanes && producer && producer->kind == Stage::Map)
    return emitElement(storage.tensor, indices, scope, /*compute=*/true);
  return KernelLowering::load(storage, indices, scope);
}
