// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// NonMaxSuppression: all batches and classes together, one weft.scan step per box that each may select; then
// the valid selections in order of batch, class and score.
#include "Numeric.h"

#include <limits>

using namespace mlir;
using namespace weft;
using namespace weft::ir;
using namespace weft::onnx;

namespace {
/// Corners of boxes, tensors of equal rank.
struct Boxes {
  Value yLow, xLow, yHigh, xHigh;
};

class Suppression {
public:
  explicit Suppression(NodeImporter &node) : node(node) {}
  LogicalResult run();

private:
  /// Corners from [..., 4]; without that dimension.
  Boxes corners(Value boxes);
  /// i1: intersection over union above the threshold.
  Value overlaps(const Boxes &a, const Boxes &b, Value threshold);
  /// A one-element float operand as [1, 1, 1]; null without.
  Value readThreshold(int i, Type type) {
    return node.hasOperand(i) ? node.convert(toUnit(node, node.operand(i), 3), type) : Value();
  }

  NodeImporter &node;
};
} // namespace

Boxes Suppression::corners(Value boxes) {
  int64_t last = node.rankOf(boxes) - 1;
  Value parts[4];
  for (int64_t i = 0; i < 4; ++i)
    parts[i] = node.squeeze(node.sliceAxis(boxes, last, i, 1), {last});
  if (node.getInt("center_point_box", 0)) {
    // x and y of the centre, width, height
    Value half = node.like(parts[0], 0.5);
    Value width = node.create<MulOp>(parts[2], half), height = node.create<MulOp>(parts[3], half);
    return {node.create<SubOp>(parts[1], height), node.create<SubOp>(parts[0], width),
            node.create<AddOp>(parts[1], height), node.create<AddOp>(parts[0], width)};
  }
  // Any two opposite corners
  return {node.create<MinOp>(parts[0], parts[2]), node.create<MinOp>(parts[1], parts[3]),
          node.create<MaxOp>(parts[0], parts[2]), node.create<MaxOp>(parts[1], parts[3])};
}

Value Suppression::overlaps(const Boxes &a, const Boxes &b, Value threshold) {
  auto side = [&](Value high, Value low) -> Value {
    Value length = node.create<SubOp>(high, low);
    return node.create<MaxOp>(length, node.like(length, 0));
  };
  auto area = [&](const Boxes &box) -> Value {
    return node.create<MulOp>(side(box.yHigh, box.yLow), side(box.xHigh, box.xLow));
  };
  Value height = side(node.create<MinOp>(a.yHigh, b.yHigh), node.create<MaxOp>(a.yLow, b.yLow));
  Value width = side(node.create<MinOp>(a.xHigh, b.xHigh), node.create<MaxOp>(a.xLow, b.xLow));
  Value shared = node.create<MulOp>(height, width);
  Value all = node.create<SubOp>(node.create<AddOp>(area(a), area(b)), shared);
  // Empty boxes overlap nothing: 0 / 0 compares as false.
  Value isAbove = node.create<CompareOp>(CompareKind::gt, node.create<DivOp>(shared, all), threshold);
  Value isShared = node.create<CompareOp>(CompareKind::gt, shared, node.like(shared, 0));
  return node.create<AndOp>(isAbove, isShared);
}

LogicalResult Suppression::run() {
  Value boxes = node.operand(0), scores = node.operand(1);
  if (node.rankOf(boxes) != 3 || node.rankOf(scores) != 3)
    return node.error() << "has boxes of rank " << node.rankOf(boxes) << " and scores of rank "
                        << node.rankOf(scores) << ", wanted 3 and 3";
  Extent most(0);
  if (node.hasOperand(2)) {
    FailureOr<Extents> contents = node.readContents(node.operand(2));
    if (failed(contents))
      return failure();
    if (contents->size() != 1)
      return node.error() << "has " << contents->size() << " numbers in max_output_boxes_per_class, wanted 1";
    most = contents->front();
  }
  Extent numBoxes = node.extent(scores, 2);
  most = node.max(node.min(most, numBoxes), 0);
  Type type = node.elementTypeOf(boxes);
  Value threshold = readThreshold(3, type);
  if (!threshold)
    threshold = node.unit(type, 3, 0);
  Value active = node.full(node.i1(), node.extents(scores), 1);
  if (Value least = readThreshold(4, node.elementTypeOf(scores)))
    active = node.create<CompareOp>(CompareKind::gt, scores, least);
  // Corners of all boxes, [batch, 1, box].
  Boxes all = corners(node.unsqueeze(boxes, {1}));
  if (node.failed())
    return failure();
  Type carried = active.getType();
  SmallVector<Value> results = node.scan(
      {active}, {}, most, /*reverse=*/false,
      [&](ValueRange carries, ValueRange, SmallVectorImpl<Value> &next, SmallVectorImpl<Value> &stacked) {
        Value now = carries[0];
        Value candidates =
            node.create<SelectOp>(now, scores, node.like(scores, -std::numeric_limits<double>::infinity()));
        Value best =
            node.create<ArgReduceOp>(candidates, ArgKind::max, int64_t(2), Tie::first); // [batch, class]
        Value isValid = node.reduce(ReduceKind::bit_or, now, {2});
        Value index = node.unsqueeze(best, {2});
        Boxes chosen = corners(node.gather(boxes, index, {1}, {0}, {0}, 0));
        for (Value *corner : {&chosen.yLow, &chosen.xLow, &chosen.yHigh, &chosen.xHigh})
          *corner = node.unsqueeze(*corner, {2});
        Value suppressed = overlaps(chosen, all, threshold);
        Value isBest = node.create<CompareOp>(CompareKind::eq, index,
                                              node.iota(node.i64(), {Extent(1), Extent(1), numBoxes}, 2));
        Value gone = node.create<NotOp>(node.create<OrOp>(suppressed, isBest));
        next.push_back(node.castTo(node.create<AndOp>(now, gone), carried));
        stacked.push_back(best);
        stacked.push_back(isValid);
      });
  if (node.failed() || results.size() != 3)
    return failure();
  Value selected = node.transpose(results[1], {1, 2, 0}), isValid = node.transpose(results[2], {1, 2, 0});
  if (node.failed())
    return failure();
  auto found = makeTensorType({Dim::unknown(), Dim(3)}, node.i64());
  Value positions = NonZeroOp::create(node.b(), node.getLoc(), found, isValid);
  Value boxNumbers = node.unsqueeze(node.gather(selected, positions, {0, 1, 2}, {}, {}, 0), {1});
  Value y = node.concat({node.sliceAxis(positions, 1, 0, 2), boxNumbers}, 1);
  return node.setResult(node.refineToDeclared(0, y));
}

static LogicalResult importNonMaxSuppression(NodeImporter &node) { return Suppression(node).run(); }

void weft::onnx::registerOtherOps(OpTable &table) {
  table.add("NonMaxSuppression", 2, 5, importNonMaxSuppression);
}
