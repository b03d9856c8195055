// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Convolutions: pictures of the batch and output features are split as they are; a split input feature gives
// partial sums; with groups the groups are split. Spatial dimensions are whole: their windows overlap.
#include "weft/Dialect/Weft/ConvOps.h"
#include "Rules.h"

using namespace mlir;
using namespace weft;
using namespace weft::dist;

static ShardingRule convRule(Operation *op) {
  auto conv = cast<ir::ConvOp>(op);
  auto x = conv.getXDims(), w = conv.getWDims(), y = conv.getYDims();
  RuleBuilder rule(op);
  int batch = rule.factor(rule.operandExtent(0, x[0]));
  rule.operand(0, x[0], batch);
  rule.result(0, y[0], batch);
  int64_t groups = conv.getFeatureGroups(), inputs = rule.operandExtent(1, w[1]);
  int64_t outputs = rule.operandExtent(1, w[0]) / groups;
  int out = rule.factor(outputs);
  if (groups == 1) {
    int in = rule.factor(inputs, Factor::Kind::Reduction);
    rule.operand(0, x[1], in);
    rule.operand(1, w[1], in);
    rule.operand(1, w[0], out);
    rule.result(0, y[1], out);
    return rule.take();
  }
  int group = rule.factor(groups), in = rule.factor(inputs, Factor::Kind::Whole);
  rule.operand(0, x[1], {group, in});
  rule.operand(1, w[0], {group, out});
  rule.operand(1, w[1], in);
  rule.result(0, y[1], {group, out});
  return rule.take();
}

/// A worker has its part of the groups.
static FailureOr<Values> localConv(Operation *op, OpBuilder &builder, ValueRange operands,
                                   const Placement &placement) {
  auto conv = cast<ir::ConvOp>(op);
  FailureOr<Values> copy = cloneLocal(op, builder, operands, placement);
  if (succeeded(copy) && conv.getFeatureGroups() > 1)
    copy->front().getDefiningOp<ir::ConvOp>().setFeatureGroups(
        conv.getFeatureGroups() / placement.mesh.product(placement.operands[0].dims[conv.getXDims()[1]]));
  return copy;
}

void dist::attachConvRules(MLIRContext &context) { attach<ir::ConvOp, convRule, localConv>(context); }
