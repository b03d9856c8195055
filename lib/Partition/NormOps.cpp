// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Normalisations: the dimensions that are normalised over are whole on each worker.
#include "weft/Dialect/Weft/NormOps.h"
#include "Rules.h"

using namespace mlir;
using namespace weft;
using namespace weft::dist;

static ShardingRule softmaxRule(Operation *op) {
  return sameDims(op, int64_t(cast<ir::SoftmaxOp>(op).getAxis()));
}
static ShardingRule normalizeRule(Operation *op) { return sameDims(op, cast<ir::NormalizeOp>(op).getAxes()); }

void dist::attachNormRules(MLIRContext &context) {
  attach<ir::SoftmaxOp, softmaxRule>(context);
  attach<ir::NormalizeOp, normalizeRule>(context);
}
