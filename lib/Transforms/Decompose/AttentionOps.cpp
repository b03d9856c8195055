// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// attention as two products and a masked softmax over scores in f32 (f64 for f64). Heads of one group are
// rows of one product. A fully masked row gives 0: its maximum is taken as 0 and its sum as 1.
#include "Formula.h"

using namespace mlir;
using namespace weft;
using namespace weft::decompose;
using ir::CompareKind;
using ir::ReduceKind;

static FailureOr<SmallVector<Value>> decomposeAttention(ir::AttentionOp op, Formula &g) {
  OpBuilder &b = g.b;
  int64_t rank = rankOf(op.getQ()), batch = rank - 3;
  OpFoldResult groups = g.size(op.getK(), batch);
  OpFoldResult repeat = g.divide(g.size(op.getQ(), batch), groups);
  Value q = g.widen(op.getQ()), k = g.widen(op.getK()), v = g.widen(op.getV());
  Type held = elementType(q);
  SmallVector<OpFoldResult> qSizes = g.sizes(q), vSizes = g.sizes(v);
  OpFoldResult one = b.getI64IntegerAttr(1), queries = qSizes[rank - 2], keys = g.size(k, rank - 2);

  // Scores [*, G, H/G, S, T], then [*, H, S, T].
  SmallVector<OpFoldResult> grouped(qSizes.begin(), qSizes.begin() + batch);
  grouped.append({groups, repeat, queries, qSizes[rank - 1]});
  SmallVector<int64_t> batchDims = llvm::to_vector(llvm::seq<int64_t>(0, batch + 1));
  Value raw = ir::DotGeneralOp::create(b, g.loc, g.reshape(q, grouped), k, batchDims, batchDims,
                                       ArrayRef<int64_t>{rank}, ArrayRef<int64_t>{rank - 1});
  SmallVector<OpFoldResult> scoreSizes(qSizes.begin(), qSizes.begin() + batch + 1);
  scoreSizes.append({queries, keys});
  Value scores = g.reshape(raw, scoreSizes);
  scores = g.binary<ir::MulOp>(scores, g.splat(scores, op.getScale().convertToDouble()));
  double softcap = op.getSoftcap().convertToDouble();
  if (softcap > 0) {
    Value capped = g.unary<ir::TanhOp>(g.binary<ir::DivOp>(scores, g.splat(scores, softcap)));
    scores = g.binary<ir::MulOp>(capped, g.splat(scores, softcap));
  }
  Value lowest = g.splat(scores, -std::numeric_limits<double>::infinity());
  if (Value mask = op.getMask()) {
    if (elementType(mask).isInteger(1))
      scores = g.select(mask, scores, lowest);
    else
      scores = g.binary<ir::AddOp>(scores, g.convert(mask, held));
  }

  // What a query may see of the keys: positions as i64 with unit extents elsewhere.
  bool causal = op.getCausal() != ir::Causal::none;
  auto left = static_cast<int64_t>(op.getWindowLeft()), right = static_cast<int64_t>(op.getWindowRight());
  Value length;
  SmallVector<OpFoldResult> ones(rank, one);
  if (Value given = op.getKvLength()) {
    SmallVector<OpFoldResult> sizes = rankOf(given) == 0 ? SmallVector<OpFoldResult>() : g.sizes(given);
    sizes.insert(sizes.begin(), batch - sizes.size(), one);
    sizes.append(3, one);
    length = g.reshape(given, sizes);
  }
  if (causal || left >= 0 || right >= 0 || length) {
    Type i64 = b.getI64Type();
    SmallVector<OpFoldResult> rowSizes = ones, columnSizes = ones;
    rowSizes[rank - 2] = queries;
    columnSizes[rank - 1] = keys;
    Value row = g.iota(i64, rowSizes, rank - 2), column = g.iota(i64, columnSizes, rank - 1);
    if (op.getCausal() == ir::Causal::bottom_right) {
      Value reach = length ? length : g.reshape(g.asValue(keys), ones);
      row = g.binary<ir::AddOp>(row, g.binary<ir::SubOp>(reach, g.reshape(g.asValue(queries), ones)));
    }
    Value seen;
    auto require = [&](Value condition) { seen = seen ? g.binary<ir::AndOp>(seen, condition) : condition; };
    if (causal)
      require(g.compare(CompareKind::le, column, row));
    if (left >= 0)
      require(g.compare(CompareKind::ge, column, g.binary<ir::SubOp>(row, g.splat(row, double(left)))));
    if (right >= 0)
      require(g.compare(CompareKind::le, column, g.binary<ir::AddOp>(row, g.splat(row, double(right)))));
    if (length)
      require(g.compare(CompareKind::lt, column, length));
    scores = g.select(seen, scores, lowest);
  }

  Value top = g.reduce(ReduceKind::max, scores, rank - 1, /*ignoresNaN=*/true);
  Value masked = g.compare(CompareKind::eq, top, lowest);
  Value shift = g.select(masked, g.splat(top, 0), top);
  Value e = g.expNonPositive(g.binary<ir::SubOp>(scores, shift));
  Value sum = g.reduce(ReduceKind::add, e, rank - 1);
  Value p = g.binary<ir::DivOp>(e, g.select(masked, g.splat(sum, 1), sum));
  Value lse = g.binary<ir::AddOp>(shift, g.unary<ir::LogOp>(sum));
  double dropout = op.getDropout().convertToDouble();
  if (dropout > 0) {
    OpFoldResult count = one;
    for (OpFoldResult size : scoreSizes)
      count = g.multiply(count, size);
    Value counter = g.reshape(g.iota(b.getIntegerType(64, false), {count}, 0), scoreSizes);
    Value bits = ir::RandomBitsOp::create(b, g.loc, op.getRng(), counter);
    Value threshold = g.splat(bits, std::min(std::floor(std::ldexp(dropout, 32)), 4294967295.0));
    Value dropped = g.compare(CompareKind::lt, bits, threshold);
    p = g.select(dropped, g.splat(p, 0), g.binary<ir::DivOp>(p, g.splat(p, 1 - dropout)));
  }

  SmallVector<OpFoldResult> weightSizes(grouped.begin(), grouped.end() - 1);
  weightSizes.push_back(keys);
  Value y = ir::DotGeneralOp::create(b, g.loc, g.reshape(p, weightSizes), v, batchDims, batchDims,
                                     ArrayRef<int64_t>{rank}, ArrayRef<int64_t>{rank - 2});
  SmallVector<OpFoldResult> ySizes(scoreSizes.begin(), scoreSizes.end() - 1);
  SmallVector<OpFoldResult> lseSizes = ySizes;
  ySizes.push_back(vSizes[rank - 1]);
  Value lseResult = g.convert(g.reshape(lse, lseSizes), elementType(op.getLse()));
  return SmallVector<Value>{g.convert(g.reshape(y, ySizes), elementType(op.getY())), lseResult};
}

void decompose::attachAttentionOps(MLIRContext &context) {
  ir::AttentionOp::attachInterface<Model<ir::AttentionOp, decomposeAttention>>(context);
}
