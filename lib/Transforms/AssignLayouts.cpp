// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Channels-last convolutions, and transpositions sunk until they cancel. Stage: graph, after batch-norm
// folding and before fusion. Every rewrite moves a transposition from the operands of an op to its results,
// so the process ends.
#include "weft/Transforms/Passes.h"

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "weft/Dialect/Dist/DistDialect.h"
#include "weft/Dialect/Weft/WeftOps.h"

using namespace mlir;
using namespace weft::ir;

namespace weft {
#define GEN_PASS_DEF_ASSIGNLAYOUTSPASS
#include "weft/Transforms/Passes.h.inc"

namespace {

SmallVector<int64_t> inverseOf(ArrayRef<int64_t> permutation) {
  SmallVector<int64_t> inverse(permutation.size());
  for (auto [i, p] : llvm::enumerate(permutation))
    inverse[p] = i;
  return inverse;
}

/// Positions `dims` of a tensor as positions of the tensor before it was transposed by `permutation`.
SmallVector<int64_t> through(ArrayRef<int64_t> dims, ArrayRef<int64_t> permutation) {
  return llvm::map_to_vector(dims, [&](int64_t dim) { return permutation[dim]; });
}

/// The permutation that puts [batch, feature, spatial...] at `dims` into the order batch, spatial...,
/// feature.
SmallVector<int64_t> toChannelsLast(ArrayRef<int64_t> dims) {
  SmallVector<int64_t> permutation{dims[0]};
  llvm::append_range(permutation, dims.drop_front(2));
  permutation.push_back(dims[1]);
  return permutation;
}

/// Where [batch, feature, spatial...] lie in a channels-last tensor.
SmallVector<int64_t> channelsLastDims(int64_t rank) {
  SmallVector<int64_t> dims{0, rank - 1};
  for (int64_t i = 1; i < rank - 1; ++i)
    dims.push_back(i);
  return dims;
}

/// Whether `conv` is joined, through elementwise ops, to inputs, constants and results only: transpositions
/// around it would meet no other, nor an op that they sink through.
bool standsAlone(ConvOp conv) {
  SmallVector<Operation *> pending{conv};
  llvm::SmallPtrSet<Operation *, 16> seen{conv};
  auto visit = [&](Operation *op) {
    if (!op || !seen.insert(op).second)
      return true;
    if (op->hasTrait<ir::Elementwise>())
      pending.push_back(op);
    return op->hasTrait<ir::Elementwise>() || op->hasTrait<OpTrait::IsTerminator>() || isa<ConstantOp>(op);
  };
  while (!pending.empty()) {
    Operation *op = pending.pop_back_val();
    for (Operation *user : op->getUsers())
      if (!visit(user))
        return false;
    for (Value operand : op->getOperands())
      if ((op != conv || operand == conv.getX()) && !visit(operand.getDefiningOp()))
        return false;
  }
  return true;
}

/// Whether dimensions lie in the order batch, feature, spatial...
bool isChannelsFirst(ArrayRef<int64_t> dims) { return llvm::equal(dims, llvm::seq<int64_t>(dims.size())); }

/// A convolution of one image whose window is one element, with the features in front: w[co, ci] x[ci, ...].
Value asProduct(ConvOp conv, PatternRewriter &rewriter) {
  auto wType = cast<RankedTensorType>(conv.getW().getType());
  ArrayRef<int64_t> wDims = conv.getWDims();
  auto are = [](ArrayRef<int64_t> values, int64_t wanted) {
    return llvm::all_of(values, [=](int64_t value) { return value == wanted; });
  };
  bool isOneElement = wType.hasStaticShape() && llvm::all_of(wDims.drop_front(2), [&](int64_t dim) {
                        return wType.getDimSize(dim) == 1;
                      });
  if (!isOneElement || cast<RankedTensorType>(conv.getX().getType()).getDimSize(0) != 1 ||
      conv.getFeatureGroups() != 1 || wDims[0] > wDims[1] || !are(conv.getStrides(), 1) ||
      !are(conv.getPaddingLow(), 0) || !are(conv.getPaddingHigh(), 0) || !are(conv.getInputDilation(), 1))
    return {};
  SmallVector<int64_t> shape{1, wType.getDimSize(wDims[0]), wType.getDimSize(wDims[1])};
  Value w = ReshapeOp::create(rewriter, conv.getLoc(), conv.getW(), ValueRange(), shape);
  return DotGeneralOp::create(rewriter, conv.getLoc(), w, conv.getX(), ArrayRef<int64_t>{0},
                              ArrayRef<int64_t>{0}, ArrayRef<int64_t>{2}, ArrayRef<int64_t>{1},
                              conv.getType().getElementType());
}

/// conv in any layout -> transpose, conv with the features last, transpose back.
struct ConvToChannelsLast : OpRewritePattern<ConvOp> {
  ConvToChannelsLast(MLIRContext *context, const std::function<bool(ConvOp)> &takesChannelsFirst)
      : OpRewritePattern(context), takesChannelsFirst(takesChannelsFirst) {}
  const std::function<bool(ConvOp)> &takesChannelsFirst;

  LogicalResult matchAndRewrite(ConvOp conv, PatternRewriter &rewriter) const override {
    int64_t rank = cast<RankedTensorType>(conv.getX().getType()).getRank();
    SmallVector<int64_t> wanted = channelsLastDims(rank);
    if (rank < 3 ||
        (conv.getXDims() == ArrayRef<int64_t>(wanted) && conv.getYDims() == ArrayRef<int64_t>(wanted)))
      return failure();
    if (takesChannelsFirst && isChannelsFirst(conv.getXDims()) && isChannelsFirst(conv.getYDims()) &&
        standsAlone(conv)) {
      if (takesChannelsFirst(conv))
        return failure();
      if (Value product = asProduct(conv, rewriter)) {
        rewriter.replaceOp(conv, product);
        return success();
      }
    }
    Location loc = conv.getLoc();
    Value x = conv.getX();
    if (conv.getXDims() != ArrayRef<int64_t>(wanted))
      x = TransposeOp::create(rewriter, loc, x, toChannelsLast(conv.getXDims()));
    SmallVector<int64_t> yDims(conv.getYDims());
    auto last = cast<ConvOp>(rewriter.clone(*conv));
    last.getXMutable().assign(x);
    last.setXDims(wanted);
    last.setYDims(wanted);
    SmallVector<int64_t> permutation = toChannelsLast(yDims);
    SmallVector<Dim> dims = getDims(conv.getType()), moved;
    for (int64_t p : permutation)
      moved.push_back(dims[p]);
    last.getResult().setType(makeTensorType(moved, conv.getType().getElementType()));
    if (yDims == wanted)
      rewriter.replaceOp(conv, last);
    else
      rewriter.replaceOpWithNewOp<TransposeOp>(conv, last, inverseOf(permutation));
    return success();
  }
};

/// Builds `op` again on `operands`, its result types inferred; attributes may be changed by `change` before.
Operation *rebuild(PatternRewriter &rewriter, Operation *op, ValueRange operands, ArrayRef<Type> types) {
  OperationState state(op->getLoc(), op->getName());
  state.addOperands(operands);
  state.addTypes(types);
  state.propertiesAttr = op->getPropertiesAsAttribute();
  state.addAttributes(op->getDiscardableAttrDictionary().getValue());
  return rewriter.create(state);
}

/// The type of a tensor of type `type` transposed by `permutation`.
RankedTensorType transposedType(Type type, ArrayRef<int64_t> permutation) {
  SmallVector<Dim> dims = getDims(type), moved;
  for (int64_t p : permutation)
    moved.push_back(dims[p]);
  return makeTensorType(moved, cast<RankedTensorType>(type).getElementType());
}

bool isSmallOrConstant(Value value) {
  if (value.getDefiningOp<ConstantOp>())
    return true;
  // At most one extent other than 1: moving it about is free.
  int64_t large = 0;
  for (int64_t extent : cast<RankedTensorType>(value.getType()).getShape())
    large += extent != 1;
  return large <= 1;
}

/// elementwise(transpose(x), ...) -> transpose(elementwise(x, ...)) when every operand is a transposition by
/// the same permutation, or one that costs nothing to transpose back.
struct SinkThroughElementwise : OpTraitRewritePattern<ir::Elementwise> {
  using OpTraitRewritePattern::OpTraitRewritePattern;

  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &rewriter) const override {
    // Only a transposition that costs something is worth sinking; free ones would go to and fro for ever.
    ArrayRef<int64_t> permutation;
    for (Value operand : op->getOperands())
      if (auto transpose = operand.getDefiningOp<TransposeOp>();
          transpose && !isSmallOrConstant(transpose.getX())) {
        permutation = transpose.getPermutation();
        break;
      }
    if (permutation.empty() || op->getNumResults() != 1)
      return failure();
    auto resultType = dyn_cast<RankedTensorType>(op->getResult(0).getType());
    if (!resultType || resultType.getRank() != int64_t(permutation.size()))
      return failure();
    SmallVector<int64_t> order(permutation), inverse = inverseOf(permutation);
    for (Value operand : op->getOperands()) {
      auto transpose = operand.getDefiningOp<TransposeOp>();
      bool undone = transpose && transpose.getPermutation() == ArrayRef<int64_t>(order);
      if (!undone && !isSmallOrConstant(operand))
        return failure();
    }
    SmallVector<Value> operands;
    for (Value operand : op->getOperands()) {
      auto transpose = operand.getDefiningOp<TransposeOp>();
      if (transpose && transpose.getPermutation() == ArrayRef<int64_t>(order))
        operands.push_back(transpose.getX());
      else
        operands.push_back(TransposeOp::create(rewriter, op->getLoc(), operand, inverse));
    }
    Operation *moved = rebuild(rewriter, op, operands, {transposedType(resultType, inverse)});
    rewriter.replaceOpWithNewOp<TransposeOp>(op, moved->getResult(0), order);
    return success();
  }
};

/// reduce_window(transpose(x)) -> transpose(reduce_window(x)).
struct SinkThroughReduceWindow : OpRewritePattern<ReduceWindowOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReduceWindowOp op, PatternRewriter &rewriter) const override {
    auto transpose = op.getX().getDefiningOp<TransposeOp>();
    if (!transpose)
      return failure();
    SmallVector<int64_t> order(transpose.getPermutation());
    auto moved = cast<ReduceWindowOp>(
        rebuild(rewriter, op, {transpose.getX()}, {transposedType(op.getType(), inverseOf(order))}));
    moved.setAxes(through(op.getAxes(), order));
    rewriter.replaceOpWithNewOp<TransposeOp>(op, moved, order);
    return success();
  }
};

/// cut(transpose(x)) -> transpose(cut(x)), whose order says how x lies.
struct SinkThroughCut : OpRewritePattern<dist::CutOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(dist::CutOp op, PatternRewriter &rewriter) const override {
    auto transpose = op.getX().getDefiningOp<TransposeOp>();
    if (!transpose)
      return failure();
    SmallVector<int64_t> order(transpose.getPermutation());
    Value x = transpose.getX();
    auto moved = dist::CutOp::create(rewriter, op.getLoc(), x.getType(), x, through(op.getOrder(), order),
                                     op.getNumber());
    rewriter.replaceOpWithNewOp<TransposeOp>(op, moved, order);
    return success();
  }
};

/// softmax(transpose(x)) -> transpose(softmax(x)).
struct SinkThroughSoftmax : OpRewritePattern<SoftmaxOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(SoftmaxOp op, PatternRewriter &rewriter) const override {
    auto transpose = op.getX().getDefiningOp<TransposeOp>();
    if (!transpose)
      return failure();
    SmallVector<int64_t> order(transpose.getPermutation());
    auto moved = SoftmaxOp::create(rewriter, op.getLoc(), transpose.getX(), order[op.getAxis()]);
    rewriter.replaceOpWithNewOp<TransposeOp>(op, moved, order);
    return success();
  }
};

/// concat(transpose(x), transpose(y), ...) -> transpose(concat(x, y, ...)).
struct SinkThroughConcat : OpRewritePattern<ConcatOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ConcatOp op, PatternRewriter &rewriter) const override {
    auto first = op.getXs().front().getDefiningOp<TransposeOp>();
    if (!first)
      return failure();
    SmallVector<int64_t> order(first.getPermutation());
    SmallVector<Value> operands;
    for (Value x : op.getXs()) {
      auto transpose = x.getDefiningOp<TransposeOp>();
      if (!transpose || transpose.getPermutation() != ArrayRef<int64_t>(order))
        return failure();
      operands.push_back(transpose.getX());
    }
    auto moved = ConcatOp::create(rewriter, op.getLoc(), operands, order[op.getAxis()]);
    rewriter.replaceOpWithNewOp<TransposeOp>(op, moved, order);
    return success();
  }
};

/// reduce(transpose(x)) -> reduce(x), transposed when the dimensions that stay change their order.
struct SinkThroughReduce : OpRewritePattern<ReduceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReduceOp op, PatternRewriter &rewriter) const override {
    auto transpose = op.getX().getDefiningOp<TransposeOp>();
    if (!transpose)
      return failure();
    SmallVector<int64_t> order(transpose.getPermutation()), axes = through(op.getAxes(), order);
    llvm::sort(axes);
    // Dimensions that stay, in the order of the result, as positions before the transposition.
    SmallVector<int64_t> kept;
    for (auto [i, p] : llvm::enumerate(order))
      if (!llvm::is_contained(op.getAxes(), int64_t(i)))
        kept.push_back(p);
    SmallVector<int64_t> sorted(kept);
    llvm::sort(sorted);
    Value moved = ReduceOp::create(rewriter, op.getLoc(), transpose.getX(), op.getKind(), axes);
    if (kept != sorted)
      moved = TransposeOp::create(rewriter, op.getLoc(), moved, llvm::map_to_vector(kept, [&](int64_t p) {
                                    return int64_t(llvm::find(sorted, p) - sorted.begin());
                                  }));
    rewriter.replaceOp(op, moved);
    return success();
  }
};

/// A transposition that moves unit extents only is a reshape.
struct TransposeToReshape : OpRewritePattern<TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(TransposeOp op, PatternRewriter &rewriter) const override {
    auto from = cast<RankedTensorType>(op.getX().getType());
    int64_t last = -1;
    for (int64_t p : op.getPermutation()) {
      if (from.getDimSize(p) == 1)
        continue;
      if (p < last)
        return failure();
      last = p;
    }
    auto to = op.getType();
    SmallVector<int64_t> sizes;
    SmallVector<Value> values;
    for (auto [i, p] : llvm::enumerate(op.getPermutation())) {
      sizes.push_back(to.getDimSize(i));
      if (to.isDynamicDim(i))
        values.push_back(DimOp::create(rewriter, op.getLoc(), op.getX(), p));
    }
    auto reshape = ReshapeOp::create(rewriter, op.getLoc(), op.getX(), values, sizes);
    rewriter.replaceOp(op, reshape);
    return success();
  }
};

struct AssignLayouts : impl::AssignLayoutsPassBase<AssignLayouts> {
  AssignLayouts() = default;
  explicit AssignLayouts(std::function<bool(ConvOp)> takesChannelsFirst)
      : takesChannelsFirst(std::move(takesChannelsFirst)) {}

  void runOnOperation() override {
    MLIRContext *context = &getContext();
    RewritePatternSet patterns(context);
    patterns.add<ConvToChannelsLast>(context, takesChannelsFirst);
    patterns.add<SinkThroughElementwise, SinkThroughReduceWindow, SinkThroughSoftmax, SinkThroughConcat,
                 SinkThroughReduce, SinkThroughCut, TransposeToReshape>(context);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      return signalPassFailure();
  }

  std::function<bool(ConvOp)> takesChannelsFirst;
};

} // namespace

std::unique_ptr<mlir::Pass> createAssignLayoutsPass(std::function<bool(ConvOp)> takesChannelsFirst) {
  return std::make_unique<AssignLayouts>(std::move(takesChannelsFirst));
}

} // namespace weft
