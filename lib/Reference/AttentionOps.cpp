// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scaled dot-product attention, row by row of the scores, in double.
//
// Order: scale, soft cap, mask, causal mask, window and key length, softmax, dropout. With `bottom_right` a
// query's position is i + length - S, for the window as well. Dropout keeps score (i, j) of a head unless the
// random bits at its row-major index over [*,H,S,T] fall below p · 2^32; the log-sum-exp does not see it.
#include "weft/Dialect/Weft/AttentionOps.h"
#include "Evaluate.h"
#include "weft/Reference/RandomBits.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace weft;
using namespace weft::reference;

static constexpr double negativeInfinity = -std::numeric_limits<double>::infinity();

/// Strides of a tensor that unit broadcasts to `shape`, or failure.
static FailureOr<SmallVector<int64_t>> stretchedStrides(Operation *op, StringRef name, const HostTensor &x,
                                                        ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides = rowMajorStrides(x.shape());
  bool fits = x.rank() == int64_t(shape.size());
  for (size_t d = 0; fits && d < shape.size(); ++d) {
    if (x.dim(d) == 1)
      strides[d] = 0;
    else
      fits = x.dim(d) == shape[d];
  }
  if (!fits)
    return op->emitOpError() << "found " << name << " " << x.typeString() << ", wanted one that stretches to "
                             << shapeString(shape);
  return strides;
}

/// The offset of row-major index `index` over `shape` under other strides.
static int64_t offsetOf(int64_t index, ArrayRef<int64_t> shape, ArrayRef<int64_t> strides) {
  int64_t offset = 0;
  for (size_t d = shape.size(); d > 0; --d) {
    offset += index % shape[d - 1] * strides[d - 1];
    index /= shape[d - 1];
  }
  return offset;
}

static FailureOr<Tensors> evaluateAttention(ir::AttentionOp op, ArrayRef<HostTensor> operands) {
  const HostTensor &qTensor = operands[0], &kTensor = operands[1], &vTensor = operands[2];
  const HostTensor *maskTensor = optionalOperand(op, operands, 3),
                   *lengthTensor = optionalOperand(op, operands, 4),
                   *rngTensor = optionalOperand(op, operands, 5);
  const int64_t rank = qTensor.rank();
  const int64_t heads = qTensor.dim(rank - 3), queries = qTensor.dim(rank - 2), depth = qTensor.dim(rank - 1);
  const int64_t groups = kTensor.dim(rank - 3), keys = kTensor.dim(rank - 2), width = vTensor.dim(rank - 1);
  SmallVector<int64_t> batchShape(ArrayRef(qTensor.shape()).drop_back(3));
  auto shaped = [&](int64_t a, int64_t b, int64_t c) {
    std::vector<int64_t> shape(batchShape.begin(), batchShape.end());
    shape.insert(shape.end(), {a, b, c});
    return shape;
  };
  if (kTensor.shape() != shaped(groups, keys, depth) || vTensor.shape() != shaped(groups, keys, width) ||
      (groups == 0 ? heads != 0 : heads % groups != 0))
    return op.emitOpError() << "found q " << qTensor.typeString() << ", k " << kTensor.typeString() << ", v "
                            << vTensor.typeString() << ", wanted extents [*,H,S,D], [*,G,T,D], [*,G,T,E]";

  const std::vector<int64_t> scoreShape = shaped(heads, queries, keys);
  SmallVector<int64_t> maskStrides, lengthStrides;
  std::vector<double> mask;
  const bool boolean = maskTensor && maskTensor->dtype() == DType::I1;
  if (maskTensor) {
    auto strides = stretchedStrides(op, "mask", *maskTensor, scoreShape);
    if (failed(strides))
      return failure();
    maskStrides = *strides;
    mask = loadAll<double>(*maskTensor);
  }
  std::vector<int64_t> lengths;
  if (lengthTensor) {
    lengths = loadAll<int64_t>(*lengthTensor);
    lengthStrides.assign(batchShape.size(), 0);
    if (lengthTensor->rank() != 0) {
      auto strides = stretchedStrides(op, "kv_length", *lengthTensor, batchShape);
      if (failed(strides))
        return failure();
      lengthStrides = *strides;
    }
  }
  std::array<uint32_t, 2> key{};
  const double dropout = op.getDropout().convertToDouble();
  const uint64_t dropped = uint64_t(std::ldexp(dropout, 32));
  if (dropout > 0) {
    if (!rngTensor || rngTensor->numElements() != 2)
      return op.emitOpError() << "found dropout without a key, wanted two ui32 in rng";
    key = {rngTensor->data<uint32_t>()[0], rngTensor->data<uint32_t>()[1]};
  }

  const std::vector<double> q = loadAll<double>(qTensor), k = loadAll<double>(kTensor),
                            v = loadAll<double>(vTensor);
  const double scale = op.getScale().convertToDouble(), softcap = op.getSoftcap().convertToDouble();
  const int64_t left = op.getWindowLeft(), right = op.getWindowRight();
  const bool bottomRight = op.getCausal() == ir::Causal::bottom_right,
             causal = op.getCausal() != ir::Causal::none;
  const int64_t batch = productOf(batchShape);
  std::vector<double> y(batch * heads * queries * width, 0.0), lse(batch * heads * queries, negativeInfinity);
  std::vector<double> scores(keys);
  for (int64_t row = 0; row < batch * heads * queries; ++row) {
    const int64_t i = row % queries, head = row / queries % heads, b = row / queries / heads;
    const int64_t group = b * groups + head / (heads / groups);
    const int64_t length = lengthTensor ? lengths[offsetOf(b, batchShape, lengthStrides)] : keys;
    const int64_t position = bottomRight ? i + length - queries : i;
    double highest = negativeInfinity;
    bool hasNaN = false;
    for (int64_t j = 0; j < keys; ++j) {
      double score = 0;
      const double *qRow = &q[row * depth], *kRow = &k[(group * keys + j) * depth];
      for (int64_t d = 0; d < depth; ++d)
        score += qRow[d] * kRow[d];
      score *= scale;
      if (softcap > 0)
        score = softcap * std::tanh(score / softcap);
      if (maskTensor) {
        double entry = mask[offsetOf(row * keys + j, scoreShape, maskStrides)];
        score = boolean ? (entry != 0 ? score : negativeInfinity) : score + entry;
      }
      if ((causal && j > position) || (left >= 0 && j < position - left) ||
          (right >= 0 && j > position + right) || j >= length)
        score = negativeInfinity;
      scores[j] = score;
      hasNaN |= std::isnan(score);
      highest = std::fmax(highest, score);
    }
    if (highest == negativeInfinity && !hasNaN)
      continue; // fully masked: 0, and nothing to add to a log-sum-exp
    double sum = 0;
    for (double &score : scores)
      sum += score = std::exp(score - highest);
    lse[row] = highest + std::log(sum);
    for (int64_t j = 0; j < keys; ++j) {
      double p = scores[j] / sum;
      if (dropout > 0)
        p = philoxWord(key, uint64_t(row * keys + j)) < dropped ? 0 : p / (1 - dropout);
      for (int64_t e = 0; e < width; ++e)
        y[row * width + e] += p * v[(group * keys + j) * width + e];
    }
  }
  auto yTensor = narrowed(op, resultDType(op, 0), shaped(heads, queries, width), y);
  std::vector<int64_t> lseShape = shaped(heads, queries, 0);
  lseShape.pop_back();
  auto lseTensor = narrowed(op, resultDType(op, 1), lseShape, lse);
  if (failed(yTensor) || failed(lseTensor))
    return failure();
  return Tensors{std::move(*yTensor), std::move(*lseTensor)};
}

void reference::attachAttentionOps(MLIRContext &context) {
  attach<ir::AttentionOp, evaluateAttention>(context);
}
