// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// DFT and STFT. ONNX keeps a complex number in the last dimension (extent 1: real, 2: complex); weft.fft
// takes the parts apart.
#include "ContractOps.h"
#include "Numeric.h"

using namespace mlir;
using namespace weft;
using namespace weft::ir;
using namespace weft::onnx;

namespace {
/// A signal: the real and the imaginary part (null: zero), without the dimension that held them.
struct Complex {
  Value re, im;
};
} // namespace

static FailureOr<Complex> splitParts(NodeImporter &node, Value x) {
  int64_t last = node.rankOf(x) - 1;
  Dim parts = last >= 0 ? getDim(x, last) : Dim(0);
  if (parts.isStatic() && !parts.is(1) && !parts.is(2)) {
    node.error() << "has a signal with last extent " << parts.str() << ", wanted 1 (real) or 2 (complex)";
    return failure();
  }
  Complex signal;
  signal.re = node.squeeze(parts.is(1) ? x : node.sliceAxis(x, last, 0, 1), {last});
  if (parts.is(1))
    return signal;
  Extent count = node.extent(x, last);
  signal.im = node.squeeze(node.sliceAxis(x, last, node.sub(count, 1), 1), {last});
  if (!parts.isStatic()) {
    // Real or complex shows at run time.
    Value isComplex =
        node.compare(CompareKind::eq, unitOf(node, count, node.i64(), last), node.unit(node.i64(), last, 2));
    signal.im = node.create<SelectOp>(isComplex, signal.im, node.like(signal.im, 0));
  }
  return signal;
}

static Value joinParts(NodeImporter &node, Complex signal) {
  int64_t rank = node.rankOf(signal.re);
  return node.concat({node.unsqueeze(signal.re, {rank}), node.unsqueeze(signal.im, {rank})}, rank);
}

/// Cut or zero-padded to `length` along the last axis.
static Value fitLast(NodeImporter &node, Value x, const Extent &length) {
  int64_t axis = node.rankOf(x) - 1;
  if (node.failed())
    return x;
  Extents low(axis + 1, Extent(0)), high(axis + 1, Extent(0));
  high[axis] = node.sub(length, node.extent(x, axis));
  return high[axis].is(0) ? x : node.pad(x, low, high);
}

/// weft.fft over the last axis.
static Complex transform(NodeImporter &node, Complex x, FftKind kind, bool inverse, IntegerAttr length = {}) {
  int64_t axes[] = {node.rankOf(x.re) - 1};
  SmallVector<Value> parts =
      node.createMulti<FftOp>(x.re, x.im, ArrayRef<int64_t>(axes), kind, inverse, length);
  return {parts.front(), parts.back()};
}

/// The transform of `length` points over the last axis of both parts. One-sided: only half of the result
/// forward, half of the input (and a real result) backward.
static Complex transformLast(NodeImporter &node, Complex x, const Extent &length, bool inverse,
                             bool oneSided) {
  int64_t axis = node.rankOf(x.re) - 1;
  Extent half = node.add(node.floorDiv(length, 2), 1);
  if (inverse && oneSided) {
    Complex spectrum = {fitLast(node, x.re, half), fitLast(node, x.im ? x.im : zerosLike(node, x.re), half)};
    if (length.isStatic()) {
      IntegerAttr points = node.b().getI64IntegerAttr(length.getStatic());
      return {transform(node, spectrum, FftKind::c2r, true, points).re, nullptr};
    }
    // The other half is the conjugate of points 1 ... length - half, backwards.
    Extent rest = node.sub(length, half);
    Value re = node.reverse(node.sliceAxis(spectrum.re, axis, 1, rest), {axis});
    Value im = node.create<NegOp>(node.reverse(node.sliceAxis(spectrum.im, axis, 1, rest), {axis}));
    Complex full = {node.concat({spectrum.re, re}, axis), node.concat({spectrum.im, im}, axis)};
    return {transform(node, full, FftKind::c2c, true).re, nullptr};
  }
  x.re = fitLast(node, x.re, length);
  if (x.im)
    x.im = fitLast(node, x.im, length);
  if (oneSided && !x.im)
    return transform(node, x, FftKind::r2c, false);
  if (!x.im)
    x.im = zerosLike(node, x.re);
  Complex y = transform(node, x, FftKind::c2c, inverse);
  if (!oneSided)
    return y;
  return {node.sliceAxis(y.re, axis, 0, half), node.sliceAxis(y.im, axis, 0, half)};
}

/// A rank-0 (or one-element) integer operand as an extent.
static FailureOr<Extent> readExtent(NodeImporter &node, int i) {
  FailureOr<Extents> contents = node.readContents(node.operand(i));
  if (failed(contents))
    return failure();
  if (contents->size() != 1) {
    node.error() << "input " << i << " has " << contents->size() << " elements, wanted 1";
    return failure();
  }
  return contents->front();
}

LogicalResult weft::onnx::importDft(NodeImporter &node) {
  Value x = node.operand(0);
  Type type = node.elementTypeOf(x);
  int64_t rank = node.rankOf(x);
  if (rank < 2)
    return node.error() << "has rank " << rank << ", wanted 2 or more";
  bool inverse = node.getInt("inverse", 0), oneSided = node.getInt("onesided", 0);

  // The axis is an attribute up to opset 19 and an input, maybe known only at run time, from opset 20 on.
  std::optional<int64_t> axis;
  if (node.getOpset() < 20) {
    axis = node.getInt("axis", 1);
  } else if (!node.hasOperand(2)) {
    axis = -2;
  } else if (auto numbers = node.getConstantInts(node.operand(2)); numbers && numbers->size() == 1) {
    axis = numbers->front();
  }
  if (axis) {
    FailureOr<int64_t> normal = node.normalizeAxis(*axis, rank);
    if (failed(normal))
      return failure();
    if (*normal == rank - 1)
      return node.error() << "transforms axis " << *axis
                          << ", wanted one before the last, which holds the parts";
    axis = *normal;
  }
  FailureOr<Complex> parts = splitParts(node, widen(node, x));
  if (failed(parts))
    return failure();

  // Without the last dimension, the transformed axis goes last.
  int64_t numDims = rank - 1;
  SmallVector<int64_t> toLast, back(numDims);
  Value runTimeToLast, runTimeBack;
  if (axis) {
    for (int64_t i = 0; i < numDims; ++i)
      if (i != *axis)
        toLast.push_back(i);
    toLast.push_back(*axis);
    for (auto [i, from] : llvm::enumerate(toLast))
      back[from] = i;
  } else {
    Value axes = node.wrapIndex(toUnit(node, node.operand(2), 1), Extent(rank));
    runTimeToLast = permutationToLast(node, node.convert(axes, node.i64()), numDims);
    runTimeBack = invertPermutation(node, runTimeToLast, numDims);
  }
  auto reorder = [&](Value value, ArrayRef<int64_t> known, Value atRunTime) {
    return axis ? node.transpose(value, known) : permuteAtRunTime(node, value, atRunTime);
  };
  Complex signal = {reorder(parts->re, toLast, runTimeToLast),
                    parts->im ? reorder(parts->im, toLast, runTimeToLast) : Value()};
  if (node.failed())
    return failure();

  Extent length = node.extent(signal.re, numDims - 1);
  if (inverse && oneSided)
    length = node.mul(node.sub(length, 1), 2);
  if (node.hasOperand(1)) {
    FailureOr<Extent> given = readExtent(node, 1);
    if (failed(given))
      return failure();
    length = *given;
  }
  Complex y = transformLast(node, signal, length, inverse, oneSided);
  y.re = reorder(y.re, back, runTimeBack);
  if (y.im)
    y.im = reorder(y.im, back, runTimeBack);
  Value result = y.im ? joinParts(node, y) : node.unsqueeze(y.re, {numDims});
  return node.setResult(node.refineToDeclared(0, node.convert(result, type)));
}

LogicalResult weft::onnx::importStft(NodeImporter &node) {
  Value x = node.operand(0);
  Type type = node.elementTypeOf(x);
  if (node.rankOf(x) == 2)
    x = node.unsqueeze(x, {2});
  if (node.rankOf(x) != 3)
    return node.error() << "has a signal of rank " << node.rankOf(x) << ", wanted [batch, length, 1 or 2]";
  FailureOr<Extent> step = readExtent(node, 1);
  if (failed(step))
    return failure();
  Value window = node.hasOperand(2) ? node.operand(2) : Value();
  if (window && node.rankOf(window) != 1)
    return node.error() << "has a window of rank " << node.rankOf(window) << ", wanted 1";
  Extent signalLength = node.extent(x, 1), frameLength = signalLength;
  if (window) {
    frameLength = node.extent(window, 0);
  } else if (node.hasOperand(3)) {
    FailureOr<Extent> given = readExtent(node, 3);
    if (failed(given))
      return failure();
    frameLength = *given;
  }
  FailureOr<Complex> parts = splitParts(node, widen(node, x));
  if (failed(parts))
    return failure();

  // Frame f holds the elements f * step ... f * step + frameLength - 1.
  Extent numFrames = node.add(node.floorDiv(node.sub(signalLength, frameLength), *step), 1);
  Value starts = node.create<MulOp>(node.iota(node.i64(), {numFrames, Extent(1)}, 0),
                                    unitOf(node, *step, node.i64(), 2));
  Value positions = node.create<AddOp>(starts, node.iota(node.i64(), {Extent(1), frameLength}, 1));
  Value index = node.unsqueeze(positions, {2});
  auto frames = [&](Value part) {
    Value framed = node.gather(part, index, {1}, {}, {}, 1);
    return window ? node.create<MulOp>(framed,
                                       node.alongAxis(node.convert(window, node.elementTypeOf(framed)), 2, 3))
                  : framed;
  };
  Complex framed = {frames(parts->re), parts->im ? frames(parts->im) : Value()};
  Complex y = transformLast(node, framed, frameLength, false, node.getInt("onesided", 1) != 0);
  return node.setResult(node.refineToDeclared(0, node.convert(joinParts(node, y), type)));
}
