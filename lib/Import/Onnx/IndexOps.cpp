// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// ONNX's ops that address elements by indices, and those that look for elements. All gathers are the
// dialect's point gather, all scatters its point scatter; negative indices are wrapped here.
#include "NodeImporter.h"

#include "Numeric.h"

using namespace mlir;
using namespace weft;
using namespace weft::onnx;

//===-- Gather
//-------------------------------------------------------------------------------------------------===//

static LogicalResult importGather(NodeImporter &node) {
  Value x = node.operand(0), index = node.operand(1);
  FailureOr<int64_t> axis = node.normalizeAxis(node.getInt("axis", 0), NodeImporter::rankOf(x));
  if (failed(axis))
    return failure();
  node.checkIndex(index, node.extent(x, *axis));
  index = node.wrapIndex(index, node.extent(x, *axis));
  index = node.unsqueeze(index, {NodeImporter::rankOf(index)});
  return node.setResult(node.gather(x, index, {*axis}, {}, {}, *axis));
}

static SmallVector<int64_t> allBut(int64_t axis, int64_t rank) {
  SmallVector<int64_t> others;
  for (int64_t i = 0; i < rank; ++i)
    if (i != axis)
      others.push_back(i);
  return others;
}

/// Whether x and index have equal extents on all other axes, so that these can pair as batch dimensions.
static bool othersAgree(NodeImporter &node, Value x, Value index, int64_t axis) {
  for (int64_t i : allBut(axis, NodeImporter::rankOf(x)))
    if (!(node.extent(x, i) == node.extent(index, i)))
      return false;
  return true;
}

static LogicalResult checkSameRank(NodeImporter &node, Value x, Value index) {
  if (NodeImporter::rankOf(x) == NodeImporter::rankOf(index))
    return success();
  return node.error() << "found ranks " << NodeImporter::rankOf(x) << " and " << NodeImporter::rankOf(index)
                      << ", wanted equal ones";
}

static LogicalResult importGatherElements(NodeImporter &node) {
  Value x = node.operand(0), index = node.operand(1);
  int64_t rank = NodeImporter::rankOf(x);
  FailureOr<int64_t> axis = node.normalizeAxis(node.getInt("axis", 0), rank);
  if (failed(axis) || failed(checkSameRank(node, x, index)))
    return failure();
  node.checkIndex(index, node.extent(x, *axis));
  Value wrapped = node.wrapIndex(index, node.extent(x, *axis));
  SmallVector<int64_t> others = allBut(*axis, rank);
  if (!othersAgree(node, x, index, *axis)) {
    // Index may be smaller on the other axes: only that part of x is read.
    Extents sizes = node.extents(index);
    sizes[*axis] = node.extent(x, *axis);
    x = node.slice(x, Extents(rank, Extent(0)), sizes);
  }
  return node.setResult(node.gather(x, node.unsqueeze(wrapped, {rank}), {*axis}, others, others, 0));
}

/// Checks multi-dimensional indices and wraps negative components, each by the extent it counts in.
static Value wrapComponents(NodeImporter &node, Value x, Value index, ArrayRef<int64_t> dims) {
  Extents ends;
  for (int64_t dim : dims)
    ends.push_back(node.extent(x, dim));
  node.checkIndex(index, ends);
  if (std::optional<HostTensor> known = node.getConstant(index)) {
    bool negative = false;
    for (int64_t i = 0; i < known->numElements(); ++i)
      negative |= known->asInt(i) < 0;
    if (!negative)
      return index;
  }
  index = node.convert(index, node.i64());
  Value end = node.raiseRank(node.toTensor(ends), NodeImporter::rankOf(index));
  return node.select(node.compare(ir::CompareKind::lt, index, node.like(index, 0)), node.add(index, end),
                     index);
}

/// The dimensions of x that the last dimension of an index addresses, after `batch` others.
static FailureOr<SmallVector<int64_t>> indexedDims(NodeImporter &node, Value x, Value index, int64_t batch) {
  int64_t rank = NodeImporter::rankOf(x), indexRank = NodeImporter::rankOf(index);
  if (indexRank < 1 || batch < 0 || batch >= std::min(rank, indexRank) ||
      !isa<IntegerType>(NodeImporter::elementTypeOf(index))) {
    node.error() << "found " << NodeImporter::typeOf(x) << " and indices " << NodeImporter::typeOf(index)
                 << " with " << batch << " batch dimensions, wanted integers of higher rank";
    return failure();
  }
  ir::Dim count = ir::getDim(index, indexRank - 1);
  if (!count.isStatic() || count.getStatic() < 1 || count.getStatic() > rank - batch) {
    node.error() << "found " << count.str() << " components in an index, wanted a known number of 1 to "
                 << rank - batch;
    return failure();
  }
  return rangeOf(batch, batch + count.getStatic());
}

static LogicalResult importGatherND(NodeImporter &node) {
  Value x = node.operand(0), index = node.operand(1);
  int64_t batch = node.getInt("batch_dims", 0);
  FailureOr<SmallVector<int64_t>> dims = indexedDims(node, x, index, batch);
  if (failed(dims))
    return failure();
  index = wrapComponents(node, x, index, *dims);
  SmallVector<int64_t> batches = rangeOf(0, batch);
  return node.setResult(node.gather(x, index, *dims, batches, batches, 0));
}

//===-- Scatter
//------------------------------------------------------------------------------------------------===//

static std::optional<ir::ScatterKind> scatterKind(NodeImporter &node) {
  std::string name = node.getString("reduction", "none");
  std::optional<ir::ScatterKind> kind =
      name == "none" ? std::optional(ir::ScatterKind::set) : ir::symbolizeScatterKind(name);
  if (!kind || name == "set") {
    node.error() << "found reduction '" << name << "', wanted none, add, mul, max or min";
    return std::nullopt;
  }
  return kind;
}

static LogicalResult importScatterElements(NodeImporter &node) {
  Value x = node.operand(0), index = node.operand(1), update = node.operand(2);
  int64_t rank = NodeImporter::rankOf(x);
  FailureOr<int64_t> axis = node.normalizeAxis(node.getInt("axis", 0), rank);
  std::optional<ir::ScatterKind> kind = scatterKind(node);
  if (failed(axis) || !kind || failed(checkSameRank(node, x, index)) ||
      failed(checkSameRank(node, x, update)))
    return failure();
  node.checkIndex(index, node.extent(x, *axis));
  Value wrapped = node.wrapIndex(index, node.extent(x, *axis));
  if (othersAgree(node, x, index, *axis)) {
    SmallVector<int64_t> others = allBut(*axis, rank);
    return node.setResult(
        node.scatter(*kind, x, node.unsqueeze(wrapped, {rank}), update, {*axis}, others, others, 0));
  }
  // Updates cover only a part of x: give each its whole position.
  wrapped = node.convert(wrapped, node.i64());
  Extents sizes = node.extents(index);
  SmallVector<Value> parts;
  for (int64_t i = 0; i < rank && !node.failed(); ++i)
    parts.push_back(node.unsqueeze(i == *axis ? wrapped : node.iota(node.i64(), sizes, i), {rank}));
  if (node.failed())
    return failure();
  return node.setResult(
      node.scatter(*kind, x, node.concat(parts, rank), update, rangeOf(0, rank), {}, {}, 0));
}

static LogicalResult importScatterND(NodeImporter &node) {
  Value x = node.operand(0), index = node.operand(1);
  std::optional<ir::ScatterKind> kind = scatterKind(node);
  FailureOr<SmallVector<int64_t>> dims = indexedDims(node, x, index, 0);
  if (!kind || failed(dims))
    return failure();
  index = wrapComponents(node, x, index, *dims);
  return node.setResult(node.scatter(*kind, x, index, node.operand(2), *dims, {}, {}, 0));
}

/// Writes consecutive positions of one axis, from a start of its own for each batch.
static LogicalResult importTensorScatter(NodeImporter &node) {
  Value cache = node.operand(0), update = node.operand(1);
  int64_t rank = NodeImporter::rankOf(cache);
  FailureOr<int64_t> axis = node.normalizeAxis(node.getInt("axis", -2), rank);
  std::string mode = node.getString("mode", "linear");
  if (failed(axis) || failed(checkSameRank(node, cache, update)))
    return failure();
  if (*axis == 0 || (mode != "linear" && mode != "circular"))
    return node.error() << "found axis " << *axis << " and mode '" << mode
                        << "', wanted an axis after the batch, linear or circular";
  Extent batch = node.extent(update, 0), steps = node.extent(update, *axis);
  Value at = node.iota(node.i64(), {batch, steps}, 1);
  if (node.hasOperand(2))
    at = node.add(at, node.alongAxis(node.convert(node.operand(2), node.i64()), 0, 2));
  if (mode == "circular")
    at = node.create<ir::RemOp>(
        at, node.reshape(node.toValue(node.extent(cache, *axis)), ArrayRef<int64_t>{1, 1}));
  if (node.failed())
    return failure();
  SmallVector<int64_t> order = {0, *axis};
  for (int64_t i = 1; i < rank; ++i)
    if (i != *axis)
      order.push_back(i);
  return node.setResult(node.scatter(ir::ScatterKind::set, cache, node.unsqueeze(at, {2}),
                                     node.transpose(update, order), {*axis}, {0}, {0}, 0));
}

//===-- Looking for elements
//-----------------------------------------------------------------------------------===//

static LogicalResult importTopK(NodeImporter &node) {
  Value x = node.operand(0);
  FailureOr<int64_t> axis = node.normalizeAxis(node.getInt("axis", -1), NodeImporter::rankOf(x));
  if (failed(axis))
    return failure();
  Extent k(node.getInt("k", 0));
  if (node.getOpset() >= 10) {
    if (!node.hasOperand(1))
      return node.error() << "found no k";
    FailureOr<Extents> contents = node.readContents(node.operand(1));
    if (failed(contents))
      return failure();
    if (contents->size() != 1)
      return node.error() << "found " << contents->size() << " numbers as k, wanted one";
    k = contents->front();
  }
  Extent extent = node.extent(x, *axis);
  if (k.isStatic() && (k.getStatic() < 0 || (extent.isStatic() && k.getStatic() > extent.getStatic())))
    return node.error() << "found k " << k.getStatic() << ", wanted 0 to " << extent.dim.str();
  if (NodeImporter::isBool(x) || node.failed())
    return node.error() << "found " << NodeImporter::typeOf(x) << ", wanted numbers";
  SmallVector<ir::Dim> dims = ir::getDims(x);
  dims[*axis] = k.dim;
  MixedList list(k);
  Type types[] = {ir::makeTensorType(dims, NodeImporter::elementTypeOf(x)),
                  ir::makeTensorType(dims, node.i64())};
  auto op =
      ir::TopKOp::create(node.b(), node.getLoc(), TypeRange(types), x, ValueRange(list.values),
                         ArrayRef<int64_t>(list.statics), uint64_t(*axis), node.getInt("largest", 1) != 0);
  if (failed(node.setResult(0, node.refineToDeclared(0, op.getValues()))))
    return failure();
  return node.setResult(1, node.refineToDeclared(1, op.getIndices()));
}

/// [n, rank] positions of the nonzero elements.
static Value nonZero(NodeImporter &node, Value x) {
  SmallVector<ir::Dim> dims = {ir::Dim::unknown(), ir::Dim(NodeImporter::rankOf(x))};
  return ir::NonZeroOp::create(node.b(), node.getLoc(), ir::makeTensorType(dims, node.i64()), x);
}

static LogicalResult importNonZero(NodeImporter &node) {
  Value x = node.operand(0);
  if (NodeImporter::rankOf(x) == 0)
    x = node.reshape(x, ArrayRef<int64_t>{1});
  if (node.failed())
    return failure();
  return node.setResult(node.refineToDeclared(0, node.transpose(nonZero(node, x), {1, 0})));
}

static LogicalResult importCompress(NodeImporter &node) {
  Value x = node.operand(0), condition = node.operand(1);
  int64_t axis = 0;
  if (node.hasAttribute("axis")) {
    FailureOr<int64_t> given = node.normalizeAxis(node.getInt("axis", 0), NodeImporter::rankOf(x));
    if (failed(given))
      return failure();
    axis = *given;
  } else {
    x = node.reshape(x, {node.product(node.extents(x))});
  }
  if (NodeImporter::rankOf(condition) != 1 || node.failed())
    return node.error() << "found a condition " << NodeImporter::typeOf(condition) << ", wanted rank 1";
  return node.setResult(
      node.refineToDeclared(0, node.gather(x, nonZero(node, condition), {axis}, {}, {}, axis)));
}

template <ir::ArgKind kind> static LogicalResult importArg(NodeImporter &node) {
  Value x = node.operand(0);
  FailureOr<int64_t> axis = node.normalizeAxis(node.getInt("axis", 0), NodeImporter::rankOf(x));
  if (failed(axis))
    return failure();
  ir::Tie tie = node.getInt("select_last_index", 0) != 0 ? ir::Tie::last : ir::Tie::first;
  Value place = node.create<ir::ArgReduceOp>(x, kind, uint64_t(*axis), tie);
  if (node.getInt("keepdims", 1) != 0) {
    Extents sizes = node.extents(x);
    sizes[*axis] = Extent(1);
    place = node.reshape(place, sizes);
  }
  return node.setResult(place);
}

//===-- Unique
//-------------------------------------------------------------------------------------------------===//

/// Whole slices along an axis are sorted by at most this many keys.
static constexpr int64_t maxKeys = 256;

/// rank-1 x at rank-1 positions.
static Value take(NodeImporter &node, Value x, Value at) {
  return node.gather(x, node.unsqueeze(at, {1}), {0}, {}, {}, 0);
}

/// Groups equal elements (or slices) by a stable sort; the first of each group is where the key changes.
static LogicalResult importUnique(NodeImporter &node) {
  Value x = node.operand(0);
  Type i64 = node.i64();
  int64_t axis = -1;
  SmallVector<Value> keys; // rank 1 each
  if (node.hasAttribute("axis")) {
    FailureOr<int64_t> given = node.normalizeAxis(node.getInt("axis", 0), NodeImporter::rankOf(x));
    if (failed(given))
      return failure();
    axis = *given;
    SmallVector<int64_t> order = {axis};
    llvm::append_range(order, allBut(axis, NodeImporter::rankOf(x)));
    Value first = node.transpose(x, order);
    Extents sizes = node.extents(first);
    Extent count = node.product(ArrayRef<Extent>(sizes).drop_front());
    if (!count.isStatic() || count.getStatic() > maxKeys)
      return node.error() << "found slices of " << count.dim.str()
                          << " elements, wanted a known number of at most " << maxKeys;
    Value rows = node.reshape(first, {sizes[0], count});
    for (int64_t i = 0; i < count.getStatic() && !node.failed(); ++i)
      keys.push_back(node.reshape(node.sliceAxis(rows, 1, Extent(i), Extent(1)), {sizes[0]}));
    if (keys.empty())
      return node.error() << "found empty slices";
  } else {
    keys.push_back(node.reshape(x, {node.product(node.extents(x))}));
  }
  if (node.failed())
    return failure();
  Extent n = node.extent(keys[0], 0);
  SmallVector<Value> operands(keys);
  operands.push_back(node.iota(i64, {n}, 0));
  SmallVector<Value> sorted =
      node.createMulti<ir::SortOp>(ValueRange(operands), uint64_t(0), uint64_t(keys.size()), false);
  if (node.failed())
    return failure();
  Value order = sorted.back();

  // isFirst[i]: element i of the sorted ones differs from its predecessor.
  Value place = node.iota(i64, {n}, 0);
  Value before = node.max(node.sub(place, node.like(place, 1)), node.like(place, 0));
  Value isFirst = node.compare(ir::CompareKind::eq, place, node.like(place, 0));
  for (Value key : ArrayRef<Value>(sorted).drop_back())
    isFirst = node.binary<ir::OrOp>(isFirst, node.compare(ir::CompareKind::ne, key, take(node, key, before)));
  if (node.failed())
    return failure();
  Value firsts = nonZero(node, isFirst); // [groups, 1]
  Extent groups = node.extent(firsts, 0);
  Value firstIndex = node.gather(order, firsts, {0}, {}, {}, 0);
  Value group = node.create<ir::CumulativeOp>(node.convert(isFirst, i64), ir::ReduceKind::add, uint64_t(0),
                                              false, false);
  group = node.sub(group, node.like(group, 1));
  Value groupIndex = node.unsqueeze(group, {1});
  Value counts = node.scatter(ir::ScatterKind::add, node.full(i64, {groups}, 0), groupIndex,
                              node.full(i64, {n}, 1), {0}, {}, {}, 0);
  Value inverse = node.scatter(ir::ScatterKind::set, node.full(i64, {n}, 0), node.unsqueeze(order, {1}),
                               group, {0}, {}, {}, 0);
  if (node.getInt("sorted", 1) == 0) {
    // Groups in the order of their first elements.
    SmallVector<Value> ranked = node.createMulti<ir::SortOp>(
        ValueRange({firstIndex, node.iota(i64, {groups}, 0)}), uint64_t(0), uint64_t(1), false);
    if (node.failed())
      return failure();
    Value rank = node.scatter(ir::ScatterKind::set, node.full(i64, {groups}, 0),
                              node.unsqueeze(ranked[1], {1}), node.iota(i64, {groups}, 0), {0}, {}, {}, 0);
    firstIndex = ranked[0];
    counts = take(node, counts, ranked[1]);
    inverse = take(node, rank, inverse);
  }
  Value chosen = axis < 0 ? keys[0] : x;
  int64_t at = axis < 0 ? 0 : axis;
  Value y = node.gather(chosen, node.unsqueeze(firstIndex, {1}), {at}, {}, {}, at);
  Value results[] = {y, firstIndex, inverse, counts};
  for (int i = 0; i < 4; ++i)
    if (failed(node.setResult(i, node.refineToDeclared(i, results[i]))))
      return failure();
  return success();
}

void weft::onnx::registerIndexOps(OpTable &table) {
  table.add("Gather", 2, 2, importGather);
  table.add("GatherElements", 2, 2, importGatherElements);
  table.add("GatherND", 2, 2, importGatherND);
  table.add("Scatter", 3, 3, importScatterElements);
  table.add("ScatterElements", 3, 3, importScatterElements);
  table.add("ScatterND", 3, 3, importScatterND);
  table.add("TensorScatter", 2, 3, importTensorScatter);
  table.add("TopK", 1, 2, importTopK);
  table.add("NonZero", 1, 1, importNonZero);
  table.add("Compress", 2, 2, importCompress);
  table.add("ArgMax", 1, 1, importArg<ir::ArgKind::max>);
  table.add("ArgMin", 1, 1, importArg<ir::ArgKind::min>);
  table.add("Unique", 1, 1, importUnique);
}
