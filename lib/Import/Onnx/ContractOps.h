// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The contractions that have a file of their own.
#ifndef WEFT_LIB_IMPORT_ONNX_CONTRACTOPS_H
#define WEFT_LIB_IMPORT_ONNX_CONTRACTOPS_H

#include "NodeImporter.h"

namespace weft::onnx {

/// The product of bytes (a - aZero) (b - bZero) in i32, as NumPy's matmul of ranks of 2 or more, with zero
/// points (or null) that broadcast against their operands: the bytes are multiplied as they are, and what the
/// zero points add to that is taken off,
///   a b - aZero sum_k(b - bZero) - sum_k(a) bZero.
mlir::Value multiplyBytes(NodeImporter &node, mlir::Value a, mlir::Value aZero, mlir::Value b,
                          mlir::Value bZero);

mlir::LogicalResult importEinsum(NodeImporter &node);
mlir::LogicalResult importDft(NodeImporter &node);
mlir::LogicalResult importStft(NodeImporter &node);

} // namespace weft::onnx

#endif // WEFT_LIB_IMPORT_ONNX_CONTRACTOPS_H
