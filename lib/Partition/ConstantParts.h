// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Parts of constants, for each worker.
#ifndef WEFT_LIB_PARTITION_CONSTANTPARTS_H
#define WEFT_LIB_PARTITION_CONSTANTPARTS_H

#include "weft/Dialect/Dist/DistDialect.h"
#include "weft/Dialect/Weft/ShapeOps.h"

namespace weft::dist {

/// This worker's part of a constant: the constant itself where all workers have the same, else dist.constant.
mlir::FailureOr<mlir::Value> createPart(mlir::OpBuilder &builder, ir::ConstantOp constant,
                                        const Sharding &sharding, MeshAttr mesh);

} // namespace weft::dist

#endif // WEFT_LIB_PARTITION_CONSTANTPARTS_H
