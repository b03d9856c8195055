// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention as one kernel at vector level: y[B, H, S, E] = softmax(scale q kᵀ + mask) v, without the scores
// ever leaving the cache.
#ifndef WEFT_CODEGEN_CPU_GENERATEATTENTION_H
#define WEFT_CODEGEN_CPU_GENERATEATTENTION_H

#include "weft/Codegen/CPU/Kernels.h"

namespace weft::cpu {

struct AttentionSpec {
  std::string name = "attention";
  /// Extents; batch, queries and keys may be ShapedType::kDynamic. heads is a multiple of kvHeads: heads of
  /// one group share keys and values.
  int64_t batch = 1, heads = 1, kvHeads = 1, queries = 0, keys = 0;
  int64_t depth = 0;  ///< of q and k
  int64_t values = 0; ///< of v and y
  double scale = 1;
  enum class Causal {
    None,
    TopLeft,    ///< query i sees keys j <= i
    BottomRight ///< query i sees keys j <= i + keys - queries
  } causal = Causal::None;
  /// f32, f16 or bf16; scores, their softmax and sums are f32.
  mlir::Type type;
  /// [B, H, S, T], each extent the score's or 1: floats are added, 8-bit integers hide a key where 0. Null:
  /// none.
  mlir::MemRefType mask;
  /// How an operand or the result lies: [B, H, rows, depth], or with rows in front of heads; the heads are
  /// those from `firstHead` on of a buffer of `heads` (0: the buffer has no others).
  struct Place {
    bool rowsFirst = false;
    int64_t firstHead = 0, heads = 0;
  } qPlace, kPlace, vPlace, yPlace;
};

/// Refuses, with a diagnostic at `loc`, what no generator can make sense of.
mlir::LogicalResult checkAttention(mlir::Location loc, const AttentionSpec &spec);

/// The kernel of `spec`: arguments q [B, H, S, D], k [B, G, T, D], v [B, G, T, E], each as it lies, the mask
/// if there is one, y. A row whose keys are all hidden gives 0.
mlir::FailureOr<GeneratedKernel> generateAttention(mlir::Location loc, const AttentionSpec &spec,
                                                   const TargetInfo &target);

} // namespace weft::cpu

#endif // WEFT_CODEGEN_CPU_GENERATEATTENTION_H
