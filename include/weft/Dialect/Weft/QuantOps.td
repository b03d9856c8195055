// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Quantisation.
#ifndef WEFT_DIALECT_WEFT_QUANTOPS_TD
#define WEFT_DIALECT_WEFT_QUANTOPS_TD
include "weft/Dialect/Weft/WeftBase.td"

def Weft_QuantizeOp : Weft_Op<"quantize", [Pure]> {
  let summary = "clamp(round_even(x / scale) + zero_point)";
  let description = [{
    NaN gives the zero point. The scale is a rank-0 tensor, one per extent of `axis` (rank 1), or one per block of
    `block` elements along `axis` (rank of x). The result's element type says what is clamped to.
  }];
  let arguments = (ins Weft_FloatTensor:$x, Weft_FloatTensor:$scale, Optional<Weft_AnyTensor>:$zero_point,
                       DefaultValuedAttr<I64Attr, "0">:$axis, DefaultValuedAttr<I64Attr, "0">:$block);
  let results = (outs Weft_AnyTensor:$result);
  let assemblyFormat = [{
    $x `,` $scale (`,` $zero_point^)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Weft_DequantizeOp : Weft_Op<"dequantize", [Pure]> {
  let summary = "(q - zero_point) * scale";
  let description = "The difference is taken in i32; scale and blocks as for quantize.";
  let arguments = (ins Weft_AnyTensor:$q, Weft_FloatTensor:$scale, Optional<Weft_AnyTensor>:$zero_point,
                       DefaultValuedAttr<I64Attr, "0">:$axis, DefaultValuedAttr<I64Attr, "0">:$block);
  let results = (outs Weft_FloatTensor:$result);
  let assemblyFormat = [{
    $q `,` $scale (`,` $zero_point^)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

#endif // WEFT_DIALECT_WEFT_QUANTOPS_TD
