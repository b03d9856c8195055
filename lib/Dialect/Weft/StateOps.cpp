// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The state family: variables, and the effects and symbols of those who use them.
#include "weft/Dialect/Weft/StateOps.h"

#include "Inference.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace weft::ir;

using Effects = SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>;

LogicalResult VariableOp::verify() {
  Checker check(*this);
  auto type = cast<RankedTensorType>(getType());
  if (getTrainable() && !isa<FloatType>(type.getElementType()))
    return check.refuse("is trainable with element type ", type.getElementType(), ", wanted floats");
  std::optional<TypedAttr> initial = getInitial();
  if (!initial)
    return success();
  if (!isa<ElementsAttr, DataAttr>(*initial))
    return check.refuse("starts as ", *initial, ", wanted elements or #weft.data");
  if (initial->getType() != type)
    return check.refuse("starts as ", initial->getType(), ", wanted the variable's type ", type);
  return success();
}

/// The variable exists and has the type.
static LogicalResult checkVariable(Operation *op, FlatSymbolRefAttr name, Type type,
                                   SymbolTableCollection &tables) {
  Checker check(op);
  auto variable = tables.lookupNearestSymbolFrom<VariableOp>(op, name);
  if (!variable)
    return check.refuse("names @", name.getValue(), ", wanted a weft.variable");
  if (variable.getType() != type)
    return check.refuse("has type ", type, " for @", name.getValue(), ", wanted ", variable.getType());
  return success();
}

LogicalResult ReadOp::verifySymbolUses(SymbolTableCollection &tables) {
  return checkVariable(*this, getVariableAttr(), getType(), tables);
}
LogicalResult WriteOp::verifySymbolUses(SymbolTableCollection &tables) {
  return checkVariable(*this, getVariableAttr(), getValue().getType(), tables);
}

void ReadOp::getEffects(Effects &effects) {
  effects.emplace_back(MemoryEffects::Read::get(), getVariableAttr(), VariableResource::get());
}
void WriteOp::getEffects(Effects &effects) {
  effects.emplace_back(MemoryEffects::Write::get(), getVariableAttr(), VariableResource::get());
}

#define GET_OP_CLASSES
#include "weft/Dialect/Weft/StateOps.cpp.inc"
