// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reductions over whole axes, and running reductions.
#ifndef WEFT_DIALECT_WEFT_REDUCEOPS_TD
#define WEFT_DIALECT_WEFT_REDUCEOPS_TD
include "weft/Dialect/Weft/WeftBase.td"

def Weft_ReduceOp : Weft_InferredOp<"reduce"> {
  let summary = "reduction over axes, which are dropped";
  let description = [{
    Empty reductions give the identity: 0, 1, -inf or lowest, +inf or highest, true, false. 16-bit floats accumulate
    in f32. NaN propagates. `and`, `or`, `xor` take integers and booleans; `logaddexp` floats.
  }];
  let arguments = (ins Weft_Tensor:$x, Weft_ReduceKindAttr:$kind, DenseI64ArrayAttr:$axes);
  let results = (outs Weft_Tensor:$result);
  let assemblyFormat = "$kind $x `axes` $axes attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}

def Weft_ArgReduceOp : Weft_InferredOp<"arg_reduce"> {
  let summary = "position of the extreme along an axis, which is dropped";
  let description = "The first NaN wins; among equals the first, or with `last` the last.";
  let arguments = (ins Weft_Tensor:$x, Weft_ArgKindAttr:$kind, I64Attr:$axis,
                       DefaultValuedAttr<Weft_TieAttr, "Tie::first">:$tie);
  let results = (outs Weft_TensorOf<[I64]>:$result);
  let assemblyFormat = "$kind $x `axis` $axis (`tie` $tie^)? attr-dict `:` functional-type(operands, results)";
}

def Weft_CumulativeOp : Weft_InferredOp<"cumulative"> {
  let summary = "running reduction along an axis, in order";
  let arguments = (ins Weft_Tensor:$x, Weft_ReduceKindAttr:$kind, I64Attr:$axis,
                       DefaultValuedAttr<BoolAttr, "false">:$reverse, DefaultValuedAttr<BoolAttr, "false">:$exclusive);
  let results = (outs Weft_Tensor:$result);
  let assemblyFormat = "$kind $x `axis` $axis attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

#endif // WEFT_DIALECT_WEFT_REDUCEOPS_TD
