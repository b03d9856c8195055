// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the numeric families share: wider types to compute in, extents as numbers of a graph, integer
// products.
#ifndef WEFT_LIB_IMPORT_ONNX_NUMERIC_H
#define WEFT_LIB_IMPORT_ONNX_NUMERIC_H

#include "NodeImporter.h"

namespace weft::onnx {

/// first, first + 1, ..., last - 1.
llvm::SmallVector<int64_t> rangeOf(int64_t first, int64_t last);

/// x in f32 if it is a 16-bit float, else x: for chains whose intermediate values should be rounded once.
mlir::Value widen(NodeImporter &node, mlir::Value x);
/// The same, but anything that is no float becomes f32 too.
mlir::Value toFloat(NodeImporter &node, mlir::Value x);

/// The extent as a tensor of unit dimensions of that rank.
mlir::Value unitOf(NodeImporter &node, const Extent &extent, mlir::Type elementType, int64_t rank);
/// A tensor with one element (a rank-0 operand, or [1]) as a tensor of unit dimensions of that rank.
mlir::Value toUnit(NodeImporter &node, mlir::Value scalar, int64_t rank);
/// A tensor with one element as a rank-0 one.
mlir::Value toScalar(NodeImporter &node, mlir::Value x);

/// Zeros of x's type.
mlir::Value zerosLike(NodeImporter &node, mlir::Value x);

/// x under extents that are refined: known numbers replace unknown extents where `extents` has them (kDynamic
/// elsewhere); checked at run time.
mlir::Value refine(NodeImporter &node, mlir::Value x, llvm::ArrayRef<int64_t> extents);

/// A quantised operand as numbers to multiply: i32 (f32 for 8-bit floats) less its zero point, which
/// broadcasts against it (null: none).
mlir::Value lessZeroPoint(NodeImporter &node, mlir::Value x, mlir::Value zeroPoint);
/// Whether a zero point is absent or a constant of zeros.
bool isZeroPointZero(NodeImporter &node, mlir::Value zeroPoint);

/// quantize(x, scale, zeroPoint) with the zero point's element type; both have one element, or one per extent
/// of `axis`.
mlir::Value requantize(NodeImporter &node, mlir::Value x, mlir::Value scale, mlir::Value zeroPoint,
                       int64_t axis);

/// x with its dimensions in an order known only at run time: dimension i of the result is dimension
/// permutation[i] of x. A gather of linear indices.
mlir::Value permuteAtRunTime(NodeImporter &node, mlir::Value x, mlir::Value permutation);
/// The order (i64, one per dimension) that puts the dimensions named by `axes` (rank-1 i64, not negative)
/// last and keeps the order of the others.
mlir::Value permutationToLast(NodeImporter &node, mlir::Value axes, int64_t rank);
/// The permutation that undoes another.
mlir::Value invertPermutation(NodeImporter &node, mlir::Value permutation, int64_t rank);

} // namespace weft::onnx

#endif // WEFT_LIB_IMPORT_ONNX_NUMERIC_H
