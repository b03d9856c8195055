// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// ONNX's ways to say where windows lie (kernel_shape, strides, dilations, pads, auto_pad, ceil_mode) turned
// into the one that weft has: padding low and high per spatial dimension.
#ifndef WEFT_LIB_IMPORT_ONNX_WINDOWS_H
#define WEFT_LIB_IMPORT_ONNX_WINDOWS_H

#include "NodeImporter.h"

namespace weft::onnx {

/// Windows over the spatial dimensions of x [batch, channel, spatial...].
struct Windows {
  int64_t size() const { return int64_t(strides.size()); }
  /// Extent a window covers with its holes.
  int64_t span(int64_t i) const { return (kernel[i] - 1) * dilations[i] + 1; }

  /// kDynamic where neither an attribute nor the weight's type says it.
  llvm::SmallVector<int64_t> kernel;
  llvm::SmallVector<int64_t> strides, dilations;
  /// Padding that counts as part of the image; static unless auto_pad meets an unknown extent.
  Extents low, high;
  /// What ceil_mode adds behind `high` so that the last, partly filled window is there.
  llvm::SmallVector<int64_t> ceilExtra;
};

/// Reads the attributes of a node whose operand x has spatial dimensions. `kernel`: extents of the weight's
/// windows, empty when the attribute kernel_shape must say them.
mlir::FailureOr<Windows> readWindows(NodeImporter &node, mlir::Value x, llvm::ArrayRef<int64_t> kernel = {});

/// The padding as an op's attributes: low, and high with the ceil extra. Where it is not static, x itself is
/// padded with `value` (rank 0; null: zero) and nothing is left to pad; `moved` then holds what was added in
/// front.
struct StaticPadding {
  llvm::SmallVector<int64_t> low, high;
  Extents moved;
};
StaticPadding makePaddingStatic(NodeImporter &node, const Windows &windows, mlir::Value &x,
                                mlir::Value value = nullptr);

/// An attribute with one number per spatial dimension, each at least `least`; `defaultValue` when it is
/// absent.
mlir::FailureOr<llvm::SmallVector<int64_t>> readPerDim(NodeImporter &node, llvm::StringRef name, int64_t size,
                                                       int64_t defaultValue, int64_t least);
/// The attribute pads, [low..., high...]; zeros when it is absent.
mlir::FailureOr<llvm::SmallVector<int64_t>> readPads(NodeImporter &node, int64_t size);

} // namespace weft::onnx

#endif // WEFT_LIB_IMPORT_ONNX_WINDOWS_H
