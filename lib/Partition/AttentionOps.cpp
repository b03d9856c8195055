// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention: batches, heads, queries and features of values are split as they are. Keys are whole (a row's
// softmax needs them all), and so are queries when a mask counts positions.
#include "weft/Dialect/Weft/AttentionOps.h"
#include "Rules.h"

using namespace mlir;
using namespace weft;
using namespace weft::dist;

static ShardingRule attentionRule(Operation *op) {
  auto attention = cast<ir::AttentionOp>(op);
  RuleBuilder rule(op);
  // Which element is dropped depends on its place in the whole.
  if (attention.getRng())
    return rule.take();
  int64_t rank = cast<RankedTensorType>(attention.getQ().getType()).getRank();
  int64_t heads = rank - 3, positions = rank - 2, features = rank - 1;
  unsigned mask = 3, length = 3 + bool(attention.getMask());
  /// Dimension `dim` of the mask, where it does not stretch, belongs to this factor.
  auto ofMask = [&](int64_t dim, int64_t extent, ArrayRef<int> factors) {
    if (attention.getMask() && rule.operandExtent(mask, dim) == extent)
      rule.operand(mask, dim, factors);
  };
  for (int64_t dim = 0; dim < heads; ++dim) {
    int f = rule.factor(rule.operandExtent(0, dim));
    for (unsigned i = 0; i < 3; ++i)
      rule.operand(i, dim, f);
    ofMask(dim, rule.operandExtent(0, dim), f);
    if (attention.getKvLength() &&
        dim < cast<RankedTensorType>(attention.getKvLength().getType()).getRank() &&
        rule.operandExtent(length, dim) == rule.operandExtent(0, dim))
      rule.operand(length, dim, f);
    rule.result(0, dim, f);
    rule.result(1, dim, f);
  }
  int64_t queryHeads = rule.operandExtent(0, heads), keyHeads = rule.operandExtent(1, heads);
  if (keyHeads > 0 && queryHeads % keyHeads == 0) {
    int group = rule.factor(keyHeads), member = rule.factor(queryHeads / keyHeads);
    rule.operand(0, heads, {group, member});
    rule.operand(1, heads, group);
    rule.operand(2, heads, group);
    ofMask(heads, queryHeads, {group, member});
    rule.result(0, heads, {group, member});
    rule.result(1, heads, {group, member});
  }
  bool counts = attention.getCausal() != ir::Causal::none || int64_t(attention.getWindowLeft()) >= 0 ||
                int64_t(attention.getWindowRight()) >= 0;
  int query =
      rule.factor(rule.operandExtent(0, positions), counts ? Factor::Kind::Whole : Factor::Kind::Parallel);
  rule.operand(0, positions, query);
  ofMask(positions, rule.operandExtent(0, positions), query);
  rule.result(0, positions, query);
  rule.result(1, positions, query);
  // The logarithms of sums are the same for all features: with these split every worker has all of them.
  int feature = rule.factor(rule.operandExtent(2, features));
  rule.operand(2, features, feature);
  rule.result(0, features, feature);
  return rule.take();
}

void dist::attachAttentionRules(MLIRContext &context) { attach<ir::AttentionOp, attentionRule>(context); }
