// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An assertion as arithmetic: where it fails first, and what is there. Stage: kernel. The position is one
// reduction over the predicate; what was found is read at it, clamped, so that nothing is read outside when
// all hold.
#include "Formula.h"
#include "weft/Transforms/Decompose.h"

using namespace mlir;
using namespace weft;
using namespace weft::decompose;

/// A tensor as rank 1.
static Value flatten(Formula &g, Value x) {
  OpFoldResult count = g.b.getI64IntegerAttr(1);
  for (OpFoldResult size : g.sizes(x))
    count = g.multiply(count, size);
  return g.reshape(x, {count});
}

/// Element `at` of a tensor of rank 1, as rank 0.
static Value elementAt(Formula &g, Value x, Value at) {
  Value index = g.reshape(at, {g.b.getI64IntegerAttr(1)});
  return ir::GatherOp::create(g.b, g.loc, x, index, ArrayRef<int64_t>{0}, ArrayRef<int64_t>{},
                              ArrayRef<int64_t>{}, uint64_t(0), false);
}

SmallVector<Value> weft::locateFailure(ir::AssertOp op) {
  OpBuilder b(op);
  Formula g(b, op.getLoc());
  Type i64 = b.getI64Type();
  Value holds = flatten(g, op.getPredicate());
  Value place = g.iota(i64, g.sizes(holds), 0);
  Value none = ir::createConstant(b, op.getLoc(), HostTensor::scalar(std::numeric_limits<int64_t>::max()));
  Value least =
      ir::ReduceOp::create(b, op.getLoc(), g.select(holds, g.reshape(none, {b.getI64IntegerAttr(1)}), place),
                           ir::ReduceKind::min, ArrayRef<int64_t>{0});
  Value found = ir::createShapeValue(b, op.getLoc(), 0), limit = found;
  if (op.getFound())
    found = elementAt(g, flatten(g, op.getFound()), least);
  if (op.getLimit()) {
    limit = op.getLimit();
    if (rankOf(limit) == 1)
      limit = elementAt(g, limit, g.binary<ir::RemOp>(least, g.asValue(g.size(limit, 0))));
  }
  return {least, found, limit};
}
