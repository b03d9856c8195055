// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Counts arithmetic of contractions, convolutions and attention, an operation per element of everything else,
// and the bytes read and written.
#include "Cost.h"
#include "ReshardPlan.h"
#include "weft/Dialect/Weft/WeftOps.h"

using namespace mlir;
using namespace weft;
using namespace weft::dist;

static double elements(RankedTensorType type) {
  double count = 1;
  for (int64_t extent : type.getShape())
    count *= ShapedType::isDynamic(extent) ? 1 : double(extent);
  return count;
}

Cost dist::costOf(Operation *op, Places &places, MeshAttr mesh) {
  Cost cost;
  auto local = [&](Value value) { return localType(value.getType(), places.sharding(value), mesh); };
  // Views cost nothing.
  if (isa<ir::ReshapeOp, ir::CastShapeOp, ir::DimOp, ir::StopGradientOp, ir::BarrierOp>(op))
    return cost;
  for (ValueRange values : {ValueRange(op->getOperands()), ValueRange(op->getResults())})
    for (Value value : values)
      cost.bytes += double(tensorBytes(local(value)));
  if (op->getNumResults() == 0)
    return cost;
  cost.flops = elements(local(op->getResult(0)));
  if (auto dot = dyn_cast<ir::DotGeneralOp>(op)) {
    cost.flops *= 2;
    for (int64_t dim : dot.getLhsContract())
      cost.flops *= double(local(dot.getLhs()).getDimSize(dim));
  } else if (auto conv = dyn_cast<ir::ConvOp>(op)) {
    RankedTensorType w = local(conv.getW());
    cost.flops *= 2 * elements(w) / std::max<double>(1, double(w.getDimSize(conv.getWDims()[0])));
  } else if (auto attention = dyn_cast<ir::AttentionOp>(op)) {
    auto k = local(attention.getK());
    cost.flops *= 4 * double(k.getDimSize(k.getRank() - 2));
  }
  return cost;
}
