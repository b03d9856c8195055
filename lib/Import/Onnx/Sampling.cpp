// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Elements at fractional positions: the shared gather, GridSample, RoiAlign, AffineGrid. Positions are
// computed in f32 (f64 for f64).
#include "Sampling.h"
#include "Numeric.h"

#include <limits>

using namespace mlir;
using namespace weft;
using namespace weft::ir;
using namespace weft::onnx;

//===-- The gather
//--------------------------------------------------------------------------------------------===//

/// i1: 0 <= index < extent.
static Value isInside(NodeImporter &node, Value index, const Extent &extent) {
  Value notBelow = node.create<CompareOp>(CompareKind::ge, index, node.like(index, 0));
  Value below =
      node.create<CompareOp>(CompareKind::lt, index, unitOf(node, extent, node.i64(), node.rankOf(index)));
  return node.create<AndOp>(notBelow, below);
}

/// Unit dimensions behind those of x.
static Value withUnits(NodeImporter &node, Value x, int64_t count) {
  return node.unsqueeze(x, rangeOf(node.rankOf(x), node.rankOf(x) + count));
}

/// base + 0, 1, ..., count - 1 along `axis`, where base has extent 1.
static Value countFrom(NodeImporter &node, Value base, int64_t axis, int64_t count) {
  if (node.failed())
    return base;
  if (node.failed())
    return base;
  Extents steps(node.rankOf(base), Extent(1));
  steps[axis] = Extent(count);
  return node.create<AddOp>(base, node.iota(node.i64(), steps, axis));
}

Taps weft::onnx::linearTaps(NodeImporter &node, Value position, const Extent &extent, int64_t j,
                            int64_t numDims) {
  int64_t axis = node.rankOf(position) + j;
  position = withUnits(node, position, numDims);
  if (node.failed())
    return {position, position, position};
  Value floor = node.create<FloorOp>(position);
  Value after = node.create<SubOp>(position, floor), before = node.create<SubOp>(node.like(after, 1), after);
  Taps taps;
  taps.index = countFrom(node, node.convert(floor, node.i64()), axis, 2);
  taps.weight = node.concat({before, after}, axis);
  taps.inside = isInside(node, taps.index, extent);
  return taps;
}

Value weft::onnx::sampleAt(NodeImporter &node, Value x, ArrayRef<int64_t> dims, ArrayRef<int64_t> batchDims,
                           ArrayRef<int64_t> indexBatchDims, ArrayRef<Taps> taps, int64_t firstReduced,
                           ReduceKind kind, double outside) {
  if (node.failed())
    return x;
  SmallVector<Extents> shapes;
  Value weight, inside;
  for (const Taps &tap : taps) {
    shapes.push_back(node.extents(tap.index));
    if (tap.weight)
      weight = weight ? node.create<MulOp>(weight, tap.weight) : tap.weight;
    if (tap.inside)
      inside = inside ? node.create<AndOp>(inside, tap.inside) : tap.inside;
  }
  FailureOr<Extents> all = node.broadcastExtents(shapes);
  if (failed(all))
    return x;
  int64_t rank = all->size();
  SmallVector<Value> parts;
  for (const Taps &tap : taps)
    parts.push_back(node.unsqueeze(node.broadcastTo(tap.index, *all), {rank}));
  Value sampled = node.gather(x, node.concat(parts, rank), dims, batchDims, indexBatchDims, 0);
  int64_t numRest = node.rankOf(sampled) - rank;
  if (weight)
    sampled = node.create<MulOp>(sampled, withUnits(node, weight, numRest));
  if (inside)
    sampled = node.create<SelectOp>(withUnits(node, inside, numRest), sampled, node.like(sampled, outside));
  return node.reduce(kind, sampled, rangeOf(firstReduced, rank));
}

//===-- GridSample
//--------------------------------------------------------------------------------------------===//

namespace {
enum class GridPadding { Zeros, Border, Reflection };

class GridSampler {
public:
  explicit GridSampler(NodeImporter &node) : node(node) {}
  LogicalResult run();

private:
  Value constantLike(Value x, double value) { return node.like(x, value); }
  /// Mirrors positions beyond [first, last] back into it.
  Value reflect(Value position, const Extent &extent);
  Taps tapsOf(Value coordinate, const Extent &extent, int64_t j);
  SmallVector<Value> cubicWeights(Value fraction);

  NodeImporter &node;
  int64_t size = 0; // spatial dimensions
  int64_t numTaps = 1;
  bool alignCorners = false;
  GridPadding padding = GridPadding::Zeros;
};
} // namespace

Value GridSampler::reflect(Value position, const Extent &extent) {
  Type type = node.elementTypeOf(position);
  int64_t rank = node.rankOf(position);
  // From the middle of the first element to that of the last, or from edge to edge.
  Value first = constantLike(position, alignCorners ? 0 : -0.5);
  Value length = unitOf(node, alignCorners ? node.sub(extent, 1) : extent, type, rank);
  Value last = node.create<AddOp>(first, length);
  Value period = node.create<MulOp>(length, constantLike(length, 2));
  Value distance = node.create<AbsOp>(node.create<SubOp>(position, first));
  Value rest = node.create<RemOp>(distance, period);
  Value isBack = node.create<CompareOp>(CompareKind::gt, rest, length);
  Value mirrored = node.create<SelectOp>(isBack, node.create<SubOp>(period, rest), rest);
  Value reflected = node.create<AddOp>(mirrored, first);
  Value isBelow = node.create<CompareOp>(CompareKind::lt, position, first);
  Value isAbove = node.create<CompareOp>(CompareKind::gt, position, last);
  return node.create<SelectOp>(node.create<OrOp>(isBelow, isAbove), reflected, position);
}

SmallVector<Value> GridSampler::cubicWeights(Value fraction) {
  constexpr double a = -0.75;
  Value one = constantLike(fraction, 1);
  auto scaled = [&](Value x, double factor) -> Value {
    return node.create<MulOp>(x, constantLike(x, factor));
  };
  auto plus = [&](Value x, double term) -> Value { return node.create<AddOp>(x, constantLike(x, term)); };
  // ((a d - 5a) d + 8a) d - 4a at a distance between 1 and 2, ((a + 2) d - (a + 3)) d d + 1 up to 1.
  auto far = [&](Value d) -> Value {
    Value inner = plus(node.create<MulOp>(plus(scaled(d, a), -5 * a), d), 8 * a);
    return plus(node.create<MulOp>(inner, d), -4 * a);
  };
  auto near = [&](Value d) -> Value {
    Value inner = node.create<MulOp>(plus(scaled(d, a + 2), -(a + 3)), d);
    return plus(node.create<MulOp>(inner, d), 1);
  };
  Value rest = node.create<SubOp>(one, fraction);
  return {far(plus(fraction, 1)), near(fraction), near(rest), far(plus(rest, 1))};
}

Taps GridSampler::tapsOf(Value coordinate, const Extent &extent, int64_t j) {
  Type type = node.elementTypeOf(coordinate);
  int64_t axis = node.rankOf(coordinate) + j;
  Value x = withUnits(node, coordinate, size);
  Value length = unitOf(node, extent, type, node.rankOf(x));
  // -1 ... 1 to elements: from middle to middle, or from edge to edge.
  Value shifted = node.create<AddOp>(x, constantLike(x, 1));
  if (alignCorners) {
    Value half = node.create<MulOp>(shifted, constantLike(x, 0.5));
    x = node.create<MulOp>(half, node.create<SubOp>(length, constantLike(length, 1)));
  } else {
    Value scaled = node.create<SubOp>(node.create<MulOp>(shifted, length), constantLike(x, 1));
    x = node.create<MulOp>(scaled, constantLike(x, 0.5));
  }
  if (numTaps == 1)
    x = node.create<RoundOp>(x, RoundKind::even);
  // Cubic filters see the border through their taps alone, as PyTorch's do: beyond it they still swing.
  if (padding == GridPadding::Border && numTaps != 4)
    x = node.create<ClampOp>(constantLike(x, 0), x, node.create<SubOp>(length, constantLike(length, 1)));
  else if (padding == GridPadding::Reflection)
    x = reflect(x, extent);

  Taps taps;
  if (numTaps == 1) {
    // What was reflected may lie half an element off: towards zero, as the conversion does.
    taps.index = node.convert(x, node.i64());
  } else {
    Value floor = node.create<FloorOp>(x), fraction = node.create<SubOp>(x, floor);
    Value base = node.convert(floor, node.i64());
    if (numTaps == 4)
      base = node.create<SubOp>(base, node.like(base, 1));
    taps.index = countFrom(node, base, axis, numTaps);
    SmallVector<Value> weights;
    if (numTaps == 4)
      weights = cubicWeights(fraction);
    else
      weights = {node.create<SubOp>(constantLike(fraction, 1), fraction), fraction};
    taps.weight = node.concat(weights, axis);
  }
  if (padding == GridPadding::Zeros)
    taps.inside = isInside(node, taps.index, extent);
  else if (padding == GridPadding::Reflection && numTaps != 1)
    taps.index = node.convert(reflect(node.convert(taps.index, type), extent), node.i64());
  return taps;
}

LogicalResult GridSampler::run() {
  Value x = node.operand(0), grid = node.operand(1);
  size = node.rankOf(x) - 2;
  if (size < 1 || node.rankOf(grid) != size + 2)
    return node.error() << "has an input of rank " << node.rankOf(x) << " and a grid of rank "
                        << node.rankOf(grid) << ", wanted equal ranks of 3 or more";
  std::string mode = node.getString("mode", "linear"), pad = node.getString("padding_mode", "zeros");
  if (mode == "linear" || mode == "bilinear")
    numTaps = 2;
  else if (mode == "cubic" || mode == "bicubic")
    numTaps = 4;
  else if (mode != "nearest")
    return node.error() << "has mode '" << mode << "', wanted linear, nearest or cubic";
  if (pad == "border")
    padding = GridPadding::Border;
  else if (pad == "reflection")
    padding = GridPadding::Reflection;
  else if (pad != "zeros")
    return node.error() << "has padding_mode '" << pad << "', wanted zeros, border or reflection";
  alignCorners = node.getInt("align_corners", 0) != 0;

  Type type = node.elementTypeOf(x);
  x = toFloat(node, x);
  grid = node.convert(toFloat(node, grid), node.elementTypeOf(x));
  SmallVector<Taps> taps;
  for (int64_t j = 0; j < size; ++j) {
    // The grid names the last dimension first.
    Value coordinate = node.squeeze(node.sliceAxis(grid, size + 1, size - 1 - j, 1), {size + 1});
    taps.push_back(tapsOf(coordinate, node.extent(x, j + 2), j));
  }
  Value sampled = sampleAt(node, x, rangeOf(2, size + 2), {0}, {0}, taps, size + 1);
  // [batch, output..., channel]
  SmallVector<int64_t> channelsFirst = {0, size + 1};
  channelsFirst.append(rangeOf(1, size + 1));
  return node.setResult(node.convert(node.transpose(sampled, channelsFirst), type));
}

LogicalResult weft::onnx::importGridSample(NodeImporter &node) { return GridSampler(node).run(); }

//===-- RoiAlign
//----------------------------------------------------------------------------------------------===//

namespace {
/// How the regions lie along one dimension: tensors [regions, 1, 1, ...].
struct Region {
  Value start, binSize;
  Extent numSamples;   // per bin, the most of all regions
  Value ownNumSamples; // float; null: numSamples
};
} // namespace

LogicalResult weft::onnx::importRoiAlign(NodeImporter &node) {
  Value x = node.operand(0), rois = node.operand(1), batch = node.operand(2);
  if (node.rankOf(x) != 4 || node.rankOf(rois) != 2 || node.rankOf(batch) != 1)
    return node.error() << "has inputs of rank " << node.rankOf(x) << ", " << node.rankOf(rois) << " and "
                        << node.rankOf(batch) << ", wanted 4, 2 and 1";
  std::string mode = node.getString("mode", "avg");
  std::string transform = node.getString("coordinate_transformation_mode",
                                         node.getOpset() < 16 ? "output_half_pixel" : "half_pixel");
  if ((mode != "avg" && mode != "max") || (transform != "half_pixel" && transform != "output_half_pixel"))
    return node.error() << "has mode '" << mode << "' and coordinate_transformation_mode '" << transform
                        << "', wanted avg or max, and half_pixel or output_half_pixel";
  bool isHalfPixel = transform == "half_pixel";
  int64_t sampling = node.getInt("sampling_ratio", 0);
  double scale = node.getFloat("spatial_scale", 1);
  int64_t outputs[] = {node.getInt("output_height", 1), node.getInt("output_width", 1)};
  if (outputs[0] < 1 || outputs[1] < 1 || sampling < 0)
    return node.error() << "has output " << outputs[0] << " x " << outputs[1] << " and sampling_ratio "
                        << sampling << ", wanted positive extents and 0 or more samples";
  Type type = node.elementTypeOf(x);
  x = toFloat(node, x);
  Type wide = node.elementTypeOf(x);
  rois = node.convert(rois, wide);

  // Dimensions: region, output height, output width, samples down, samples across, neighbour down, neighbour
  // across.
  constexpr int64_t rank = 7;
  auto column = [&](int64_t i) {
    Value edge = withUnits(node, node.squeeze(node.sliceAxis(rois, 1, i, 1), {1}), rank - 1);
    Value scaled = node.create<MulOp>(edge, node.like(edge, scale));
    return Value(node.create<SubOp>(scaled, node.like(edge, isHalfPixel ? 0.5 : 0)));
  };
  SmallVector<Taps> taps;
  Value count, isSample;
  Value batchIndex = withUnits(node, node.convert(batch, node.i64()), rank - 1);
  taps.push_back({batchIndex, nullptr, nullptr});
  for (int64_t j = 0; j < 2; ++j) {
    Value start = column(1 - j), end = column(3 - j);
    Value length = node.create<SubOp>(end, start);
    if (!isHalfPixel)
      length = node.create<MaxOp>(length, node.like(length, 1));
    Value binSize = node.create<DivOp>(length, node.like(length, double(outputs[j])));
    Extent numSamples(sampling);
    Value own = node.like(length, double(sampling));
    if (sampling == 0) {
      // As many samples as a bin has elements; of all regions the most are computed.
      own = node.create<CeilOp>(binSize);
      Value most = node.reduce(ReduceKind::max, own, rangeOf(0, rank));
      numSamples = node.max(Extent::of(node.convert(most, node.i64())), 0);
      Value atLeastOne = node.create<MaxOp>(own, node.like(own, 1));
      count = count ? node.create<MulOp>(count, atLeastOne) : atLeastOne;
    }
    Extents bins(rank, Extent(1)), samples(rank, Extent(1));
    bins[1 + j] = Extent(outputs[j]);
    samples[3 + j] = numSamples;
    Value bin = node.iota(wide, bins, 1 + j), sample = node.iota(wide, samples, 3 + j);
    Value atBin = node.create<AddOp>(start, node.create<MulOp>(bin, binSize));
    Value half = node.create<AddOp>(sample, node.like(sample, 0.5));
    Value position = node.create<AddOp>(atBin, node.create<DivOp>(node.create<MulOp>(half, binSize), own));
    if (sampling == 0) {
      Value isOwn = node.create<CompareOp>(CompareKind::lt, sample, own);
      isSample = isSample ? node.create<AndOp>(isSample, isOwn) : isOwn;
    }
    // Beyond one element outside nothing counts; within it the edge does.
    Extent extent = node.extent(x, 2 + j);
    Value size = unitOf(node, extent, wide, rank);
    Value counts =
        node.create<AndOp>(node.create<CompareOp>(CompareKind::ge, position, node.like(position, -1)),
                           node.create<CompareOp>(CompareKind::le, position, size));
    Value clamped =
        node.create<ClampOp>(node.like(position, 0), position, node.create<SubOp>(size, node.like(size, 1)));
    Value floor = node.create<FloorOp>(clamped), after = node.create<SubOp>(clamped, floor);
    Value before = node.create<SubOp>(node.like(after, 1), after);
    Taps tap;
    tap.index = countFrom(node, node.convert(floor, node.i64()), 5 + j, 2);
    Value weight = node.concat({before, after}, 5 + j);
    tap.weight = node.create<SelectOp>(counts, weight, node.like(weight, 0));
    taps.push_back(tap);
  }
  taps[0].inside = isSample;
  bool isMax = mode == "max";
  double outside = isMax ? -std::numeric_limits<double>::infinity() : 0;
  Value y = sampleAt(node, x, {0, 2, 3}, {}, {}, taps, 3, isMax ? ReduceKind::max : ReduceKind::add, outside);
  if (!isMax) {
    Value divisor = count ? node.squeeze(count, {4, 5, 6}) : node.like(y, double(sampling * sampling));
    y = node.create<DivOp>(y, divisor);
  }
  return node.setResult(node.convert(node.transpose(y, {0, 3, 1, 2}), type));
}

//===-- AffineGrid
//--------------------------------------------------------------------------------------------===//

LogicalResult weft::onnx::importAffineGrid(NodeImporter &node) {
  Value theta = node.operand(0);
  FailureOr<Extents> sizes = node.readContents(node.operand(1));
  if (failed(sizes))
    return failure();
  int64_t size = int64_t(sizes->size()) - 2;
  if (node.rankOf(theta) != 3 || (size != 2 && size != 3))
    return node.error() << "has theta of rank " << node.rankOf(theta) << " and " << sizes->size()
                        << " sizes, wanted rank 3 and 4 or 5 sizes";
  bool alignCorners = node.getInt("align_corners", 0) != 0;
  Type type = node.elementTypeOf(theta);
  theta = toFloat(node, theta);
  Type wide = node.elementTypeOf(theta);

  // Column c of theta, one value for each batch and result component: [batch, 1..., component].
  auto column = [&](int64_t c) {
    Value one = node.squeeze(node.sliceAxis(theta, 2, c, 1), {2});
    return node.unsqueeze(one, rangeOf(1, 1 + size));
  };
  int64_t rank = size + 2;
  Value grid = column(size);
  for (int64_t d = 0; d < size; ++d) {
    // Dimension d of the image, first the slowest; theta's columns name the fastest first.
    const Extent &extent = (*sizes)[2 + d];
    Extents line(rank, Extent(1));
    line[1 + d] = extent;
    Value i = node.iota(wide, line, 1 + d);
    Value position;
    if (alignCorners) {
      Value steps = unitOf(node, node.max(node.sub(extent, 1), 1), wide, rank);
      position = node.create<DivOp>(node.create<MulOp>(i, node.like(i, 2)), steps);
      position = node.create<SubOp>(position, node.like(position, 1));
    } else {
      Value odd = node.create<AddOp>(node.create<MulOp>(i, node.like(i, 2)), node.like(i, 1));
      position = node.create<DivOp>(odd, unitOf(node, extent, wide, rank));
      position = node.create<SubOp>(position, node.like(position, 1));
    }
    grid = node.create<AddOp>(grid, node.create<MulOp>(position, column(size - 1 - d)));
  }
  return node.setResult(node.refineToDeclared(0, node.convert(grid, type)));
}
