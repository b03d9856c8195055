# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# make_main_kernels.py FILE: the kernels that most time is spent in, at sizes of their usual models, a function each.
# Weights are known when compiling, and so are packed.
import math
import random
import re
import struct
import sys

TEXT = """
// 1024 tokens by a packed weight, with bias.
func.func @gemm(%x: tensor<384x768xf32>, %b: tensor<1x256xf32>) -> tensor<384x256xf32> {
  %w = weft.constant dense<WEIGHTS> : tensor<768x256xf32>
  %0 = weft.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<384x768xf32>, tensor<768x256xf32>) -> tensor<384x256xf32>
  %1 = weft.add %0, %b : (tensor<384x256xf32>, tensor<1x256xf32>) -> tensor<384x256xf32>
  return %1 : tensor<384x256xf32>
}

func.func @direct_conv(%x: tensor<1x56x56x64xf32>) -> tensor<1x28x28x64xf32> {
  %w = weft.constant dense<WEIGHTS> : tensor<3x3x64x64xf32>
  %0 = weft.conv %x, %w {x_dims = array<i64: 0, 3, 1, 2>, w_dims = array<i64: 3, 2, 0, 1>, y_dims = array<i64: 0, 3, 1, 2>, strides = array<i64: 2, 2>, padding_low = array<i64: 1, 1>, padding_high = array<i64: 1, 1>, input_dilation = array<i64: 1, 1>, kernel_dilation = array<i64: 1, 1>} : (tensor<1x56x56x64xf32>, tensor<3x3x64x64xf32>) -> tensor<1x28x28x64xf32>
  return %0 : tensor<1x28x28x64xf32>
}

func.func @winograd(%x: tensor<1x56x56x64xf32>) -> tensor<1x56x56x64xf32> {
  %w = weft.constant dense<WEIGHTS> : tensor<3x3x64x64xf32>
  %0 = weft.conv %x, %w {x_dims = array<i64: 0, 3, 1, 2>, w_dims = array<i64: 3, 2, 0, 1>, y_dims = array<i64: 0, 3, 1, 2>, strides = array<i64: 1, 1>, padding_low = array<i64: 1, 1>, padding_high = array<i64: 1, 1>, input_dilation = array<i64: 1, 1>, kernel_dilation = array<i64: 1, 1>} : (tensor<1x56x56x64xf32>, tensor<3x3x64x64xf32>) -> tensor<1x56x56x64xf32>
  return %0 : tensor<1x56x56x64xf32>
}

func.func @depthwise(%x: tensor<1x56x56x128xf32>) -> tensor<1x56x56x128xf32> {
  %w = weft.constant dense<WEIGHTS> : tensor<3x3x1x128xf32>
  %0 = weft.conv %x, %w {x_dims = array<i64: 0, 3, 1, 2>, w_dims = array<i64: 3, 2, 0, 1>, y_dims = array<i64: 0, 3, 1, 2>, strides = array<i64: 1, 1>, padding_low = array<i64: 1, 1>, padding_high = array<i64: 1, 1>, input_dilation = array<i64: 1, 1>, kernel_dilation = array<i64: 1, 1>, feature_groups = 128 : i64} : (tensor<1x56x56x128xf32>, tensor<3x3x1x128xf32>) -> tensor<1x56x56x128xf32>
  return %0 : tensor<1x56x56x128xf32>
}

func.func @pool(%x: tensor<1x35x35x256xf32>) -> tensor<1x35x35x256xf32> {
  %0 = weft.reduce_window add %x axes [1, 2] {window = array<i64: 3, 3>, strides = array<i64: 1, 1>, padding_low = array<i64: 1, 1>, padding_high = array<i64: 1, 1>, base_dilation = array<i64: 1, 1>, window_dilation = array<i64: 1, 1>} : (tensor<1x35x35x256xf32>) -> tensor<1x35x35x256xf32>
  return %0 : tensor<1x35x35x256xf32>
}

func.func @softmax(%x: tensor<512x1024xf32>) -> tensor<512x1024xf32> {
  %0 = weft.softmax %x axis 1 : (tensor<512x1024xf32>) -> tensor<512x1024xf32>
  return %0 : tensor<512x1024xf32>
}

func.func @layer_norm(%x: tensor<512x768xf32>, %g: tensor<1x768xf32>, %b: tensor<1x768xf32>) -> tensor<512x768xf32> {
  %y, %m, %v = weft.normalize %x axes [1] epsilon 1.0e-5 : (tensor<512x768xf32>) -> (tensor<512x768xf32>, tensor<512x1xf32>, tensor<512x1xf32>)
  %0 = weft.mul %y, %g : (tensor<512x768xf32>, tensor<1x768xf32>) -> tensor<512x768xf32>
  %1 = weft.add %0, %b : (tensor<512x768xf32>, tensor<1x768xf32>) -> tensor<512x768xf32>
  return %1 : tensor<512x768xf32>
}

func.func @gelu(%x: tensor<512x1024xf32>, %b: tensor<1x1024xf32>) -> tensor<512x1024xf32> {
  %half = weft.constant dense<0.5> : tensor<1x1xf32>
  %root = weft.constant dense<0.70710678> : tensor<1x1xf32>
  %one = weft.constant dense<1.0> : tensor<1x1xf32>
  %0 = weft.add %x, %b : (tensor<512x1024xf32>, tensor<1x1024xf32>) -> tensor<512x1024xf32>
  %1 = weft.mul %0, %root : (tensor<512x1024xf32>, tensor<1x1xf32>) -> tensor<512x1024xf32>
  %2 = weft.erf %1 : (tensor<512x1024xf32>) -> tensor<512x1024xf32>
  %3 = weft.add %2, %one : (tensor<512x1024xf32>, tensor<1x1xf32>) -> tensor<512x1024xf32>
  %4 = weft.mul %0, %half : (tensor<512x1024xf32>, tensor<1x1xf32>) -> tensor<512x1024xf32>
  %5 = weft.mul %4, %3 : (tensor<512x1024xf32>, tensor<512x1024xf32>) -> tensor<512x1024xf32>
  return %5 : tensor<512x1024xf32>
}

func.func @attention(%q: tensor<1x12x512x64xf32>, %k: tensor<1x12x512x64xf32>, %v: tensor<1x12x512x64xf32>) -> tensor<1x12x512x64xf32> {
  %0:2 = weft.attention %q, %k, %v {scale = 0.125} : (tensor<1x12x512x64xf32>, tensor<1x12x512x64xf32>, tensor<1x12x512x64xf32>) -> (tensor<1x12x512x64xf32>, tensor<1x12x512xf32>)
  return %0#0 : tensor<1x12x512x64xf32>
}

// Columns in panels of three vectors, where there are 32 registers.
func.func @gemm_wide(%x: tensor<128x768xf32>) -> tensor<128x192xf32> {
  %w = weft.constant dense<WEIGHTS> : tensor<768x192xf32>
  %0 = weft.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<128x768xf32>, tensor<768x192xf32>) -> tensor<128x192xf32>
  return %0 : tensor<128x192xf32>
}
"""


weights = random.Random(1)


def with_weights(match):
    count = math.prod(int(extent) for extent in match[1].split("x")[:-1])
    numbers = (weights.uniform(-1, 1) for _ in range(count))
    return f'dense<"0x{struct.pack(f"<{count}f", *numbers).hex()}"> : tensor<{match[1]}>'


with open(sys.argv[1], "w") as file:
    file.write(re.sub(r"dense<WEIGHTS> : tensor<([^>]*)>", with_weights, TEXT))
