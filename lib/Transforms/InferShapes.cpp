// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Refines types by shape inference. Stage: graph. Regions of control flow keep the types of what they carry; all other
// ops are inferred once, in order, since operands come before users.
#include "weft/Transforms/Passes.h"

#include "weft/Dialect/Weft/WeftOps.h"

using namespace mlir;
using namespace weft::ir;

namespace weft {
#define GEN_PASS_DEF_INFERSHAPESPASS
#include "weft/Transforms/Passes.h.inc"

namespace {

/// The type that knows all that either of two compatible types knows.
Type meet(Type a, Type b) {
  SmallVector<Dim> dims;
  for (auto [x, y] : llvm::zip(getDims(a), getDims(b)))
    dims.push_back(moreKnown(x, y));
  return makeTensorType(dims, cast<RankedTensorType>(a).getElementType());
}

struct InferShapes : impl::InferShapesPassBase<InferShapes> {
  void runOnOperation() override {
    getOperation()->walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (auto infer = dyn_cast<InferTypeOpInterface>(op))
        refine(op, infer);
      else if (isa<ConvertOp>(op))
        refineTo(op->getResult(0), withElementType(op->getOperand(0).getType(),
                                                   cast<RankedTensorType>(op->getResult(0).getType()).getElementType()));
    });
    getOperation()->walk([](func::FuncOp function) {
      if (function.isExternal() || !function.getBody().hasOneBlock())
        return;
      auto results = function.getBody().front().getTerminator()->getOperandTypes();
      function.setType(FunctionType::get(function.getContext(), function.getArgumentTypes(), results));
    });
  }

  void refine(Operation *op, InferTypeOpInterface infer) {
    SmallVector<Type> inferred;
    if (failed(infer.inferReturnTypes(op->getContext(), std::nullopt, op->getOperands(),
                                      op->getRawDictionaryAttrs(), op->getPropertiesStorage(), op->getRegions(),
                                      inferred)))
      return; // the verifier has the message
    for (auto [result, type] : llvm::zip(op->getResults(), inferred))
      refineTo(result, type);
  }

  void refineTo(Value result, Type type) {
    if (!areCompatibleTypes(result.getType(), type))
      return;
    // What terminators hand to an enclosing op keeps the type that op carries.
    for (Operation *user : result.getUsers())
      if (isa<YieldOp>(user))
        return;
    Type better = meet(result.getType(), type);
    if (better == result.getType())
      return;
    result.setType(better);
    ++numRefined;
  }
};

} // namespace
} // namespace weft
