// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A convolution, 3x3, channels last.
func.func @main(%x: tensor<1x28x28x32xf32> {weft.name = "x"}, %w: tensor<3x3x32x64xf32> {weft.name = "w"}) -> (tensor<1x28x28x64xf32> {weft.name = "y"}) {
  %y = weft.conv %x, %w {x_dims = array<i64: 0, 3, 1, 2>, w_dims = array<i64: 3, 2, 0, 1>, y_dims = array<i64: 0, 3, 1, 2>,
    strides = array<i64: 1, 1>, padding_low = array<i64: 1, 1>, padding_high = array<i64: 1, 1>,
    input_dilation = array<i64: 1, 1>, kernel_dilation = array<i64: 1, 1>}
    : (tensor<1x28x28x32xf32>, tensor<3x3x32x64xf32>) -> tensor<1x28x28x64xf32>
  return %y : tensor<1x28x28x64xf32>
}
