// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes from weft to weft: shapes, constants, algebra, layouts.
#ifndef WEFT_TRANSFORMS_PASSES_TD
#define WEFT_TRANSFORMS_PASSES_TD
include "mlir/Pass/PassBase.td"

def InferShapesPass : Pass<"weft-infer-shapes"> {
  let summary = "Refines result types by each op's shape inference";
  let description = [{
    Walks the ops in order and replaces a result type by the inferred one where that knows more: numbers for `?`,
    expressions over named dimensions for unknown extents. The results of functions follow.

    Before: `%0 = weft.exp %x : (tensor<?xf32, #weft.dims<[n]>>) -> tensor<?xf32>`
    After: `%0 = weft.exp %x : (tensor<?xf32, #weft.dims<[n]>>) -> tensor<?xf32, #weft.dims<[n]>>`
  }];
}

def FoldConstantsPass : Pass<"weft-fold-constants"> {
  let summary = "Evaluates ops whose operands are constants";
  let description = [{
    By the reference evaluator. A result that would be larger than all operands together and than 1 KiB is left
    alone, so that broadcasts do not fill the disk; weights that a transposition or a batch norm changes are evaluated
    once, here.

    Before: `%1 = weft.add %c2, %c3 : ...`
    After: `%1 = weft.constant dense<5.0> : ...`
  }];
}

def FoldBatchNormPass : Pass<"weft-fold-batch-norm"> {
  let summary = "Folds per-channel scales into the weights of the contraction before them";
  let description = [{
    `conv(x, w) * s` becomes `conv(x, w * s)`, where w and s are constants and s varies along the output features
    only; likewise past an addition: `(conv(x, w) + b) * s` becomes `conv(x, w * s) + b * s`. The products are constants that
    weft-fold-constants evaluates.
  }];
}

def FuseAttentionPass : Pass<"weft-fuse-attention"> {
  let summary = "Finds attention written with products and a softmax";
  let description = [{
    Two batched products with a softmax between them, the scores scaled by a number and added to a mask, or either, become
    weft.attention. A row whose keys are all masked by -inf gives 0 instead of NaN.

    Before:
    ```mlir
    %0 = weft.dot_general %q, %k batch [0, 1] x [0, 1] contract [3] x [3] ...
    %1 = weft.mul %0, %scale ...
    %2 = weft.add %1, %mask ...
    %3 = weft.softmax %2 axis 3 ...
    %4 = weft.dot_general %3, %v batch [0, 1] x [0, 1] contract [3] x [2] ...
    ```
    After: `%y, %lse = weft.attention %q, %k, %v mask %mask {scale = 0.125 : f64} ...`
  }];
}

def MergeProjectionsPass : Pass<"weft-merge-projections"> {
  let summary = "One product for the queries, keys and values of an attention";
  let description = [{
    Where two or all three of an attention's operands are heads of products of one value with constant weights, the
    weights are put side by side, and the operands become slices of heads of one product: queries, keys and values, or
    keys and values where queries are of another value. Only heads and their columns have to be numbers; batch and
    rows may be dynamic. A product without a bias beside one that has one gets -0, which changes no sum. Slices before
    the reshape that divides a value by heads go behind it. An attention kernel reads such slices where they lie
    (`weft-outline-kernels`).

    Before, for q, k and v each:
    ```mlir
    %0 = weft.dot_general %x, %w ...                                 // batch x rows x 768
    %1 = weft.reshape %0 sizes [%batch, %rows, 12, 64] ...
    %q = weft.transpose %1 by [0, 2, 1, 3] ...
    ```
    After:
    ```mlir
    %0 = weft.concat %wq, %wk, %wv axis 1 ...
    %1 = weft.dot_general %x, %0 ...                                 // batch x rows x 2304
    %2 = weft.reshape %1 sizes [%batch, %rows, 36, 64] ...
    %3 = weft.slice %2 starts [0, 0, 0, 0] sizes [%batch, %rows, 12, 64] ...
    %q = weft.transpose %3 by [0, 2, 1, 3] ...
    ```
  }];
}

def LowerQuantizationPass : Pass<"weft-lower-quantization"> {
  let summary = "Multiplies quantised values as bytes, and writes the rest of quantisation as arithmetic";
  let description = [{
    The product of a dequantised value of 8 bits and a dequantised constant of 8 bits, which has no zero point and one
    scale or one for each column, becomes a product of bytes in i32, less what the value's zero point adds, times both
    scales; unless `exact`. What then quantizes or dequantizes to or from 8 bits, without blocks, becomes elementwise
    arithmetic, which fuses with the product.

    Before:
    ```mlir
    %a = weft.dequantize %x, %sx, %zx : ...
    %b = weft.dequantize %w, %sw : ...
    %y = weft.dot_general %a, %b batch [] x [] contract [1] x [0] : (tensor<8x64xf32>, tensor<64x32xf32>) -> tensor<8x32xf32>
    ```
    After:
    ```mlir
    %p = weft.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<8x64xui8>, tensor<64x32xi8>) -> tensor<8x32xi32>
    %d = weft.sub %p, %zx_times_sums_of_columns ...
    %f = weft.convert %d ...
    %y = weft.mul %f, %scales ...
    ```
  }];
  let options = [Option<"exact", "exact", "bool", "false", "products stay as they round">];
}

def AssignLayoutsPass : Pass<"weft-assign-layouts"> {
  let summary = "Puts the features last in convolutions, and moves the transpositions this needs to the network's edges";
  let description = [{
    Each convolution whose features are not its last dimension is rewritten to channels-last between two
    transpositions. Transpositions then sink through elementwise ops, pools, pads, concatenations and reductions until
    they meet their inverse or the end of the network. A convolution that has no other of its kind within reach gains
    nothing from this: where the target takes it as it is, or it is a matrix product, its layout stays.
  }];
}

def NameExtentsPass : Pass<"weft-name-extents", "::mlir::ModuleOp"> {
  let summary = "Names extents that depend on data";
  let description = [{
    Where a result's extent is a value that no expression over inputs tells (a size computed from data, the number of
    non-zero elements), the value gets a name by weft.name_extent, and the result's type says that name. Everything after it is
    inferred anew.

    Before: `%1 = weft.iota axis 0 sizes [%n] : (tensor<i64>) -> tensor<?xi64>`
    After: `%2 = weft.name_extent %n as "data_0" ...; %1 = weft.iota axis 0 sizes [%2] : ... -> tensor<?xi64, #weft.dims<[data_0]>>`
  }];
}

def LowerScanPass : Pass<"weft-lower-scan"> {
  let summary = "Writes scan as while with a counter";
  let description = [{
    The body reads slice i of each input and writes slice i of each stacked result; i runs upwards, or downwards for
    `reverse`.
  }];
}

#endif // WEFT_TRANSFORMS_PASSES_TD
