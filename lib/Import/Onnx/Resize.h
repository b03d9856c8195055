// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Resize and Upsample, in a file of their own.
#ifndef WEFT_LIB_IMPORT_ONNX_RESIZE_H
#define WEFT_LIB_IMPORT_ONNX_RESIZE_H

#include "NodeImporter.h"

namespace weft::onnx {

mlir::LogicalResult importResize(NodeImporter &node);
mlir::LogicalResult importUpsample(NodeImporter &node);

} // namespace weft::onnx

#endif // WEFT_LIB_IMPORT_ONNX_RESIZE_H
