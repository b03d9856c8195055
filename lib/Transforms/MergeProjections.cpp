// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention's queries, keys and values as slices of one value of all heads. Products of one value with three
// weights become one product: one kernel, which threads share better than three in a row. Stage: graph, where
// attention reads slices of heads in place. Before and after: Passes.td.
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

/// An operand of attention that is transpose(reshape(x)): [..., rows, heads * depth] by heads, then heads in
/// front.
struct Operand {
  TransposeOp transpose;
  ReshapeOp reshape;
  Value x;
  int64_t depth = 0;
};

std::optional<Operand> takeOperand(Value value) {
  auto transpose = value.getDefiningOp<TransposeOp>();
  AttentionPlace place = findAttentionPlace(value);
  auto reshape = place.source.getDefiningOp<ReshapeOp>();
  if (!place.rowsFirst || place.ops.size() != 1 || !reshape || !reshape->hasOneUse())
    return std::nullopt;
  RankedTensorType from = typeOf(reshape.getX()), to = reshape.getType();
  int64_t rank = from.getRank();
  if (!from.hasStaticShape() || to.getRank() != rank + 1 || to.getNumElements() == 0 ||
      from.getShape().drop_back() != to.getShape().drop_back(2))
    return std::nullopt;
  return Operand{transpose, reshape, reshape.getX(), to.getDimSize(rank)};
}

/// x * w + bias, of w and bias constants, read by nobody but attention.
struct Product {
  DotGeneralOp dot;
  Value bias; ///< [1, ..., 1, N], or null
};

std::optional<Product> takeProduct(Value value) {
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
  if (!product.dot || !product.dot->hasOneUse() || !product.dot.getRhs().getDefiningOp<ConstantOp>() ||
      typeOf(product.dot.getRhs()).getRank() != 2 || !product.dot.getLhsBatch().empty() ||
      product.dot.getLhsContract() != ArrayRef<int64_t>{typeOf(product.dot.getLhs()).getRank() - 1} ||
      product.dot.getRhsContract() != ArrayRef<int64_t>{0} ||
      !isa<FloatType>(product.dot.getType().getElementType()))
    return std::nullopt;
  // One number for each column, and nothing that rows differ in.
  const int64_t columns = product.dot.getType().getShape().back();
  if (product.bias &&
      (typeOf(product.bias).getShape().back() != columns || typeOf(product.bias).getNumElements() != columns))
    return std::nullopt;
  return product;
}

struct MergeProjections : impl::MergeProjectionsPassBase<MergeProjections> {
  void runOnOperation() override {
    SmallVector<AttentionOp> attentions;
    getOperation()->walk([&](AttentionOp op) { attentions.push_back(op); });
    for (AttentionOp op : attentions) {
      SmallVector<Operand> operands;
      for (OpOperand *use : {&op.getQMutable(), &op.getKMutable(), &op.getVMutable()})
        if (std::optional<Operand> operand = takeOperand(use->get()))
          operands.push_back(*operand);
      if (operands.size() == 3 && mergeProducts(op, operands))
        continue;
      for (Operand &operand : operands)
        sliceHeads(operand);
    }
  }

  /// Makes `operand` the heads from `first` on of `all`, [..., rows, heads * depth].
  void readHeads(Operand &operand, Value all, int64_t first) {
    OpBuilder b(operand.transpose);
    Location loc = operand.reshape.getLoc();
    RankedTensorType type = operand.reshape.getType();
    int64_t rank = type.getRank();
    SmallVector<int64_t> sizes(type.getShape()), starts(rank, 0);
    sizes[rank - 2] = typeOf(all).getShape().back() / operand.depth;
    starts[rank - 2] = first;
    Value heads = ReshapeOp::create(b, loc, all, ValueRange(), sizes);
    operand.transpose.getXMutable().assign(SliceOp::create(b, loc, heads, starts, type.getShape()));
    operand.reshape.erase();
  }

  /// reshape(slice(x)) -> slice(reshape(x)).
  void sliceHeads(Operand &operand) {
    auto slice = operand.x.getDefiningOp<SliceOp>();
    if (!slice || !slice->hasOneUse() || !slice.getStarts().empty() || !slice.getSizes().empty() ||
        llvm::any_of(slice.getStrides(), [](int64_t stride) { return stride != 1; }))
      return;
    RankedTensorType from = typeOf(slice.getX()), to = slice.getType();
    int64_t last = from.getRank() - 1;
    if (from.getShape().drop_back() != to.getShape().drop_back() || from.getDimSize(last) % operand.depth ||
        slice.getStaticStarts()[last] % operand.depth)
      return;
    readHeads(operand, slice.getX(), slice.getStaticStarts()[last] / operand.depth);
    slice.erase();
  }

  /// Three products of one value become one; false where they are not such.
  bool mergeProducts(AttentionOp attention, MutableArrayRef<Operand> operands) {
    SmallVector<Product> products;
    for (Operand &operand : operands) {
      std::optional<Product> product = takeProduct(operand.x);
      if (!product || operand.depth != operands[0].depth ||
          (!products.empty() &&
           (product->dot.getLhs() != products[0].dot.getLhs() ||
            product->dot.getType().getElementType() != products[0].dot.getType().getElementType() ||
            typeOf(product->dot.getRhs()).getElementType() !=
                typeOf(products[0].dot.getRhs()).getElementType() ||
            !product->bias != !products[0].bias)))
        return false;
      products.push_back(*product);
    }
    OpBuilder b(attention);
    SmallVector<Value> weights, biases;
    SmallVector<Location> places;
    for (Product &product : products) {
      weights.push_back(product.dot.getRhs());
      biases.push_back(product.bias);
      places.push_back(product.dot.getLoc());
    }
    Location loc = b.getFusedLoc(places);
    DotGeneralOp first = products[0].dot;
    Value all = DotGeneralOp::create(b, loc, first.getLhs(), ConcatOp::create(b, loc, weights, 1),
                                     first.getLhsBatch(), first.getRhsBatch(), first.getLhsContract(),
                                     first.getRhsContract(), first.getType().getElementType());
    if (products[0].bias) {
      places.clear();
      for (Operand &operand : operands)
        places.push_back(operand.x.getLoc());
      all = AddOp::create(b, b.getFusedLoc(places), all,
                          ConcatOp::create(b, loc, biases, typeOf(biases[0]).getRank() - 1));
    }
    int64_t head = 0;
    for (auto [operand, product] : llvm::zip(operands, products)) {
      operand.transpose->moveBefore(attention);
      Value old = operand.x;
      readHeads(operand, all, head);
      head += typeOf(old).getShape().back() / operand.depth;
      if (Operation *add = old.getDefiningOp(); add != product.dot)
        add->erase();
      product.dot->erase();
    }
    return true;
  }
};

} // namespace
} // namespace weft
