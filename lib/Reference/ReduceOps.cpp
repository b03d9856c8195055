// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reductions over whole axes, positions of extremes, and running reductions, in row-major order.
#include "weft/Dialect/Weft/ReduceOps.h"
#include "Combine.h"

using namespace mlir;
using namespace weft;
using namespace weft::reference;

/// logaddexp over many elements: the maximum first, so that no exponential overflows and each is rounded
/// once.
static std::vector<double> reduceLogAddExp(const std::vector<double> &input, const Nest<2> &nest,
                                           int64_t outputs) {
  std::vector<double> highest(outputs, -std::numeric_limits<double>::infinity()), sum(outputs, 0.0);
  auto forEach = [&](auto use) {
    auto [fromStep, toStep] = nest.rowSteps();
    nest.forEachRow([&](const std::array<int64_t, 2> &at) {
      for (int64_t i = 0; i < nest.rowLength(); ++i)
        use(input[at[0] + i * fromStep], at[1] + i * toStep);
    });
  };
  forEach([&](double x, int64_t at) {
    if (!(x <= highest[at])) // NaN stays
      highest[at] = std::isnan(highest[at]) ? highest[at] : x;
  });
  forEach([&](double x, int64_t at) { sum[at] += std::isinf(highest[at]) ? 0 : std::exp(x - highest[at]); });
  for (int64_t i = 0; i < outputs; ++i)
    sum[i] = std::isinf(highest[i]) ? highest[i] : highest[i] + std::log(sum[i]);
  return sum;
}

static FailureOr<HostTensor> evaluateReduce(ir::ReduceOp op, ArrayRef<HostTensor> operands) {
  const HostTensor &x = operands[0];
  llvm::SmallDenseSet<int64_t> reduced(op.getAxes().begin(), op.getAxes().end());
  SmallVector<int64_t> shape;
  for (int64_t d = 0; d < x.rank(); ++d)
    if (!reduced.contains(d))
      shape.push_back(x.dim(d));
  SmallVector<int64_t> kept = rowMajorStrides(shape), strides = rowMajorStrides(x.shape()), to(x.rank(), 0);
  for (int64_t d = 0, next = 0; d < x.rank(); ++d)
    if (!reduced.contains(d))
      to[d] = kept[next++];
  Nest<2> nest(x.shape(), {strides, to});
  const DType type = resultDType(op);
  return withDomain(domainOf(x.dtype()), [&]<class T>(T) {
    const std::vector<T> input = loadAll<T>(x);
    if constexpr (std::is_same_v<T, double>)
      if (op.getKind() == ir::ReduceKind::logaddexp)
        return narrowed(op, type, shape, reduceLogAddExp(input, nest, productOf(shape)));
    std::vector<T> result(productOf(shape), identityOf<T>(op.getKind(), type));
    withCombiner<T>(op.getKind(), [&](auto combine) {
      auto [fromStep, toStep] = nest.rowSteps();
      nest.forEachRow([&](const std::array<int64_t, 2> &at) {
        for (int64_t i = 0; i < nest.rowLength(); ++i) {
          T &target = result[at[1] + i * toStep];
          target = combine(target, input[at[0] + i * fromStep]);
        }
      });
    });
    return narrowed(op, type, shape, result);
  });
}

static FailureOr<HostTensor> evaluateArgReduce(ir::ArgReduceOp op, ArrayRef<HostTensor> operands) {
  const HostTensor &x = operands[0];
  AxisView view(x.shape(), op.getAxis());
  SmallVector<int64_t> shape(ArrayRef<int64_t>(x.shape()));
  shape.erase(shape.begin() + op.getAxis());
  std::vector<int64_t> result(productOf(shape), 0);
  if (view.extent == 0 && !result.empty())
    return op.emitOpError() << "found no elements along axis " << op.getAxis() << ", wanted at least one";
  const bool greatest = op.getKind() == ir::ArgKind::max, last = op.getTie() == ir::Tie::last;
  withDomain(domainOf(x.dtype()), [&]<class T>(T) {
    const std::vector<T> input = loadAll<T>(x);
    for (int64_t i = 0; i < view.outer * view.inner; ++i) {
      const T *line = input.data() + i / view.inner * view.extent * view.inner + i % view.inner;
      int64_t best = 0;
      for (int64_t at = 0; at < view.extent; ++at) {
        T next = line[at * view.inner], old = line[best * view.inner];
        if (next != next) {
          best = at; // the first NaN ends the search
          break;
        }
        if ((greatest ? next > old : next < old) || (last && next == old))
          best = at;
      }
      result[i] = best;
    }
  });
  return narrowed(op, DType::I64, shape, result);
}

static FailureOr<HostTensor> evaluateCumulative(ir::CumulativeOp op, ArrayRef<HostTensor> operands) {
  const HostTensor &x = operands[0];
  AxisView view(x.shape(), op.getAxis());
  const DType type = resultDType(op);
  return withDomain(domainOf(x.dtype()), [&]<class T>(T) {
    const std::vector<T> input = loadAll<T>(x);
    std::vector<T> result(input.size());
    withCombiner<T>(op.getKind(), [&](auto combine) {
      for (int64_t i = 0; i < view.outer * view.inner; ++i) {
        const int64_t base = i / view.inner * view.extent * view.inner + i % view.inner;
        T running = identityOf<T>(op.getKind(), type);
        for (int64_t step = 0; step < view.extent; ++step) {
          const int64_t at = base + (op.getReverse() ? view.extent - 1 - step : step) * view.inner;
          T next = combine(running, input[at]);
          result[at] = op.getExclusive() ? running : next;
          running = next;
        }
      }
    });
    return narrowed(op, type, x.shape(), result);
  });
}

void reference::attachReduceOps(MLIRContext &context) {
  attach<ir::ReduceOp, evaluateReduce>(context);
  attach<ir::ArgReduceOp, evaluateArgReduce>(context);
  attach<ir::CumulativeOp, evaluateCumulative>(context);
}
