// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Registers the models of all families, and holds what they share.
#include "weft/Reference/Reference.h"
#include "Evaluate.h"

using namespace mlir;
using namespace weft;
using namespace weft::reference;

void reference::registerReferenceModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, ir::WeftDialect *) {
    attachElementwiseOps(*context);
    attachConversions(*context);
    attachContractOps(*context);
    attachLinearAlgebra(*context);
    attachFourierTransform(*context);
    attachConvOps(*context);
    attachPoolOps(*context);
    attachReduceOps(*context);
    attachNormOps(*context);
    attachAttentionOps(*context);
    attachShapeOps(*context);
    attachIndexOps(*context);
    attachControlOps(*context);
    attachRandomOps(*context);
    attachQuantOps(*context);
  });
}

DType reference::resultDType(Operation *op, unsigned result) {
  return ir::toDType(cast<ShapedType>(op->getResult(result).getType()).getElementType());
}

FailureOr<HostTensor> reference::allocate(Operation *op, DType type, ArrayRef<int64_t> shape, bool zeroed) {
  std::vector<int64_t> extents(shape.begin(), shape.end());
  // Elements narrower than a byte are stored one by one into bytes that must hold something.
  auto tensor = zeroed || byteWidth(type) == 0 ? HostTensor::zeros(type, std::move(extents))
                                               : HostTensor::uninitialized(type, std::move(extents));
  if (!tensor.isOk())
    return op->emitOpError() << tensor.status().message();
  return *std::move(tensor);
}

FailureOr<HostTensor> reference::withShape(Operation *op, const HostTensor &x, ArrayRef<int64_t> shape) {
  auto tensor = x.reshaped({shape.begin(), shape.end()});
  if (!tensor.isOk())
    return op->emitOpError() << "found " << x.typeString() << ", wanted elements of " << shapeString(shape);
  return *std::move(tensor);
}

SmallVector<int64_t> reference::mixedValues(ArrayRef<int64_t> statics, ArrayRef<HostTensor> values) {
  SmallVector<int64_t> numbers(statics);
  for (int64_t &number : numbers) {
    if (ShapedType::isDynamic(number) && !values.empty()) {
      number = values.front().asInt(0);
      values = values.drop_front();
    }
  }
  return numbers;
}
