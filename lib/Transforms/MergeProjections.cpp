// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention's queries, keys and values as slices of one value of all heads. Products of one value with two or
// three weights become one product: one kernel, which threads share better than several in a row. Stage:
// graph, where attention reads slices of heads in place. Before and after: Passes.td.
#include "weft/Transforms/Passes.h"

#include "weft/Dialect/Weft/Constants.h"
#include "weft/Dialect/Weft/WeftOps.h"

using namespace mlir;
using namespace weft::ir;

namespace weft {
#define GEN_PASS_DEF_MERGEPROJECTIONSPASS
#include "weft/Transforms/Passes.h.inc"

namespace {

RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

/// x * w + bias, of w and bias constants, computed where attention is and read by nobody else.
struct Product {
  DotGeneralOp dot;
  Value bias; ///< [1, ..., 1, N], or null

  /// The dimension of w whose columns are the result's.
  int64_t getColumnDim() { return dot.getRhsFree().front(); }
};

std::optional<Product> takeProduct(Value value, Block *block) {
  Product product;
  if (auto add = value.getDefiningOp<AddOp>()) {
    for (auto [sum, bias] : {std::pair(add.getLhs(), add.getRhs()), std::pair(add.getRhs(), add.getLhs())})
      if (sum.getDefiningOp<DotGeneralOp>() && bias.getDefiningOp<ConstantOp>()) {
        product.bias = bias;
        value = sum;
        break;
      }
    if (!product.bias || !add->hasOneUse())
      return std::nullopt;
  }
  product.dot = value.getDefiningOp<DotGeneralOp>();
  if (!product.dot || product.dot->getBlock() != block || !product.dot->hasOneUse() ||
      !product.dot.getRhs().getDefiningOp<ConstantOp>() || typeOf(product.dot.getRhs()).getRank() != 2 ||
      !product.dot.getLhsBatch().empty() ||
      product.dot.getLhsContract() != ArrayRef<int64_t>{typeOf(product.dot.getLhs()).getRank() - 1} ||
      product.dot.getRhsContract().size() != 1 || !isa<FloatType>(product.dot.getType().getElementType()))
    return std::nullopt;
  // One number for each column, and nothing that rows differ in.
  const int64_t columns = product.dot.getType().getShape().back();
  if (product.bias &&
      (typeOf(product.bias).getShape().back() != columns || typeOf(product.bias).getNumElements() != columns))
    return std::nullopt;
  return product;
}

/// An operand of attention that is transpose(reshape(x)): [..., rows, heads * depth] by heads, then heads in
/// front.
struct Operand {
  TransposeOp transpose;
  ReshapeOp reshape;
  Value x;
  int64_t heads = 0, depth = 0;
  std::optional<Product> product; ///< x, where it is one

  /// Whether the heads of both can be computed by one product.
  bool sharesProduct(const Operand &other) const {
    if (!product || !other.product || depth != other.depth)
      return false;
    DotGeneralOp dot = product->dot, otherDot = other.product->dot;
    return dot.getLhs() == otherDot.getLhs() && dot.getRhsContract() == otherDot.getRhsContract() &&
           dot.getType().getElementType() == otherDot.getType().getElementType() &&
           typeOf(dot.getRhs()).getElementType() == typeOf(otherDot.getRhs()).getElementType();
  }
};

std::optional<Operand> takeOperand(AttentionOp op, Value value) {
  auto transpose = value.getDefiningOp<TransposeOp>();
  AttentionPlace place = findAttentionPlace(value);
  auto reshape = place.source.getDefiningOp<ReshapeOp>();
  if (!place.rowsFirst || place.ops.size() != 1 || !reshape || !reshape->hasOneUse())
    return std::nullopt;
  SmallVector<Dim> from = getDims(reshape.getX()), to = getDims(reshape.getResult());
  const size_t rank = from.size();
  if (to.size() != rank + 1 || !to[rank - 1].isStatic() || !to[rank].isStatic() ||
      llvm::is_contained(reshape.getType().getShape(), 0) || from.back() != to[rank - 1] * to[rank] ||
      ArrayRef(from).drop_back() != ArrayRef(to).drop_back(2))
    return std::nullopt;
  return Operand{transpose,
                 reshape,
                 reshape.getX(),
                 to[rank - 1].getStatic(),
                 to[rank].getStatic(),
                 takeProduct(reshape.getX(), op->getBlock())};
}

struct MergeProjections : impl::MergeProjectionsPassBase<MergeProjections> {
  void runOnOperation() override {
    SmallVector<AttentionOp> attentions;
    getOperation()->walk([&](AttentionOp op) { attentions.push_back(op); });
    for (AttentionOp op : attentions) {
      SmallVector<SmallVector<Operand>> groups;
      for (Value value : {op.getQ(), op.getK(), op.getV()}) {
        std::optional<Operand> operand = takeOperand(op, value);
        if (!operand)
          continue;
        auto *group = llvm::find_if(
            groups, [&](ArrayRef<Operand> group) { return group.front().sharesProduct(*operand); });
        if (group == groups.end())
          groups.push_back({*operand});
        else
          group->push_back(*operand);
      }
      for (MutableArrayRef<Operand> group : groups)
        if (group.size() == 1)
          sliceHeads(group.front());
        else
          mergeProducts(op, group);
    }
  }

  /// Makes `operand` the heads from `first` on of `all`, [..., rows, heads * depth].
  void readHeads(Operand &operand, Value all, int64_t first) {
    OpBuilder b(operand.transpose);
    Location loc = operand.reshape.getLoc();
    SmallVector<int64_t> sizes;
    SmallVector<Value> values;
    getMixedSizes(b, loc, all, sizes, values);
    sizes.back() /= operand.depth;
    sizes.push_back(operand.depth);
    Value heads = ReshapeOp::create(b, loc, all, values, sizes);
    // What is dynamic is all of that dimension.
    SmallVector<int64_t> starts(sizes.size(), 0);
    starts[sizes.size() - 2] = first;
    sizes[sizes.size() - 2] = operand.heads;
    operand.transpose.getXMutable().assign(SliceOp::create(b, loc, heads, starts, sizes));
    operand.reshape.erase();
  }

  /// reshape(slice(x)) -> slice(reshape(x)).
  void sliceHeads(Operand &operand) {
    auto slice = operand.x.getDefiningOp<SliceOp>();
    if (!slice || !slice->hasOneUse())
      return;
    RankedTensorType from = typeOf(slice.getX());
    int64_t last = from.getRank() - 1, first = slice.getStaticStarts()[last];
    if (!slice.isRangeAlong(last) || from.getDimSize(last) % operand.depth || first % operand.depth)
      return;
    readHeads(operand, slice.getX(), first / operand.depth);
    slice.erase();
  }

  /// Products of one value become one.
  void mergeProducts(AttentionOp attention, MutableArrayRef<Operand> operands) {
    OpBuilder b(attention);
    SmallVector<Value> weights, biases;
    SmallVector<Location> products, sums;
    bool hasBias = false;
    for (Operand &operand : operands) {
      DotGeneralOp dot = operand.product->dot;
      weights.push_back(dot.getRhs());
      products.push_back(dot.getLoc());
      sums.push_back(operand.x.getLoc());
      hasBias |= bool(operand.product->bias);
    }
    DotGeneralOp first = operands[0].product->dot;
    const int64_t rank = first.getType().getRank();
    Type element = first.getType().getElementType();
    Location loc = b.getFusedLoc(products);
    Value all = DotGeneralOp::create(
        b, loc, first.getLhs(), ConcatOp::create(b, loc, weights, operands[0].product->getColumnDim()),
        first.getLhsBatch(), first.getRhsBatch(), first.getLhsContract(), first.getRhsContract(), element);
    if (hasBias) {
      for (Operand &operand : operands) {
        SmallVector<int64_t> shape(rank, 1);
        shape.back() = operand.heads * operand.depth;
        // x + -0 is x, -0 too.
        Value bias = operand.product->bias;
        biases.push_back(bias ? bias : createSplat(b, loc, RankedTensorType::get(shape, element), -0.0));
      }
      all = AddOp::create(b, b.getFusedLoc(sums), all, ConcatOp::create(b, loc, biases, rank - 1));
    }
    int64_t head = 0;
    for (Operand &operand : operands) {
      operand.transpose->moveBefore(attention);
      readHeads(operand, all, head);
      head += operand.heads;
      if (operand.product->bias)
        operand.x.getDefiningOp()->erase();
      operand.product->dot->erase();
    }
  }
};

} // namespace
} // namespace weft
