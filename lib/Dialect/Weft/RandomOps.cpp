// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The random family.
#include "weft/Dialect/Weft/RandomOps.h"

#include "Inference.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace weft::ir;

LogicalResult RandomBitsOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                             RandomBitsOp::Adaptor adaptor, SmallVectorImpl<Type> &inferred) {
  if (failed(checkerOf<RandomBitsOp>(loc).result("key", adaptor.getKey().getType(), {Dim(2)})))
    return failure();
  inferred.push_back(
      withElementType(adaptor.getCounter().getType(), IntegerType::get(context, 32, IntegerType::Unsigned)));
  return success();
}
bool RandomBitsOp::isCompatibleReturnTypes(TypeRange a, TypeRange b) { return areCompatibleTypes(a, b); }

#define GET_OP_CLASSES
#include "weft/Dialect/Weft/RandomOps.cpp.inc"
