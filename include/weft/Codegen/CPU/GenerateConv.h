// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Convolutions as kernels at vector level: y[n, o..., co] = sum x[n, o * stride + k * dilation - pad, ci]
// w[k..., ci, co], channels innermost, in f32, with an epilogue on the stores. One to three spatial
// dimensions, groups, depthwise.
#ifndef WEFT_CODEGEN_CPU_GENERATECONV_H
#define WEFT_CODEGEN_CPU_GENERATECONV_H

#include "weft/Codegen/CPU/Kernels.h"

#include <array>
#include <cstddef>
#include <span>
#include <vector>

namespace weft::cpu {

/// One spatial dimension.
struct ConvDim {
  int64_t in = 1, kernel = 1, stride = 1, dilation = 1, padLow = 0, padHigh = 0;
  int64_t out() const { return (in + padLow + padHigh - dilation * (kernel - 1) - 1) / stride + 1; }
};

struct ConvSpec {
  std::string name = "conv";
  int64_t batch = 1;                ///< N, or ShapedType::kDynamic
  llvm::SmallVector<ConvDim> space; ///< outermost first: (height, width)
  int64_t ci = 1, co = 1, groups = 1;
  mlir::Type xType, wType, yType; ///< f32, f16 or bf16 elements; sums are f32
  /// 3x3 convolutions in f32 may go by minimal filtering (Winograd) where that is faster. Its sums are of
  /// other products: errors differ by a small factor, and an element that is not finite reaches its whole
  /// tile.
  bool allowWinograd = false;
  /// x and y are [N, C, space...] instead. Only where hasChannelsFirst.
  bool channelsFirst = false;
  Epilogue epilogue;

  /// Every channel by itself: weights [taps][channels] instead of panels.
  bool isDepthwise() const { return groups > 1 && groups == ci && ci == co; }
};

/// The kernel of `spec`: arguments x [N, space..., Ci], packed weights, the epilogue's operands, y [N,
/// out..., Co]. Bad specifications are diagnostics at `loc`.
mlir::FailureOr<GeneratedKernel> generateConv(mlir::Location loc, const ConvSpec &spec,
                                              const TargetInfo &target);

/// Whether there is a kernel of `spec` for tensors with their channels in front: depthwise ones in f32 that
/// step by 1 along rows.
bool hasChannelsFirst(const ConvSpec &spec);

/// The shape of the packed weights: [groups * panels][taps * Ci / groups][NR], or [taps][channels] when
/// depthwise ([channels][taps] with channels in front), or transformed ones. Taps run over the kernel's
/// positions, row-major.
llvm::SmallVector<int64_t> packedConvShape(const ConvSpec &spec, const TargetInfo &target);

/// Packs weights: the element of output channel o, input channel i (of its group) and tap t lies at o *
/// strideO + i * strideI + t * strideTap elements of `source`.
std::vector<std::byte> packConvWeights(const ConvSpec &spec, const TargetInfo &target,
                                       std::span<const std::byte> source, size_t elementBytes,
                                       int64_t strideO, int64_t strideI, int64_t strideTap);

} // namespace weft::cpu

#endif // WEFT_CODEGEN_CPU_GENERATECONV_H
