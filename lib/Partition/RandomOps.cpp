// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Random bits are a function of key and counter: each worker computes those of its counters, so the whole is
// the same on any mesh.
#include "weft/Dialect/Weft/RandomOps.h"
#include "Rules.h"

using namespace mlir;
using namespace weft;
using namespace weft::dist;

static ShardingRule randomRule(Operation *op) {
  RuleBuilder rule(op);
  for (int64_t dim = 0; dim < cast<RankedTensorType>(op->getResult(0).getType()).getRank(); ++dim) {
    int f = rule.factor(rule.operandExtent(1, dim));
    rule.operand(1, dim, f);
    rule.result(0, dim, f);
  }
  return rule.take();
}

void dist::attachRandomRules(MLIRContext &context) { attach<ir::RandomBitsOp, randomRule>(context); }
