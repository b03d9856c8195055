// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Assertions are elementwise: each worker looks at its own part. Control flow, calls and printing have no
// rule: they run whole on every worker.
#include "weft/Dialect/Weft/ControlOps.h"
#include "Rules.h"

using namespace mlir;
using namespace weft;
using namespace weft::dist;

static ShardingRule assertRule(Operation *op) {
  RuleBuilder rule(op);
  for (int64_t dim = 0; dim < cast<RankedTensorType>(op->getOperand(0).getType()).getRank(); ++dim)
    rule.everywhere(dim, rule.factor(rule.operandExtent(0, dim)));
  return rule.take();
}

void dist::attachControlRules(MLIRContext &context) { attach<ir::AssertOp, assertRule>(context); }
