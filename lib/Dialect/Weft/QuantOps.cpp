// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The quant family: where scales and zero points lie, and which types are quantised to.
#include "weft/Dialect/Weft/QuantOps.h"

#include "Inference.h"
#include "mlir/IR/Builders.h"
#include "weft/Dialect/Weft/Quantised.h"
#include "weft/Support/HostTensor.h"

using namespace mlir;
using namespace weft::ir;

bool weft::ir::isAllZero(const HostTensor &tensor) {
  for (int64_t i = 0; i < tensor.numElements(); ++i)
    if (tensor.asDouble(i) != 0)
      return false;
  return true;
}

/// Element types that hold quantised values: integers up to 32 bits, and the storage types.
static LogicalResult checkQuantised(const Checker &check, StringRef what, Type type) {
  Type element = getElementTypeOrSelf(type);
  unsigned width = element.getIntOrFloatBitWidth();
  if (isa<FloatType>(element) ? width <= 8 : width >= 2 && width <= 32)
    return success();
  return check.refuse("has element type ", element, " in ", what,
                      ", wanted an integer of at most 32 bits or a float of at most 8");
}

/// The scale is rank 0, one per extent of the axis, or one per block along it; the zero point lies as the
/// scale does.
static LogicalResult checkScale(const Checker &check, Value quantised, Type shape, Value scale,
                                Value zeroPoint, int64_t axis, int64_t block) {
  SmallVector<Dim> dims = getDims(shape), found = getDims(scale);
  if (block < 0)
    return check.refuse("has block ", block, ", wanted 0 for none or a number of elements");
  if (block > 0) {
    if (failed(check.axis("axis", axis, dims.size())))
      return failure();
    dims[axis] = dims[axis].isStatic()
                     ? Dim(dims[axis].getStatic() / block + (dims[axis].getStatic() % block != 0))
                     : dims[axis].ceilDiv(block);
    if (failed(check.result("scale", scale.getType(), dims)))
      return failure();
  } else if (!found.empty()) {
    if (failed(check.axis("axis", axis, dims.size())) ||
        failed(check.result("scale", scale.getType(), ArrayRef<Dim>(dims[axis]))))
      return failure();
  }
  if (!zeroPoint)
    return success();
  if (failed(check.sameElementType("the zero point", zeroPoint.getType(), quantised.getType())))
    return failure();
  return check.result("the zero point", zeroPoint.getType(), found);
}

LogicalResult QuantizeOp::verify() {
  Checker check(*this);
  if (failed(checkQuantised(check, "the result", getType())) ||
      failed(check.result("the result", getType(), getDims(getX()))))
    return failure();
  return checkScale(check, getResult(), getX().getType(), getScale(), getZeroPoint(), getAxis(), getBlock());
}

LogicalResult DequantizeOp::verify() {
  Checker check(*this);
  if (failed(checkQuantised(check, "q", getQ().getType())) ||
      failed(check.result("the result", getType(), getDims(getQ()))))
    return failure();
  return checkScale(check, getQ(), getQ().getType(), getScale(), getZeroPoint(), getAxis(), getBlock());
}

#define GET_OP_CLASSES
#include "weft/Dialect/Weft/QuantOps.cpp.inc"
