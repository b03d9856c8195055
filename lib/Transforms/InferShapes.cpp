// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Refines types by shape inference. Stage: graph. Regions of control flow keep the types of what they carry;
// all other ops are inferred once, in order, since operands come before users.
#include "weft/Transforms/Passes.h"

#include "RefineTypes.h"

using namespace mlir;

namespace weft {
#define GEN_PASS_DEF_INFERSHAPESPASS
#include "weft/Transforms/Passes.h.inc"

namespace {

struct InferShapes : impl::InferShapesPassBase<InferShapes> {
  void runOnOperation() override {
    getOperation()->walk<WalkOrder::PreOrder>([](Operation *op) { refineResultTypes(op); });
    updateFunctionTypes(getOperation());
  }
};

} // namespace
} // namespace weft
