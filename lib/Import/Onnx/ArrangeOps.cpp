// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// ONNX's ops that cut, pad and rearrange elements: Slice, Pad, block and depth moves, one-hot encodings.
#include "NodeImporter.h"

#include "Numeric.h"

using namespace mlir;
using namespace weft;
using namespace weft::onnx;

/// Models write the end of a dimension as a number of at least this much, or its negative.
static constexpr int64_t endMark = std::numeric_limits<int32_t>::max();

//===-- Slice
//--------------------------------------------------------------------------------------------------===//

namespace {
/// What Slice wants of one dimension.
struct Cut {
  Extent start = Extent(0), end = Extent(endMark), step = Extent(1);
};
} // namespace

/// A position that counts from the end where it is negative.
static Extent fromEnd(NodeImporter &node, Extent at, Extent extent) {
  return node.selectLess(at, Extent(0), node.add(at, extent), at);
}

/// Steps known only at run time: a gather of start + i * step.
static Value cutByGather(NodeImporter &node, Value x, int64_t axis, const Cut &cut) {
  Extent extent = node.extent(x, axis), last = node.sub(extent, Extent(1));
  Extent low = node.selectLess(cut.step, Extent(0), Extent(-1), Extent(0));
  Extent high = node.selectLess(cut.step, Extent(0), last, extent);
  Extent start = node.min(node.max(fromEnd(node, cut.start, extent), low), high);
  Extent end = node.min(node.max(fromEnd(node, cut.end, extent), low), high);
  // (span + step - sign) / step, truncated, at least 0: rounds up where the span goes the step's way.
  Extent sign = node.selectLess(cut.step, Extent(0), Extent(-1), Extent(1));
  Extent rounded = node.sub(node.add(node.sub(end, start), cut.step), sign);
  Extent size = node.max(Extent::of(node.div(node.toValue(rounded), node.toValue(cut.step))), Extent(0));
  Value index = node.iota(node.i64(), {size, Extent(1)}, 0);
  index = node.mul(index, node.reshape(node.toValue(cut.step), ArrayRef<int64_t>{1, 1}));
  index = node.add(index, node.reshape(node.toValue(start), ArrayRef<int64_t>{1, 1}));
  return node.gather(x, index, {axis}, {}, {}, axis);
}

/// Start and size of a cut with a known step; the window is read from the front and turned round when the
/// step is negative.
static void placeCut(NodeImporter &node, const Cut &cut, Extent extent, Extent &start, Extent &size) {
  int64_t step = cut.step.getStatic();
  Extent last = node.sub(extent, Extent(1));
  auto clampTo = [&](const Extent &at, Extent low, Extent high) {
    if (at.isStatic() && at.getStatic() >= endMark)
      return high;
    if (at.isStatic() && at.getStatic() < -endMark)
      return low;
    return node.min(node.max(fromEnd(node, at, extent), low), high);
  };
  if (step > 0) {
    start = clampTo(cut.start, Extent(0), extent);
    Extent span = node.max(node.sub(clampTo(cut.end, Extent(0), extent), start), Extent(0));
    size = node.ceilDiv(span, Extent(step));
    if (start.isStatic() && extent.isStatic() && size.is(0))
      start = Extent(0);
    return;
  }
  // An extent of 0 has no last element: everything is empty then.
  Extent first = node.max(clampTo(cut.start, Extent(-1), last), Extent(-1));
  Extent stop = node.max(clampTo(cut.end, Extent(-1), last), Extent(-1));
  size = node.ceilDiv(node.max(node.sub(first, stop), Extent(0)), Extent(-step));
  start = size.is(0) ? Extent(0) : node.sub(first, node.mul(node.sub(size, Extent(1)), Extent(-step)));
  if (!size.isStatic())
    start = node.max(start, Extent(0));
}

/// starts, ends, axes, steps: attributes before opset 10, inputs since. Axes that come at run time choose
/// among the dimensions by comparison.
static FailureOr<SmallVector<Cut>> readCuts(NodeImporter &node, int64_t rank) {
  Extents starts, ends, axes, steps;
  if (node.getOpset() < 10) {
    starts = toExtents(node.getInts("starts"));
    ends = toExtents(node.getInts("ends"));
    axes = toExtents(node.getInts("axes"));
  } else {
    if (!node.hasOperand(1) || !node.hasOperand(2)) {
      node.error() << "found no starts or ends";
      return failure();
    }
    Extents *lists[] = {&starts, &ends, &axes, &steps};
    for (int i = 0; i < 4; ++i) {
      if (!node.hasOperand(i + 1))
        continue;
      FailureOr<Extents> contents = node.readContents(node.operand(i + 1));
      if (failed(contents))
        return failure();
      *lists[i] = *contents;
    }
  }
  if (axes.empty())
    for (size_t i = 0; i < starts.size(); ++i)
      axes.push_back(Extent(int64_t(i)));
  if (steps.empty())
    steps.assign(starts.size(), Extent(1));
  if (starts.size() != ends.size() || axes.size() != starts.size() || steps.size() != starts.size() ||
      int64_t(starts.size()) > rank) {
    node.error() << "found " << starts.size() << " starts, " << ends.size() << " ends, " << axes.size()
                 << " axes, " << steps.size() << " steps, wanted equal numbers of at most " << rank;
    return failure();
  }
  SmallVector<Cut> cuts(rank);
  for (size_t i = 0; i < starts.size(); ++i) {
    if (steps[i].is(0)) {
      node.error() << "found a step of 0";
      return failure();
    }
    if (axes[i].isStatic()) {
      FailureOr<int64_t> axis = node.normalizeAxis(axes[i].getStatic(), rank);
      if (failed(axis))
        return failure();
      cuts[*axis] = Cut{starts[i], ends[i], steps[i]};
      continue;
    }
    Extent axis = fromEnd(node, axes[i], Extent(rank));
    for (int64_t d = 0; d < rank; ++d) {
      cuts[d].start = node.selectEqual(axis, Extent(d), starts[i], cuts[d].start);
      cuts[d].end = node.selectEqual(axis, Extent(d), ends[i], cuts[d].end);
      cuts[d].step = node.selectEqual(axis, Extent(d), steps[i], cuts[d].step);
    }
  }
  return cuts;
}

static LogicalResult importSlice(NodeImporter &node) {
  Value x = node.operand(0);
  int64_t rank = NodeImporter::rankOf(x);
  FailureOr<SmallVector<Cut>> cuts = readCuts(node, rank);
  if (failed(cuts))
    return failure();
  Extents starts, sizes = node.extents(x);
  SmallVector<int64_t> strides(rank, 1), reversed;
  for (int64_t d = 0; d < rank; ++d) {
    Extent start(0);
    const Cut &cut = (*cuts)[d];
    if (cut.step.isStatic()) {
      if (cut.step.getStatic() < -endMark || cut.step.getStatic() > endMark) {
        // Only one element can be hit.
        return node.error() << "found a step of " << cut.step.getStatic() << ", wanted a smaller one";
      }
      placeCut(node, cut, sizes[d], start, sizes[d]);
      strides[d] = std::abs(cut.step.getStatic());
      if (cut.step.getStatic() < 0)
        reversed.push_back(d);
    }
    starts.push_back(start);
  }
  Value result = node.reverse(node.slice(x, starts, sizes, strides), reversed);
  for (int64_t d = 0; d < rank && !node.failed(); ++d)
    if (!(*cuts)[d].step.isStatic())
      result = cutByGather(node, result, d, (*cuts)[d]);
  return node.setResult(node.refineToDeclared(0, result));
}

//===-- Pad
//----------------------------------------------------------------------------------------------------===//

static LogicalResult importPad(NodeImporter &node) {
  Value x = node.operand(0), value;
  int64_t rank = NodeImporter::rankOf(x);
  std::string modeName = node.getString("mode", "constant");
  std::optional<ir::PadMode> mode = ir::symbolizePadMode(modeName);
  if (!mode)
    return node.error() << "found mode '" << modeName << "', wanted constant, reflect, edge or wrap";
  Extents pads;
  if (node.getOpset() < 11) {
    pads = toExtents(node.getInts("pads"));
    value = node.unit(NodeImporter::elementTypeOf(x), 0, node.getFloat("value", 0));
  } else {
    if (!node.hasOperand(1))
      return node.error() << "found no pads";
    FailureOr<Extents> contents = node.readContents(node.operand(1));
    if (failed(contents))
      return failure();
    pads = *contents;
    if (node.hasOperand(2))
      value = node.convert(toScalar(node, node.operand(2)), NodeImporter::elementTypeOf(x));
  }
  Extents low(rank, Extent(0)), high(rank, Extent(0));
  if (node.hasOperand(3)) {
    FailureOr<Extents> axes = node.readContents(node.operand(3));
    if (failed(axes))
      return failure();
    if (pads.size() != 2 * axes->size())
      return node.error() << "found " << pads.size() << " pads, wanted " << 2 * axes->size();
    for (auto [i, axis] : llvm::enumerate(*axes)) {
      Extent at = fromEnd(node, axis, Extent(rank));
      if (at.isStatic() && (at.getStatic() < 0 || at.getStatic() >= rank))
        return node.error() << "found axis " << axis.getStatic() << ", wanted " << -rank << " to "
                            << rank - 1;
      for (int64_t d = 0; d < rank; ++d) {
        low[d] = node.selectEqual(at, Extent(d), pads[i], low[d]);
        high[d] = node.selectEqual(at, Extent(d), pads[i + axes->size()], high[d]);
      }
    }
  } else {
    if (int64_t(pads.size()) != 2 * rank)
      return node.error() << "found " << pads.size() << " pads, wanted " << 2 * rank;
    low.assign(pads.begin(), pads.begin() + rank);
    high.assign(pads.begin() + rank, pads.end());
  }
  return node.setResult(node.refineToDeclared(0, node.pad(x, low, high, value, *mode)));
}

static LogicalResult importCenterCropPad(NodeImporter &node) {
  Value x = node.operand(0);
  int64_t rank = NodeImporter::rankOf(x);
  FailureOr<Extents> wanted = node.readContents(node.operand(1));
  if (failed(wanted))
    return failure();
  SmallVector<int64_t> axes = node.getInts("axes");
  if (!node.hasAttribute("axes"))
    for (int64_t i = 0; i < rank; ++i)
      axes.push_back(i);
  if (axes.size() != wanted->size())
    return node.error() << "found " << wanted->size() << " extents, wanted " << axes.size();
  Extents low(rank, Extent(0)), high(rank, Extent(0));
  for (auto [axis, target] : llvm::zip_equal(axes, *wanted)) {
    FailureOr<int64_t> at = node.normalizeAxis(axis, rank);
    if (failed(at))
      return failure();
    // Half of the difference, towards 0: the odd element goes to the end.
    Extent added = node.sub(target, node.extent(x, *at));
    low[*at] = added.isStatic() ? Extent(added.getStatic() / 2)
                                : Extent::of(node.div(node.toValue(added), node.scalarI64(2)));
    high[*at] = node.sub(added, low[*at]);
  }
  return node.setResult(node.refineToDeclared(0, node.pad(x, low, high)));
}

//===-- Blocks
//-------------------------------------------------------------------------------------------------===//

static LogicalResult importDepthToSpace(NodeImporter &node) {
  Value x = node.operand(0);
  int64_t block = node.getInt("blocksize", 0);
  std::string mode = node.getString("mode", "DCR");
  if (NodeImporter::rankOf(x) != 4 || block < 1 || block > endMark || (mode != "DCR" && mode != "CRD"))
    return node.error() << "found rank " << NodeImporter::rankOf(x) << ", blocksize " << block << ", mode '"
                        << mode << "', wanted rank 4, a positive blocksize, DCR or CRD";
  Extents own = node.extents(x);
  Extent size(block), depth = node.floorDiv(own[1], Extent(block * block));
  Value y;
  if (mode == "DCR")
    y = node.transpose(node.reshape(x, {own[0], size, size, depth, own[2], own[3]}), {0, 3, 4, 1, 5, 2});
  else
    y = node.transpose(node.reshape(x, {own[0], depth, size, size, own[2], own[3]}), {0, 1, 4, 2, 5, 3});
  return node.setResult(node.reshape(y, {own[0], depth, node.mul(own[2], size), node.mul(own[3], size)}));
}

static LogicalResult importSpaceToDepth(NodeImporter &node) {
  Value x = node.operand(0);
  int64_t block = node.getInt("blocksize", 0);
  std::string mode = node.getString("mode", "DCR");
  if (NodeImporter::rankOf(x) != 4 || block < 1 || block > endMark || (mode != "DCR" && mode != "CRD"))
    return node.error() << "found rank " << NodeImporter::rankOf(x) << ", blocksize " << block << ", mode '"
                        << mode << "', wanted rank 4, a positive blocksize, DCR or CRD";
  Extents own = node.extents(x);
  Extent size(block), rows = node.floorDiv(own[2], size), columns = node.floorDiv(own[3], size);
  SmallVector<int64_t> order = {0, 3, 5, 1, 2, 4};
  if (mode == "CRD")
    order = {0, 1, 3, 5, 2, 4};
  Value y = node.transpose(node.reshape(x, {own[0], own[1], rows, size, columns, size}), order);
  return node.setResult(node.reshape(y, {own[0], node.mul(own[1], Extent(block * block)), rows, columns}));
}

//===-- Others
//-------------------------------------------------------------------------------------------------===//

/// y[b, t] = x[b, length - 1 - t] where t < length, else x[b, t].
static LogicalResult importReverseSequence(NodeImporter &node) {
  Value x = node.operand(0);
  int64_t timeAxis = node.getInt("time_axis", 0), batchAxis = node.getInt("batch_axis", 1);
  if (NodeImporter::rankOf(x) < 2 || timeAxis + batchAxis != 1 || timeAxis * batchAxis != 0)
    return node.error() << "found rank " << NodeImporter::rankOf(x) << " and axes " << timeAxis << ", "
                        << batchAxis << ", wanted axes 0 and 1 of at least rank 2";
  Extent time = node.extent(x, timeAxis);
  Value at = node.iota(node.i64(), {time}, 0);
  at = node.alongAxis(at, timeAxis, 2);
  Value lengths = node.alongAxis(node.convert(node.operand(1), node.i64()), batchAxis, 2);
  Value turned = node.sub(node.sub(lengths, node.like(lengths, 1)), at);
  Value index = node.select(node.compare(ir::CompareKind::lt, at, lengths), turned, at);
  if (node.failed())
    return failure();
  index = node.unsqueeze(index, {2});
  return node.setResult(node.gather(x, index, {timeAxis}, {batchAxis}, {batchAxis}, 0));
}

static LogicalResult importOneHot(NodeImporter &node) {
  Value indices = node.convert(node.operand(0), node.i64()), values = node.operand(2);
  int64_t rank = NodeImporter::rankOf(indices) + 1;
  FailureOr<int64_t> axis = node.normalizeAxis(node.getInt("axis", -1), rank);
  if (failed(axis))
    return failure();
  FailureOr<Extent> given = node.readScalar(node.convert(node.operand(1), node.i64()));
  if (failed(given))
    return failure();
  Extent depth = *given;
  if (depth.isStatic() && depth.getStatic() < 0)
    return node.error() << "found a depth of " << depth.getStatic() << ", wanted 0 or more";
  if (NodeImporter::rankOf(values) != 1)
    return node.error() << "found values " << NodeImporter::typeOf(values) << ", wanted two elements";
  // Negative indices count from the end; what is outside matches nothing.
  Value wrapped = node.unsqueeze(node.wrapIndex(indices, depth), {*axis});
  Value classes = node.alongAxis(node.iota(node.i64(), {depth}, 0), *axis, rank);
  Value isHot = node.compare(ir::CompareKind::eq, wrapped, classes);
  SmallVector<int64_t> ones(rank, 1);
  Value off = node.reshape(node.slice(values, {Extent(0)}, {Extent(1)}), ArrayRef<int64_t>(ones));
  Value on = node.reshape(node.slice(values, {Extent(1)}, {Extent(1)}), ArrayRef<int64_t>(ones));
  return node.setResult(node.refineToDeclared(0, node.select(isHot, on, off)));
}

void weft::onnx::registerArrangeOps(OpTable &table) {
  table.add("Slice", 1, 5, importSlice);
  table.add("Pad", 1, 4, importPad);
  table.add("CenterCropPad", 2, 2, importCenterCropPad);
  table.add("DepthToSpace", 1, 1, importDepthToSpace);
  table.add("SpaceToDepth", 1, 1, importSpaceToDepth);
  table.add("ReverseSequence", 2, 2, importReverseSequence);
  table.add("OneHot", 3, 3, importOneHot);
}
