// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ops that make, move and rearrange elements. Where a dimension is cut, padded or joined it is whole; a
// reshape splits and merges factors.
#include "weft/Dialect/Weft/ShapeOps.h"
#include "Rules.h"
#include "weft/Dialect/Weft/ControlOps.h"
#include "weft/Dialect/Weft/ElementwiseOps.h"

using namespace mlir;
using namespace weft;
using namespace weft::dist;

//===-- Reshape
//----------------------------------------------------------------------------------------------===//

namespace {
/// The factors of one shape, while both shapes are walked from the major side.
struct Walk {
  ArrayRef<int64_t> shape;
  ShardingRule::TensorFactors &factors;
  size_t dim = 0;
  int64_t left = 1; ///< of the extent of `dim - 1`, what no factor covers yet

  bool next() {
    while (left == 1 && dim < shape.size())
      left = shape[dim++];
    return left != 1;
  }
  void take(int f, int64_t size) {
    factors[dim - 1].push_back(f);
    left /= size;
  }
};
} // namespace

static ShardingRule reshapeRule(Operation *op) {
  ShardingRule rule;
  auto from = cast<RankedTensorType>(op->getOperand(0).getType());
  auto to = cast<RankedTensorType>(op->getResult(0).getType());
  for (Value operand : op->getOperands())
    rule.operands.emplace_back(cast<RankedTensorType>(operand.getType()).getRank());
  rule.results.emplace_back(to.getRank());
  if (!from.hasStaticShape() || !to.hasStaticShape() || from.getNumElements() == 0)
    return rule;
  Walk a{from.getShape(), rule.operands[0]}, b{to.getShape(), rule.results[0]};
  while (a.next() && b.next()) {
    int64_t size = std::min(a.left, b.left);
    if (a.left % size != 0 || b.left % size != 0)
      break; // cuts across: what is minor to here cannot be split
    int f = rule.add(size);
    a.take(f, size);
    b.take(f, size);
  }
  return rule;
}

static FailureOr<Values> localReshape(Operation *op, OpBuilder &builder, ValueRange operands,
                                      const Placement &placement) {
  RankedTensorType type = placement.localResultType(op, 0);
  if (!type.hasStaticShape())
    return cloneLocal(op, builder, operands, placement);
  return Values{ir::ReshapeOp::create(builder, op->getLoc(), operands[0], type.getShape())};
}

//===-- Broadcast, transpose, iota
//---------------------------------------------------------------------------===//

static ShardingRule broadcastRule(Operation *op) {
  auto broadcast = cast<ir::BroadcastOp>(op);
  RuleBuilder rule(op);
  for (int64_t dim = 0; dim < cast<RankedTensorType>(broadcast.getType()).getRank(); ++dim) {
    int f = rule.factor(rule.resultExtent(0, dim));
    rule.result(0, dim, f);
    for (auto [from, to] : llvm::enumerate(broadcast.getDims()))
      if (to == dim && rule.operandExtent(0, from) == rule.resultExtent(0, dim))
        rule.operand(0, from, f);
  }
  return rule.take();
}

static FailureOr<Values> localBroadcast(Operation *op, OpBuilder &builder, ValueRange operands,
                                        const Placement &placement) {
  RankedTensorType type = placement.localResultType(op, 0);
  if (!type.hasStaticShape())
    return cloneLocal(op, builder, operands, placement);
  return Values{ir::BroadcastOp::create(builder, op->getLoc(), operands[0], type.getShape(),
                                        cast<ir::BroadcastOp>(op).getDims())};
}

static ShardingRule transposeRule(Operation *op) {
  RuleBuilder rule(op);
  for (auto [to, from] : llvm::enumerate(cast<ir::TransposeOp>(op).getPermutation())) {
    int f = rule.factor(rule.operandExtent(0, from));
    rule.operand(0, from, f);
    rule.result(0, to, f);
  }
  return rule.take();
}

/// Numbers along the split axis begin where this worker's part begins.
static FailureOr<Values> localIota(Operation *op, OpBuilder &builder, ValueRange operands,
                                   const Placement &placement) {
  auto iota = cast<ir::IotaOp>(op);
  RankedTensorType type = placement.localResultType(op, 0);
  if (!type.hasStaticShape())
    return cloneLocal(op, builder, operands, placement);
  Location loc = op->getLoc();
  Value local = ir::IotaOp::create(builder, loc, type, ValueRange(), type.getShape(), iota.getAxis());
  const Axes &axes = placement.results[0].dims[iota.getAxis()];
  if (axes.empty())
    return Values{local};
  Value offset = ir::MulOp::create(builder, loc, partNumber(builder, loc, axes, placement.mesh),
                                   ir::createShapeValue(builder, loc, type.getDimSize(iota.getAxis())));
  auto scalar = RankedTensorType::get({}, type.getElementType());
  if (offset.getType() != scalar)
    offset = ir::ConvertOp::create(builder, loc, scalar, offset, UnitAttr());
  offset = ir::ReshapeOp::create(builder, loc, offset, SmallVector<int64_t>(type.getRank(), 1));
  return Values{ir::AddOp::create(builder, loc, local, offset)};
}

//===-- Cutting and joining
//----------------------------------------------------------------------------------===//

/// Dimensions that `keeps` says are taken as they are belong together.
static void keepDims(RuleBuilder &rule, Operation *op, unsigned numOperands,
                     function_ref<bool(int64_t)> keeps) {
  for (int64_t dim = 0; dim < cast<RankedTensorType>(op->getResult(0).getType()).getRank(); ++dim) {
    if (!keeps(dim))
      continue;
    int f = rule.factor(rule.resultExtent(0, dim));
    for (unsigned i = 0; i < numOperands; ++i)
      rule.operand(i, dim, f);
    rule.result(0, dim, f);
  }
}

/// The others are whole.
static ShardingRule keptDims(Operation *op, unsigned numOperands, function_ref<bool(int64_t)> keeps) {
  RuleBuilder rule(op);
  keepDims(rule, op, numOperands, keeps);
  return rule.take();
}

/// A window at a known place that lies in one worker's part is cut there.
static ShardingRule sliceRule(Operation *op) {
  auto slice = cast<ir::SliceOp>(op);
  RuleBuilder rule(op);
  auto isKept = [&](int64_t dim) {
    return slice.getStaticStarts()[dim] == 0 && slice.getStrides()[dim] == 1 &&
           rule.operandExtent(0, dim) != 0 && rule.operandExtent(0, dim) == slice.getStaticSizes()[dim];
  };
  keepDims(rule, op, 1, isKept);
  for (int64_t dim = 0; dim < cast<RankedTensorType>(slice.getX().getType()).getRank(); ++dim) {
    int64_t start = slice.getStaticStarts()[dim], size = slice.getStaticSizes()[dim];
    if (!isKept(dim) && rule.operandExtent(0, dim) > 0 && start >= 0 && size > 0)
      rule.operand(
          0, dim,
          rule.window(rule.operandExtent(0, dim), start, start + (size - 1) * slice.getStrides()[dim]));
  }
  return rule.take();
}

static FailureOr<Values> localSlice(Operation *op, OpBuilder &builder, ValueRange operands,
                                    const Placement &placement) {
  auto slice = cast<ir::SliceOp>(op);
  SmallVector<int64_t> starts(slice.getStaticStarts()), sizes(slice.getStaticSizes());
  RankedTensorType type = placement.localResultType(op, 0);
  for (auto [dim, from, to] : llvm::enumerate(placement.operands[0].dims, placement.results[0].dims)) {
    if (!to.empty())
      sizes[dim] = type.getDimSize(dim);
    else if (!from.empty()) // the window's place in the part that has it
      starts[dim] %= cast<RankedTensorType>(operands[0].getType()).getDimSize(dim);
  }
  FailureOr<Values> copy = cloneLocal(op, builder, operands, placement);
  if (succeeded(copy)) {
    auto local = copy->front().getDefiningOp<ir::SliceOp>();
    local.setStaticStarts(starts);
    local.setStaticSizes(sizes);
  }
  return copy;
}

static ShardingRule updateSliceRule(Operation *op) {
  auto update = cast<ir::UpdateSliceOp>(op);
  return keptDims(op, 2, [&](int64_t dim) {
    return RuleBuilder::extent(update.getX(), dim) == RuleBuilder::extent(update.getUpdate(), dim);
  });
}

static ShardingRule concatRule(Operation *op) {
  int64_t axis = cast<ir::ConcatOp>(op).getAxis();
  return keptDims(op, op->getNumOperands(), [&](int64_t dim) { return dim != axis; });
}

static ShardingRule padRule(Operation *op) {
  auto pad = cast<ir::PadOp>(op);
  return keptDims(op, 1, [&](int64_t dim) {
    return pad.getStaticLow()[dim] == 0 && pad.getStaticHigh()[dim] == 0 && pad.getInterior()[dim] == 0;
  });
}

static ShardingRule reverseRule(Operation *op) { return sameDims(op, cast<ir::ReverseOp>(op).getAxes()); }

/// Operand i and result i have the same shape.
static ShardingRule barrierRule(Operation *op) {
  RuleBuilder rule(op);
  for (auto [i, x] : llvm::enumerate(op->getOperands()))
    for (int64_t dim = 0; dim < cast<RankedTensorType>(x.getType()).getRank(); ++dim) {
      int f = rule.factor(rule.operandExtent(i, dim));
      rule.operand(i, dim, f);
      rule.result(i, dim, f);
    }
  return rule.take();
}

void dist::attachShapeRules(MLIRContext &context) {
  attach<ir::ReshapeOp, reshapeRule, localReshape>(context);
  attach<ir::BroadcastOp, broadcastRule, localBroadcast>(context);
  attach<ir::TransposeOp, transposeRule>(context);
  attach<ir::IotaOp, elementwiseRule, localIota>(context);
  attach<ir::SliceOp, sliceRule, localSlice>(context);
  attach<ir::UpdateSliceOp, updateSliceRule>(context);
  attach<ir::ConcatOp, concatRule>(context);
  attach<ir::PadOp, padRule>(context);
  attach<ir::ReverseOp, reverseRule>(context);
  attach<ir::CastShapeOp, elementwiseRule>(context);
  attach<ir::StopGradientOp, elementwiseRule>(context);
  attach<ir::BarrierOp, barrierRule>(context);
}
