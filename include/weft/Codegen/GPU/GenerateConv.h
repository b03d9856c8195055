// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Convolutions as products whose first operand is gathered while it is copied: y[n, o...,
// co] = sum x[n, o * stride + k * dilation - pad, ci] w[co, k..., ci] of f16 or bf16, channels innermost,
// with sums in f32 and an epilogue on the stores. One to three spatial dimensions, groups.
#ifndef WEFT_CODEGEN_GPU_GENERATECONV_H
#define WEFT_CODEGEN_GPU_GENERATECONV_H

#include "weft/Codegen/CPU/GenerateConv.h"
#include "weft/Codegen/GPU/GenerateGemm.h"

#include <cstddef>
#include <span>
#include <vector>

namespace weft::gpu {

struct ConvSpec {
  std::string name = "conv";
  int64_t batch = 1;                     ///< N, or ShapedType::kDynamic
  llvm::SmallVector<cpu::ConvDim> space; ///< outermost first: (height, width)
  int64_t ci = 1, co = 1, groups = 1;
  mlir::Type type;   ///< of x's and w's elements: f16, bf16 or f32
  mlir::Type yType;  ///< f32, f16 or bf16
  Epilogue epilogue; ///< over y as [N * out..., Co]

  int64_t taps() const;                                    ///< positions of the kernel
  int64_t places() const;                                  ///< positions of the result, of one picture
  int64_t depth() const { return taps() * (ci / groups); } ///< how long the sums are
};

/// `fast`: f32 may be rounded to tf32.
MmaTiling chooseTiling(const ConvSpec &spec, const GpuTarget &target, bool fast = false);

/// The kernel of `spec`: arguments x [N, space..., Ci], weights [Co, taps * Ci / groups] (multiply-adds:
/// [taps * Ci / groups, Co]), the epilogue's operands, y [N * out..., Co]. Bad specifications are diagnostics
/// at `loc`.
mlir::FailureOr<TiledKernel> generateConv(mlir::Location loc, const ConvSpec &spec, const MmaTiling &tiling);

/// Writes weights to all of `to` in the order the kernel wants: the element of output channel o, input
/// channel i (of its group) and tap t lies at o * strideO + i * strideI + t * strideTap elements of `source`.
/// `channelsLast`: as multiply-adds want them.
void arrangeConvWeights(const ConvSpec &spec, std::span<const std::byte> source, size_t elementBytes,
                        int64_t strideO, int64_t strideI, int64_t strideTap, bool channelsLast,
                        std::span<std::byte> to);

} // namespace weft::gpu

#endif // WEFT_CODEGEN_GPU_GENERATECONV_H
