// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scalar bodies of elementwise chains, and their vectors: every op of such a body is elementwise, so a vector
// body is the scalar one with other types.
#include "weft/Conversion/ElementwiseBody.h"

#include "Lowering.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace weft;
using namespace weft::lowering;

ElementwiseBody::~ElementwiseBody() = default;

FailureOr<std::shared_ptr<ElementwiseBody>> ElementwiseBody::create(ArrayRef<Operation *> ops,
                                                                    ArrayRef<Value> inputs, Value output) {
  std::shared_ptr<ElementwiseBody> body(new ElementwiseBody);
  body->block = std::make_unique<Block>();
  OpBuilder builder(output.getContext());
  builder.setInsertionPointToEnd(body->block.get());
  Location loc = output.getLoc();
  Scalars scalars(builder, loc);
  IRMapping mapping;
  for (Value input : inputs) {
    Type element = getElementTypeOrSelf(input);
    Type memory = getMemoryElementType(element);
    if (isPacked(element))
      return failure();
    Value argument = body->block->addArgument(memory, loc);
    mapping.map(input, scalars.load(argument, element));
  }
  for (Operation *op : ops) {
    if (!hasElementwiseLowering(op) || isPacked(getElementTypeOrSelf(op->getResult(0).getType())))
      return failure();
    SmallVector<Value> operands;
    for (Value operand : op->getOperands()) {
      if (Value known = mapping.lookupOrNull(operand)) {
        operands.push_back(known);
        continue;
      }
      auto constant = operand.getDefiningOp<ir::ConstantOp>();
      std::optional<HostTensor> splat = constant ? ir::getSplat(constant.getValue()) : std::nullopt;
      if (!splat)
        return failure();
      Type element = getElementTypeOrSelf(operand), compute = computeType(element);
      operands.push_back(isa<FloatType>(compute) ? scalars.constant(compute, splat->asDouble(0))
                                                 : scalars.integer(compute, splat->asInt(0)));
    }
    Value value = emitElementwise(scalars, op, operands);
    if (!value)
      return failure();
    mapping.map(op->getResult(0), value);
  }
  body->result = mapping.lookupOrNull(output);
  if (!body->result)
    return failure();
  // What is not elementwise on vectors (a loop of an integer power) has no vector form.
  for (Operation &op : *body->block)
    if (op.getNumRegions() != 0 || !(op.hasTrait<OpTrait::Vectorizable>() || isa<arith::ConstantOp>(op)))
      return failure();
  return body;
}

Type ElementwiseBody::getMemoryType(unsigned i) const { return block->getArgument(i).getType(); }

bool ElementwiseBody::hasLongOps() const {
  return llvm::any_of(*block, [](Operation &op) {
    return isa<math::Exp2Op, math::ExpM1Op, math::ExpOp, math::ErfOp, math::ErfcOp, math::LogOp,
               math::Log1pOp, math::Log2Op, math::TanhOp, math::SinOp, math::CosOp, math::PowFOp>(op);
  });
}

Value ElementwiseBody::emit(OpBuilder &builder, Location loc, ValueRange inputs, int64_t width) const {
  bool isVector = !inputs.empty() && isa<VectorType>(inputs[0].getType());
  auto typeOf = [&](Type scalar) -> Type { return isVector ? VectorType::get({width}, scalar) : scalar; };
  IRMapping mapping;
  for (auto [argument, input] : llvm::zip(block->getArguments(), inputs))
    mapping.map(argument, input);
  for (Operation &op : *block) {
    // An input that is already in the type it is computed in needs no extension.
    if (isa<arith::ExtFOp>(op) &&
        mapping.lookup(op.getOperand(0)).getType() == typeOf(op.getResult(0).getType())) {
      mapping.map(op.getResult(0), mapping.lookup(op.getOperand(0)));
      continue;
    }
    if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
      TypedAttr value = constant.getValue();
      if (isVector)
        value = SplatElementsAttr::get(cast<VectorType>(typeOf(constant.getType())), Attribute(value));
      mapping.map(constant.getResult(), arith::ConstantOp::create(builder, loc, value));
      continue;
    }
    OperationState state(loc, op.getName());
    for (Value operand : op.getOperands())
      state.addOperands(mapping.lookup(operand));
    for (Type type : op.getResultTypes())
      state.addTypes(typeOf(type));
    state.propertiesAttr = op.getPropertiesAsAttribute();
    state.addAttributes(op.getDiscardableAttrDictionary().getValue());
    mapping.map(op.getResults(), builder.create(state)->getResults());
  }
  return mapping.lookup(result);
}
