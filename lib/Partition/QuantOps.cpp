// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Quantisation: elementwise, with scales and zero points split along with their dimension. A dimension in
// blocks is whole.
#include "weft/Dialect/Weft/QuantOps.h"
#include "Rules.h"

using namespace mlir;
using namespace weft;
using namespace weft::dist;

template <typename Op> static ShardingRule quantRule(Operation *op) {
  auto quant = cast<Op>(op);
  int64_t axis = quant.getAxis(), block = quant.getBlock();
  RuleBuilder rule(op);
  int64_t rank = cast<RankedTensorType>(op->getResult(0).getType()).getRank();
  for (int64_t dim = 0; dim < rank; ++dim) {
    int f = rule.factor(rule.resultExtent(0, dim),
                        block > 0 && dim == axis ? Factor::Kind::Whole : Factor::Kind::Parallel);
    rule.operand(0, dim, f);
    rule.result(0, dim, f);
    for (unsigned i = 1; i < op->getNumOperands(); ++i) {
      int64_t own = cast<RankedTensorType>(op->getOperand(i).getType()).getRank();
      if (block > 0 ? own == rank && dim != axis : own == 1 && dim == axis)
        if (int64_t at = block > 0 ? dim : 0; rule.operandExtent(i, at) == rule.resultExtent(0, dim))
          rule.operand(i, at, f);
    }
  }
  return rule.take();
}

void dist::attachQuantRules(MLIRContext &context) {
  attach<ir::QuantizeOp, quantRule<ir::QuantizeOp>>(context);
  attach<ir::DequantizeOp, quantRule<ir::DequantizeOp>>(context);
}
