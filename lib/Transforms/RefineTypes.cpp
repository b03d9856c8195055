// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Types from shape inference, one op at a time; see RefineTypes.h.
#include "RefineTypes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "weft/Dialect/Weft/WeftOps.h"

using namespace mlir;
using namespace weft;
using namespace weft::ir;

bool weft::setExtents(Value value, ArrayRef<Dim> dims) {
  if (llvm::any_of(value.getUsers(), [](Operation *user) { return isa<YieldOp>(user); }))
    return false;
  Type better = makeTensorType(dims, cast<RankedTensorType>(value.getType()).getElementType());
  if (better == value.getType())
    return false;
  value.setType(better);
  return true;
}

/// Adds what `type` knows more than the value's own.
static bool refine(Value value, Type type) {
  if (!areCompatibleTypes(value.getType(), type))
    return false;
  SmallVector<Dim> dims;
  for (auto [a, b] : llvm::zip(getDims(value), getDims(type)))
    dims.push_back(moreKnown(a, b));
  return setExtents(value, dims);
}

int64_t weft::refineResultTypes(Operation *op) {
  if (auto convert = dyn_cast<ConvertOp>(op))
    return refine(convert.getResult(),
                  withElementType(convert.getOperand().getType(), convert.getType().getElementType()));
  auto inference = dyn_cast<InferTypeOpInterface>(op);
  SmallVector<Type> types;
  if (!inference || failed(inference.inferReturnTypes(op->getContext(), std::nullopt, op->getOperands(),
                                                      op->getRawDictionaryAttrs(), op->getPropertiesStorage(),
                                                      op->getRegions(), types)))
    return 0; // the verifier has the message
  int64_t count = 0;
  for (auto [result, type] : llvm::zip(op->getResults(), types))
    count += refine(result, type);
  return count;
}

void weft::updateFunctionTypes(Operation *root) {
  root->walk([](func::FuncOp function) {
    if (function.isExternal() || !function.getBody().hasOneBlock())
      return;
    auto results = function.getBody().front().getTerminator()->getOperandTypes();
    function.setType(FunctionType::get(function.getContext(), function.getArgumentTypes(), results));
  });
}
