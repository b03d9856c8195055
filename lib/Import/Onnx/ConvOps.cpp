// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Convolutions: Conv, its integer forms, ConvTranspose, CausalConvWithState, DeformConv, and Col2Im. All but
// the last two are weft.conv in the layout [batch, channel, spatial...].
#include "ContractOps.h"
#include "Numeric.h"
#include "Sampling.h"
#include "Windows.h"
#include "weft/Dialect/Weft/GatherWindows.h"
#include "weft/Dialect/Weft/Quantised.h"

using namespace mlir;
using namespace weft;
using namespace weft::ir;
using namespace weft::onnx;

//===-- weft.conv
//---------------------------------------------------------------------------------------------===//

namespace {
/// The attributes of a weft.conv whose x and y are [batch, channel, spatial...].
struct Convolution {
  explicit Convolution(int64_t size)
      : xDims(rangeOf(0, size + 2)), wDims(xDims), strides(size, 1), low(size, 0), high(size, 0),
        inputDilations(size, 1), kernelDilations(size, 1), reverse(size, false) {}

  Value create(NodeImporter &node, Value x, Value w, Type elementType = nullptr) const {
    return node.create<ConvOp>(x, w, ArrayRef(xDims), ArrayRef(wDims), ArrayRef(xDims), ArrayRef(strides),
                               ArrayRef(low), ArrayRef(high), ArrayRef(inputDilations),
                               ArrayRef(kernelDilations), groups, ArrayRef<bool>(reverse),
                               elementType ? TypeAttr::get(elementType) : TypeAttr(), Precision::ieee);
  }

  SmallVector<int64_t> xDims, wDims, strides, low, high, inputDilations, kernelDilations;
  SmallVector<bool> reverse;
  int64_t groups = 1;
};
} // namespace

/// Checks ranks and reads `group`; the number of spatial dimensions.
static FailureOr<int64_t> checkConv(NodeImporter &node, Value x, Value w, int64_t &groups) {
  int64_t rank = node.rankOf(x);
  if (rank < 3 || node.rankOf(w) != rank)
    return node.error() << "has an input of rank " << rank << " and a weight of rank " << node.rankOf(w)
                        << ", wanted equal ranks of 3 or more";
  if (rank > 5) {
    (void)node.unsupported("convolution over " + Twine(rank - 2) + " spatial dimensions");
    return failure();
  }
  groups = node.getInt("group", 1);
  if (groups < 1)
    return node.error() << "has group " << groups << ", wanted 1 or more";
  return rank - 2;
}

static SmallVector<int64_t> spatialShape(NodeImporter &node, Value w) {
  return SmallVector<int64_t>(node.typeOf(w).getShape().drop_front(2));
}

/// w with the window extents that an attribute says.
static Value withKernel(NodeImporter &node, Value w, ArrayRef<int64_t> kernel) {
  SmallVector<int64_t> extents(2, ShapedType::kDynamic);
  extents.append(kernel.begin(), kernel.end());
  return refine(node, w, extents);
}

static Value addBias(NodeImporter &node, Value y, Value bias) {
  return node.create<AddOp>(y, node.alongAxis(bias, 1, node.rankOf(y)));
}

/// The convolution that Conv, ConvInteger and QLinearConv share.
static FailureOr<Value> convolve(NodeImporter &node, Value x, Value w, Type elementType = nullptr) {
  int64_t groups = 1;
  FailureOr<int64_t> size = checkConv(node, x, w, groups);
  if (failed(size))
    return failure();
  Convolution conv(*size);
  conv.groups = groups;
  FailureOr<Windows> windows = readWindows(node, x, spatialShape(node, w));
  if (failed(windows))
    return failure();
  StaticPadding padding = makePaddingStatic(node, *windows, x);
  conv.strides = windows->strides;
  conv.kernelDilations = windows->dilations;
  conv.low = padding.low;
  conv.high = padding.high;
  return conv.create(node, x, withKernel(node, w, windows->kernel), elementType);
}

static LogicalResult importConv(NodeImporter &node) {
  FailureOr<Value> y = convolve(node, node.operand(0), node.operand(1));
  if (failed(y))
    return failure();
  return node.setResult(node.hasOperand(2) ? addBias(node, *y, node.operand(2)) : *y);
}

/// A zero point or scale of a weight, one per output channel, along dimension 0; one element stays.
static Value alongOutputs(NodeImporter &node, Value x, int64_t rank) {
  return x && node.rankOf(x) == 1 && !getDim(x, 0).is(1) ? node.alongAxis(x, 0, rank) : x;
}

/// x with its channels last, or back.
static Value withChannelsLast(NodeImporter &node, Value x) {
  SmallVector<int64_t> order = rangeOf(0, node.rankOf(x));
  std::rotate(order.begin() + 1, order.begin() + 2, order.end());
  return node.transpose(x, order);
}
static Value withChannelsFirst(NodeImporter &node, Value x) {
  SmallVector<int64_t> order = rangeOf(0, node.rankOf(x));
  std::rotate(order.begin() + 1, order.end() - 1, order.end());
  return node.transpose(x, order);
}

/// A convolution of bytes by constant weights as a product of bytes: [batch, space..., outputs] in i32. Null
/// where it has groups, or extents that are not known or too large.
static FailureOr<Value> convolveBytes(NodeImporter &node, Value x, Value xZero, Value w, Value wZero) {
  int64_t groups = 1;
  FailureOr<int64_t> size = checkConv(node, x, w, groups);
  if (failed(size))
    return failure();
  auto isOne = [](Value value) {
    return llvm::all_of(getDims(value), [](const Dim &dim) { return dim.is(1); });
  };
  ArrayRef<int64_t> shape = node.typeOf(x).getShape();
  if (groups != 1 || !isByte(node.elementTypeOf(x)) || !isByte(node.elementTypeOf(w)) ||
      !node.getConstant(w) || (xZero && !isOne(xZero)) ||
      llvm::any_of(shape.drop_front(), ShapedType::isDynamic) || shape[1] != node.typeOf(w).getDimSize(1))
    return Value();
  FailureOr<Windows> windows = readWindows(node, x, spatialShape(node, w));
  if (failed(windows))
    return failure();
  if (isZeroPointZero(node, xZero))
    xZero = nullptr;
  else
    xZero = toScalar(node, xZero);
  Extents low = {Extent(0)}, high = {Extent(0)};
  SmallVector<int64_t> space;
  bool pads = false;
  for (int64_t i = 0; i < *size; ++i) {
    if (!windows->low[i].isStatic() || !windows->high[i].isStatic() ||
        node.typeOf(w).getDimSize(i + 2) != windows->kernel[i])
      return Value();
    low.push_back(windows->low[i]);
    high.push_back(node.add(windows->high[i], Extent(windows->ceilExtra[i])));
    space.push_back(shape[i + 2] + low.back().getStatic() + high.back().getStatic());
    pads |= space.back() != shape[i + 2];
  }
  if (!canGatherWindows(space, windows->kernel, windows->strides, windows->dilations))
    return Value();
  low.push_back(Extent(0));
  high.push_back(Extent(0));
  x = withChannelsLast(node, x);
  if (pads)
    x = node.pad(x, low, high, xZero); // padding stands for the zero point
  // [taps..., channels, outputs].
  SmallVector<int64_t> order = rangeOf(2, *size + 2);
  order.append({1, 0});
  int64_t outputs = node.typeOf(w).getDimSize(0);
  int64_t depth = node.typeOf(w).getNumElements() / std::max<int64_t>(outputs, 1);
  Value matrix = node.reshape(node.transpose(w, order), ArrayRef<int64_t>{depth, outputs});
  if (node.failed())
    return failure();
  Value values =
      gatherWindows(node.b(), node.getLoc(), x, windows->kernel, windows->strides, windows->dilations);
  return multiplyBytes(node, values, xZero, matrix, wZero);
}

static LogicalResult importConvInteger(NodeImporter &node) {
  Value x = node.operand(0), w = node.operand(1);
  Value xZero = node.hasOperand(2) ? node.operand(2) : Value(),
        wZero = node.hasOperand(3) ? node.operand(3) : Value();
  FailureOr<Value> product = convolveBytes(node, x, xZero, w, wZero);
  if (failed(product))
    return failure();
  if (*product)
    return node.setResult(withChannelsFirst(node, *product));
  if (node.elementTypeOf(x) != node.elementTypeOf(w) || !isZeroPointZero(node, xZero) ||
      !isZeroPointZero(node, wZero)) {
    // The padding of a convolution is zeros, which here stand for the zero point: it is subtracted first.
    x = lessZeroPoint(node, x, xZero);
    w = lessZeroPoint(node, w, alongOutputs(node, wZero, node.rankOf(w)));
  }
  FailureOr<Value> y = convolve(node, x, w, node.b().getI32Type());
  return succeeded(y) ? node.setResult(*y) : failure();
}

static LogicalResult importQLinearConv(NodeImporter &node) {
  Value w = node.operand(3);
  FailureOr<Value> y = convolveBytes(node, node.operand(0), node.operand(2), w, node.operand(5));
  if (failed(y) || node.failed())
    return failure();
  bool isProduct = bool(*y);
  if (!isProduct) {
    Value x = lessZeroPoint(node, node.operand(0), node.operand(2));
    w = lessZeroPoint(node, w, alongOutputs(node, node.operand(5), node.rankOf(w)));
    y = convolve(node, x, w);
    if (failed(y) || node.failed())
      return failure();
  }
  // Everything else is done where the channels lie.
  int64_t rank = node.rankOf(*y), channel = isProduct ? rank - 1 : 1;
  if (node.hasOperand(8))
    *y = node.create<AddOp>(*y, node.alongAxis(node.operand(8), channel, rank));
  Value xScale = toScalar(node, node.convert(node.operand(1), node.f32()));
  Value wScale = node.convert(node.operand(4), node.f32());
  if (node.rankOf(wScale) == 1 && !getDim(wScale, 0).is(1))
    wScale = node.alongAxis(wScale, channel, rank);
  Value scaled = node.mul(node.convert(*y, node.f32()), node.mul(xScale, wScale));
  Value q = requantize(node, scaled, node.operand(6), node.operand(7), channel);
  return node.setResult(isProduct ? withChannelsFirst(node, q) : q);
}

//===-- Transposed
//--------------------------------------------------------------------------------------------===//

static LogicalResult importConvTranspose(NodeImporter &node) {
  Value x = node.operand(0), w = node.operand(1);
  int64_t groups = 1;
  FailureOr<int64_t> checked = checkConv(node, x, w, groups);
  if (failed(checked))
    return failure();
  int64_t size = *checked;
  Convolution conv(size);
  conv.groups = groups;
  auto kernel = readPerDim(node, "kernel_shape", size, ShapedType::kDynamic, 1);
  auto strides = readPerDim(node, "strides", size, 1, 1),
       dilations = readPerDim(node, "dilations", size, 1, 1);
  auto outputPadding = readPerDim(node, "output_padding", size, 0, 0);
  auto outputShape = readPerDim(node, "output_shape", size, ShapedType::kDynamic, 0);
  auto pads = readPads(node, size);
  if (failed(kernel) || failed(strides) || failed(dilations) || failed(outputPadding) ||
      failed(outputShape) || failed(pads))
    return failure();
  w = withKernel(node, w, *kernel);

  // y = conv of the dilated x, padded to the full overlap, with the window reversed; pads crop the result.
  std::string autoPad = node.getString("auto_pad", "NOTSET");
  bool hasShape = node.hasAttribute("output_shape"),
       isSame = autoPad == "SAME_UPPER" || autoPad == "SAME_LOWER";
  Extents padLow, padHigh;
  for (int64_t i = 0; i < size; ++i) {
    int64_t stride = (*strides)[i];
    Extent overlap = node.mul(node.sub(node.extent(w, i + 2), 1), (*dilations)[i]), cropLow(0), cropHigh(0);
    if (hasShape || isSame) {
      Extent total = node.add(overlap, 1 + (*outputPadding)[i] - stride);
      if (hasShape) {
        Extent starts = node.mul(node.sub(node.extent(x, i + 2), 1), stride);
        total = node.sub(node.add(starts, node.add(overlap, 1 + (*outputPadding)[i])), (*outputShape)[i]);
      }
      // A result larger than the full overlap grows at its end.
      Extent crop = node.max(total, 0), less = node.floorDiv(crop, 2);
      cropLow = autoPad == "SAME_UPPER" ? less : node.sub(crop, less);
      cropHigh = node.sub(total, cropLow);
    } else if (autoPad != "VALID") {
      cropLow = (*pads)[i];
      cropHigh = (*pads)[size + i];
    }
    padLow.push_back(node.sub(overlap, cropLow));
    padHigh.push_back(node.sub(node.add(overlap, (*outputPadding)[i]), cropHigh));
  }
  conv.kernelDilations = *dilations;
  conv.reverse.assign(size, true);
  auto low = toNumbers(padLow), high = toNumbers(padHigh);
  if (low && high) {
    conv.inputDilations = *strides;
    conv.low = *low;
    conv.high = *high;
  } else {
    // Not all is known: the same by a padding of its own.
    Extents allLow = {0, 0}, allHigh = {0, 0};
    allLow.append(padLow);
    allHigh.append(padHigh);
    SmallVector<int64_t> interior = {0, 0};
    for (int64_t stride : *strides)
      interior.push_back(stride - 1);
    x = node.pad(x, allLow, allHigh, nullptr, PadMode::constant, interior);
  }

  // The weight is [input channel, output channel of a group, window]: weft wants all output channels in one
  // dimension.
  if (conv.groups == 1) {
    std::swap(conv.wDims[0], conv.wDims[1]);
  } else {
    Extents split = {Extent(conv.groups), node.floorDiv(node.extent(w, 0), conv.groups)};
    for (int64_t i = 1; i < size + 2; ++i)
      split.push_back(node.extent(w, i));
    SmallVector<int64_t> permutation = {0, 2, 1};
    permutation.append(rangeOf(3, size + 3));
    Extents joined = {node.mul(split[0], split[2]), split[1]};
    joined.append(split.begin() + 3, split.end());
    w = node.reshape(node.transpose(node.reshape(w, split), permutation), joined);
  }
  Value y = conv.create(node, x, w);
  return node.setResult(node.hasOperand(2) ? addBias(node, y, node.operand(2)) : y);
}

//===-- With state
//--------------------------------------------------------------------------------------------===//

static LogicalResult importCausalConvWithState(NodeImporter &node) {
  Value x = node.operand(0), w = node.operand(1);
  if (node.rankOf(x) != 3 || node.rankOf(w) != 3)
    return node.error() << "has an input of rank " << node.rankOf(x) << " and a weight of rank "
                        << node.rankOf(w) << ", wanted 3 and 3";
  std::string activation = node.getString("activation", "none");
  if (activation != "none" && activation != "silu" && activation != "swish")
    return node.error() << "has activation '" << activation << "', wanted none, silu or swish";
  Dim channels = moreKnown(getDim(x, 1), getDim(w, 0));

  // The state is what precedes the input: k - 1 positions, zeros at first.
  Extent before = node.sub(node.extent(w, 2), 1);
  Value padded;
  if (node.hasOperand(3)) {
    padded = node.concat({node.operand(3), x}, 2);
  } else {
    padded = node.pad(x, {Extent(0), Extent(0), before}, {Extent(0), Extent(0), Extent(0)});
  }
  Value y;
  if (channels.isStatic() && channels.getStatic() > 0) {
    Convolution conv(1);
    conv.groups = channels.getStatic();
    y = conv.create(node, padded, w);
  } else {
    // Groups of an unknown number are no convolution: the windows [batch, channel, length, k] times the
    // weight.
    Value step = node.iota(node.i64(), {node.extent(x, 2), Extent(1)}, 0);
    Value offset = node.iota(node.i64(), {Extent(1), node.extent(w, 2)}, 1);
    Value positions = node.unsqueeze(node.create<AddOp>(step, offset), {2});
    Value windows = widen(node, node.gather(padded, positions, {2}, {}, {}, 2));
    Value weight = node.unsqueeze(node.squeeze(widen(node, w), {1}), {0, 2});
    Value sum = node.reduce(ReduceKind::add, node.create<MulOp>(windows, weight), {3});
    y = node.convert(sum, node.elementTypeOf(x));
  }
  if (node.hasOperand(2))
    y = addBias(node, y, node.operand(2));
  if (activation != "none") {
    Type type = node.elementTypeOf(y);
    Value wide = widen(node, y);
    y = node.convert(node.create<MulOp>(wide, node.create<LogisticOp>(wide)), type);
  }
  if (failed(node.setResult(0, node.castTo(y, x.getType()))))
    return failure();
  if (!node.isResultUsed(1))
    return success();
  Extent start = node.sub(node.extent(padded, 2), before);
  return node.setResult(1, node.sliceAxis(padded, 2, start, before));
}

//===-- Deformed
//----------------------------------------------------------------------------------------------===//

static LogicalResult importDeformConv(NodeImporter &node) {
  Value x = node.operand(0), w = node.operand(1), offset = node.operand(2);
  int64_t groups = 1;
  FailureOr<int64_t> checked = checkConv(node, x, w, groups);
  if (failed(checked))
    return failure();
  int64_t size = *checked;
  if (node.rankOf(offset) != size + 2)
    return node.error() << "has offsets of rank " << node.rankOf(offset) << ", wanted " << size + 2;
  FailureOr<Windows> windows = readWindows(node, x, spatialShape(node, w));
  if (failed(windows))
    return failure();
  int64_t offsetGroups = node.getInt("offset_group", 1);
  if (offsetGroups < 1 || ShapedType::isDynamicShape(windows->kernel))
    return node.error()
           << "has offset_group " << offsetGroups
           << " and a weight whose windows are not all known, wanted 1 or more and static windows";
  Type type = node.elementTypeOf(x);
  x = toFloat(node, x);
  Type wide = node.elementTypeOf(x);
  w = node.convert(withKernel(node, w, windows->kernel), wide);

  // Positions [batch, offset group, window..., output...]: output * stride - pad + window * dilation +
  // offset.
  Extents kernel = toExtents(windows->kernel), output;
  for (int64_t i = 0; i < size; ++i)
    output.push_back(node.extent(offset, i + 2));
  Extent batch = node.extent(x, 0);
  Extents split = {batch, Extent(offsetGroups)};
  split.append(kernel);
  split.push_back(Extent(size));
  split.append(output);
  offset = node.convert(node.reshape(offset, split), wide);
  int64_t rank = 2 + 2 * size;
  SmallVector<Taps> taps;
  for (int64_t i = 0; i < size; ++i) {
    Extents window(rank, Extent(1)), place(rank, Extent(1));
    window[2 + i] = kernel[i];
    place[2 + size + i] = output[i];
    Value atWindow = node.iota(wide, window, 2 + i), atOutput = node.iota(wide, place, 2 + size + i);
    atWindow = node.create<MulOp>(atWindow, node.like(atWindow, double(windows->dilations[i])));
    atOutput = node.create<MulOp>(atOutput, node.like(atOutput, double(windows->strides[i])));
    atOutput = node.create<SubOp>(atOutput, unitOf(node, windows->low[i], wide, rank));
    Value own = node.squeeze(node.sliceAxis(offset, 2 + size, i, 1), {2 + size});
    Value position = node.create<AddOp>(node.create<AddOp>(atWindow, atOutput), own);
    taps.push_back(linearTaps(node, position, node.extent(x, 2 + i), i, size));
  }
  // The channels of an offset group share their positions.
  Extent perOffsetGroup = node.floorDiv(node.extent(x, 1), offsetGroups);
  Extents grouped = {batch, Extent(offsetGroups), perOffsetGroup};
  for (int64_t i = 0; i < size; ++i)
    grouped.push_back(node.extent(x, 2 + i));
  Value sampled = sampleAt(node, node.reshape(x, grouped), rangeOf(3, 3 + size), {0, 1}, {0, 1}, taps, rank);
  // [batch, offset group, window..., output..., channel]
  if (node.hasOperand(4)) {
    Extents masks = {batch, Extent(offsetGroups)};
    masks.append(kernel);
    masks.append(output);
    Value mask = node.convert(node.reshape(node.operand(4), masks), wide);
    sampled = node.create<MulOp>(sampled, node.unsqueeze(mask, {rank}));
  }
  SmallVector<int64_t> channelsFirst = {0, 1, rank};
  channelsFirst.append(rangeOf(2, rank));
  sampled = node.transpose(sampled, channelsFirst);

  // Contract channels and windows within each group: [group, batch, output..., output channel].
  Extents columns = {batch, Extent(groups), node.floorDiv(node.extent(x, 1), groups)};
  columns.append(kernel);
  columns.append(output);
  sampled = node.reshape(sampled, columns);
  Extents weights = {Extent(groups), node.floorDiv(node.extent(w, 0), groups), node.extent(w, 1)};
  weights.append(kernel);
  w = node.reshape(w, weights);
  SmallVector<int64_t> contracted = rangeOf(2, 3 + size);
  Value y = node.dotGeneral(sampled, w, {1}, {0}, contracted, contracted);
  SmallVector<int64_t> back = {1, 0, 2 + size};
  back.append(rangeOf(2, 2 + size));
  Extents result = {batch, node.extent(w, 1)};
  result[1] = node.mul(result[1], groups);
  result.append(output);
  y = node.reshape(node.transpose(y, back), result);
  y = node.convert(y, type);
  return node.setResult(node.hasOperand(3) ? addBias(node, y, node.operand(3)) : y);
}

//===-- Col2Im
//------------------------------------------------------------------------------------------------===//

static LogicalResult importCol2Im(NodeImporter &node) {
  Value x = node.operand(0);
  FailureOr<Extents> image = node.readContents(node.operand(1)), block = node.readContents(node.operand(2));
  if (failed(image) || failed(block))
    return failure();
  int64_t size = image->size();
  if (node.rankOf(x) != 3 || size == 0 || int64_t(block->size()) != size)
    return node.error() << "has columns of rank " << node.rankOf(x) << ", " << size << " image and "
                        << block->size() << " block extents, wanted rank 3 and equally many of both";
  auto strides = readPerDim(node, "strides", size, 1, 1),
       dilations = readPerDim(node, "dilations", size, 1, 1);
  auto pads = readPads(node, size);
  if (failed(strides) || failed(dilations) || failed(pads))
    return failure();

  // Element (window position k, block b) belongs at b * stride - pad + k * dilation; what falls outside is
  // dropped.
  Extents places = *block;
  for (int64_t i = 0; i < size; ++i) {
    Extent span = node.add(node.mul(node.sub((*block)[i], 1), (*dilations)[i]), 1);
    Extent room = node.sub(node.add((*image)[i], (*pads)[i] + (*pads)[size + i]), span);
    places.push_back(node.add(node.floorDiv(room, (*strides)[i]), 1));
  }
  Extents sizes = {node.extent(x, 0), node.floorDiv(node.extent(x, 1), node.product(*block))};
  Extents zeroSizes = sizes;
  sizes.append(places);
  zeroSizes.append(*image);
  SmallVector<Value> positions;
  for (int64_t i = 0; i < size; ++i) {
    Extents window(2 * size, Extent(1)), step(2 * size, Extent(1));
    window[i] = places[i];
    step[size + i] = places[size + i];
    Value atWindow = node.iota(node.i64(), window, i), atBlock = node.iota(node.i64(), step, size + i);
    atWindow = node.create<MulOp>(atWindow, node.like(atWindow, double((*dilations)[i])));
    atBlock = node.create<MulOp>(atBlock, node.like(atBlock, double((*strides)[i])));
    Value position = node.create<AddOp>(atWindow, atBlock);
    position = node.create<SubOp>(position, node.like(position, double((*pads)[i])));
    positions.push_back(node.unsqueeze(node.broadcastTo(position, places), {2 * size}));
  }
  Value index = node.concat(positions, 2 * size);
  Value zeros = node.full(node.elementTypeOf(x), zeroSizes, 0);
  Value y =
      node.scatter(ScatterKind::add, zeros, index, node.reshape(x, sizes), rangeOf(2, 2 + size), {}, {}, 2);
  return node.setResult(node.refineToDeclared(0, y));
}

void weft::onnx::registerConvOps(OpTable &table) {
  table.add("Conv", 2, 3, importConv);
  table.add("ConvInteger", 2, 4, importConvInteger);
  table.add("QLinearConv", 8, 9, importQLinearConv);
  table.add("ConvTranspose", 2, 3, importConvTranspose);
  table.add("CausalConvWithState", 2, 4, importCausalConvWithState);
  table.add("DeformConv", 3, 5, importDeformConv);
  table.add("Col2Im", 3, 3, importCol2Im);
}
