// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the convolution generators share.
#ifndef WEFT_LIB_CODEGEN_CPU_CONV_H
#define WEFT_LIB_CODEGEN_CPU_CONV_H

#include "MicroKernel.h"
#include "weft/Codegen/CPU/GenerateConv.h"

namespace weft::cpu {

/// The spec with exactly three spatial dimensions: missing ones in front have extent 1.
struct Conv3 {
  explicit Conv3(const ConvSpec &spec) {
    size_t missing = 3 - spec.space.size();
    for (size_t d = 0; d < spec.space.size(); ++d)
      dims[missing + d] = spec.space[d];
    for (int d = 0; d < 3; ++d)
      out[d] = dims[d].out();
  }
  int64_t taps() const { return dims[0].kernel * dims[1].kernel * dims[2].kernel; }
  /// Taps of a kernel row and channels are one contiguous loop.
  bool isFused(const ConvSpec &spec) const { return spec.groups == 1 && dims[2].dilation == 1; }
  ConvDim dims[3];
  int64_t out[3];
};

/// A plane of output as the loops of direct convolutions see it.
struct ConvPlane {
  explicit ConvPlane(const Conv3 &s);
  bool pads = false;
  bool pointwise = true; ///< 1x1 in place: one row, of which a chunk takes some register tiles
  int64_t rows, columns;
  /// What is dealt out to chunks: rows, or register tiles of `pixels`.
  int64_t blockable(int64_t pixels) const { return pointwise ? ceilDivide(columns, pixels) : rows; }
};

/// Whether a kernel can be made of `spec`, which is not depthwise, with this tiling.
bool isPossible(const ConvTiling &tiling, const ConvSpec &spec, const TargetInfo &target);

/// Types of x and y.
llvm::SmallVector<mlir::MemRefType> convBuffers(const ConvSpec &spec, llvm::ArrayRef<int64_t> weights);

/// The taps of a dimension that lie inside the image for output index `o`: [first, second).
std::pair<mlir::Value, mlir::Value> tapsInside(KernelBuilder &builder, const ConvDim &dim, mlir::Value o);

/// How a 3x3 convolution is done by minimal filtering.
struct WinogradPlan {
  int64_t m = 0;                 ///< output tiles are m x m: 4 or 2
  int64_t width = 0, panels = 0; ///< output channels of a panel of weights, and their number
  int64_t tileRows = 0, tileColumns = 0;
  int64_t positions() const { return (m + 2) * (m + 2); } ///< of an input tile
};
/// Nothing where the direct way is estimated to be as fast, or minimal filtering is not allowed.
std::optional<WinogradPlan> planWinograd(const ConvSpec &spec, const TargetInfo &target);
/// The shape of transformed weights: [positions * panels][Ci][NR].
llvm::SmallVector<int64_t> winogradShape(const ConvSpec &spec, const WinogradPlan &plan);
GeneratedKernel generateWinograd(mlir::Location loc, const ConvSpec &spec, const WinogradPlan &plan,
                                 const TargetInfo &target, const ConvTiling &tiling);

GeneratedKernel generateDepthwise(mlir::Location loc, const ConvSpec &spec, const TargetInfo &target);
/// The same with channels in front.
GeneratedKernel generateDepthwisePlanes(mlir::Location loc, const ConvSpec &spec, const TargetInfo &target);

} // namespace weft::cpu

#endif // WEFT_LIB_CODEGEN_CPU_CONV_H
