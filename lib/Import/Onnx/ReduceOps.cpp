// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reductions, running reductions, the softmax family and the losses. Axes may be known only at run time: then
// they are moved last by a gather and reduced there.
#include "Numeric.h"

using namespace mlir;
using namespace weft;
using namespace weft::ir;
using namespace weft::onnx;

//===-- Reduce*
//-----------------------------------------------------------------------------------------------===//

namespace {
enum class Reduction { Sum, Mean, Max, Min, Prod, L1, L2, LogSum, LogSumExp, SumSquare };
} // namespace

/// The reduction over known axes, in the type of x.
static Value reduceOver(NodeImporter &node, Reduction reduction, Value x, ArrayRef<int64_t> axes,
                        bool keepDims) {
  Type type = node.elementTypeOf(x);
  if (reduction == Reduction::Max || reduction == Reduction::Min) {
    bool isMax = reduction == Reduction::Max;
    ReduceKind kind = isMax ? ReduceKind::max : ReduceKind::min;
    if (node.isBool(x))
      kind = isMax ? ReduceKind::bit_or : ReduceKind::bit_and;
    return node.reduce(kind, x, axes, keepDims);
  }
  // Roots and logarithms of integers are taken in f64.
  bool isTranscendental =
      reduction == Reduction::L2 || reduction == Reduction::LogSum || reduction == Reduction::LogSumExp;
  Value wide = isTranscendental && !node.isFloat(x) ? node.convert(x, node.b().getF64Type()) : widen(node, x);
  ReduceKind kind = ReduceKind::add;
  switch (reduction) {
  case Reduction::Prod:
    kind = ReduceKind::mul;
    break;
  case Reduction::L1:
    if (!node.isUnsigned(wide))
      wide = node.create<AbsOp>(wide);
    break;
  case Reduction::L2:
  case Reduction::SumSquare:
    wide = node.create<MulOp>(wide, wide);
    break;
  case Reduction::LogSumExp:
    kind = ReduceKind::logaddexp;
    break;
  default:
    break;
  }
  Value reduced = node.reduce(kind, wide, axes, keepDims);
  if (reduction == Reduction::Mean) {
    Extent count(1);
    for (int64_t axis : axes)
      count = node.mul(count, node.extent(x, axis));
    reduced =
        node.create<DivOp>(reduced, unitOf(node, count, node.elementTypeOf(reduced), node.rankOf(reduced)));
  } else if (reduction == Reduction::L2) {
    reduced = node.create<SqrtOp>(reduced);
  } else if (reduction == Reduction::LogSum) {
    reduced = node.create<LogOp>(reduced);
  }
  return node.convert(reduced, type);
}

/// The reduction over `count` axes that the run time tells.
static Value reduceAtRunTime(NodeImporter &node, Reduction reduction, Value x, Value axes, int64_t count,
                             bool keepDims) {
  int64_t rank = node.rankOf(x);
  axes = node.convert(node.wrapIndex(axes, Extent(rank)), node.i64());
  Value moved = permuteAtRunTime(node, x, permutationToLast(node, axes, rank));
  Value reduced = reduceOver(node, reduction, moved, rangeOf(rank - count, rank), /*keepDims=*/false);
  if (!keepDims)
    return reduced;
  // 1 where the axis is named, else the extent.
  Value all = node.iota(node.i64(), {Extent(rank)}, 0);
  Value isNamed = node.compare(CompareKind::eq, node.unsqueeze(all, {1}), node.unsqueeze(axes, {0}));
  Value named = node.reduce(ReduceKind::bit_or, isNamed, {1});
  Value sizes = node.select(named, node.unit(node.i64(), 1, 1), node.toTensor(node.extents(x)));
  Extents extents;
  for (int64_t i = 0; i < rank; ++i)
    extents.push_back(Extent::of(toScalar(node, node.sliceAxis(sizes, 0, i, 1))));
  return node.reshape(reduced, extents);
}

template <Reduction reduction> static LogicalResult importReduce(NodeImporter &node) {
  Value x = node.operand(0);
  int64_t rank = node.rankOf(x);
  bool keepDims = node.getInt("keepdims", 1) != 0;
  SmallVector<int64_t> axes = node.getInts("axes");
  if (node.hasOperand(1)) {
    Value list = node.operand(1);
    if (std::optional<SmallVector<int64_t>> known = node.getConstantInts(list)) {
      axes = *known;
    } else {
      Dim count = node.rankOf(list) == 1 ? getDim(list, 0) : Dim();
      if (!count.isStatic() || count.getStatic() > rank)
        return node.error() << "has axes of type " << list.getType() << ", wanted a known number of at most "
                            << rank;
      if (count.getStatic() > 0) {
        Value y = reduceAtRunTime(node, reduction, x, list, count.getStatic(), keepDims);
        return node.setResult(node.refineToDeclared(0, y));
      }
    }
  }
  FailureOr<SmallVector<int64_t>> normal = node.normalizeAxes(axes, rank);
  if (failed(normal))
    return failure();
  if (normal->empty() && !node.getInt("noop_with_empty_axes", 0))
    *normal = rangeOf(0, rank);
  return node.setResult(reduceOver(node, reduction, x, *normal, keepDims));
}

//===-- Running reductions
//------------------------------------------------------------------------------------===//

template <ReduceKind kind> static LogicalResult importCumulative(NodeImporter &node) {
  Value x = node.operand(0), axisValue = node.operand(1);
  int64_t rank = node.rankOf(x);
  bool reverse = node.getInt("reverse", 0) != 0, exclusive = node.getInt("exclusive", 0) != 0;
  if (rank == 0)
    return node.error() << "has an input of rank 0, wanted 1 or more";
  std::optional<SmallVector<int64_t>> known = node.getConstantInts(axisValue);
  if (rank == 1 && !known)
    known = SmallVector<int64_t>{0};
  if (known) {
    if (known->size() != 1)
      return node.error() << "has " << known->size() << " axes, wanted 1";
    FailureOr<int64_t> axis = node.normalizeAxis(known->front(), rank);
    if (failed(axis))
      return failure();
    return node.setResult(node.create<CumulativeOp>(x, kind, *axis, reverse, exclusive));
  }
  Value axes = node.convert(node.wrapIndex(toUnit(node, axisValue, 1), Extent(rank)), node.i64());
  Value toLast = permutationToLast(node, axes, rank);
  Value moved = permuteAtRunTime(node, x, toLast);
  Value running = node.create<CumulativeOp>(moved, kind, rank - 1, reverse, exclusive);
  Value back = permuteAtRunTime(node, running, invertPermutation(node, toLast, rank));
  return node.setResult(node.failed() ? back : node.castTo(back, x.getType()));
}

//===-- The softmax family
//------------------------------------------------------------------------------------===//

/// x as the op sees it: up to opset 12 flattened to two dimensions before `axis` and normalised over the
/// second.
static FailureOr<Value> softmaxOperand(NodeImporter &node, int64_t &axis) {
  Value x = node.operand(0);
  bool isFlat = node.getOpset() < 13;
  int64_t rank = node.rankOf(x);
  FailureOr<int64_t> normal = node.normalizeAxis(node.getInt("axis", isFlat ? 1 : -1), rank);
  if (failed(normal))
    return failure();
  axis = *normal;
  if (!isFlat || (rank > 0 && axis == rank - 1))
    return x;
  Extents sizes = node.extents(x);
  axis = 1;
  return node.reshape(x, {node.product(ArrayRef(sizes).take_front(*normal)),
                          node.product(ArrayRef(sizes).drop_front(*normal))});
}

/// The result under x's extents again.
static LogicalResult setSoftmaxResult(NodeImporter &node, Value y) {
  Value x = node.operand(0);
  return node.setResult(
      node.rankOf(y) == node.rankOf(x) && y.getType() == x.getType() ? y : node.reshape(y, node.extents(x)));
}

static LogicalResult importSoftmax(NodeImporter &node) {
  int64_t axis = 0;
  FailureOr<Value> x = softmaxOperand(node, axis);
  if (failed(x))
    return failure();
  return setSoftmaxResult(node, node.create<SoftmaxOp>(*x, axis));
}

/// x - log(sum(exp(x))), computed in 32 bits or more.
static Value logSoftmax(NodeImporter &node, Value x, int64_t axis) {
  Value wide = widen(node, x);
  return node.create<SubOp>(wide, node.reduce(ReduceKind::logaddexp, wide, {axis}, /*keepDims=*/true));
}

static LogicalResult importLogSoftmax(NodeImporter &node) {
  int64_t axis = 0;
  FailureOr<Value> x = softmaxOperand(node, axis);
  if (failed(x))
    return failure();
  return setSoftmaxResult(node, node.convert(logSoftmax(node, *x, axis), node.elementTypeOf(*x)));
}

static LogicalResult importHardmax(NodeImporter &node) {
  int64_t axis = 0;
  FailureOr<Value> x = softmaxOperand(node, axis);
  if (failed(x))
    return failure();
  Value first = node.unsqueeze(node.create<ArgReduceOp>(*x, ArgKind::max, axis, Tie::first), {axis});
  Extents line(node.rankOf(*x), Extent(1));
  line[axis] = node.extent(*x, axis);
  Value isFirst = node.create<CompareOp>(CompareKind::eq, first, node.iota(node.i64(), line, axis));
  return setSoftmaxResult(node, node.convert(isFirst, node.elementTypeOf(*x)));
}

//===-- Losses
//------------------------------------------------------------------------------------------------===//

/// The loss of log probabilities [batch, class, ...] for labels [batch, ...].
static LogicalResult setLoss(NodeImporter &node, Value logProbability, Type type) {
  Value labels = node.operand(1);
  int64_t rank = node.rankOf(logProbability);
  if (rank < 2 || node.rankOf(labels) != rank - 1)
    return node.error() << "has an input of rank " << rank << " and labels of rank " << node.rankOf(labels)
                        << ", wanted 2 or more and one less";
  std::string reduction = node.getString("reduction", "mean");
  if (reduction != "none" && reduction != "sum" && reduction != "mean")
    return node.error() << "has reduction '" << reduction << "', wanted none, sum or mean";
  labels = node.convert(labels, node.i64());

  SmallVector<int64_t> batch = {0}, labelBatch = rangeOf(0, rank - 1);
  batch.append(rangeOf(2, rank));
  Value index = node.unsqueeze(labels, {rank - 1});
  Value loss = node.create<NegOp>(node.gather(logProbability, index, {1}, batch, labelBatch, 0));
  Type wide = node.elementTypeOf(loss);
  Value weight;
  if (node.hasOperand(2))
    weight = node.gather(node.convert(node.operand(2), wide), index, {0}, {}, {}, 0);
  if (node.hasAttribute("ignore_index")) {
    Value ignored = node.create<CompareOp>(CompareKind::eq, labels,
                                           node.like(labels, double(node.getInt("ignore_index", 0))));
    weight = node.create<SelectOp>(ignored, node.unit(wide, rank - 1, 0),
                                   weight ? weight : node.unit(wide, rank - 1, 1));
    loss = node.create<SelectOp>(ignored, node.like(loss, 0), loss);
  }
  if (weight)
    loss = node.create<MulOp>(loss, weight);
  if (reduction != "none") {
    Value sum = node.reduce(ReduceKind::add, loss, labelBatch);
    if (reduction == "mean") {
      Value total = weight ? node.reduce(ReduceKind::add, weight, labelBatch)
                           : unitOf(node, node.product(node.extents(labels)), wide, 0);
      sum = node.create<DivOp>(sum, total);
    }
    loss = sum;
  }
  return node.setResult(0, node.convert(loss, type));
}

static LogicalResult importNegativeLogLikelihoodLoss(NodeImporter &node) {
  Value x = node.operand(0);
  return setLoss(node, widen(node, x), node.elementTypeOf(x));
}

static LogicalResult importSoftmaxCrossEntropyLoss(NodeImporter &node) {
  Value x = node.operand(0);
  if (node.rankOf(x) < 2)
    return node.error() << "has scores of rank " << node.rankOf(x) << ", wanted 2 or more";
  Type type = node.elementTypeOf(x);
  Value logProbability = logSoftmax(node, x, 1);
  if (failed(setLoss(node, logProbability, type)))
    return failure();
  return node.isResultUsed(1) ? node.setResult(1, node.convert(logProbability, type)) : success();
}

void weft::onnx::registerReduceOps(OpTable &table) {
  table.add("ReduceSum", 1, 2, importReduce<Reduction::Sum>);
  table.add("ReduceMean", 1, 2, importReduce<Reduction::Mean>);
  table.add("ReduceMax", 1, 2, importReduce<Reduction::Max>);
  table.add("ReduceMin", 1, 2, importReduce<Reduction::Min>);
  table.add("ReduceProd", 1, 2, importReduce<Reduction::Prod>);
  table.add("ReduceL1", 1, 2, importReduce<Reduction::L1>);
  table.add("ReduceL2", 1, 2, importReduce<Reduction::L2>);
  table.add("ReduceLogSum", 1, 2, importReduce<Reduction::LogSum>);
  table.add("ReduceLogSumExp", 1, 2, importReduce<Reduction::LogSumExp>);
  table.add("ReduceSumSquare", 1, 2, importReduce<Reduction::SumSquare>);
  table.add("CumSum", 2, 2, importCumulative<ReduceKind::add>);
  table.add("CumProd", 2, 2, importCumulative<ReduceKind::mul>);
  table.add("Softmax", 1, 1, importSoftmax);
  table.add("LogSoftmax", 1, 1, importLogSoftmax);
  table.add("Hardmax", 1, 1, importHardmax);
  table.add("NegativeLogLikelihoodLoss", 2, 3, importNegativeLogLikelihoodLoss);
  table.add("SoftmaxCrossEntropyLoss", 2, 3, importSoftmaxCrossEntropyLoss);
}
