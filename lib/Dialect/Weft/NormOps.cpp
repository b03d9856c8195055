// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The norm family: softmax along an axis, normalisation over axes with its statistics.
#include "weft/Dialect/Weft/NormOps.h"

#include "Inference.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace weft::ir;

LogicalResult SoftmaxOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                          SoftmaxOp::Adaptor adaptor, SmallVectorImpl<Type> &inferred) {
  auto type = cast<RankedTensorType>(adaptor.getX().getType());
  if (failed(checkerOf<SoftmaxOp>(loc).axis("axis", adaptor.getAxis(), type.getRank())))
    return failure();
  inferred.push_back(type);
  return success();
}
bool SoftmaxOp::isCompatibleReturnTypes(TypeRange a, TypeRange b) { return areCompatibleTypes(a, b); }

LogicalResult NormalizeOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                            NormalizeOp::Adaptor adaptor, SmallVectorImpl<Type> &inferred) {
  Checker check = checkerOf<NormalizeOp>(loc);
  auto type = cast<RankedTensorType>(adaptor.getX().getType());
  if (adaptor.getAxes().empty())
    return check.refuse("has no axes, wanted at least one");
  if (failed(check.axes("axis", adaptor.getAxes(), type.getRank())))
    return failure();
  SmallVector<Dim> dims = getDims(type);
  for (int64_t axis : adaptor.getAxes())
    dims[axis] = Dim(1);
  Type element = type.getElementType();
  auto statistics = makeTensorType(dims, element.isF64() ? element : Float32Type::get(context));
  inferred.append({type, statistics, statistics});
  return success();
}
bool NormalizeOp::isCompatibleReturnTypes(TypeRange a, TypeRange b) { return areCompatibleTypes(a, b); }

LogicalResult NormalizeOp::verify() {
  double epsilon = getEpsilon().convertToDouble();
  if (!(epsilon >= 0) || std::isinf(epsilon))
    return Checker(*this).refuse("has epsilon ", epsilon, ", wanted a finite number that is not negative");
  return success();
}

#define GET_OP_CLASSES
#include "weft/Dialect/Weft/NormOps.cpp.inc"
