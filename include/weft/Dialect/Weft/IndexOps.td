// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ops that address elements by computed indices.
#ifndef WEFT_DIALECT_WEFT_INDEXOPS_TD
#define WEFT_DIALECT_WEFT_INDEXOPS_TD
include "weft/Dialect/Weft/WeftBase.td"

def Weft_GatherOp : Weft_InferredOp<"gather"> {
  let summary = "elements at computed positions";
  let description = [{
    Let index be [I.., k], k the number of `dims` of x it addresses; `batch_dims` of x pair with
    `index_batch_dims` of index. The result is R[0:at] ++ I ++ R[at:], R the dimensions of x in neither `dims` nor
    `batch_dims`. Indices are clamped; negative ones too (wrap-around is the importers' arithmetic). `in_bounds`: a
    pass proved that no index needs clamping.
  }];
  let arguments = (ins Weft_AnyTensor:$x, Weft_IndexTensor:$index, DenseI64ArrayAttr:$dims,
    DenseI64ArrayAttr:$batch_dims, DenseI64ArrayAttr:$index_batch_dims, I64Attr:$at, UnitAttr:$in_bounds);
  let results = (outs Weft_AnyTensor:$result);
  let assemblyFormat = "$x `at` $index attr-dict `:` functional-type(operands, results)";
}

def Weft_ScatterOp : Weft_InferredOp<"scatter"> {
  let summary = "x with updates at computed positions";
  let description = [{
    `update` has the shape of gather's result. Updates outside are dropped; duplicates combine in row-major order of the
    updates, so with `set` the last wins. `unique`: no two indices are equal.
  }];
  let arguments = (ins Weft_AnyTensor:$x, Weft_IndexTensor:$index, Weft_AnyTensor:$update, Weft_ScatterKindAttr:$kind,
    DenseI64ArrayAttr:$dims, DenseI64ArrayAttr:$batch_dims, DenseI64ArrayAttr:$index_batch_dims, I64Attr:$at,
    UnitAttr:$unique, UnitAttr:$in_bounds);
  let results = (outs Weft_AnyTensor:$result);
  let assemblyFormat = "$kind $x `at` $index `,` $update attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Weft_SortOp : Weft_InferredOp<"sort"> {
  let summary = "stable lexicographic sort along an axis";
  let description = [{
    The first `num_keys` operands are keys, the rest move with them. NaN of either sign sorts as largest, -0 and +0
    are equal; `descending` reverses the order, not the result.
  }];
  let arguments = (ins Variadic<Weft_Tensor>:$xs, I64Attr:$axis, DefaultValuedAttr<I64Attr, "1">:$num_keys,
                       DefaultValuedAttr<BoolAttr, "false">:$descending);
  let results = (outs Variadic<Weft_Tensor>:$results);
  let assemblyFormat = "$xs `axis` $axis attr-dict `:` functional-type(operands, results)";
}

def Weft_TopKOp : Weft_Op<"top_k", [Pure]> {
  let summary = "the k largest (or smallest) elements along an axis, in order, with their positions";
  let description = "Among equals the lower position first. NaN counts as largest.";
  let arguments = (ins Weft_NumberTensor:$x, Variadic<Weft_ShapeValue>:$k, DenseI64ArrayAttr:$static_k, I64Attr:$axis,
                       DefaultValuedAttr<BoolAttr, "true">:$largest);
  let results = (outs Weft_NumberTensor:$values, Weft_TensorOf<[I64]>:$indices);
  let assemblyFormat = [{
    $x `k` custom<DynamicIndexList>($k, $static_k) `axis` $axis attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Weft_NonZeroOp : Weft_Op<"non_zero", [Pure]> {
  let summary = "positions of the elements that are not zero, in row-major order";
  let description = "Result [n, rank]; n is fresh and at most the number of elements: the only extent that depends on data.";
  let arguments = (ins Weft_Tensor:$x);
  let results = (outs Weft_TensorOf<[I64]>:$result);
  let assemblyFormat = "$x attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

#endif // WEFT_DIALECT_WEFT_INDEXOPS_TD
