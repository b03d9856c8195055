// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Normalisations. Layer, RMS, instance, group and training batch norm are weft.normalize with a scale and a
// bias; inference batch norm is a multiplication and an addition per channel; the others put their epsilon
// elsewhere and are written out.
#include "Numeric.h"

#include <cmath>

using namespace mlir;
using namespace weft;
using namespace weft::ir;
using namespace weft::onnx;

namespace {
struct Normalized {
  Value y, mean, variance;
};
} // namespace

static Normalized normalize(NodeImporter &node, Value x, ArrayRef<int64_t> axes, double epsilon,
                            bool center = true) {
  SmallVector<Value> results = node.createMulti<NormalizeOp>(x, axes, llvm::APFloat(epsilon), center);
  if (results.size() != 3)
    return {x, x, x};
  return {results[0], results[1], results[2]};
}

/// Checks that x is [batch, channel, ...].
static LogicalResult checkChannels(NodeImporter &node, Value x) {
  if (node.rankOf(x) < 2)
    return node.error() << "has an input of rank " << node.rankOf(x) << ", wanted [batch, channel, ...]";
  return success();
}

static double readEpsilon(NodeImporter &node) { return node.getFloat("epsilon", 1e-5); }

/// y · scale + bias with the rank-1 scale and bias along the channels.
static Value scaleChannels(NodeImporter &node, Value y, Value scale, Value bias) {
  int64_t rank = node.rankOf(y);
  y = node.create<MulOp>(y, node.alongAxis(scale, 1, rank));
  return node.create<AddOp>(y, node.alongAxis(bias, 1, rank));
}

//===-- Batch
//-------------------------------------------------------------------------------------------------===//

static LogicalResult importBatchNormalization(NodeImporter &node) {
  Value x = node.operand(0);
  if (failed(checkChannels(node, x)))
    return failure();
  if (node.getOpset() < 9 && !node.getInt("spatial", 1))
    return node.unsupported("spatial = 0 (statistics per position)");
  // Training has an attribute since opset 14; before, asking for the statistics meant it.
  bool isTraining = node.getInt("training_mode", 0) != 0;
  for (int i = 1; node.getOpset() < 14 && i < node.getNumResults(); ++i)
    isTraining |= node.isResultUsed(i);

  Type type = node.elementTypeOf(x);
  Value wide = widen(node, x);
  Type wideType = node.elementTypeOf(wide);
  Value operands[4];
  for (int i = 0; i < 4; ++i) {
    operands[i] = node.operand(i + 1);
    if (node.rankOf(operands[i]) != 1)
      return node.error() << "input " << i + 1 << " has rank " << node.rankOf(operands[i]) << ", wanted 1";
    operands[i] = node.convert(operands[i], wideType);
  }
  auto [scale, bias, mean, variance] = operands;
  double epsilon = readEpsilon(node);
  if (!isTraining) {
    Value deviation = node.create<AddOp>(variance, node.like(variance, epsilon));
    Value factor = node.create<MulOp>(scale, node.create<RsqrtOp>(deviation));
    Value term = node.create<SubOp>(bias, node.create<MulOp>(mean, factor));
    return node.setResult(0, node.convert(scaleChannels(node, wide, factor, term), type));
  }

  int64_t rank = node.rankOf(x);
  SmallVector<int64_t> axes = {0};
  axes.append(rangeOf(2, rank));
  Normalized normalized = normalize(node, wide, axes, epsilon);
  if (failed(node.setResult(0, node.convert(scaleChannels(node, normalized.y, scale, bias), type))))
    return failure();
  double momentum = node.getFloat("momentum", 0.9);
  Value current[] = {node.squeeze(normalized.mean, axes), node.squeeze(normalized.variance, axes)};
  Value running[] = {mean, variance};
  for (int i = 0; i < 2; ++i) {
    Type statisticType = node.elementTypeOf(node.operand(3 + i));
    Value kept = node.create<MulOp>(running[i], node.like(running[i], momentum));
    Value added = node.create<MulOp>(current[i], node.like(current[i], 1 - momentum));
    if (node.isResultUsed(1 + i) &&
        failed(node.setResult(1 + i, node.convert(node.create<AddOp>(kept, added), statisticType))))
      return failure();
    // The statistics of this batch, up to opset 13.
    if (node.getNumResults() > 3 + i && node.isResultUsed(3 + i) &&
        failed(node.setResult(3 + i, node.convert(current[i], statisticType))))
      return failure();
  }
  return success();
}

//===-- Layer, RMS
//--------------------------------------------------------------------------------------------===//

static FailureOr<SmallVector<int64_t>> trailingAxes(NodeImporter &node, Value x) {
  FailureOr<int64_t> axis = node.normalizeAxis(node.getInt("axis", -1), node.rankOf(x));
  if (failed(axis))
    return failure();
  int64_t stash = node.getInt("stash_type", 1);
  if (stash != 1 && !node.elementTypeOf(x).isF64()) {
    (void)node.unsupported("stash_type " + Twine(stash));
    return failure();
  }
  return rangeOf(*axis, node.rankOf(x));
}

static LogicalResult importLayerNormalization(NodeImporter &node) {
  Value x = node.operand(0);
  FailureOr<SmallVector<int64_t>> axes = trailingAxes(node, x);
  if (failed(axes))
    return failure();
  double epsilon = readEpsilon(node);
  Normalized normalized = normalize(node, x, *axes, epsilon);
  Value y = node.mul(normalized.y, node.operand(1));
  if (node.hasOperand(2))
    y = node.add(y, node.operand(2));
  if (failed(node.setResult(0, y)))
    return failure();
  if (node.isResultUsed(1) && failed(node.setResult(1, normalized.mean)))
    return failure();
  if (!node.isResultUsed(2))
    return success();
  Value shifted = node.create<AddOp>(normalized.variance, node.like(normalized.variance, epsilon));
  return node.setResult(2, node.create<RsqrtOp>(shifted));
}

static LogicalResult importRMSNormalization(NodeImporter &node) {
  Value x = node.operand(0);
  FailureOr<SmallVector<int64_t>> axes = trailingAxes(node, x);
  if (failed(axes))
    return failure();
  Normalized normalized = normalize(node, x, *axes, readEpsilon(node), /*center=*/false);
  Value scale = node.operand(1);
  Value y = node.mul(normalized.y, node.convert(scale, node.elementTypeOf(x)));
  return node.setResult(node.convert(y, node.elementTypeOf(scale)));
}

//===-- Instance, group
//---------------------------------------------------------------------------------------===//

static LogicalResult importInstanceNormalization(NodeImporter &node) {
  Value x = node.operand(0);
  if (failed(checkChannels(node, x)))
    return failure();
  Normalized normalized = normalize(node, x, rangeOf(2, node.rankOf(x)), readEpsilon(node));
  return node.setResult(scaleChannels(node, normalized.y, node.operand(1), node.operand(2)));
}

static LogicalResult importGroupNormalization(NodeImporter &node) {
  Value x = node.operand(0), scale = node.operand(1), bias = node.operand(2);
  if (failed(checkChannels(node, x)))
    return failure();
  int64_t groups = node.getInt("num_groups", 0);
  if (groups < 1)
    return node.error() << "has num_groups " << groups << ", wanted 1 or more";
  Extents sizes = node.extents(x), grouped = sizes;
  if (sizes[1].isStatic() && sizes[1].getStatic() % groups != 0)
    return node.error() << "has " << sizes[1].getStatic() << " channels, wanted a multiple of num_groups, "
                        << groups;
  grouped[1] = Extent(groups);
  grouped.insert(grouped.begin() + 2, node.floorDiv(sizes[1], groups));
  Value y = normalize(node, node.reshape(x, grouped), rangeOf(2, grouped.size()), readEpsilon(node)).y;
  // Scale and bias: one per group up to opset 20, one per channel from 21 on.
  if (node.getOpset() < 21)
    y = scaleChannels(node, y, scale, bias);
  y = node.reshape(y, sizes);
  if (node.getOpset() >= 21)
    y = scaleChannels(node, y, scale, bias);
  return node.setResult(y);
}

//===-- Written out
//-------------------------------------------------------------------------------------------===//

static LogicalResult importMeanVarianceNormalization(NodeImporter &node) {
  Value x = node.operand(0);
  FailureOr<SmallVector<int64_t>> axes = node.normalizeAxes(node.getInts("axes", {0, 2, 3}), node.rankOf(x));
  if (failed(axes))
    return failure();
  Value wide = widen(node, x);
  Type type = node.elementTypeOf(wide);
  int64_t rank = node.rankOf(x);
  Extent count(1);
  for (int64_t axis : *axes)
    count = node.mul(count, node.extent(x, axis));
  Value number = unitOf(node, count, type, rank);
  auto mean = [&](Value value) -> Value {
    return node.create<DivOp>(node.reduce(ReduceKind::add, value, *axes, /*keepDims=*/true), number);
  };
  Value centred = node.create<SubOp>(wide, mean(wide));
  Value deviation = node.create<SqrtOp>(mean(node.create<MulOp>(centred, centred)));
  Value divisor = node.create<AddOp>(deviation, node.like(deviation, 1e-9));
  return node.setResult(node.convert(node.create<DivOp>(centred, divisor), node.elementTypeOf(x)));
}

static LogicalResult importLpNormalization(NodeImporter &node) {
  Value x = node.operand(0);
  FailureOr<int64_t> axis = node.normalizeAxis(node.getInt("axis", -1), node.rankOf(x));
  if (failed(axis))
    return failure();
  int64_t p = node.getInt("p", 2);
  if (p != 1 && p != 2)
    return node.error() << "has norm p = " << p << ", wanted 1 or 2";
  Value wide = widen(node, x);
  Value powers = p == 1 ? node.create<AbsOp>(wide) : node.create<MulOp>(wide, wide);
  Value norm = node.reduce(ReduceKind::add, powers, {*axis}, /*keepDims=*/true);
  if (p == 2)
    norm = node.create<SqrtOp>(norm);
  Value isZero = node.create<CompareOp>(CompareKind::eq, norm, node.like(norm, 0));
  Value y = node.create<SelectOp>(isZero, node.like(wide, 0), node.create<DivOp>(wide, norm));
  return node.setResult(node.convert(y, node.elementTypeOf(x)));
}

/// x / (bias + alpha / size · sum of squares over the neighbouring channels) ^ beta
static LogicalResult importLRN(NodeImporter &node) {
  Value x = node.operand(0);
  if (failed(checkChannels(node, x)))
    return failure();
  int64_t size = node.getInt("size", 0);
  if (size < 1 || size > (int64_t(1) << 30))
    return node.error() << "has size " << size << ", wanted 1 or more";
  double alpha = node.getFloat("alpha", 1e-4), beta = node.getFloat("beta", 0.75),
         bias = node.getFloat("bias", 1);
  Value wide = widen(node, x);
  int64_t axes[] = {1}, window[] = {size}, one[] = {1}, low[] = {(size - 1) / 2}, high[] = {size / 2};
  Value squares = node.create<MulOp>(wide, wide);
  Value sum = node.create<ReduceWindowOp>(
      squares, ReduceKind::add, ArrayRef<int64_t>(axes), ArrayRef<int64_t>(window), ArrayRef<int64_t>(one),
      ArrayRef<int64_t>(low), ArrayRef<int64_t>(high), ArrayRef<int64_t>(one), ArrayRef<int64_t>(one));
  Value scaled = node.create<MulOp>(sum, node.like(sum, alpha / double(size)));
  Value base = node.create<AddOp>(scaled, node.like(scaled, bias));
  Value divisor = node.create<PowOp>(base, node.like(base, beta));
  return node.setResult(node.convert(node.create<DivOp>(wide, divisor), node.elementTypeOf(x)));
}

void weft::onnx::registerNormOps(OpTable &table) {
  table.add("BatchNormalization", 5, 5, importBatchNormalization);
  table.add("LayerNormalization", 2, 3, importLayerNormalization);
  table.add("RMSNormalization", 2, 2, importRMSNormalization);
  table.add("InstanceNormalization", 3, 3, importInstanceNormalization);
  table.add("GroupNormalization", 3, 3, importGroupNormalization);
  table.add("MeanVarianceNormalization", 1, 1, importMeanVarianceNormalization);
  table.add("LpNormalization", 1, 1, importLpNormalization);
  table.add("LRN", 1, 1, importLRN);
}
