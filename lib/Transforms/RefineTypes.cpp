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
  if (isa<QuantizeOp, DequantizeOp>(op)) // element by element; what type they give is their own
    return refine(op->getResult(0), withElementType(op->getOperand(0).getType(),
                                                    getElementTypeOrSelf(op->getResult(0).getType())));
  if (auto dot = dyn_cast<DotGeneralOp>(op)) {
    // Its element type is its own, and so is no matter of inference; its extents are.
    SmallVector<Dim> lhs = getDims(dot.getLhs()), rhs = getDims(dot.getRhs()), dims;
    for (auto [a, b] : llvm::zip_equal(dot.getLhsBatch(), dot.getRhsBatch()))
      dims.push_back(moreKnown(lhs[a], rhs[b]));
    for (int64_t axis : dot.getLhsFree())
      dims.push_back(lhs[axis]);
    for (int64_t axis : dot.getRhsFree())
      dims.push_back(rhs[axis]);
    return refine(dot.getResult(), makeTensorType(dims, dot.getType().getElementType()));
  }
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
