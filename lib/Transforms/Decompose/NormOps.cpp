// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// softmax and normalize as reductions and elementwise ops. 16-bit inputs are computed in f32 and rounded
// once.
#include "Formula.h"

using namespace mlir;
using namespace weft;
using namespace weft::decompose;
using ir::ReduceKind;

static FailureOr<SmallVector<Value>> decomposeSoftmax(ir::SoftmaxOp op, Formula &g) {
  Value x = g.widen(op.getX());
  int64_t axis = op.getAxis();
  Value shifted = g.binary<ir::SubOp>(x, g.reduce(ReduceKind::max, x, axis, /*ignoresNaN=*/true));
  Value e = g.expNonPositive(shifted);
  // The sum is at least 1 (or NaN), so its reciprocal is harmless and one division serves the row.
  Value sum = g.reduce(ReduceKind::add, e, axis);
  Value y = g.binary<ir::MulOp>(e, g.binary<ir::DivOp>(g.splat(sum, 1), sum));
  return SmallVector<Value>{g.convert(y, elementType(op.getX()))};
}

static FailureOr<SmallVector<Value>> decomposeNormalize(ir::NormalizeOp op, Formula &g) {
  Value x = g.widen(op.getX());
  OpFoldResult count = g.b.getI64IntegerAttr(1);
  for (int64_t axis : op.getAxes())
    count = g.multiply(count, g.size(x, axis));
  Value n;
  if (auto known = dyn_cast<Attribute>(count)) {
    n = g.splat(x, double(cast<IntegerAttr>(known).getInt()));
  } else {
    SmallVector<OpFoldResult> ones(rankOf(x), g.b.getI64IntegerAttr(1));
    n = g.reshape(g.convert(cast<Value>(count), elementType(x)), ones);
  }
  Value mean, centred = x;
  if (op.getCenter()) {
    mean = g.binary<ir::DivOp>(g.reduce(ReduceKind::add, x, op.getAxes()), n);
    centred = g.binary<ir::SubOp>(x, mean);
  }
  Value squares = g.binary<ir::MulOp>(centred, centred);
  Value variance = g.binary<ir::DivOp>(g.reduce(ReduceKind::add, squares, op.getAxes()), n);
  Value stable = g.binary<ir::AddOp>(variance, g.splat(variance, op.getEpsilon().convertToDouble()));
  Value y = g.binary<ir::MulOp>(centred, g.unary<ir::RsqrtOp>(stable));
  if (!mean) {
    // Zeros of the variance's shape; a product with 0 would keep NaN.
    Value isSelf = g.compare(ir::CompareKind::eq, variance, variance);
    Value zero = g.splat(variance, 0);
    mean = g.select(isSelf, zero, zero);
  }
  return SmallVector<Value>{g.convert(y, elementType(op.getX())), mean, variance};
}

void decompose::attachNormOps(MLIRContext &context) {
  ir::SoftmaxOp::attachInterface<Model<ir::SoftmaxOp, decomposeSoftmax>>(context);
  ir::NormalizeOp::attachInterface<Model<ir::NormalizeOp, decomposeNormalize>>(context);
}
