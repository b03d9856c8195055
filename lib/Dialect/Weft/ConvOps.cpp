// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The conv family: where the dimensions lie, and how far the window slides.
#include "weft/Dialect/Weft/ConvOps.h"

#include "Inference.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace weft::ir;

LogicalResult ConvOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc, ConvOp::Adaptor adaptor,
                                       SmallVectorImpl<Type> &inferred) {
  Checker check = checkerOf<ConvOp>(loc);
  SmallVector<Dim> x = getDims(adaptor.getX()), w = getDims(adaptor.getW());
  ArrayRef<int64_t> xDims = adaptor.getXDims(), wDims = adaptor.getWDims(), yDims = adaptor.getYDims();
  ArrayRef<int64_t> strides = adaptor.getStrides(), low = adaptor.getPaddingLow(),
                    high = adaptor.getPaddingHigh();
  ArrayRef<int64_t> inputDilation = adaptor.getInputDilation(), kernelDilation = adaptor.getKernelDilation();

  size_t spatial = strides.size();
  if (spatial > 3)
    return check.refuse("has ", spatial, " spatial dimensions, wanted 0 to 3");
  if (x.size() != spatial + 2)
    return check.refuse("has x of rank ", x.size(), ", wanted ", spatial + 2,
                        ": batch, feature and one per stride");
  if (w.size() != spatial + 2)
    return check.refuse("has w of rank ", w.size(), ", wanted ", spatial + 2,
                        ": two features and one per stride");
  StringRef what = "spatial dimension";
  if (failed(check.permutation("x_dims", xDims, spatial + 2)) ||
      failed(check.permutation("w_dims", wDims, spatial + 2)) ||
      failed(check.permutation("y_dims", yDims, spatial + 2)) ||
      failed(check.length("padding_low", low.size(), spatial, what)) ||
      failed(check.length("padding_high", high.size(), spatial, what)) ||
      failed(check.length("input_dilation", inputDilation.size(), spatial, what)) ||
      failed(check.length("kernel_dilation", kernelDilation.size(), spatial, what)) ||
      failed(check.range("strides", strides, 1, maxWindowNumber)) ||
      failed(check.range("padding_low", low, -maxWindowNumber, maxWindowNumber)) ||
      failed(check.range("padding_high", high, -maxWindowNumber, maxWindowNumber)) ||
      failed(check.range("input_dilation", inputDilation, 1, maxWindowNumber)) ||
      failed(check.range("kernel_dilation", kernelDilation, 1, maxWindowNumber)))
    return failure();
  if (size_t reversed = adaptor.getReverse().size();
      reversed && failed(check.length("reverse", reversed, spatial, what)))
    return failure();

  int64_t groups = adaptor.getFeatureGroups();
  if (groups < 1)
    return check.refuse("has ", groups, " feature groups, wanted at least 1");
  Dim features = x[xDims[1]], outputs = w[wDims[0]], perGroup = w[wDims[1]];
  if (features.isStatic() && features.getStatic() % groups != 0)
    return check.refuse("has ", features.getStatic(), " features in dimension ", xDims[1],
                        " of x, wanted a multiple of ", groups, ", the number of feature groups");
  if (outputs.isStatic() && outputs.getStatic() % groups != 0)
    return check.refuse("has ", outputs.getStatic(), " output features in dimension ", wDims[0],
                        " of w, wanted a multiple of ", groups, ", the number of feature groups");
  if (features.isStatic() && perGroup.isStatic() && features.getStatic() / groups != perGroup.getStatic())
    return check.refuse("has ", perGroup.getStatic(), " input features in dimension ", wDims[1],
                        " of w, wanted ", features.getStatic() / groups, ": the ", features.getStatic(),
                        " of x over ", groups, " feature groups");
  if (failed(check.sameElementType("w", adaptor.getW().getType(), adaptor.getX().getType())))
    return failure();

  SmallVector<Dim> y(spatial + 2);
  y[yDims[0]] = x[xDims[0]];
  y[yDims[1]] = outputs;
  for (size_t i = 0; i < spatial; ++i) {
    auto extent = inferWindow(check, xDims[i + 2], x[xDims[i + 2]], w[wDims[i + 2]], strides[i], low[i],
                              high[i], inputDilation[i], kernelDilation[i]);
    if (failed(extent))
      return failure();
    y[yDims[i + 2]] = *extent;
  }
  Type element = getElementTypeOrSelf(adaptor.getX());
  if (std::optional<Type> asked = adaptor.getElementType()) {
    bool isNumber = asked->isF64() || asked->isF32() || asked->isF16() || asked->isBF16() ||
                    (isa<IntegerType>(*asked) && asked->getIntOrFloatBitWidth() >= 8);
    if (*asked != element && (!isNumber || isa<FloatType>(*asked) != isa<FloatType>(element) ||
                              asked->getIntOrFloatBitWidth() <= element.getIntOrFloatBitWidth()))
      return check.refuse("has result element type ", *asked, ", wanted ", element,
                          " or a wider one of its class");
    element = *asked;
  }
  inferred.push_back(makeTensorType(y, element));
  return success();
}
bool ConvOp::isCompatibleReturnTypes(TypeRange a, TypeRange b) { return areCompatibleTypes(a, b); }

#define GET_OP_CLASSES
#include "weft/Dialect/Weft/ConvOps.cpp.inc"
