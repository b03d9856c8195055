// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Windows: reductions, positions of extremes and their gradient, tap by tap over all windows at once; and
// resampling.
#include "PoolOps.h"
#include "Combine.h"
#include "Windows.h"

using namespace mlir;
using namespace weft;
using namespace weft::reference;

/// The windows of every dimension of x, those outside `axes` of one element.
template <class OpTy> static SmallVector<WindowAxis> windowAxes(OpTy op, int64_t rank) {
  SmallVector<WindowAxis> axes(rank);
  for (auto [i, axis] : llvm::enumerate(op.getAxes()))
    axes[axis] = {op.getWindow()[i],      op.getStrides()[i],      op.getPaddingLow()[i],
                  op.getPaddingHigh()[i], op.getBaseDilation()[i], op.getWindowDilation()[i]};
  return axes;
}

namespace {
struct Windows {
  SmallVector<TapPositions> taps;
  SmallVector<int64_t> shape; // of the result
  Windows(ArrayRef<WindowAxis> axes, ArrayRef<int64_t> inputShape) {
    for (auto [axis, extent] : llvm::zip_equal(axes, inputShape)) {
      taps.push_back(tapPositions(axis, extent));
      shape.push_back(axis.outputExtent(extent));
    }
  }
};
} // namespace

static FailureOr<HostTensor> evaluateReduceWindow(ir::ReduceWindowOp op, ArrayRef<HostTensor> operands) {
  const HostTensor &x = operands[0];
  Windows windows(windowAxes(op, x.rank()), x.shape());
  SmallVector<int64_t> strides = rowMajorStrides(x.shape());
  const DType type = resultDType(op);
  return withDomain(domainOf(x.dtype()), [&]<class T>(T) {
    const std::vector<T> input = loadAll<T>(x);
    std::vector<T> result(productOf(windows.shape), identityOf<T>(op.getKind(), type));
    withCombiner<T>(op.getKind(), [&](auto combine) {
      forEachTap(windows.taps, strides, [&](const TapRows &tap, int64_t) {
        tap.forEach(
            [&](int64_t window, int64_t offset) { result[window] = combine(result[window], input[offset]); });
      });
    });
    return narrowed(op, type, windows.shape, result);
  });
}

static FailureOr<HostTensor> evaluateWindowArg(ir::WindowArgOp op, ArrayRef<HostTensor> operands) {
  const HostTensor &x = operands[0];
  Windows windows(windowAxes(op, x.rank()), x.shape());
  SmallVector<int64_t> strides = rowMajorStrides(x.shape());

  // Where an element stands among the windowed axes: its position there in row-major order.
  SmallVector<int64_t> windowed(op.getAxes()), extents, flatStrides(x.rank(), 0);
  llvm::sort(windowed);
  for (int64_t axis : windowed)
    extents.push_back(x.dim(axis));
  for (auto [axis, stride] : llvm::zip_equal(windowed, rowMajorStrides(extents)))
    flatStrides[axis] = stride;
  auto flatIndex = [&](int64_t offset) {
    int64_t flat = 0;
    for (int64_t d = 0; d < x.rank(); ++d)
      flat += offset / strides[d] % x.dim(d) * flatStrides[d];
    return flat;
  };

  const bool greatest = op.getKind() == ir::ArgKind::max;
  return withDomain(domainOf(x.dtype()), [&]<class T>(T) {
    const std::vector<T> input = loadAll<T>(x);
    std::vector<int64_t> best(productOf(windows.shape), -1);
    forEachTap(windows.taps, strides, [&](const TapRows &tap, int64_t) {
      tap.forEach([&](int64_t window, int64_t offset) {
        int64_t &holder = best[window];
        if (holder < 0) {
          holder = offset;
          return;
        }
        T old = input[holder], next = input[offset];
        bool oldIsNaN = old != old, nextIsNaN = next != next;
        if (!oldIsNaN && (nextIsNaN || (greatest ? next > old : next < old)))
          holder = offset;
      });
    });
    for (int64_t &holder : best)
      holder = holder < 0 ? -1 : flatIndex(holder);
    return narrowed(op, DType::I64, windows.shape, best);
  });
}

FailureOr<HostTensor> reference::evaluateWindowScatter(ir::WindowScatterOp op, ArrayRef<HostTensor> operands,
                                                       ArrayRef<int64_t> wanted) {
  const HostTensor &dy = operands[0], &index = operands[1];
  // The windowed extents cannot be told from the number of windows: they are the result type's.
  SmallVector<int64_t> shape(ArrayRef<int64_t>(dy.shape())), windowed(op.getAxes()), extents;
  llvm::sort(windowed);
  for (int64_t axis : windowed) {
    if (ShapedType::isDynamic(wanted[axis]))
      return op.emitOpError() << "found an unknown extent in dimension " << axis
                              << " of the result, wanted a number";
    shape[axis] = wanted[axis];
    extents.push_back(shape[axis]);
  }
  const int64_t limit = productOf(extents);
  SmallVector<int64_t> strides = rowMajorStrides(shape), flatStrides = rowMajorStrides(extents);
  SmallVector<int64_t> outside = strides; // strides of the dimensions that are not windowed
  for (int64_t axis : windowed)
    outside[axis] = 0;
  const std::vector<int64_t> positions = loadAll<int64_t>(index);
  return withDomain(domainOf(dy.dtype()), [&]<class T>(T) {
    const std::vector<T> input = loadAll<T>(dy);
    std::vector<T> result(productOf(shape), T(0));
    SmallVector<int64_t> from = rowMajorStrides(dy.shape());
    Nest<2> nest(dy.shape(), {from, outside});
    withCombiner<T>(ir::ReduceKind::add, [&](auto add) {
      nest.forEachRow([&](const std::array<int64_t, 2> &at) {
        for (int64_t i = 0; i < nest.rowLength(); ++i) {
          int64_t source = at[0] + i * nest.rowSteps()[0], flat = positions[source];
          if (flat < 0 || flat >= limit)
            continue;
          int64_t target = at[1] + i * nest.rowSteps()[1];
          for (auto [axis, extent, stride] : llvm::zip_equal(windowed, extents, flatStrides))
            target += flat / stride % extent * strides[axis];
          result[target] = add(result[target], input[source]);
        }
      });
    });
    return narrowed(op, resultDType(op), shape, result);
  });
}

static FailureOr<HostTensor> evaluateTypedWindowScatter(ir::WindowScatterOp op,
                                                        ArrayRef<HostTensor> operands) {
  return evaluateWindowScatter(op, operands, cast<ShapedType>(op.getResult().getType()).getShape());
}

static FailureOr<HostTensor> evaluateResample(ir::ResampleOp op, ArrayRef<HostTensor> operands) {
  const HostTensor &x = operands[0];
  const std::vector<int64_t> index = loadAll<int64_t>(operands[1]);
  const std::vector<double> weight = loadAll<double>(operands[2]), input = loadAll<double>(x);
  const int64_t outputs = operands[1].dim(0), terms = operands[1].dim(1);
  if (operands[2].shape() != operands[1].shape())
    return op.emitOpError() << "found indices " << operands[1].typeString() << " and weights "
                            << operands[2].typeString() << ", wanted equal extents";
  AxisView view(x.shape(), op.getAxis());
  SmallVector<int64_t> shape(ArrayRef<int64_t>(x.shape()));
  shape[op.getAxis()] = outputs;
  std::vector<double> result(productOf(shape), 0.0);
  if (view.extent == 0 && !result.empty() && terms > 0)
    return op.emitOpError() << "found no elements along axis " << op.getAxis() << ", wanted some to sample";
  for (int64_t outer = 0; outer < view.outer; ++outer)
    for (int64_t o = 0; o < outputs; ++o)
      for (int64_t t = 0; t < terms; ++t) {
        const double w = weight[o * terms + t];
        const int64_t at = std::clamp<int64_t>(index[o * terms + t], 0, view.extent - 1);
        const double *source = input.data() + (outer * view.extent + at) * view.inner;
        double *target = result.data() + (outer * outputs + o) * view.inner;
        for (int64_t i = 0; i < view.inner; ++i)
          target[i] += w * source[i];
      }
  return narrowed(op, resultDType(op), shape, result);
}

void reference::attachPoolOps(MLIRContext &context) {
  attach<ir::ReduceWindowOp, evaluateReduceWindow>(context);
  attach<ir::WindowArgOp, evaluateWindowArg>(context);
  attach<ir::WindowScatterOp, evaluateTypedWindowScatter>(context);
  attach<ir::ResampleOp, evaluateResample>(context);
}
