// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Counts the arithmetic of one rank's part of an op, and the bytes read and written.
#include "Cost.h"
#include "ReshardPlan.h"
#include "weft/Dialect/Weft/Cost.h"
#include "weft/Dialect/Weft/WeftOps.h"

using namespace mlir;
using namespace weft;
using namespace weft::dist;

Cost dist::costOf(Operation *op, Places &places, MeshAttr mesh) {
  Cost cost;
  auto local = [&](Value value) { return localType(value.getType(), places.sharding(value), mesh); };
  // Views cost nothing.
  if (isa<ir::ReshapeOp, ir::CastShapeOp, ir::DimOp, ir::StopGradientOp, ir::BarrierOp>(op))
    return cost;
  for (ValueRange values : {ValueRange(op->getOperands()), ValueRange(op->getResults())})
    for (Value value : values)
      cost.bytes += double(tensorBytes(local(value)));
  for (const ir::ExtentProduct &term :
       ir::countFlops(op, [&](Value value) { return ir::getDims(local(value)); })) {
    auto product = double(term.factor);
    for (const ir::Dim &extent : term.extents)
      product *= extent.isStatic() ? double(extent.getStatic()) : 1;
    cost.flops += product;
  }
  return cost;
}
