// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Windows: the dimensions that windows slide along are whole. A resample reads all of its axis; what it gives
// along it may be split.
#include "weft/Dialect/Weft/PoolOps.h"
#include "Rules.h"

using namespace mlir;
using namespace weft;
using namespace weft::dist;

template <typename Op> static ShardingRule windowRule(Operation *op) {
  return sameDims(op, cast<Op>(op).getAxes());
}

static ShardingRule resampleRule(Operation *op) {
  int64_t axis = cast<ir::ResampleOp>(op).getAxis();
  RuleBuilder rule(op);
  for (int64_t dim = 0; dim < cast<RankedTensorType>(op->getResult(0).getType()).getRank(); ++dim) {
    int f = rule.factor(rule.resultExtent(0, dim));
    rule.result(0, dim, f);
    if (dim != axis) {
      rule.operand(0, dim, f);
      continue;
    }
    rule.operand(1, 0, f);
    rule.operand(2, 0, f);
  }
  return rule.take();
}

void dist::attachPoolRules(MLIRContext &context) {
  attach<ir::ReduceWindowOp, windowRule<ir::ReduceWindowOp>>(context);
  attach<ir::WindowArgOp, windowRule<ir::WindowArgOp>>(context);
  attach<ir::WindowScatterOp, windowRule<ir::WindowScatterOp>>(context);
  attach<ir::ResampleOp, resampleRule>(context);
}
