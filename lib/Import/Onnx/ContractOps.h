// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The contractions that have a file of their own.
#ifndef WEFT_LIB_IMPORT_ONNX_CONTRACTOPS_H
#define WEFT_LIB_IMPORT_ONNX_CONTRACTOPS_H

#include "NodeImporter.h"

namespace weft::onnx {

mlir::LogicalResult importEinsum(NodeImporter &node);
mlir::LogicalResult importDft(NodeImporter &node);
mlir::LogicalResult importStft(NodeImporter &node);

} // namespace weft::onnx

#endif // WEFT_LIB_IMPORT_ONNX_CONTRACTOPS_H
