// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pools: windows are weft.reduce_window, positions of maxima weft.window_arg. The number of elements an
// average is over is a product of one count per axis, worked out here where extents are known. Registers the
// resampling ops too.
#include "Numeric.h"
#include "Resize.h"
#include "Sampling.h"
#include "Windows.h"

using namespace mlir;
using namespace weft;
using namespace weft::ir;
using namespace weft::onnx;

/// weft.reduce_window over the spatial dimensions of x.
static Value reduceWindows(NodeImporter &node, ReduceKind kind, Value x, const Windows &windows,
                           const StaticPadding &padding) {
  SmallVector<int64_t> axes = rangeOf(2, 2 + windows.size()), ones(windows.size(), 1);
  return node.create<ReduceWindowOp>(x, kind, ArrayRef(axes), ArrayRef(windows.kernel),
                                     ArrayRef(windows.strides), ArrayRef(padding.low), ArrayRef(padding.high),
                                     ArrayRef(ones), ArrayRef(windows.dilations));
}

//===-- Maxima
//------------------------------------------------------------------------------------------------===//

/// ONNX's index of each window's maximum: into the whole of x, and on request with the first spatial
/// dimension the fastest.
static Value maximumIndices(NodeImporter &node, Value x, Value padded, const Windows &windows,
                            const StaticPadding &padding, bool firstFastest) {
  int64_t size = windows.size(), rank = size + 2;
  SmallVector<int64_t> axes = rangeOf(2, rank), ones(size, 1);
  Value index = node.create<WindowArgOp>(padded, ArgKind::max, ArrayRef(axes), ArrayRef(windows.kernel),
                                         ArrayRef(windows.strides), ArrayRef(padding.low),
                                         ArrayRef(padding.high), ArrayRef(ones), ArrayRef(windows.dilations));
  if (node.failed())
    return index;
  bool isMoved = llvm::any_of(padding.moved, [](const Extent &moved) { return !moved.is(0); });
  auto unit = [&](const Extent &extent) { return unitOf(node, extent, node.i64(), rank); };
  if (isMoved || (firstFastest && size > 1)) {
    // Take the index apart from the last dimension on and put it together again.
    SmallVector<Value> positions(size);
    for (int64_t i = size - 1; i >= 0; --i) {
      Value extent = unit(node.extent(padded, i + 2));
      Value position = i > 0 ? node.create<RemOp>(index, extent) : index;
      index = i > 0 ? node.create<DivOp>(index, extent) : index;
      positions[i] = node.create<SubOp>(position, unit(padding.moved[i]));
    }
    Extent stride(1);
    index = nullptr;
    for (int64_t k = 0; k < size; ++k) {
      int64_t i = firstFastest ? k : size - 1 - k;
      Value part = node.create<MulOp>(positions[i], unit(stride));
      index = index ? node.create<AddOp>(index, part) : part;
      stride = node.mul(stride, node.extent(x, i + 2));
    }
  }
  Extents spatial = node.extents(x);
  spatial.erase(spatial.begin(), spatial.begin() + 2);
  Extents batch(rank, Extent(1)), channel(rank, Extent(1));
  batch[0] = node.extent(x, 0);
  channel[1] = node.extent(x, 1);
  Value image = node.create<MulOp>(node.iota(node.i64(), batch, 0), unit(channel[1]));
  image = node.create<AddOp>(image, node.iota(node.i64(), channel, 1));
  return node.create<AddOp>(index, node.create<MulOp>(image, unit(node.product(spatial))));
}

static LogicalResult importMaxPool(NodeImporter &node) {
  Value x = node.operand(0), padded = x;
  FailureOr<Windows> windows = readWindows(node, x);
  if (failed(windows))
    return failure();
  Type type = node.elementTypeOf(x);
  auto lowest = makeExtremeAttr(RankedTensorType::get({}, type), /*highest=*/false);
  StaticPadding padding =
      makePaddingStatic(node, *windows, padded, ConstantOp::create(node.b(), node.getLoc(), lowest));
  if (failed(node.setResult(0, reduceWindows(node, ReduceKind::max, padded, *windows, padding))))
    return failure();
  if (!node.isResultUsed(1))
    return success();
  bool firstFastest = node.getInt("storage_order", 0) != 0;
  return node.setResult(1, maximumIndices(node, x, padded, *windows, padding, firstFastest));
}

static LogicalResult importMaxUnpool(NodeImporter &node) {
  Value x = node.operand(0), index = node.operand(1);
  FailureOr<Windows> windows = readWindows(node, x);
  if (failed(windows))
    return failure();
  if (node.rankOf(index) != node.rankOf(x))
    return node.error() << "has indices of rank " << node.rankOf(index) << ", wanted " << node.rankOf(x);
  // The extents the pool had; indices count in them whatever output_shape says.
  Extents sizes = {node.extent(x, 0), node.extent(x, 1)};
  for (int64_t i = 0; i < windows->size(); ++i) {
    Extent windowed = node.mul(node.sub(node.extent(x, i + 2), 1), windows->strides[i]);
    Extent padding = node.add(windows->low[i], windows->high[i]);
    sizes.push_back(node.sub(node.add(windowed, windows->kernel[i]), padding));
  }
  Type type = node.elementTypeOf(x);
  Extent count = node.product(node.extents(x));
  Value flat = node.full(type, {node.product(sizes)}, 0);
  Value positions = node.reshape(node.convert(index, node.i64()), {count, Extent(1)});
  Value scattered = node.scatter(ScatterKind::set, flat, positions, node.reshape(x, {count}), {0}, {}, {}, 0);
  Value y = node.reshape(scattered, sizes);
  if (node.hasOperand(2)) {
    FailureOr<Extents> wanted = node.readContents(node.operand(2));
    if (failed(wanted))
      return failure();
    if (wanted->size() != sizes.size())
      return node.error() << "has an output_shape of " << wanted->size() << " extents, wanted "
                          << sizes.size();
    Extents low(sizes.size(), Extent(0)), high;
    for (auto [size, target] : llvm::zip(sizes, *wanted))
      high.push_back(node.sub(target, size));
    y = node.pad(y, low, high);
  }
  return node.setResult(node.refineToDeclared(0, y));
}

//===-- Averages
//----------------------------------------------------------------------------------------------===//

/// How many elements each window holds along spatial dimension i: [1, ..., windows, ..., 1]. `withPadding`:
/// padded elements count, those that only ceil_mode added do not.
static Value countAlong(NodeImporter &node, Value x, const Windows &windows, int64_t i, bool withPadding,
                        Type type) {
  int64_t rank = windows.size() + 2, stride = windows.strides[i], dilation = windows.dilations[i];
  Extent extent = node.extent(x, i + 2), low = windows.low[i], high = windows.high[i];
  if (withPadding) {
    extent = node.add(node.add(extent, low), high);
    low = high = Extent(0);
  }
  if (low.is(0) && high.is(0) && windows.ceilExtra[i] == 0)
    return node.unit(type, rank, double(windows.kernel[i]));
  int64_t room = -1;
  if (extent.isStatic() && low.isStatic() && high.isStatic())
    room = extent.getStatic() + low.getStatic() + high.getStatic() + windows.ceilExtra[i] - windows.span(i);
  constexpr int64_t mostCounted = int64_t(1) << 24;
  if (room >= 0 && room / stride < mostCounted / windows.kernel[i]) {
    int64_t size = extent.getStatic();
    std::vector<float> counts;
    for (int64_t start = 0; start <= room; start += stride) {
      int64_t count = 0;
      for (int64_t k = 0; k < windows.kernel[i]; ++k) {
        int64_t position = start + k * dilation - low.getStatic();
        count += position >= 0 && position < size;
      }
      counts.push_back(float(count));
    }
    if (llvm::all_equal(counts))
      return node.unit(type, rank, counts.front());
    std::vector<int64_t> shape(rank, 1);
    shape[i + 2] = int64_t(counts.size());
    Result<HostTensor> tensor = HostTensor::fromValues<float>(shape, counts);
    if (tensor.isOk())
      return node.convert(node.constant(*tensor), type);
  }
  Extents line(rank, Extent(1));
  line[i + 2] = extent;
  Value ones = node.full(type, line, 1);
  Extents padLow(rank, Extent(0)), padHigh(rank, Extent(0));
  padLow[i + 2] = low;
  padHigh[i + 2] = node.add(high, windows.ceilExtra[i]);
  int64_t axis[] = {i + 2}, kernel[] = {windows.kernel[i]}, strides[] = {stride}, dilations[] = {dilation};
  int64_t zero[] = {0}, one[] = {1};
  return node.create<ReduceWindowOp>(
      node.pad(ones, padLow, padHigh), ReduceKind::add, ArrayRef<int64_t>(axis), ArrayRef<int64_t>(kernel),
      ArrayRef<int64_t>(strides), ArrayRef<int64_t>(zero), ArrayRef<int64_t>(zero), ArrayRef<int64_t>(one),
      ArrayRef<int64_t>(dilations));
}

static LogicalResult importAveragePool(NodeImporter &node) {
  Value x = node.operand(0);
  Type type = node.elementTypeOf(x);
  FailureOr<Windows> windows = readWindows(node, x);
  if (failed(windows))
    return failure();
  bool withPadding = node.getInt("count_include_pad", 0) != 0;
  Value wide = widen(node, x);
  Type wideType = node.elementTypeOf(wide);
  Value count;
  for (int64_t i = 0; i < windows->size(); ++i) {
    Value along = countAlong(node, x, *windows, i, withPadding, wideType);
    count = count ? node.create<MulOp>(count, along) : along;
  }
  StaticPadding padding = makePaddingStatic(node, *windows, wide);
  Value sum = reduceWindows(node, ReduceKind::add, wide, *windows, padding);
  return node.setResult(node.convert(node.create<DivOp>(sum, count), type));
}

//===-- Norms
//-------------------------------------------------------------------------------------------------===//

/// |x|^p, to be summed.
static Value raise(NodeImporter &node, Value x, double p) {
  if (p == 2)
    return node.create<MulOp>(x, x);
  Value magnitude = node.create<AbsOp>(x);
  return p == 1 ? magnitude : node.create<PowOp>(magnitude, node.like(magnitude, p));
}
/// The p-th root of such a sum.
static Value root(NodeImporter &node, Value sum, double p) {
  if (p == 1)
    return sum;
  return p == 2 ? node.create<SqrtOp>(sum) : node.create<PowOp>(sum, node.like(sum, 1 / p));
}

static FailureOr<double> readNorm(NodeImporter &node) {
  double p = double(node.getInt("p", 2));
  if (p < 1)
    return node.error() << "has norm p = " << p << ", wanted 1 or more";
  return p;
}

static LogicalResult importLpPool(NodeImporter &node) {
  Value x = node.operand(0);
  Type type = node.elementTypeOf(x);
  FailureOr<Windows> windows = readWindows(node, x);
  FailureOr<double> p = readNorm(node);
  if (failed(windows) || failed(p))
    return failure();
  Value powers = raise(node, widen(node, x), *p);
  StaticPadding padding = makePaddingStatic(node, *windows, powers);
  Value sum = reduceWindows(node, ReduceKind::add, powers, *windows, padding);
  return node.setResult(node.convert(root(node, sum, *p), type));
}

//===-- Whole images
//------------------------------------------------------------------------------------------===//

static FailureOr<SmallVector<int64_t>> spatialAxes(NodeImporter &node) {
  int64_t rank = node.rankOf(node.operand(0));
  if (rank < 2)
    return node.error() << "has an input of rank " << rank << ", wanted [batch, channel, spatial...]";
  return rangeOf(2, rank);
}

static LogicalResult importGlobalAveragePool(NodeImporter &node) {
  FailureOr<SmallVector<int64_t>> axes = spatialAxes(node);
  if (failed(axes))
    return failure();
  Value x = node.operand(0), sum = node.reduce(ReduceKind::add, widen(node, x), *axes, /*keepDims=*/true);
  Extent count(1);
  for (int64_t axis : *axes)
    count = node.mul(count, node.extent(x, axis));
  Value mean = node.create<DivOp>(sum, unitOf(node, count, node.elementTypeOf(sum), node.rankOf(x)));
  return node.setResult(node.convert(mean, node.elementTypeOf(x)));
}

static LogicalResult importGlobalMaxPool(NodeImporter &node) {
  FailureOr<SmallVector<int64_t>> axes = spatialAxes(node);
  if (failed(axes))
    return failure();
  return node.setResult(node.reduce(ReduceKind::max, node.operand(0), *axes, /*keepDims=*/true));
}

static LogicalResult importGlobalLpPool(NodeImporter &node) {
  FailureOr<SmallVector<int64_t>> axes = spatialAxes(node);
  FailureOr<double> p = readNorm(node);
  if (failed(axes) || failed(p))
    return failure();
  Value x = node.operand(0);
  Value sum = node.reduce(ReduceKind::add, raise(node, widen(node, x), *p), *axes, /*keepDims=*/true);
  return node.setResult(node.convert(root(node, sum, *p), node.elementTypeOf(x)));
}

void weft::onnx::registerPoolOps(OpTable &table) {
  table.add("MaxPool", 1, 1, importMaxPool);
  table.add("MaxUnpool", 2, 3, importMaxUnpool);
  table.add("AveragePool", 1, 1, importAveragePool);
  table.add("LpPool", 1, 1, importLpPool);
  table.add("GlobalAveragePool", 1, 1, importGlobalAveragePool);
  table.add("GlobalMaxPool", 1, 1, importGlobalMaxPool);
  table.add("GlobalLpPool", 1, 1, importGlobalLpPool);
  table.add("Resize", 1, 4, importResize);
  table.add("Upsample", 1, 2, importUpsample);
  table.add("GridSample", 2, 2, importGridSample);
  table.add("RoiAlign", 3, 3, importRoiAlign);
  table.add("AffineGrid", 2, 2, importAffineGrid);
}
