// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Folds per-channel scales into constant weights. Stage: graph, before layouts. The products it leaves are
// constants' work; see FoldConstants.
#include "weft/Transforms/Passes.h"

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "weft/Dialect/Weft/WeftOps.h"

using namespace mlir;
using namespace weft::ir;

namespace weft {
#define GEN_PASS_DEF_FOLDBATCHNORMPASS
#include "weft/Transforms/Passes.h.inc"

namespace {

bool isConstant(Value value) { return value.getDefiningOp<ConstantOp>() != nullptr; }

/// Whether the value is a constant, or one that this pass has scaled, which FoldConstants makes one: so all
/// of a chain of scales goes into the weights at once, and a second run finds nothing.
bool isScaledConstant(Value value) {
  Operation *op = value.getDefiningOp();
  return isa_and_present<ConstantOp>(op) ||
         (isa_and_present<MulOp, ReshapeOp>(op) && llvm::all_of(op->getOperands(), isScaledConstant));
}

/// Whether the value varies along dimension `axis` only (all other extents are 1).
bool variesAlong(Value value, int64_t axis) {
  auto type = cast<RankedTensorType>(value.getType());
  for (auto [i, extent] : llvm::enumerate(type.getShape()))
    if (int64_t(i) != axis && extent != 1)
      return false;
  return true;
}

/// weights * scale, the scale along dimension `feature` of the weights.
Value scaleWeights(PatternRewriter &rewriter, Location loc, Value weights, int64_t feature, Value scale) {
  auto type = cast<RankedTensorType>(weights.getType());
  SmallVector<int64_t> sizes(type.getRank(), 1);
  sizes[feature] = cast<RankedTensorType>(scale.getType()).getNumElements();
  return MulOp::create(rewriter, loc, weights, ReshapeOp::create(rewriter, loc, scale, sizes));
}

/// The contraction under a value, and what of it scales: dimension of the result that holds output features,
/// and the dimension of the weights they come from.
struct Contraction {
  Operation *op = nullptr;
  int64_t resultFeature = -1, weightFeature = -1;
  OpOperand *weights = nullptr;

  static Contraction match(Value value) {
    Contraction found;
    Operation *op = value.getDefiningOp();
    if (!op || !value.hasOneUse())
      return found;
    if (auto conv = dyn_cast<ConvOp>(op)) {
      if (isScaledConstant(conv.getW()))
        found = {op, conv.getYDims()[1], conv.getWDims()[0], &op->getOpOperand(1)};
    } else if (auto dot = dyn_cast<DotGeneralOp>(op)) {
      auto free = dot.getRhsFree();
      if (isScaledConstant(dot.getRhs()) && free.size() == 1 && dot.getRhsBatch().empty())
        found = {op, cast<RankedTensorType>(dot.getType()).getRank() - 1, free[0], &op->getOpOperand(1)};
    }
    return found;
  }
};

/// contraction(x, w) * s and (contraction(x, w) + b) * s.
struct FoldScale : OpRewritePattern<MulOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(MulOp mul, PatternRewriter &rewriter) const override {
    Value scaled = mul.getLhs(), scale = mul.getRhs();
    if (isConstant(scaled))
      std::swap(scaled, scale);
    if (!isConstant(scale) || !isa<FloatType>(mul.getType().getElementType()) ||
        mul.getType() != scaled.getType())
      return failure();
    auto sum = scaled.getDefiningOp<AddOp>();
    Value offset;
    if (sum && sum->hasOneUse()) {
      scaled = sum.getLhs();
      offset = sum.getRhs();
      if (isScaledConstant(scaled))
        std::swap(scaled, offset);
      if (!isScaledConstant(offset) || scaled.getType() != mul.getType())
        return failure();
    } else if (sum) {
      return failure();
    }
    Contraction found = Contraction::match(scaled);
    if (!found.op || !variesAlong(scale, found.resultFeature))
      return failure();
    auto scaleType = cast<RankedTensorType>(scale.getType());
    auto weightType = cast<RankedTensorType>(found.weights->get().getType());
    if (scaleType.getElementType() != weightType.getElementType() ||
        (scaleType.getNumElements() != 1 &&
         scaleType.getNumElements() != weightType.getDimSize(found.weightFeature)))
      return failure();
    // The constant has no operands: it may stand before the contraction.
    rewriter.moveOpBefore(scale.getDefiningOp(), found.op);
    rewriter.setInsertionPoint(found.op);
    Value weights = scaleWeights(rewriter, mul.getLoc(), found.weights->get(), found.weightFeature, scale);
    rewriter.modifyOpInPlace(found.op, [&] { found.weights->set(weights); });
    rewriter.setInsertionPoint(mul);
    if (offset) {
      Value scaledOffset = MulOp::create(rewriter, mul.getLoc(), offset, scale);
      rewriter.replaceOpWithNewOp<AddOp>(mul, scaled, scaledOffset);
    } else {
      rewriter.replaceOp(mul, scaled);
    }
    return success();
  }
};

struct FoldBatchNorm : impl::FoldBatchNormPassBase<FoldBatchNorm> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<FoldScale>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace weft
