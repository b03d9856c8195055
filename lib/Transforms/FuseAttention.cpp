// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Finds attention that a model wrote with products and a softmax. Stage: graph. Before and after: Passes.td.
#include "weft/Transforms/Passes.h"

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "weft/Dialect/Weft/Constants.h"
#include "weft/Dialect/Weft/WeftOps.h"

using namespace mlir;
using namespace weft::ir;

namespace weft {
#define GEN_PASS_DEF_FUSEATTENTIONPASS
#include "weft/Transforms/Passes.h.inc"

namespace {

int64_t rankOf(Value value) { return cast<RankedTensorType>(value.getType()).getRank(); }

/// The number that all elements of a constant are.
std::optional<double> splatOf(Value value) {
  auto constant = value.getDefiningOp<ConstantOp>();
  std::optional<HostTensor> element = constant ? getSplat(constant.getValue()) : std::nullopt;
  return element ? std::optional(element->asDouble(0)) : std::nullopt;
}

/// Whether the dims are 0, 1, ... up to `count`.
bool isLeading(ArrayRef<int64_t> dims, int64_t count) {
  return int64_t(dims.size()) == count &&
         llvm::all_of(llvm::enumerate(dims), [](auto dim) { return dim.value() == int64_t(dim.index()); });
}

/// A product of matrices under equal leading batch dimensions, at least one.
bool isBatchedProduct(DotGeneralOp dot) {
  int64_t batch = rankOf(dot.getLhs()) - 2;
  return batch >= 1 && rankOf(dot.getRhs()) == batch + 2 && isLeading(dot.getLhsBatch(), batch) &&
         isLeading(dot.getRhsBatch(), batch) && dot.getLhsContract().size() == 1 &&
         dot.getLhsContract()[0] == batch + 1;
}

/// Whether `value` can be added to scores of the shape of `scores` as a mask.
bool isMask(Value value, Value scores) {
  auto type = cast<RankedTensorType>(value.getType()), wanted = cast<RankedTensorType>(scores.getType());
  if (type.getRank() != wanted.getRank() || type.getElementType() != wanted.getElementType())
    return false;
  return llvm::all_of(llvm::zip(getDims(type), getDims(wanted)), [](auto pair) {
    const Dim &dim = std::get<0>(pair);
    return (dim.isStatic() && dim.getStatic() == 1) || dim == std::get<1>(pair);
  });
}

struct FuseProducts : OpRewritePattern<DotGeneralOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(DotGeneralOp product, PatternRewriter &rewriter) const override {
    auto softmax = product.getLhs().getDefiningOp<SoftmaxOp>();
    if (!softmax || !softmax->hasOneUse() || !isBatchedProduct(product))
      return failure();
    int64_t rank = rankOf(product.getLhs());
    if (product.getRhsContract()[0] != rank - 2 || static_cast<int64_t>(softmax.getAxis()) != rank - 1)
      return failure();

    // The way from the scores' product: scaled, then masked, each or neither.
    Value x = softmax.getX(), mask;
    double scale = 1;
    if (auto add = x.getDefiningOp<AddOp>(); add && add->hasOneUse())
      for (auto [score, other] :
           {std::pair(add.getLhs(), add.getRhs()), std::pair(add.getRhs(), add.getLhs())})
        if (!mask && isa_and_nonnull<DotGeneralOp, MulOp, DivOp>(score.getDefiningOp()) &&
            isMask(other, score)) {
          x = score;
          mask = other;
        }
    if (auto mul = x.getDefiningOp<MulOp>(); mul && mul->hasOneUse()) {
      if (std::optional<double> factor = splatOf(mul.getRhs())) {
        scale = *factor;
        x = mul.getLhs();
      } else if (std::optional<double> factor = splatOf(mul.getLhs())) {
        scale = *factor;
        x = mul.getRhs();
      }
    } else if (auto div = x.getDefiningOp<DivOp>(); div && div->hasOneUse()) {
      if (std::optional<double> divisor = splatOf(div.getRhs()); divisor && *divisor != 0) {
        scale = 1 / *divisor;
        x = div.getLhs();
      }
    }
    auto scores = x.getDefiningOp<DotGeneralOp>();
    if (!scores || !scores->hasOneUse() || !isBatchedProduct(scores) || rankOf(scores.getLhs()) != rank)
      return failure();
    Value q = scores.getLhs(), k = scores.getRhs(), v = product.getRhs();
    auto element = [](Value value) { return cast<RankedTensorType>(value.getType()).getElementType(); };
    if (!isa<FloatType>(element(q)) || element(k) != element(q) || element(v) != element(q) ||
        element(product.getResult()) != element(q))
      return failure();
    if (scores.getRhsContract()[0] == rank - 2) {
      SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(rank));
      std::swap(order[rank - 1], order[rank - 2]);
      k = TransposeOp::create(rewriter, k.getLoc(), k, order);
    }
    Location loc = rewriter.getFusedLoc({scores.getLoc(), softmax.getLoc(), product.getLoc()});
    auto attention = AttentionOp::create(rewriter, loc, q, k, v, mask, /*kv_length=*/Value(), /*rng=*/Value(),
                                         llvm::APFloat(scale), Causal::none, /*window_left=*/-1,
                                         /*window_right=*/-1, /*softcap=*/llvm::APFloat(0.0),
                                         /*dropout=*/llvm::APFloat(0.0));
    if (attention.getY().getType() != product.getType()) {
      rewriter.replaceOpWithNewOp<CastShapeOp>(product, product.getType(), attention.getY());
    } else {
      rewriter.replaceOp(product, attention.getY());
    }
    return success();
  }
};

struct FuseAttention : impl::FuseAttentionPassBase<FuseAttention> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<FuseProducts>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace weft
