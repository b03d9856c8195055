// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Convolution.
#ifndef WEFT_DIALECT_WEFT_CONVOPS_TD
#define WEFT_DIALECT_WEFT_CONVOPS_TD
include "weft/Dialect/Weft/WeftBase.td"

def Weft_ConvOp : Weft_InferredOp<"conv"> {
  let summary = "convolution (correlation) with any layout";
  let description = [{
    `x_dims`, `w_dims`, `y_dims` say where the batch, the feature and the spatial dimensions lie: for x and y
    [batch, feature, spatial...], for w [output feature, input feature, spatial...]. Spatial extent of the result:
    floor((dilate(in) + low + high - dilate(window)) / stride) + 1, or 0. Padding may be negative. Transposed
    convolution is `input_dilation` with `reverse`. Padding adds zeros.
  }];
  let arguments = (ins Weft_NumberTensor:$x, Weft_NumberTensor:$w,
    DenseI64ArrayAttr:$x_dims, DenseI64ArrayAttr:$w_dims, DenseI64ArrayAttr:$y_dims,
    DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$padding_low, DenseI64ArrayAttr:$padding_high,
    DenseI64ArrayAttr:$input_dilation, DenseI64ArrayAttr:$kernel_dilation,
    DefaultValuedAttr<I64Attr, "1">:$feature_groups, DefaultValuedAttr<DenseBoolArrayAttr, "{}">:$reverse,
    OptionalAttr<TypeAttr>:$element_type, DefaultValuedAttr<Weft_PrecisionAttr, "Precision::ieee">:$precision);
  let results = (outs Weft_NumberTensor:$result);
  let assemblyFormat = "$x `,` $w attr-dict `:` functional-type(operands, results)";
  let extraClassDeclaration = [{
    int64_t getNumSpatialDims() { return getStrides().size(); }
    /// Whether spatial dimension i of the window is reversed.
    bool isReversed(int64_t i) { return i < (int64_t)getReverse().size() && getReverse()[i]; }
  }];
}

#endif // WEFT_DIALECT_WEFT_CONVOPS_TD
