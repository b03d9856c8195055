// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scaled dot-product attention.
#ifndef WEFT_DIALECT_WEFT_ATTENTIONOPS_TD
#define WEFT_DIALECT_WEFT_ATTENTIONOPS_TD
include "weft/Dialect/Weft/WeftBase.td"

def Weft_AttentionOp : Weft_InferredOp<"attention", [AttrSizedOperandSegments]> {
  let summary = "softmax(scale * q kᵀ + mask) v";
  let description = [{
    q [*,H,S,D], k [*,G,T,D], v [*,G,T,E]; G divides H. Scores in f32; soft cap; an i1 mask sets -inf where false, a
    float mask is added; causal masking by `causal`; keys at or beyond `kv_length` are masked; a fully masked row
    gives 0. `window_left`/`window_right` (-1: none) bound j - i. Results: y [*,H,S,E] and lse f32 [*,H,S].
  }];
  let arguments = (ins Weft_FloatTensor:$q, Weft_FloatTensor:$k, Weft_FloatTensor:$v, Optional<Weft_Tensor>:$mask,
    Optional<Weft_TensorOf<[I64]>>:$kv_length, Optional<Weft_TensorOf<[UI32]>>:$rng, F64Attr:$scale,
    DefaultValuedAttr<Weft_CausalAttr, "Causal::none">:$causal, DefaultValuedAttr<I64Attr, "-1">:$window_left,
    DefaultValuedAttr<I64Attr, "-1">:$window_right, DefaultValuedAttr<F64Attr, "0.0">:$softcap,
    DefaultValuedAttr<F64Attr, "0.0">:$dropout);
  let results = (outs Weft_FloatTensor:$y, Weft_FloatTensor:$lse);
  let assemblyFormat = [{
    $q `,` $k `,` $v (`mask` $mask^)? (`kv_length` $kv_length^)? (`rng` $rng^)? attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

#endif // WEFT_DIALECT_WEFT_ATTENTIONOPS_TD
