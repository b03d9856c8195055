// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Variables are whole on every worker: each updates its copy by the same values, so the copies stay equal.
#include "weft/Dialect/Weft/StateOps.h"
#include "Rules.h"

using namespace mlir;
using namespace weft;
using namespace weft::dist;

static ShardingRule wholeRule(Operation *op) { return RuleBuilder(op).take(); }

void dist::attachStateRules(MLIRContext &context) {
  attach<ir::ReadOp, wholeRule>(context);
  attach<ir::WriteOp, wholeRule>(context);
}
