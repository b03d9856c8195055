// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Elements at computed positions. Positions and what is not addressed are split as they are; a table that is
// split along the addressed dimension gives partial sums: a worker has zeros for the rows that it does not
// hold.
#include "weft/Dialect/Weft/IndexOps.h"
#include "Rules.h"
#include "weft/Dialect/Weft/ElementwiseOps.h"
#include "weft/Dialect/Weft/ShapeOps.h"

using namespace mlir;
using namespace weft;
using namespace weft::dist;

/// Where the dimensions of x, of the positions and of gather's result meet.
template <typename Op> static SmallVector<std::pair<int64_t, int64_t>> windowDims(Op op) {
  SmallVector<std::pair<int64_t, int64_t>> pairs; // dimension of x, of the result
  int64_t positions = cast<RankedTensorType>(op.getIndex().getType()).getRank() - 1, at = 0;
  for (int64_t dim = 0; dim < cast<RankedTensorType>(op.getX().getType()).getRank(); ++dim)
    if (!llvm::is_contained(op.getDims(), dim) && !llvm::is_contained(op.getBatchDims(), dim)) {
      pairs.emplace_back(dim, at < int64_t(op.getAt()) ? at : at + positions);
      ++at;
    }
  return pairs;
}

static ShardingRule gatherRule(Operation *op) {
  auto gather = cast<ir::GatherOp>(op);
  RuleBuilder rule(op);
  int64_t at = gather.getAt();
  int64_t rank = cast<RankedTensorType>(gather.getIndex().getType()).getRank();
  for (int64_t dim = 0; dim + 1 < rank; ++dim) {
    int f = rule.factor(rule.operandExtent(1, dim));
    rule.operand(1, dim, f);
    rule.result(0, at + dim, f);
    for (auto [x, index] : llvm::zip_equal(gather.getBatchDims(), gather.getIndexBatchDims()))
      if (index == dim)
        rule.operand(0, x, f);
  }
  for (auto [x, result] : windowDims(gather)) {
    if (rule.operandExtent(0, x) != rule.resultExtent(0, result))
      continue;
    int f = rule.factor(rule.operandExtent(0, x));
    rule.operand(0, x, f);
    rule.result(0, result, f);
  }
  if (gather.getDims().size() == 1)
    rule.operand(0, gather.getDims()[0],
                 rule.factor(rule.operandExtent(0, gather.getDims()[0]), Factor::Kind::Reduction));
  return rule.take();
}

/// Rows that another worker holds read as zeros.
static FailureOr<Values> localGather(Operation *op, OpBuilder &builder, ValueRange operands,
                                     const Placement &placement) {
  auto gather = cast<ir::GatherOp>(op);
  if (gather.getDims().size() != 1 || placement.operands[0].dims[gather.getDims()[0]].empty())
    return cloneLocal(op, builder, operands, placement);
  Location loc = op->getLoc();
  int64_t dim = gather.getDims()[0];
  int64_t rows = cast<RankedTensorType>(gather.getX().getType()).getDimSize(dim);
  int64_t own = cast<RankedTensorType>(operands[0].getType()).getDimSize(dim);
  auto indexType = cast<RankedTensorType>(operands[1].getType());
  Type element = indexType.getElementType();
  auto number = [&](int64_t value) {
    return ir::createUnitSplat(builder, loc, element, indexType.getRank(), double(value));
  };
  Value first = ir::MulOp::create(builder, loc,
                                  partNumber(builder, loc, placement.operands[0].dims[dim], placement.mesh),
                                  ir::createShapeValue(builder, loc, own));
  if (auto scalar = RankedTensorType::get({}, element); first.getType() != scalar)
    first = ir::ConvertOp::create(builder, loc, scalar, first, UnitAttr());
  first = ir::ReshapeOp::create(builder, loc, first, SmallVector<int64_t>(indexType.getRank(), 1));
  // Positions outside of the whole table are clamped to it before anything else.
  Value index = ir::ClampOp::create(builder, loc, number(0), operands[1], number(rows - 1));
  index = ir::SubOp::create(builder, loc, index, first);
  Value isOwn = ir::AndOp::create(
      builder, loc, ir::CompareOp::create(builder, loc, ir::CompareKind::ge, index, number(0)),
      ir::CompareOp::create(builder, loc, ir::CompareKind::lt, index, number(own)));
  FailureOr<Values> found = cloneLocal(op, builder, {operands[0], index}, placement);
  if (failed(found))
    return failure();
  auto type = cast<RankedTensorType>(found->front().getType());
  SmallVector<int64_t> sizes(type.getRank(), 1);
  for (int64_t i = 0; i + 1 < indexType.getRank(); ++i)
    sizes[gather.getAt() + i] = indexType.getDimSize(i);
  isOwn = ir::ReshapeOp::create(builder, loc, isOwn, sizes);
  Value zero = ir::createUnitSplat(builder, loc, type.getElementType(), type.getRank(), 0);
  return Values{ir::SelectOp::create(builder, loc, isOwn, found->front(), zero)};
}

static ShardingRule scatterRule(Operation *op) {
  auto scatter = cast<ir::ScatterOp>(op);
  RuleBuilder rule(op);
  for (auto [x, index] : llvm::zip_equal(scatter.getBatchDims(), scatter.getIndexBatchDims())) {
    int f = rule.factor(rule.operandExtent(0, x));
    rule.operand(0, x, f);
    rule.operand(1, index, f);
    rule.operand(2, scatter.getAt() + index, f);
    rule.result(0, x, f);
  }
  for (auto [x, update] : windowDims(scatter)) {
    if (rule.operandExtent(0, x) != rule.operandExtent(2, update))
      continue;
    int f = rule.factor(rule.operandExtent(0, x));
    rule.operand(0, x, f);
    rule.operand(2, update, f);
    rule.result(0, x, f);
  }
  return rule.take();
}

static ShardingRule sortRule(Operation *op) { return sameDims(op, int64_t(cast<ir::SortOp>(op).getAxis())); }
static ShardingRule topKRule(Operation *op) { return sameDims(op, int64_t(cast<ir::TopKOp>(op).getAxis())); }

void dist::attachIndexRules(MLIRContext &context) {
  attach<ir::GatherOp, gatherRule, localGather>(context);
  attach<ir::ScatterOp, scatterRule>(context);
  attach<ir::SortOp, sortRule>(context);
  attach<ir::TopKOp, topKRule>(context);
}
