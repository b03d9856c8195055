// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Contractions: batch and free dimensions are split as they are; a split contracted dimension gives partial
// sums. Linear algebra works on whole matrices.
#include "weft/Dialect/Weft/ContractOps.h"
#include "Rules.h"

using namespace mlir;
using namespace weft;
using namespace weft::dist;

static ShardingRule dotRule(Operation *op) {
  auto dot = cast<ir::DotGeneralOp>(op);
  RuleBuilder rule(op);
  int64_t at = 0; // of the result
  for (auto [l, r] : llvm::zip_equal(dot.getLhsBatch(), dot.getRhsBatch())) {
    int f = rule.factor(rule.operandExtent(0, l));
    rule.operand(0, l, f);
    rule.operand(1, r, f);
    rule.result(0, at++, f);
  }
  for (auto [operand, free] : {std::pair(0u, dot.getLhsFree()), std::pair(1u, dot.getRhsFree())})
    for (int64_t dim : free) {
      int f = rule.factor(rule.operandExtent(operand, dim));
      rule.operand(operand, dim, f);
      rule.result(0, at++, f);
    }
  for (auto [l, r] : llvm::zip_equal(dot.getLhsContract(), dot.getRhsContract())) {
    int f = rule.factor(rule.operandExtent(0, l), Factor::Kind::Reduction);
    rule.operand(0, l, f);
    rule.operand(1, r, f);
  }
  return rule.take();
}

/// The last `Inner` dimensions of all operands are whole matrices.
template <int Inner> static ShardingRule batchRule(Operation *op) {
  RuleBuilder rule(op);
  int64_t rank = cast<RankedTensorType>(op->getOperand(0).getType()).getRank();
  for (int64_t dim = 0; dim < rank - Inner; ++dim)
    rule.everywhere(dim, rule.factor(rule.operandExtent(0, dim)));
  return rule.take();
}

static ShardingRule fftRule(Operation *op) { return sameDims(op, cast<ir::FftOp>(op).getAxes()); }

void dist::attachContractRules(MLIRContext &context) {
  attach<ir::DotGeneralOp, dotRule>(context);
  attach<ir::CholeskyOp, batchRule<2>>(context);
  attach<ir::LuOp, batchRule<2>>(context);
  attach<ir::TriangularSolveOp, batchRule<2>>(context);
  attach<ir::FftOp, fftRule>(context);
}
