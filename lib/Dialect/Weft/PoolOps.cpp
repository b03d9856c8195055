// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The pool family: windows over chosen axes, their arguments and gradients, and resampling by tables.
#include "weft/Dialect/Weft/PoolOps.h"

#include "Inference.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace weft::ir;

namespace {
/// The window attributes of an op or its adaptor.
struct Windows {
  ArrayRef<int64_t> axes, window, strides, low, high, baseDilation, windowDilation;

  template <typename OpOrAdaptor>
  explicit Windows(OpOrAdaptor op)
      : axes(op.getAxes()), window(op.getWindow()), strides(op.getStrides()), low(op.getPaddingLow()),
        high(op.getPaddingHigh()), baseDilation(op.getBaseDilation()),
        windowDilation(op.getWindowDilation()) {}
};
} // namespace

/// Extents after sliding the windows over `dims`.
static FailureOr<SmallVector<Dim>> slide(const Checker &check, const Windows &w, SmallVector<Dim> dims) {
  StringRef what = "axis";
  size_t n = w.axes.size();
  if (failed(check.axes("axis", w.axes, dims.size())) ||
      failed(check.length("window", w.window.size(), n, what)) ||
      failed(check.length("strides", w.strides.size(), n, what)) ||
      failed(check.length("padding_low", w.low.size(), n, what)) ||
      failed(check.length("padding_high", w.high.size(), n, what)) ||
      failed(check.length("base_dilation", w.baseDilation.size(), n, what)) ||
      failed(check.length("window_dilation", w.windowDilation.size(), n, what)) ||
      failed(check.range("window", w.window, 1, maxWindowNumber)) ||
      failed(check.range("strides", w.strides, 1, maxWindowNumber)) ||
      failed(check.range("padding_low", w.low, -maxWindowNumber, maxWindowNumber)) ||
      failed(check.range("padding_high", w.high, -maxWindowNumber, maxWindowNumber)) ||
      failed(check.range("base_dilation", w.baseDilation, 1, maxWindowNumber)) ||
      failed(check.range("window_dilation", w.windowDilation, 1, maxWindowNumber)))
    return failure();
  for (size_t i = 0; i < n; ++i) {
    Dim &dim = dims[w.axes[i]];
    auto extent = inferWindow(check, w.axes[i], dim, Dim(w.window[i]), w.strides[i], w.low[i], w.high[i],
                              w.baseDilation[i], w.windowDilation[i]);
    if (failed(extent))
      return failure();
    dim = *extent;
  }
  return dims;
}

LogicalResult ReduceWindowOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                               ReduceWindowOp::Adaptor adaptor,
                                               SmallVectorImpl<Type> &inferred) {
  auto dims = slide(checkerOf<ReduceWindowOp>(loc), Windows(adaptor), getDims(adaptor.getX()));
  if (failed(dims))
    return failure();
  inferred.push_back(makeTensorType(*dims, getElementTypeOrSelf(adaptor.getX())));
  return success();
}
bool ReduceWindowOp::isCompatibleReturnTypes(TypeRange a, TypeRange b) { return areCompatibleTypes(a, b); }

LogicalResult ReduceWindowOp::verify() {
  Checker check(*this);
  if (getKind() == ReduceKind::bit_xor)
    return check.refuse("has kind xor, wanted any other");
  return check.reduceKind(getKind(), getX().getType());
}

LogicalResult WindowArgOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                            WindowArgOp::Adaptor adaptor, SmallVectorImpl<Type> &inferred) {
  auto dims = slide(checkerOf<WindowArgOp>(loc), Windows(adaptor), getDims(adaptor.getX()));
  if (failed(dims))
    return failure();
  inferred.push_back(makeTensorType(*dims, IntegerType::get(context, 64)));
  return success();
}
bool WindowArgOp::isCompatibleReturnTypes(TypeRange a, TypeRange b) { return areCompatibleTypes(a, b); }

LogicalResult WindowScatterOp::verify() {
  Checker check(*this);
  Windows windows(*this);
  SmallVector<Dim> result = getDims(getType()), dy = getDims(getDy());
  if (failed(check.sameElementType("the result", getType(), getDy().getType())) ||
      failed(check.result("index", getIndex().getType(), dy)))
    return failure();
  auto slid = slide(check, windows, result);
  if (failed(slid) || failed(check.result("dy", getDy().getType(), *slid)))
    return failure();
  for (int64_t axis : windows.axes)
    if (result[axis].isUnknown())
      return check.refuse("has an unknown extent in dimension ", axis,
                          " of the result, wanted a number or a name: dy does not tell it");
  return success();
}

LogicalResult ResampleOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                           ResampleOp::Adaptor adaptor, SmallVectorImpl<Type> &inferred) {
  Checker check = checkerOf<ResampleOp>(loc);
  SmallVector<Dim> dims = getDims(adaptor.getX()), index = getDims(adaptor.getIndex());
  int64_t axis = adaptor.getAxis();
  if (failed(check.axis("axis", axis, dims.size())))
    return failure();
  if (index.size() != 2)
    return check.refuse("has index of rank ", index.size(), ", wanted 2: result positions and taps");
  if (failed(check.result("weight", adaptor.getWeight().getType(), index)))
    return failure();
  dims[axis] = moreKnown(index[0], getDim(adaptor.getWeight(), 0));
  inferred.push_back(makeTensorType(dims, getElementTypeOrSelf(adaptor.getX())));
  return success();
}
bool ResampleOp::isCompatibleReturnTypes(TypeRange a, TypeRange b) { return areCompatibleTypes(a, b); }

LogicalResult ResampleOp::verify() {
  Checker check(*this);
  Type weight = getWeight().getType().getElementType(), element = getX().getType().getElementType();
  if (weight != element && !weight.isF32())
    return check.refuse("has element type ", weight, " in weight, wanted ", element, ", as x, or f32");
  SmallVector<Dim> x = getDims(getX()), tables = getDims(getIndex());
  int64_t axis = getAxis();
  if (axis < 0 || axis >= int64_t(x.size()) || tables.size() != 2)
    return success(); // inference tells
  if (x[axis].is(0) && !tables[0].is(0) && !tables[1].is(0))
    return check.refuse("has extent 0 in dimension ", axis, " of x, wanted elements to take");
  return success();
}

#define GET_OP_CLASSES
#include "weft/Dialect/Weft/PoolOps.cpp.inc"
