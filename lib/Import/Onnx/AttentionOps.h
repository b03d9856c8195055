// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The relatives of attention that have a file of their own, and the layout they share.
#ifndef WEFT_LIB_IMPORT_ONNX_ATTENTIONOPS_H
#define WEFT_LIB_IMPORT_ONNX_ATTENTIONOPS_H

#include "NodeImporter.h"

namespace weft::onnx {

/// [batch, sequence, heads * size] to [batch, heads, sequence, size].
mlir::Value splitHeads(NodeImporter &node, mlir::Value x, int64_t numHeads);
/// The way back.
mlir::Value joinHeads(NodeImporter &node, mlir::Value x);

mlir::LogicalResult importRotaryEmbedding(NodeImporter &node);
mlir::LogicalResult importLinearAttention(NodeImporter &node);

} // namespace weft::onnx

#endif // WEFT_LIB_IMPORT_ONNX_ATTENTIONOPS_H
