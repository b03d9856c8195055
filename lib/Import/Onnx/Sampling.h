// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weighted sums of elements at computed, fractional positions: what GridSample, RoiAlign and DeformConv are
// made of.
#ifndef WEFT_LIB_IMPORT_ONNX_SAMPLING_H
#define WEFT_LIB_IMPORT_ONNX_SAMPLING_H

#include "NodeImporter.h"

namespace weft::onnx {

/// Where along one dimension elements are taken and how much each counts. The tensors have equal ranks and
/// unit-broadcast against those of the other dimensions.
struct Taps {
  mlir::Value index;  // i64
  mlir::Value weight; // float; null: 1
  mlir::Value inside; // i1: elsewhere the element counts as 0; null: everywhere
};

/// The two neighbours of positions [P...] along a dimension of `extent`, the j-th of `numDims` sampled ones:
/// tensors [P..., 1, ..., 2, ..., 1] with the 2 at the j-th of numDims new dimensions. Nothing is inside but
/// the image.
Taps linearTaps(NodeImporter &node, mlir::Value position, const Extent &extent, int64_t j, int64_t numDims);

/// x gathered along `dims` (one entry of `taps` each) at all combinations of taps and multiplied by the
/// weights. The dimensions of the taps from `firstReduced` on are reduced by `kind` (elements outside count
/// as `outside`). Result: the other dimensions of the taps, then those of x that are neither in dims nor
/// batchDims.
mlir::Value sampleAt(NodeImporter &node, mlir::Value x, llvm::ArrayRef<int64_t> dims,
                     llvm::ArrayRef<int64_t> batchDims, llvm::ArrayRef<int64_t> indexBatchDims,
                     llvm::ArrayRef<Taps> taps, int64_t firstReduced,
                     ir::ReduceKind kind = ir::ReduceKind::add, double outside = 0);

mlir::LogicalResult importGridSample(NodeImporter &node);
mlir::LogicalResult importRoiAlign(NodeImporter &node);
mlir::LogicalResult importAffineGrid(NodeImporter &node);

} // namespace weft::onnx

#endif // WEFT_LIB_IMPORT_ONNX_SAMPLING_H
