// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// ONNX's ops that make tensors from parameters: constants, ranges, unit matrices, window functions, mel
// filters.
#include "NodeImporter.h"

#include "Numeric.h"
#include "OnnxWire.pb.h"
#include "Tensors.h"
#include <cmath>

using namespace mlir;
using namespace weft;
using namespace weft::onnx;

//===-- Constants
//----------------------------------------------------------------------------------------------===//

static LogicalResult importConstant(NodeImporter &node) {
  if (node.hasAttribute("value")) {
    std::optional<HostTensor> tensor = node.getTensor("value");
    return tensor ? node.setResult(node.constant(*tensor)) : failure();
  }
  if (const onnx_wire::AttributeProto *sparse = node.getAttribute("sparse_value")) {
    ExternalData none("");
    Result<HostTensor> tensor = readSparseTensor(sparse->sparse_tensor(), none);
    if (!tensor.isOk())
      return node.error() << tensor.status().message();
    return node.setResult(node.constant(*tensor));
  }
  if (node.hasAttribute("value_int"))
    return node.setResult(node.scalarI64(node.getInt("value_int", 0)));
  if (node.hasAttribute("value_ints"))
    return node.setResult(node.constantI64(node.getInts("value_ints")));
  if (node.hasAttribute("value_float"))
    return node.setResult(node.constant(HostTensor::scalar(float(node.getFloat("value_float", 0)))));
  if (node.hasAttribute("value_floats")) {
    SmallVector<double> numbers = node.getFloats("value_floats");
    std::vector<float> floats(numbers.begin(), numbers.end());
    return node.setResult(node.constant(*HostTensor::fromValues<float>({int64_t(floats.size())}, floats)));
  }
  if (node.hasAttribute("value_string") || node.hasAttribute("value_strings"))
    return node.unsupported("strings");
  return node.error() << "found no value";
}

static LogicalResult importConstantOfShape(NodeImporter &node) {
  FailureOr<Extents> sizes = node.readContents(node.operand(0));
  if (failed(sizes))
    return failure();
  for (const Extent &size : *sizes)
    if (size.isStatic() && size.getStatic() < 0)
      return node.error() << "found extent " << size.getStatic() << ", wanted 0 or more";
  HostTensor element = HostTensor::scalar(0.0f);
  if (node.hasAttribute("value")) {
    std::optional<HostTensor> given = node.getTensor("value");
    if (!given)
      return failure();
    if (given->numElements() != 1)
      return node.error() << "found a value " << given->typeString() << ", wanted one element";
    auto scalar = given->reshaped({});
    if (!scalar.isOk())
      return node.error() << scalar.status().message();
    element = *scalar;
  }
  return node.setResult(node.refineToDeclared(0, node.broadcastTo(node.constant(element), *sizes)));
}

//===-- Ranges and masks
//---------------------------------------------------------------------------------------===//

/// The number of elements of start, start + delta, ... before limit, of integers.
static Extent countIntegers(NodeImporter &node, Extent start, Extent limit, Extent delta) {
  if (delta.isStatic() && delta.getStatic() != 0 && delta.getStatic() != INT64_MIN) {
    bool up = delta.getStatic() > 0;
    Extent span = up ? node.sub(limit, start) : node.sub(start, limit);
    Extent step = up ? delta : node.sub(Extent(0), delta);
    return node.floorDiv(node.add(node.max(span, Extent(0)), node.sub(step, Extent(1))), step);
  }
  // (span + delta - sign(delta)) / delta, truncated: right where there are elements, else at most 0.
  Extent sign = node.selectLess(delta, Extent(0), Extent(-1), Extent(1));
  Extent rounded = node.sub(node.add(node.sub(limit, start), delta), sign);
  Extent count = Extent::of(node.div(node.toValue(rounded), node.toValue(delta)));
  return node.max(count, Extent(0));
}

static LogicalResult importRange(NodeImporter &node) {
  Value scalars[3];
  for (int i = 0; i < 3; ++i)
    scalars[i] = toScalar(node, node.operand(i));
  if (node.failed())
    return failure();
  Type type = NodeImporter::elementTypeOf(scalars[0]);
  Extent count(0);
  if (!NodeImporter::isFloat(scalars[0])) {
    Extent numbers[3];
    for (int i = 0; i < 3; ++i) {
      FailureOr<Extent> number = node.readScalar(scalars[i]);
      if (failed(number))
        return failure();
      numbers[i] = *number;
    }
    if (numbers[2].is(0))
      return node.error() << "found a delta of 0";
    count = countIntegers(node, numbers[0], numbers[1], numbers[2]);
  } else {
    std::optional<double> start = node.getConstantScalar(scalars[0]),
                          limit = node.getConstantScalar(scalars[1]),
                          delta = node.getConstantScalar(scalars[2]);
    if (start && limit && delta) {
      double steps = std::ceil((*limit - *start) / *delta);
      if (!(steps < 9e15))
        return node.error() << "found a range without end";
      count = Extent(std::max<int64_t>(0, int64_t(steps)));
    } else {
      Type f64 = node.b().getF64Type();
      Value span = node.sub(node.convert(scalars[1], f64), node.convert(scalars[0], f64));
      Value steps = node.create<ir::CeilOp>(node.div(span, node.convert(scalars[2], f64)));
      count = node.max(Extent::of(node.convert(steps, node.i64())), Extent(0));
    }
  }
  Value index = node.iota(type, {count}, 0);
  Value scaled = node.mul(index, node.reshape(scalars[2], ArrayRef<int64_t>{1}));
  Value result = node.add(scaled, node.reshape(scalars[0], ArrayRef<int64_t>{1}));
  return node.setResult(node.refineToDeclared(0, result));
}

/// column - row over the last two dimensions, as [rows, columns].
static Value diagonalOf(NodeImporter &node, Extent rows, Extent columns) {
  Value row = node.iota(node.i64(), {rows, Extent(1)}, 0),
        column = node.iota(node.i64(), {Extent(1), columns}, 1);
  return node.sub(column, row);
}

static LogicalResult importEyeLike(NodeImporter &node) {
  Value x = node.operand(0);
  Type type = NodeImporter::elementTypeOf(x);
  if (node.hasAttribute("dtype"))
    type = node.getElementTypeOf(node.getInt("dtype", 1));
  if (!type)
    return failure();
  if (NodeImporter::rankOf(x) != 2)
    return node.error() << "found rank " << NodeImporter::rankOf(x) << ", wanted 2";
  Value diagonal = diagonalOf(node, node.extent(x, 0), node.extent(x, 1));
  Value isOne = node.compare(ir::CompareKind::eq, diagonal, node.like(diagonal, double(node.getInt("k", 0))));
  return node.setResult(node.convert(isOne, type));
}

static LogicalResult importTrilu(NodeImporter &node) {
  Value x = node.operand(0);
  int64_t rank = NodeImporter::rankOf(x);
  if (rank < 2)
    return node.error() << "found rank " << rank << ", wanted at least 2";
  Value diagonal = diagonalOf(node, node.extent(x, rank - 2), node.extent(x, rank - 1));
  Value k = node.like(diagonal, 0);
  if (node.hasOperand(1))
    k = node.reshape(node.convert(node.operand(1), node.i64()), ArrayRef<int64_t>{1, 1});
  bool upper = node.getInt("upper", 1) != 0;
  Value keep = node.compare(upper ? ir::CompareKind::ge : ir::CompareKind::le, diagonal, k);
  return node.setResult(node.select(keep, x, node.like(x, 0)));
}

//===-- Window functions
//---------------------------------------------------------------------------------------===//

/// sum of (-1)^j * coefficients[j] * cos(2 pi j i / N), N the size, or one less when it is not periodic.
static LogicalResult importWindow(NodeImporter &node, ArrayRef<double> coefficients) {
  Type type = node.getElementTypeOf(node.getInt("output_datatype", onnx_wire::TensorProto::FLOAT));
  if (!type)
    return failure();
  bool periodic = node.getInt("periodic", 1) != 0;
  FailureOr<Extent> given = node.readScalar(node.operand(0));
  if (failed(given))
    return failure();
  Extent size = *given;
  if (size.isStatic() && size.getStatic() < 0)
    return node.error() << "found a size of " << size.getStatic() << ", wanted 0 or more";
  Extent period = periodic ? size : node.sub(size, Extent(1));
  if (size.isStatic() && size.getStatic() <= int64_t(1) << 20) {
    std::vector<double> values(size.getStatic(), 0.0);
    for (size_t i = 0; i < values.size(); ++i)
      for (size_t j = 0; j < coefficients.size(); ++j)
        values[i] +=
            (j % 2 ? -1 : 1) * coefficients[j] *
            std::cos(2 * M_PI * double(j) * double(i) / double(std::max<int64_t>(period.getStatic(), 1)));
    return node.setResult(
        node.convert(node.constant(*HostTensor::fromValues<double>({size.getStatic()}, values)), type));
  }
  Value index = node.iota(node.f32(), {size}, 0);
  Value n =
      node.convert(node.reshape(node.toValue(node.max(period, Extent(1))), ArrayRef<int64_t>{1}), node.f32());
  Value angle = node.div(node.mul(index, node.like(index, 2 * M_PI)), n);
  Value sum = node.like(index, coefficients[0]);
  for (size_t j = 1; j < coefficients.size(); ++j) {
    Value term = node.create<ir::CosOp>(node.mul(angle, node.like(angle, double(j))));
    sum = node.add(sum, node.mul(term, node.like(term, (j % 2 ? -1 : 1) * coefficients[j])));
  }
  return node.setResult(node.refineToDeclared(0, node.convert(sum, type)));
}

static LogicalResult importHannWindow(NodeImporter &node) { return importWindow(node, {0.5, 0.5}); }
static LogicalResult importHammingWindow(NodeImporter &node) {
  return importWindow(node, {25.0 / 46, 21.0 / 46});
}
static LogicalResult importBlackmanWindow(NodeImporter &node) {
  return importWindow(node, {0.42, 0.5, 0.08});
}

//===-- Mel filters
//--------------------------------------------------------------------------------------------===//

/// Triangles between edges that lie evenly on the mel scale, over the bins of a Fourier transform.
static LogicalResult importMelWeightMatrix(NodeImporter &node) {
  Type type = node.getElementTypeOf(node.getInt("output_datatype", onnx_wire::TensorProto::FLOAT));
  if (!type)
    return failure();
  double numbers[5];
  const char *names[] = {"num_mel_bins", "dft_length", "sample_rate", "lower_edge_hertz", "upper_edge_hertz"};
  for (int i = 0; i < 5; ++i) {
    FailureOr<HostTensor> tensor = node.requireConstant(i, names[i]);
    if (failed(tensor))
      return failure();
    if (tensor->numElements() != 1)
      return node.error() << "found " << names[i] << " " << tensor->typeString() << ", wanted a scalar";
    numbers[i] = tensor->asDouble(0);
  }
  auto [bands, dftLength, rate, low, high] = numbers;
  if (!(bands >= 1 && bands <= 1e5 && dftLength >= 1 && dftLength <= 1e6 && rate > 0 && low > -700 &&
        high >= low))
    return node.error() << "found numbers out of range, wanted positive sizes and low <= high";
  auto numBands = int64_t(bands), numBins = int64_t(dftLength) / 2 + 1;
  if (numBands * numBins > int64_t(1) << 26)
    return node.error() << "found a matrix of " << numBands << " x " << numBins << ", wanted a smaller one";
  double lowMel = 2595 * std::log10(1 + low / 700), highMel = 2595 * std::log10(1 + high / 700);
  double step = (highMel - lowMel) / double(numBands + 2);
  std::vector<int64_t> edges;
  for (int64_t i = 0; i < numBands + 2; ++i) {
    double hertz = 700 * (std::pow(10, (double(i) * step + lowMel) / 2595) - 1);
    edges.push_back(int64_t(std::floor((dftLength + 1) * hertz / rate)));
  }
  std::vector<double> weights(size_t(numBins * numBands), 0.0);
  auto set = [&](int64_t bin, int64_t band, double weight) {
    if (bin >= 0 && bin < numBins)
      weights[bin * numBands + band] = weight;
  };
  for (int64_t band = 0; band < numBands; ++band) {
    int64_t left = edges[band], center = edges[band + 1], right = edges[band + 2];
    if (left == center)
      set(center, band, 1);
    for (int64_t bin = std::max<int64_t>(left, 0); left != center && bin <= std::min(center, numBins - 1);
         ++bin)
      set(bin, band, double(bin - left) / double(center - left));
    for (int64_t bin = std::max<int64_t>(center, 0); right != center && bin < std::min(right, numBins); ++bin)
      set(bin, band, double(right - bin) / double(right - center));
  }
  return node.setResult(
      node.convert(node.constant(*HostTensor::fromValues<double>({numBins, numBands}, weights)), type));
}

void weft::onnx::registerGenerateOps(OpTable &table) {
  table.add("Constant", 0, 0, importConstant);
  table.add("ConstantOfShape", 1, 1, importConstantOfShape);
  table.add("Range", 3, 3, importRange);
  table.add("EyeLike", 1, 1, importEyeLike);
  table.add("Trilu", 1, 2, importTrilu);
  table.add("HannWindow", 1, 1, importHannWindow);
  table.add("HammingWindow", 1, 1, importHammingWindow);
  table.add("BlackmanWindow", 1, 1, importBlackmanWindow);
  table.add("MelWeightMatrix", 5, 5, importMelWeightMatrix);
}
