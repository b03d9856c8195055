// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ops that make, move and rearrange elements.
#include "weft/Dialect/Weft/ShapeOps.h"
#include "Moves.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace weft;
using namespace weft::reference;

static FailureOr<HostTensor> evaluateConstant(ir::ConstantOp op, ArrayRef<HostTensor>) {
  auto value = ir::toHostTensor(op.getValue());
  if (failed(value))
    return op.emitOpError() << "found elements that the data store does not have, wanted them stored";
  return value;
}

static FailureOr<HostTensor> evaluateIota(ir::IotaOp op, ArrayRef<HostTensor> operands) {
  SmallVector<int64_t> shape = mixedValues(op.getStaticSizes(), operands);
  auto result = allocate(op, resultDType(op), shape);
  if (failed(result) || result->numElements() == 0)
    return result;
  AxisView view(shape, op.getAxis());
  for (int64_t at = 0; at < result->numElements(); at += view.inner) {
    const int64_t position = at / view.inner % view.extent;
    if (isFloat(result->dtype()))
      storeElements(*result, at, view.inner, std::vector<double>(view.inner, double(position)).data());
    else
      storeElements(*result, at, view.inner, std::vector<int64_t>(view.inner, position).data());
  }
  return result;
}

static FailureOr<HostTensor> evaluateDim(ir::DimOp op, ArrayRef<HostTensor> operands) {
  return HostTensor::scalar<int64_t>(operands[0].dim(op.getAxis()));
}

static FailureOr<HostTensor> evaluateReshape(ir::ReshapeOp op, ArrayRef<HostTensor> operands) {
  const HostTensor &x = operands[0];
  SmallVector<int64_t> shape = mixedValues(op.getStaticSizes(), operands.drop_front());
  int64_t known = 1, *hole = nullptr;
  for (int64_t &extent : shape) {
    if (extent == -1 && !hole)
      hole = &extent;
    else if (llvm::MulOverflow(known, extent, known))
      return op.emitOpError() << "found sizes of more than 2^63 elements, wanted " << x.numElements();
  }
  if (hole && known != 0 && x.numElements() % known == 0)
    *hole = x.numElements() / known;
  return withShape(op, x, shape);
}

static FailureOr<HostTensor> evaluateTranspose(ir::TransposeOp op, ArrayRef<HostTensor> operands) {
  const HostTensor &x = operands[0];
  SmallVector<int64_t> strides = rowMajorStrides(x.shape()), shape, from;
  for (int64_t d : op.getPermutation()) {
    shape.push_back(x.dim(d));
    from.push_back(strides[d]);
  }
  return moveElements(op, x.dtype(), x, shape, [&](ArrayRef<HostTensor> xs, HostTensor &result) {
    copyStrided(shape, xs[0], 0, from, result, 0, rowMajorStrides(shape));
  });
}

static FailureOr<HostTensor> evaluateBroadcast(ir::BroadcastOp op, ArrayRef<HostTensor> operands) {
  const HostTensor &x = operands[0];
  SmallVector<int64_t> shape = mixedValues(op.getStaticSizes(), operands.drop_front());
  SmallVector<int64_t> strides = rowMajorStrides(x.shape()), from(shape.size(), 0);
  for (auto [i, place] : llvm::enumerate(op.getDims())) {
    if (x.dim(i) == shape[place])
      from[place] = strides[i];
    else if (x.dim(i) != 1)
      return op.emitOpError() << "found extent " << x.dim(i) << " in dimension " << i << " of x, wanted "
                              << shape[place] << " or 1";
  }
  return moveElements(op, x.dtype(), x, shape, [&](ArrayRef<HostTensor> xs, HostTensor &result) {
    copyStrided(shape, xs[0], 0, from, result, 0, rowMajorStrides(shape));
  });
}

static FailureOr<HostTensor> evaluateSlice(ir::SliceOp op, ArrayRef<HostTensor> operands) {
  const HostTensor &x = operands[0];
  SmallVector<int64_t> starts = mixedValues(op.getStaticStarts(), operandGroup(op, operands, 1));
  SmallVector<int64_t> shape = mixedValues(op.getStaticSizes(), operandGroup(op, operands, 2));
  SmallVector<int64_t> strides = rowMajorStrides(x.shape());
  int64_t offset = 0;
  for (int64_t d = 0; d < x.rank(); ++d) {
    const int64_t stride = op.getStrides()[d], extent = x.dim(d),
                  most = extent == 0 ? 0 : (extent - 1) / stride + 1;
    if (ShapedType::isDynamic(op.getStaticSizes()[d]))
      shape[d] = std::clamp<int64_t>(shape[d], 0, most);
    else if (shape[d] > most)
      return op.emitOpError() << "found extent " << extent << " in dimension " << d << ", wanted room for "
                              << shape[d] << " elements";
    const int64_t reach = shape[d] == 0 ? 0 : (shape[d] - 1) * stride + 1;
    offset += std::clamp<int64_t>(starts[d], 0, extent - reach) * strides[d];
    strides[d] *= stride;
  }
  return moveElements(op, x.dtype(), x, shape, [&](ArrayRef<HostTensor> xs, HostTensor &result) {
    copyStrided(shape, xs[0], offset, strides, result, 0, rowMajorStrides(shape));
  });
}

static FailureOr<HostTensor> evaluateUpdateSlice(ir::UpdateSliceOp op, ArrayRef<HostTensor> operands) {
  const HostTensor &x = operands[0], &update = operands[1];
  SmallVector<int64_t> starts = mixedValues(op.getStaticStarts(), operands.drop_front(2));
  SmallVector<int64_t> strides = rowMajorStrides(x.shape());
  int64_t offset = 0;
  for (int64_t d = 0; d < x.rank(); ++d) {
    if (update.dim(d) > x.dim(d))
      return op.emitOpError() << "found an update of extent " << update.dim(d) << " in dimension " << d
                              << ", wanted at most " << x.dim(d);
    offset += std::clamp<int64_t>(starts[d], 0, x.dim(d) - update.dim(d)) * strides[d];
  }
  return moveElements(
      op, x.dtype(), operands.take_front(2), x.shape(), [&](ArrayRef<HostTensor> xs, HostTensor &result) {
        copyStrided(x.shape(), xs[0], 0, strides, result, 0, strides);
        copyStrided(update.shape(), xs[1], 0, rowMajorStrides(update.shape()), result, offset, strides);
      });
}

static FailureOr<HostTensor> evaluateConcat(ir::ConcatOp op, ArrayRef<HostTensor> operands) {
  const int64_t axis = op.getAxis();
  SmallVector<int64_t> shape(ArrayRef<int64_t>(operands[0].shape()));
  shape[axis] = 0;
  for (const HostTensor &x : operands) {
    for (int64_t d = 0; d < x.rank(); ++d)
      if (d != axis && x.dim(d) != shape[d])
        return op.emitOpError() << "found extents " << x.dim(d) << " and " << shape[d] << " in dimension "
                                << d << ", wanted equal extents outside axis " << axis;
    shape[axis] += x.dim(axis);
  }
  SmallVector<int64_t> strides = rowMajorStrides(shape);
  return moveElements(
      op, operands[0].dtype(), operands, shape, [&](ArrayRef<HostTensor> xs, HostTensor &result) {
        int64_t at = 0;
        for (const HostTensor &x : xs) {
          copyStrided(x.shape(), x, 0, rowMajorStrides(x.shape()), result, at * strides[axis], strides);
          at += x.dim(axis);
        }
      });
}

/// The element of n that position `at` shows when the tensor goes on beyond its ends.
static int64_t continued(int64_t at, int64_t n, ir::PadMode mode) {
  auto modulo = [](int64_t a, int64_t b) { return (a % b + b) % b; };
  switch (mode) {
  case ir::PadMode::reflect: {
    if (n == 1)
      return 0;
    at = modulo(at, 2 * (n - 1));
    return at < n ? at : 2 * (n - 1) - at;
  }
  case ir::PadMode::edge:
    return std::clamp<int64_t>(at, 0, n - 1);
  case ir::PadMode::wrap:
    return modulo(at, n);
  case ir::PadMode::constant:
    break;
  }
  return at < 0 || at >= n ? -1 : at;
}

static FailureOr<HostTensor> evaluatePad(ir::PadOp op, ArrayRef<HostTensor> operands) {
  const HostTensor &x = operands[0];
  SmallVector<int64_t> low = mixedValues(op.getStaticLow(), operandGroup(op, operands, 2));
  SmallVector<int64_t> high = mixedValues(op.getStaticHigh(), operandGroup(op, operands, 3));
  SmallVector<int64_t> shape;
  std::vector<std::vector<int64_t>> positions(x.rank());
  for (int64_t d = 0; d < x.rank(); ++d) {
    const int64_t extent = x.dim(d), step = op.getInterior()[d] + 1;
    const int64_t spread = extent == 0 ? 0 : (extent - 1) * step + 1;
    constexpr int64_t limit = int64_t(1) << 48;
    if (std::abs(low[d]) > limit || std::abs(high[d]) > limit)
      return op.emitOpError() << "found padding " << low[d] << " and " << high[d] << " in dimension " << d
                              << ", wanted at most 2^48";
    shape.push_back(std::max<int64_t>(0, spread + low[d] + high[d]));
    if (op.getMode() != ir::PadMode::constant && extent == 0 && shape[d] > 0)
      return op.emitOpError() << "found extent 0 in dimension " << d << " of x, wanted elements to take";
  }
  // Positions are made when there is memory for the result, so that absurd paddings are refused first.
  auto filled = [&](ArrayRef<HostTensor> xs, HostTensor &result) {
    for (int64_t d = 0; d < x.rank(); ++d) {
      const int64_t step = op.getInterior()[d] + 1;
      for (int64_t o = 0; o < shape[d]; ++o) {
        int64_t at = o - low[d];
        positions[d].push_back(at % step == 0 ? continued(at / step, x.dim(d), op.getMode()) : -1);
      }
    }
    if (op.getMode() == ir::PadMode::constant)
      fillWith(xs[1], result);
    copyPositions(xs[0], positions, result);
  };
  return moveElements(op, x.dtype(), operands.take_front(2), shape, filled);
}

static FailureOr<HostTensor> evaluateReverse(ir::ReverseOp op, ArrayRef<HostTensor> operands) {
  const HostTensor &x = operands[0];
  SmallVector<int64_t> strides = rowMajorStrides(x.shape()), from(strides);
  int64_t offset = 0;
  for (int64_t axis : op.getAxes()) {
    offset += (x.dim(axis) - 1) * strides[axis];
    from[axis] = -strides[axis];
  }
  return moveElements(op, x.dtype(), x, x.shape(), [&](ArrayRef<HostTensor> xs, HostTensor &result) {
    copyStrided(x.shape(), xs[0], offset, from, result, 0, strides);
  });
}

static FailureOr<HostTensor> evaluateCastShape(ir::CastShapeOp op, ArrayRef<HostTensor> operands) {
  auto type = cast<RankedTensorType>(op.getResult().getType());
  for (int64_t d = 0; d < operands[0].rank(); ++d)
    if (!type.isDynamicDim(d) && type.getDimSize(d) != operands[0].dim(d))
      return op.emitOpError() << "found extent " << operands[0].dim(d) << " in dimension " << d << ", wanted "
                              << type.getDimSize(d);
  return operands[0];
}

void reference::attachShapeOps(MLIRContext &context) {
  attach<ir::ConstantOp, evaluateConstant>(context);
  attach<ir::IotaOp, evaluateIota>(context);
  attach<ir::DimOp, evaluateDim>(context);
  attach<ir::ReshapeOp, evaluateReshape>(context);
  attach<ir::TransposeOp, evaluateTranspose>(context);
  attach<ir::BroadcastOp, evaluateBroadcast>(context);
  attach<ir::SliceOp, evaluateSlice>(context);
  attach<ir::UpdateSliceOp, evaluateUpdateSlice>(context);
  attach<ir::ConcatOp, evaluateConcat>(context);
  attach<ir::PadOp, evaluatePad>(context);
  attach<ir::ReverseOp, evaluateReverse>(context);
  attach<ir::CastShapeOp, evaluateCastShape>(context);
}
