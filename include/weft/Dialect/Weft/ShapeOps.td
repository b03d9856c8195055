// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ops that make, move and rearrange elements.
#ifndef WEFT_DIALECT_WEFT_SHAPEOPS_TD
#define WEFT_DIALECT_WEFT_SHAPEOPS_TD
include "weft/Dialect/Weft/WeftBase.td"

include "mlir/Interfaces/ViewLikeInterface.td"

def Weft_ConstantOp : Weft_Op<"constant", [Pure, ConstantLike, AllTypesMatch<["value", "result"]>]> {
  let summary = "elements known at compile time";
  let description = "At most 1 KiB of elements, or a splat, in the IR; more as `#weft.data`, resolved by the data store.";
  let arguments = (ins TypedAttrInterface:$value);
  let results = (outs Weft_AnyTensor:$result);
  let assemblyFormat = "attr-dict $value";
  let hasFolder = 1;
  let hasVerifier = 1;
}

def Weft_IotaOp : Weft_Op<"iota", [Pure]> {
  let summary = "0, 1, 2, ... along an axis";
  let arguments = (ins Variadic<Weft_ShapeValue>:$sizes, DenseI64ArrayAttr:$static_sizes, I64Attr:$axis);
  let results = (outs Weft_NumberTensor:$result);
  let assemblyFormat = [{
    `axis` $axis `sizes` custom<DynamicIndexList>($sizes, $static_sizes) attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let hasCanonicalizer = 1;
}

def Weft_DimOp : Weft_InferredOp<"dim"> {
  let summary = "an extent, as a value";
  let arguments = (ins Weft_AnyTensor:$x, I64Attr:$axis);
  let results = (outs Weft_ShapeValue:$result);
  let assemblyFormat = "$x `,` $axis attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}

def Weft_NameExtentOp : Weft_Op<"name_extent", [AllTypesMatch<["value", "result"]>]> {
  let summary = "the same value, known from here on as the extent of that name";
  let description = [{
    Extents that depend on data get a name of their own, so that types can speak of them: whatever is as long as the
    value says has the named extent. The pass weft-name-extents writes it; a name is declared once. Not pure: types use
    the name where no value is used.
  }];
  let arguments = (ins Weft_ShapeValue:$value, StrAttr:$name);
  let results = (outs Weft_ShapeValue:$result);
  let assemblyFormat = "$value `as` $name attr-dict `:` functional-type(operands, results)";
}

def Weft_ReshapeOp : Weft_InferredOp<"reshape"> {
  let summary = "the same elements in row-major order under another shape";
  let description = "Equal counts. At most one static size is -1: inferred from the count.";
  let arguments = (ins Weft_AnyTensor:$x, Variadic<Weft_ShapeValue>:$sizes, DenseI64ArrayAttr:$static_sizes);
  let results = (outs Weft_AnyTensor:$result);
  let assemblyFormat = [{
    $x `sizes` custom<DynamicIndexList>($sizes, $static_sizes) attr-dict `:` functional-type(operands, results)
  }];
  let builders = [OpBuilder<(ins "::mlir::Value":$x, "::llvm::ArrayRef<int64_t>":$sizes)>];
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}

def Weft_TransposeOp : Weft_InferredOp<"transpose"> {
  let summary = "permuted dimensions";
  let description = "Dimension i of the result is dimension permutation[i] of x.";
  let arguments = (ins Weft_AnyTensor:$x, DenseI64ArrayAttr:$permutation);
  let results = (outs Weft_AnyTensor:$result);
  let assemblyFormat = "$x `by` $permutation attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}

def Weft_BroadcastOp : Weft_InferredOp<"broadcast"> {
  let summary = "stretches dimensions of extent 1 and adds new ones";
  let description = [{
    Dimension i of x goes to dimension dims[i] of the result; its extent is equal, or 1 (checked at run time where
    unknown) and stretches. The only op that may stretch at run time.
  }];
  let arguments = (ins Weft_AnyTensor:$x, Variadic<Weft_ShapeValue>:$sizes, DenseI64ArrayAttr:$static_sizes,
                       DenseI64ArrayAttr:$dims);
  let results = (outs Weft_AnyTensor:$result);
  let assemblyFormat = [{
    $x `sizes` custom<DynamicIndexList>($sizes, $static_sizes) `dims` $dims attr-dict `:`
    functional-type(operands, results)
  }];
  let builders = [OpBuilder<(ins "::mlir::Value":$x, "::llvm::ArrayRef<int64_t>":$sizes,
                             "::llvm::ArrayRef<int64_t>":$dims)>];
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}

def Weft_SliceOp : Weft_InferredOp<"slice", [AttrSizedOperandSegments]> {
  let summary = "a strided window";
  let description = [{
    Element i of a dimension is start + i * stride. Static values are verified; a dynamic size is clamped to the
    extent, then the start so that the window fits. Strides are at least 1.
  }];
  let arguments = (ins Weft_AnyTensor:$x, Variadic<Weft_ShapeValue>:$starts, Variadic<Weft_ShapeValue>:$sizes,
                       DenseI64ArrayAttr:$static_starts, DenseI64ArrayAttr:$static_sizes,
                       DenseI64ArrayAttr:$strides);
  let results = (outs Weft_AnyTensor:$result);
  let assemblyFormat = [{
    $x `starts` custom<DynamicIndexList>($starts, $static_starts)
    `sizes` custom<DynamicIndexList>($sizes, $static_sizes) `strides` $strides attr-dict `:`
    functional-type(operands, results)
  }];
  let builders = [OpBuilder<(ins "::mlir::Value":$x, "::llvm::ArrayRef<int64_t>":$starts,
                             "::llvm::ArrayRef<int64_t>":$sizes, CArg<"::llvm::ArrayRef<int64_t>", "{}">:$strides)>];
  let extraClassDeclaration = [{
    /// Whether all starts and sizes are numbers.
    bool isStaticWindow() { return getStarts().empty() && getSizes().empty(); }
    /// Whether the window is what lies between two numbers along `axis`, without steps, and all of x along the others.
    bool isRangeAlong(int64_t axis);
  }];
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}

def Weft_UpdateSliceOp : Weft_InferredOp<"update_slice"> {
  let summary = "x with a window replaced";
  let description = "The start is clamped so that the window fits.";
  let arguments = (ins Weft_AnyTensor:$x, Weft_AnyTensor:$update, Variadic<Weft_ShapeValue>:$starts,
                       DenseI64ArrayAttr:$static_starts);
  let results = (outs Weft_AnyTensor:$result);
  let assemblyFormat = [{
    $x `,` $update `starts` custom<DynamicIndexList>($starts, $static_starts) attr-dict `:`
    functional-type(operands, results)
  }];
  let hasFolder = 1;
}

def Weft_ConcatOp : Weft_InferredOp<"concat"> {
  let summary = "tensors one after the other along an axis";
  let arguments = (ins Variadic<Weft_AnyTensor>:$xs, I64Attr:$axis);
  let results = (outs Weft_AnyTensor:$result);
  let assemblyFormat = "$xs `axis` $axis attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}

def Weft_PadOp : Weft_InferredOp<"pad", [AttrSizedOperandSegments]> {
  let summary = "elements added around, and between, those of x";
  let description = [{
    Per dimension low, high and interior counts; a negative count crops, the result never below 0. `interior` needs
    mode `constant`, whose added elements are `value`; `reflect` mirrors without the edge, `edge` repeats it, `wrap` goes
    round.
  }];
  let arguments = (ins Weft_AnyTensor:$x, Weft_AnyTensor:$value, Variadic<Weft_ShapeValue>:$low,
    Variadic<Weft_ShapeValue>:$high, DenseI64ArrayAttr:$static_low, DenseI64ArrayAttr:$static_high,
    DenseI64ArrayAttr:$interior, DefaultValuedAttr<Weft_PadModeAttr, "PadMode::constant">:$mode);
  let results = (outs Weft_AnyTensor:$result);
  let assemblyFormat = [{
    $mode $x `,` $value `low` custom<DynamicIndexList>($low, $static_low)
    `high` custom<DynamicIndexList>($high, $static_high) `interior` $interior attr-dict `:`
    functional-type(operands, results)
  }];
  let builders = [OpBuilder<(ins "::mlir::Value":$x, "::mlir::Value":$value, "::llvm::ArrayRef<int64_t>":$low,
                             "::llvm::ArrayRef<int64_t>":$high, CArg<"::llvm::ArrayRef<int64_t>", "{}">:$interior,
                             CArg<"PadMode", "PadMode::constant">:$mode)>];
  let hasVerifier = 1;
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}

def Weft_ReverseOp : Weft_InferredOp<"reverse"> {
  let summary = "the order of elements along axes turned round";
  let arguments = (ins Weft_AnyTensor:$x, DenseI64ArrayAttr:$axes);
  let results = (outs Weft_AnyTensor:$result);
  let assemblyFormat = "$x `axes` $axes attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}

def Weft_CastShapeOp : Weft_Op<"cast_shape", [Pure, SameOperandsAndResultElementType]> {
  let summary = "the same tensor under a type with other knowledge of its extents";
  let description = "Extents that could not be proved equal are checked at run time.";
  let arguments = (ins Weft_AnyTensor:$x);
  let results = (outs Weft_AnyTensor:$result);
  let assemblyFormat = "$x attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

#endif // WEFT_DIALECT_WEFT_SHAPEOPS_TD
