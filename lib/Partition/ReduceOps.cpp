// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reductions: a split reduced dimension gives partial results where workers can combine them; positions and
// running reductions need the dimension whole.
#include "weft/Dialect/Weft/ReduceOps.h"
#include "Rules.h"

using namespace mlir;
using namespace weft;
using namespace weft::dist;

static std::optional<Combine> combineOf(ir::ReduceKind kind) {
  switch (kind) {
  case ir::ReduceKind::add:
    return Combine::sum;
  case ir::ReduceKind::mul:
    return Combine::prod;
  case ir::ReduceKind::max:
    return Combine::max;
  case ir::ReduceKind::min:
    return Combine::min;
  default:
    return std::nullopt;
  }
}

static ShardingRule reduceRule(Operation *op) {
  auto reduce = cast<ir::ReduceOp>(op);
  std::optional<Combine> combine = combineOf(reduce.getKind());
  RuleBuilder rule(op);
  int64_t at = 0;
  for (int64_t dim = 0; dim < reduce.getX().getType().getRank(); ++dim) {
    bool reduced = llvm::is_contained(reduce.getAxes(), dim);
    int f = rule.factor(rule.operandExtent(0, dim),
                        !reduced  ? Factor::Kind::Parallel
                        : combine ? Factor::Kind::Reduction
                                  : Factor::Kind::Whole,
                        combine.value_or(Combine::sum));
    rule.operand(0, dim, f);
    if (!reduced)
      rule.result(0, at++, f);
  }
  return rule.take();
}

static ShardingRule argReduceRule(Operation *op) {
  auto reduce = cast<ir::ArgReduceOp>(op);
  RuleBuilder rule(op);
  int64_t at = 0;
  for (int64_t dim = 0; dim < cast<RankedTensorType>(reduce.getX().getType()).getRank(); ++dim) {
    if (dim == int64_t(reduce.getAxis()))
      continue;
    int f = rule.factor(rule.operandExtent(0, dim));
    rule.operand(0, dim, f);
    rule.result(0, at++, f);
  }
  return rule.take();
}

static ShardingRule cumulativeRule(Operation *op) {
  return sameDims(op, int64_t(cast<ir::CumulativeOp>(op).getAxis()));
}

void dist::attachReduceRules(MLIRContext &context) {
  attach<ir::ReduceOp, reduceRule>(context);
  attach<ir::ArgReduceOp, argReduceRule>(context);
  attach<ir::CumulativeOp, cumulativeRule>(context);
}
