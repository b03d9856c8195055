// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear.
#include "Numeric.h"

using namespace mlir;
using namespace weft;
using namespace weft::ir;
using namespace weft::onnx;

namespace {
/// Scale and zero point as weft takes them: rank 0, rank 1 along the axis, or one per block.
struct Scaling {
  Value scale, zeroPoint; // the zero point may be null
  int64_t axis = 0, block = 0;
};
} // namespace

static bool isComputable(Type type) { return isa<Float64Type, Float32Type, Float16Type, BFloat16Type>(type); }

/// Reads operands 1 and 2 against the extents of x.
static FailureOr<Scaling> readScaling(NodeImporter &node, Value x) {
  Scaling scaling;
  scaling.scale = node.operand(1);
  if (node.hasOperand(2) && !isZeroPointZero(node, node.operand(2)))
    scaling.zeroPoint = node.operand(2);
  // Scales of the 8-bit exponent type are numbers to compute with here.
  if (!isComputable(node.elementTypeOf(scaling.scale)))
    scaling.scale = node.convert(scaling.scale, node.f32());
  scaling.block = node.getInt("block_size", 0);
  if (scaling.block < 0)
    return node.error() << "has block_size " << scaling.block << ", wanted 0 or more";
  int64_t scaleRank = node.rankOf(scaling.scale), rank = node.rankOf(x);
  auto isOne = [](Value value) {
    return llvm::all_of(getDims(value), [](const Dim &dim) { return dim.is(1); });
  };
  if (isOne(scaling.scale) && (!scaling.zeroPoint || isOne(scaling.zeroPoint) || scaleRank == 0)) {
    scaling.scale = toScalar(node, scaling.scale);
    if (scaling.zeroPoint)
      scaling.zeroPoint = toScalar(node, scaling.zeroPoint);
    scaling.block = 0;
    return scaling;
  }
  if (scaling.zeroPoint && node.rankOf(scaling.zeroPoint) != scaleRank)
    return node.error() << "has a scale of rank " << scaleRank << " and a zero point of rank "
                        << node.rankOf(scaling.zeroPoint) << ", wanted equal ranks";
  FailureOr<int64_t> axis = node.normalizeAxis(node.getInt("axis", 1), rank);
  if (failed(axis))
    return failure();
  scaling.axis = *axis;
  if (scaling.block > 0) {
    if (scaleRank != rank)
      return node.error() << "has a scale of rank " << scaleRank << " for blocks, wanted " << rank;
    return scaling;
  }
  if (scaleRank != 1)
    return node.error() << "has a scale of rank " << scaleRank << " without block_size, wanted 0 or 1";
  // One per extent of the axis; where that cannot be seen, one for all is possible too.
  for (Value *value : {&scaling.scale, &scaling.zeroPoint})
    if (*value && !(node.extent(*value, 0) == node.extent(x, *axis)))
      *value = node.broadcastTo(*value, {node.extent(x, *axis)});
  return scaling;
}

static LogicalResult importQuantizeLinear(NodeImporter &node) {
  Value x = node.operand(0);
  FailureOr<Scaling> scaling = readScaling(node, x);
  if (failed(scaling))
    return failure();
  Type type = node.b().getIntegerType(8, /*isSigned=*/false);
  if (node.hasOperand(2))
    type = node.elementTypeOf(node.operand(2));
  else if (int64_t number = node.getInt("output_dtype", 0))
    type = node.getElementTypeOf(number);
  if (!type || node.failed())
    return failure();
  x = isComputable(node.elementTypeOf(x)) ? x : node.convert(x, node.f32());
  Value scale = scaling->scale;
  if (node.elementTypeOf(x) != node.elementTypeOf(scale)) {
    x = toFloat(node, x);
    scale = node.convert(scale, node.elementTypeOf(x));
  }
  if (node.failed())
    return failure();
  if (isa<FloatType>(type) && !node.getInt("saturate", 1)) {
    if (scaling->block)
      return node.unsupported("saturate = 0 with blocks");
    Value divisor = node.rankOf(scale) == 0 ? toUnit(node, scale, node.rankOf(x))
                                            : node.alongAxis(scale, scaling->axis, node.rankOf(x));
    return node.setResult(node.convert(node.create<DivOp>(x, divisor), type, /*saturate=*/false));
  }
  return node.setResult(QuantizeOp::create(node.b(), node.getLoc(), withElementType(x.getType(), type), x,
                                           scale, scaling->zeroPoint, scaling->axis, scaling->block));
}

static LogicalResult importDequantizeLinear(NodeImporter &node) {
  Value x = node.operand(0);
  FailureOr<Scaling> scaling = readScaling(node, x);
  if (failed(scaling))
    return failure();
  Type type = node.elementTypeOf(node.operand(1));
  if (int64_t number = node.getInt("output_dtype", 0))
    type = node.getElementTypeOf(number);
  if (!type || node.failed())
    return failure();
  // The product is taken in the wider of the two types.
  Value scale = scaling->scale;
  if (isComputable(type) && type.getIntOrFloatBitWidth() > node.elementTypeOf(scale).getIntOrFloatBitWidth())
    scale = node.convert(scale, type);
  if (node.failed())
    return failure();
  Value y =
      DequantizeOp::create(node.b(), node.getLoc(), withElementType(x.getType(), node.elementTypeOf(scale)),
                           x, scale, scaling->zeroPoint, scaling->axis, scaling->block);
  return node.setResult(node.convert(y, type));
}

static LogicalResult importDynamicQuantizeLinear(NodeImporter &node) {
  Value x = node.operand(0);
  Type ui8 = node.b().getIntegerType(8, /*isSigned=*/false);
  SmallVector<int64_t> all = rangeOf(0, node.rankOf(x));
  Type type = node.elementTypeOf(x);
  Value zero = node.unit(type, 0, 0), most = node.unit(type, 0, 255);
  Value greatest = node.create<MaxOp>(node.reduce(ReduceKind::max, x, all), zero);
  Value least = node.create<MinOp>(node.reduce(ReduceKind::min, x, all), zero);
  Value range = node.create<SubOp>(greatest, least);
  Value isFlat = node.create<CompareOp>(CompareKind::eq, range, zero);
  Value scale = node.create<SelectOp>(isFlat, node.unit(type, 0, 1), node.create<DivOp>(range, most));
  Value position = node.create<DivOp>(node.create<NegOp>(least), scale);
  Value rounded = node.create<RoundOp>(node.create<ClampOp>(zero, position, most), RoundKind::even);
  Value zeroPoint = node.convert(rounded, ui8);
  if (node.failed())
    return failure();
  Value y = QuantizeOp::create(node.b(), node.getLoc(), withElementType(x.getType(), ui8), x, scale,
                               zeroPoint, 0, 0);
  if (failed(node.setResult(0, y)) || (node.isResultUsed(1) && failed(node.setResult(1, scale))))
    return failure();
  return node.isResultUsed(2) ? node.setResult(2, zeroPoint) : success();
}

void weft::onnx::registerQuantOps(OpTable &table) {
  table.add("QuantizeLinear", 2, 3, importQuantizeLinear);
  table.add("DequantizeLinear", 2, 3, importDequantizeLinear);
  table.add("DynamicQuantizeLinear", 1, 1, importDynamicQuantizeLinear);
}
