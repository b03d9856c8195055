// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Normalisations that stay whole while that helps fusion.
#ifndef WEFT_DIALECT_WEFT_NORMOPS_TD
#define WEFT_DIALECT_WEFT_NORMOPS_TD
include "weft/Dialect/Weft/WeftBase.td"

def Weft_SoftmaxOp : Weft_InferredOp<"softmax"> {
  let summary = "exp(x - max) / sum along an axis";
  let description = "A row of -inf gives NaN.";
  let arguments = (ins Weft_FloatTensor:$x, I64Attr:$axis);
  let results = (outs Weft_FloatTensor:$result);
  let assemblyFormat = "$x `axis` $axis attr-dict `:` functional-type(operands, results)";
}

def Weft_NormalizeOp : Weft_InferredOp<"normalize"> {
  let summary = "(x - mean) * rsqrt(variance + epsilon)";
  let description = [{
    Biased variance in two passes over `axes`. `center = false`: mean is 0 and the variance the mean of squares.
    Results: y as x; mean and variance with extent 1 on the axes (f32 for 16-bit x).
  }];
  let arguments = (ins Weft_FloatTensor:$x, DenseI64ArrayAttr:$axes, F64Attr:$epsilon,
                       DefaultValuedAttr<BoolAttr, "true">:$center);
  let results = (outs Weft_FloatTensor:$y, Weft_FloatTensor:$mean, Weft_FloatTensor:$variance);
  let assemblyFormat = "$x `axes` $axes `epsilon` $epsilon attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

#endif // WEFT_DIALECT_WEFT_NORMOPS_TD
