// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Windows sliding over a tensor, and resampling.
#ifndef WEFT_DIALECT_WEFT_POOLOPS_TD
#define WEFT_DIALECT_WEFT_POOLOPS_TD
include "weft/Dialect/Weft/WeftBase.td"

class Weft_WindowOp<string mnemonic> : Weft_InferredOp<mnemonic> {
  /// One entry per entry of `axes`; padding is the identity of the kind.
  dag windowAttrs = (ins DenseI64ArrayAttr:$axes, DenseI64ArrayAttr:$window, DenseI64ArrayAttr:$strides,
    DenseI64ArrayAttr:$padding_low, DenseI64ArrayAttr:$padding_high, DenseI64ArrayAttr:$base_dilation,
    DenseI64ArrayAttr:$window_dilation);
}

def Weft_ReduceWindowOp : Weft_WindowOp<"reduce_window"> {
  let summary = "reduction of each window";
  let description = "Extents as for conv, per axis. An empty window gives the identity. Kinds: all but xor.";
  let arguments = !con((ins Weft_Tensor:$x, Weft_ReduceKindAttr:$kind), windowAttrs);
  let results = (outs Weft_Tensor:$result);
  let assemblyFormat = "$kind $x `axes` $axes attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Weft_WindowArgOp : Weft_WindowOp<"window_arg"> {
  let summary = "position of each window's extreme";
  let description = [{
    The row-major index over the windowed axes of x of the first extreme of each window; the first NaN wins; -1 for
    an empty window.
  }];
  let arguments = !con((ins Weft_NumberTensor:$x, Weft_ArgKindAttr:$kind), windowAttrs);
  let results = (outs Weft_TensorOf<[I64]>:$result);
  let assemblyFormat = "$kind $x `axes` $axes attr-dict `:` functional-type(operands, results)";
}

def Weft_WindowScatterOp : Weft_Op<"window_scatter", [Pure]> {
  let summary = "adds each window's value at the position window_arg found";
  let description = "The gradient of a max or min pool; -1 is dropped. The result has the shape of the pool's input.";
  let arguments = !con((ins Weft_NumberTensor:$dy, Weft_TensorOf<[I64]>:$index),
    (ins DenseI64ArrayAttr:$axes, DenseI64ArrayAttr:$window, DenseI64ArrayAttr:$strides,
    DenseI64ArrayAttr:$padding_low, DenseI64ArrayAttr:$padding_high, DenseI64ArrayAttr:$base_dilation,
    DenseI64ArrayAttr:$window_dilation));
  let results = (outs Weft_NumberTensor:$result);
  let assemblyFormat = "$dy `at` $index `axes` $axes attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Weft_ResampleOp : Weft_InferredOp<"resample"> {
  let summary = "weighted gather along one axis";
  let description = [{
    y[.., o, ..] = sum over t of weight[o, t] * x[.., index[o, t], ..]; indices are clamped. The one op under every
    resize: nearest (t = 1), linear (2), cubic (4), antialiased (more), adaptive average pooling.
  }];
  let arguments = (ins Weft_FloatTensor:$x, Weft_TensorOf<[I64]>:$index, Weft_FloatTensor:$weight, I64Attr:$axis);
  let results = (outs Weft_FloatTensor:$result);
  let assemblyFormat = "$x `,` $index `,` $weight `axis` $axis attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

#endif // WEFT_DIALECT_WEFT_POOLOPS_TD
