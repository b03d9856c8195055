// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// softmax and normalize, in double.
#include "weft/Dialect/Weft/NormOps.h"
#include "Evaluate.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace weft;
using namespace weft::reference;

static FailureOr<HostTensor> evaluateSoftmax(ir::SoftmaxOp op, ArrayRef<HostTensor> operands) {
  const HostTensor &x = operands[0];
  AxisView view(x.shape(), op.getAxis());
  std::vector<double> values = loadAll<double>(x);
  for (int64_t i = 0; i < view.outer * view.inner; ++i) {
    double *line = values.data() + i / view.inner * view.extent * view.inner + i % view.inner;
    double highest = -std::numeric_limits<double>::infinity(), sum = 0;
    for (int64_t k = 0; k < view.extent; ++k)
      highest = std::fmax(highest, line[k * view.inner]);
    // A NaN in the row, or a row of -inf (-inf - -inf), makes the sum and so every element NaN.
    for (int64_t k = 0; k < view.extent; ++k)
      sum += line[k * view.inner] = std::exp(line[k * view.inner] - highest);
    for (int64_t k = 0; k < view.extent; ++k)
      line[k * view.inner] /= sum;
  }
  return narrowed(op, resultDType(op), x.shape(), values);
}

static FailureOr<Tensors> evaluateNormalize(ir::NormalizeOp op, ArrayRef<HostTensor> operands) {
  const HostTensor &x = operands[0];
  const double epsilon = op.getEpsilon().convertToDouble();
  SmallVector<int64_t> shape(ArrayRef<int64_t>(x.shape()));
  int64_t count = 1;
  for (int64_t axis : op.getAxes()) {
    count *= shape[axis];
    shape[axis] = 1;
  }
  SmallVector<int64_t> strides = rowMajorStrides(x.shape()), to = rowMajorStrides(shape);
  for (int64_t axis : op.getAxes())
    to[axis] = 0;
  Nest<2> nest(x.shape(), {strides, to});
  std::vector<double> values = loadAll<double>(x);
  std::vector<double> mean(productOf(shape), 0.0), variance(mean.size(), 0.0);
  auto forEach = [&](auto use) {
    auto [fromStep, toStep] = nest.rowSteps();
    nest.forEachRow([&](const std::array<int64_t, 2> &at) {
      for (int64_t i = 0; i < nest.rowLength(); ++i)
        use(values[at[0] + i * fromStep], at[1] + i * toStep);
    });
  };
  if (op.getCenter()) {
    forEach([&](double &value, int64_t at) { mean[at] += value; });
    for (double &m : mean)
      m /= double(count);
  }
  forEach([&](double &value, int64_t at) { variance[at] += (value - mean[at]) * (value - mean[at]); });
  for (double &v : variance)
    v /= double(count);
  forEach([&](double &value, int64_t at) { value = (value - mean[at]) / std::sqrt(variance[at] + epsilon); });
  auto y = narrowed(op, resultDType(op, 0), x.shape(), values);
  auto meanTensor = narrowed(op, resultDType(op, 1), shape, mean);
  auto varianceTensor = narrowed(op, resultDType(op, 2), shape, variance);
  if (failed(y) || failed(meanTensor) || failed(varianceTensor))
    return failure();
  return Tensors{std::move(*y), std::move(*meanTensor), std::move(*varianceTensor)};
}

void reference::attachNormOps(MLIRContext &context) {
  attach<ir::SoftmaxOp, evaluateSoftmax>(context);
  attach<ir::NormalizeOp, evaluateNormalize>(context);
}
