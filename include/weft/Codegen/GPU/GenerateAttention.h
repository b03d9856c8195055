// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention as one GPU kernel, y[B, H, S, E] = softmax(scale q kᵀ + mask) v, whose scores stay in registers:
// f16 and bf16 on tensor cores, f32 by multiply-adds.
#ifndef WEFT_CODEGEN_GPU_GENERATEATTENTION_H
#define WEFT_CODEGEN_GPU_GENERATEATTENTION_H

#include "weft/Codegen/CPU/GenerateAttention.h"
#include "weft/Codegen/GPU/TiledKernel.h"

namespace weft::gpu {

/// What depth and values may be at most: sums of 64 rows of values have to fit the registers of a block.
constexpr int64_t mostAttentionDepth = 128;

/// The kernel of `spec`: arguments q [B, H, S, D], k [B, G, T, D], v [B, G, T, E], the mask if there is one,
/// y. A row whose keys are all hidden gives 0. Bad specifications are diagnostics at `loc`.
mlir::FailureOr<TiledKernel> generateAttention(mlir::Location loc, const cpu::AttentionSpec &spec);

} // namespace weft::gpu

#endif // WEFT_CODEGEN_GPU_GENERATEATTENTION_H
