// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Elementwise ops: dimensions of equal extent belong together; a dimension of extent 1 stretches and stays
// whole.
#include "weft/Dialect/Weft/ElementwiseOps.h"
#include "Rules.h"

using namespace mlir;
using namespace weft;
using namespace weft::dist;

template <typename... Ops> static void attachElementwise(MLIRContext &context) {
  (attach<Ops, elementwiseRule>(context), ...);
}

/// Bits of equal width keep the shape; else the last dimension of the operand with narrower elements is made
/// of bits of one element.
static ShardingRule bitcastRule(Operation *op) {
  RuleBuilder rule(op);
  int64_t rank = std::min(cast<RankedTensorType>(op->getOperand(0).getType()).getRank(),
                          cast<RankedTensorType>(op->getResult(0).getType()).getRank());
  for (int64_t dim = 0; dim < rank; ++dim) {
    int f = rule.factor(rule.operandExtent(0, dim));
    rule.operand(0, dim, f);
    rule.result(0, dim, f);
  }
  return rule.take();
}

void dist::attachElementwiseRules(MLIRContext &context) {
  using namespace ir;
  attachElementwise<AbsOp, NegOp, SignOp, CeilOp, FloorOp, TruncOp, ExpOp, Expm1Op, LogOp, Log1pOp, SqrtOp,
                    RsqrtOp, CbrtOp, SinOp, CosOp, TanOp, AsinOp, AcosOp, AtanOp, SinhOp, CoshOp, TanhOp,
                    AsinhOp, AcoshOp, AtanhOp, ErfOp, ErfcOp, ErfInvOp, LogisticOp, LgammaOp, ReluOp, NotOp,
                    PopcntOp, ClzOp, RoundOp, PolygammaOp, ConvertOp>(context);
  attachElementwise<AddOp, SubOp, MulOp, DivOp, RemOp, PowOp, MaxOp, MinOp, Atan2Op, AndOp, OrOp, XorOp,
                    ShlOp, ShrOp, CompareOp, SelectOp, ClampOp>(context);
  attach<ir::BitcastConvertOp, bitcastRule>(context);
}
