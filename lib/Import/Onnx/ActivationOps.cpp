// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// ONNX's activation functions as chains of elementwise ops, which fuse. 16-bit floats are computed in f32 and
// rounded once.
#include "NodeImporter.h"

#include "Numeric.h"
#include <cmath>

using namespace mlir;
using namespace weft;
using namespace weft::onnx;

/// The result in the type of operand 0.
static LogicalResult setNarrow(NodeImporter &node, Value y) {
  return node.setResult(node.convert(y, NodeImporter::elementTypeOf(node.operand(0))));
}

static Value isPositive(NodeImporter &node, Value x) {
  return node.compare(ir::CompareKind::gt, x, node.like(x, 0));
}
static Value isNegative(NodeImporter &node, Value x) {
  return node.compare(ir::CompareKind::lt, x, node.like(x, 0));
}
static Value times(NodeImporter &node, Value x, double factor) { return node.mul(x, node.like(x, factor)); }
static Value plus(NodeImporter &node, Value x, double term) { return node.add(x, node.like(x, term)); }

/// exp(x) - 1 below 0, and 0 above, where the result is not looked at.
static Value expm1BelowZero(NodeImporter &node, Value x) {
  return node.create<ir::Expm1Op>(node.min(x, node.like(x, 0)));
}

static Value clampTo(NodeImporter &node, Value x, double low, double high) {
  return node.create<ir::ClampOp>(node.like(x, low), x, node.like(x, high));
}

/// log(1 + exp(x)) that does not overflow.
static Value softplus(NodeImporter &node, Value x) {
  Value small = node.create<ir::ExpOp>(node.create<ir::NegOp>(node.create<ir::AbsOp>(x)));
  return node.add(node.create<ir::Log1pOp>(small), node.max(x, node.like(x, 0)));
}

static LogicalResult importElu(NodeImporter &node) {
  Value x = widen(node, node.operand(0));
  Value low = times(node, expm1BelowZero(node, x), node.getFloat("alpha", 1.0));
  return setNarrow(node, node.select(isPositive(node, x), x, low));
}

static LogicalResult importSelu(NodeImporter &node) {
  Value x = widen(node, node.operand(0));
  double alpha = node.getFloat("alpha", 1.67326319217681884765625),
         gamma = node.getFloat("gamma", 1.05070102214813232421875);
  Value low = times(node, expm1BelowZero(node, x), alpha * gamma);
  return setNarrow(node, node.select(isPositive(node, x), times(node, x, gamma), low));
}

static LogicalResult importCelu(NodeImporter &node) {
  Value x = widen(node, node.operand(0));
  double alpha = node.getFloat("alpha", 1.0);
  Value low = times(node, expm1BelowZero(node, node.div(x, node.like(x, alpha))), alpha);
  return setNarrow(node, node.select(isPositive(node, x), x, low));
}

static LogicalResult importLeakyRelu(NodeImporter &node) {
  Value x = node.operand(0);
  return node.setResult(node.select(isNegative(node, x), times(node, x, node.getFloat("alpha", 0.01)), x));
}

static LogicalResult importPRelu(NodeImporter &node) {
  Value x = node.operand(0);
  return node.setResult(node.select(isNegative(node, x), node.mul(x, node.operand(1)), x));
}

static LogicalResult importThresholdedRelu(NodeImporter &node) {
  Value x = node.operand(0);
  Value above = node.compare(ir::CompareKind::gt, x, node.like(x, node.getFloat("alpha", 1.0)));
  return node.setResult(node.select(above, x, node.like(x, 0)));
}

static LogicalResult importShrink(NodeImporter &node) {
  Value x = toFloat(node, node.operand(0));
  double lambda = node.getFloat("lambd", 0.5), bias = node.getFloat("bias", 0.0);
  Value below = node.compare(ir::CompareKind::lt, x, node.like(x, -lambda));
  Value above = node.compare(ir::CompareKind::gt, x, node.like(x, lambda));
  Value inner = node.select(above, plus(node, x, -bias), node.like(x, 0));
  return setNarrow(node, node.select(below, plus(node, x, bias), inner));
}

static LogicalResult importSoftplus(NodeImporter &node) {
  return setNarrow(node, softplus(node, widen(node, node.operand(0))));
}

static LogicalResult importSoftsign(NodeImporter &node) {
  Value x = widen(node, node.operand(0));
  return setNarrow(node, node.div(x, plus(node, node.create<ir::AbsOp>(x), 1)));
}

static LogicalResult importHardSigmoid(NodeImporter &node) {
  Value x = widen(node, node.operand(0));
  Value line = plus(node, times(node, x, node.getFloat("alpha", 0.2)), node.getFloat("beta", 0.5));
  return setNarrow(node, clampTo(node, line, 0, 1));
}

static LogicalResult importHardSwish(NodeImporter &node) {
  Value x = widen(node, node.operand(0));
  return setNarrow(node, node.mul(x, clampTo(node, plus(node, times(node, x, 1.0 / 6), 0.5), 0, 1)));
}

static LogicalResult importMish(NodeImporter &node) {
  Value x = widen(node, node.operand(0));
  return setNarrow(node, node.mul(x, node.create<ir::TanhOp>(softplus(node, x))));
}

static LogicalResult importGelu(NodeImporter &node) {
  Value x = widen(node, node.operand(0));
  std::string approximate = node.getString("approximate", "none");
  Value gate;
  if (approximate == "tanh") {
    Value cube = node.mul(node.mul(x, x), x);
    Value inner = times(node, node.add(x, times(node, cube, 0.044715)), std::sqrt(2 / M_PI));
    gate = node.create<ir::TanhOp>(inner);
  } else if (approximate == "none") {
    gate = node.create<ir::ErfOp>(times(node, x, M_SQRT1_2));
  } else {
    return node.error() << "found approximate '" << approximate << "', wanted none or tanh";
  }
  return setNarrow(node, node.mul(times(node, x, 0.5), plus(node, gate, 1)));
}

static LogicalResult importSwish(NodeImporter &node) {
  Value x = widen(node, node.operand(0));
  Value scaled = times(node, x, node.getFloat("alpha", 1.0));
  return setNarrow(node, node.mul(x, node.create<ir::LogisticOp>(scaled)));
}

static LogicalResult importSwiGLU(NodeImporter &node) {
  Value gate = widen(node, node.operand(0)), value = widen(node, node.operand(1));
  Value scaled = times(node, gate, node.getFloat("alpha", 1.0));
  return setNarrow(node, node.mul(node.mul(gate, node.create<ir::LogisticOp>(scaled)), value));
}

/// Clip: bounds are attributes before opset 11, optional scalars since.
static LogicalResult importClip(NodeImporter &node) {
  Value x = node.operand(0);
  Value bounds[2];
  for (int i : {0, 1}) {
    const char *name = i == 0 ? "min" : "max";
    if (Value bound = node.operand(i + 1)) {
      SmallVector<int64_t> ones(NodeImporter::rankOf(x), 1);
      bounds[i] = node.reshape(bound, ArrayRef<int64_t>(ones));
    } else if (node.hasAttribute(name)) {
      bounds[i] = node.like(x, node.getFloat(name, 0));
    }
  }
  if (bounds[0] && bounds[1])
    return node.setResult(node.create<ir::ClampOp>(bounds[0], x, bounds[1]));
  if (bounds[0])
    x = node.max(x, bounds[0]);
  if (bounds[1])
    x = node.min(x, bounds[1]);
  return node.setResult(x);
}

void weft::onnx::registerActivationOps(OpTable &table) {
  table.add("Elu", 1, 1, importElu);
  table.add("Selu", 1, 1, importSelu);
  table.add("Celu", 1, 1, importCelu);
  table.add("LeakyRelu", 1, 1, importLeakyRelu);
  table.add("PRelu", 2, 2, importPRelu);
  table.add("ThresholdedRelu", 1, 1, importThresholdedRelu);
  table.add("Shrink", 1, 1, importShrink);
  table.add("Softplus", 1, 1, importSoftplus);
  table.add("Softsign", 1, 1, importSoftsign);
  table.add("HardSigmoid", 1, 1, importHardSigmoid);
  table.add("HardSwish", 1, 1, importHardSwish);
  table.add("Mish", 1, 1, importMish);
  table.add("Gelu", 1, 1, importGelu);
  table.add("Swish", 1, 1, importSwish);
  table.add("SwiGLU", 2, 2, importSwiGLU);
  table.add("Clip", 1, 3, importClip);
}
