// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Convolutions as kernels at vector level: y[n, o..., co] = sum x[n, o * stride + k * dilation - pad, ci]
// w[k..., ci, co], channels innermost, in f32, with an epilogue on the stores. One to three spatial
// dimensions, groups, depthwise.
#ifndef WEFT_CODEGEN_CPU_GENERATECONV_H
#define WEFT_CODEGEN_CPU_GENERATECONV_H

#include "weft/Codegen/CPU/Kernels.h"
#include "weft/Codegen/CPU/Tiling.h"

#include <array>
#include <cstddef>
#include <span>
#include <vector>

namespace weft::cpu {

/// One spatial dimension.
struct ConvDim {
  int64_t in = 1, kernel = 1, stride = 1, dilation = 1, padLow = 0, padHigh = 0;
  int64_t out() const {
    const int64_t room = in + padLow + padHigh - dilation * (kernel - 1) - 1;
    return room < 0 ? 0 : room / stride + 1;
  }
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
  int64_t panelWidth = 0; ///< NR of packed weights; 0: the generator chooses
  Epilogue epilogue;

  /// Every channel by itself: weights [taps][channels] instead of panels.
  bool isDepthwise() const { return groups > 1 && groups == ci && ci == co; }
};

/// How convolutions that are not depthwise are tiled: exposed for the tuner and tests. No number changes the
/// order in which products are summed up, and so none changes a bit of the result.
struct ConvTiling {
  int64_t pixels = 0;     ///< of a register tile, at most; of minimal filtering: squares of output
  int64_t panelWidth = 0; ///< NR
  int64_t wrap = 1;       ///< 2: register tiles run over the ends of output rows
  int64_t blockRows = 1; ///< in a chunk: output rows, 1x1: register tiles, minimal filtering: rows of squares
  int64_t blockPanels = 1; ///< in a chunk
  int64_t unroll = 1;      ///< of the loop over input channels

  static llvm::ArrayRef<TilingNumber<ConvTiling>> numbers();
};
ConvTiling chooseConvTiling(const ConvSpec &spec, const TargetInfo &target);
/// The choice above, or what `source` (may be null) knows to be better for static extents.
ConvTiling chooseConvTiling(const ConvSpec &spec, const TargetInfo &target, const TilingSource *source);
/// Tilings near `from`, itself first: see TilingSource.
std::vector<ConvTiling> convTilingsNear(const ConvTiling &from, const ConvSpec &spec,
                                        const TargetInfo &target, int round);

/// The kernel of `spec`: arguments x [N, space..., Ci], packed weights, the epilogue's operands, y [N,
/// out..., Co]. Without a tiling the generator chooses. Bad specifications are diagnostics at `loc`, and so
/// are tilings that are not possible.
mlir::FailureOr<GeneratedKernel> generateConv(mlir::Location loc, const ConvSpec &spec,
                                              const TargetInfo &target,
                                              std::optional<ConvTiling> tiling = std::nullopt);

/// How a pool takes in an element of its window.
enum class PoolKind : uint8_t { Add, Max, Min };
/// Whether there is a kernel of `spec` as a pool: f32, and few elements of a window along rows.
bool hasPool(const ConvSpec &spec);
/// A reduction of windows, channel by channel (ci, co and groups are the channels): arguments x [N, space...,
/// C], the epilogue's operands, y [N, out..., C]. Padding is not counted; NaN is passed on.
GeneratedKernel generatePool(mlir::Location loc, const ConvSpec &spec, PoolKind kind,
                             const TargetInfo &target);

/// Whether there is a kernel of `spec` for tensors with their channels in front: depthwise ones in f32 that
/// step by 1 along rows.
bool hasChannelsFirst(const ConvSpec &spec);

/// The shape of the packed weights: [groups * panels][taps * Ci / groups][NR], or [taps][channels] when
/// depthwise ([channels][taps] with channels in front), or transformed ones. Taps run over the kernel's
/// positions, row-major.
llvm::SmallVector<int64_t> packedConvShape(const ConvSpec &spec, const TargetInfo &target);

/// Packs weights into all of `to`: the element of output channel o, input channel i (of its group) and tap t
/// lies at o * strideO + i * strideI + t * strideTap elements of `source`.
void packConvWeights(const ConvSpec &spec, const TargetInfo &target, std::span<const std::byte> source,
                     size_t elementBytes, int64_t strideO, int64_t strideI, int64_t strideTap,
                     std::span<std::byte> to);

} // namespace weft::cpu

#endif // WEFT_CODEGEN_CPU_GENERATECONV_H
