// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Convolutions that no other is within reach of keep their features in front where the CPU has a kernel for that; two of them
// in a row meet with their features last.
// RUN: weft compile %s --to=host | FileCheck %s

// CHECK-LABEL: func.func @depthwise(
// CHECK-COUNT-1: host.launch
// CHECK-NOT: host.launch
// CHECK: return
func.func @depthwise(%x: tensor<2x8x20x20xf32>, %b: tensor<1x8x1x1xf32>) -> tensor<2x8x20x20xf32> {
  %w = weft.constant dense<0.5> : tensor<8x1x3x3xf32>
  %0 = weft.conv %x, %w {x_dims = array<i64: 0, 1, 2, 3>, w_dims = array<i64: 0, 1, 2, 3>, y_dims = array<i64: 0, 1, 2, 3>,
    strides = array<i64: 1, 1>, padding_low = array<i64: 1, 1>, padding_high = array<i64: 1, 1>, feature_groups = 8 : i64,
    input_dilation = array<i64: 1, 1>, kernel_dilation = array<i64: 1, 1>} : (tensor<2x8x20x20xf32>, tensor<8x1x3x3xf32>) -> tensor<2x8x20x20xf32>
  %1 = weft.add %0, %b : (tensor<2x8x20x20xf32>, tensor<1x8x1x1xf32>) -> tensor<2x8x20x20xf32>
  return %1 : tensor<2x8x20x20xf32>
}

// CHECK-LABEL: func.func @pointwise(
// CHECK-COUNT-1: host.launch @dot_general_add
// CHECK-NOT: host.launch
// CHECK: return
func.func @pointwise(%x: tensor<1x8x20x20xf32>, %b: tensor<1x4x1x1xf32>) -> tensor<1x4x20x20xf32> {
  %w = weft.constant dense<0.5> : tensor<4x8x1x1xf32>
  %0 = weft.conv %x, %w {x_dims = array<i64: 0, 1, 2, 3>, w_dims = array<i64: 0, 1, 2, 3>, y_dims = array<i64: 0, 1, 2, 3>,
    strides = array<i64: 1, 1>, padding_low = array<i64: 0, 0>, padding_high = array<i64: 0, 0>,
    input_dilation = array<i64: 1, 1>, kernel_dilation = array<i64: 1, 1>} : (tensor<1x8x20x20xf32>, tensor<4x8x1x1xf32>) -> tensor<1x4x20x20xf32>
  %1 = weft.add %0, %b : (tensor<1x4x20x20xf32>, tensor<1x4x1x1xf32>) -> tensor<1x4x20x20xf32>
  return %1 : tensor<1x4x20x20xf32>
}

// CHECK-LABEL: func.func @two(
// CHECK: host.launch @transpose
// CHECK: host.launch @conv
// CHECK: host.launch @conv
// CHECK: host.launch @transpose
// CHECK-NOT: host.launch
// CHECK: return
func.func @two(%x: tensor<2x8x20x20xf32>) -> tensor<2x4x20x20xf32> {
  %w = weft.constant dense<0.5> : tensor<8x1x3x3xf32>
  %w2 = weft.constant dense<0.5> : tensor<4x8x1x1xf32>
  %0 = weft.conv %x, %w {x_dims = array<i64: 0, 1, 2, 3>, w_dims = array<i64: 0, 1, 2, 3>, y_dims = array<i64: 0, 1, 2, 3>,
    strides = array<i64: 1, 1>, padding_low = array<i64: 1, 1>, padding_high = array<i64: 1, 1>, feature_groups = 8 : i64,
    input_dilation = array<i64: 1, 1>, kernel_dilation = array<i64: 1, 1>} : (tensor<2x8x20x20xf32>, tensor<8x1x3x3xf32>) -> tensor<2x8x20x20xf32>
  %1 = weft.relu %0 : (tensor<2x8x20x20xf32>) -> tensor<2x8x20x20xf32>
  %2 = weft.conv %1, %w2 {x_dims = array<i64: 0, 1, 2, 3>, w_dims = array<i64: 0, 1, 2, 3>, y_dims = array<i64: 0, 1, 2, 3>,
    strides = array<i64: 1, 1>, padding_low = array<i64: 0, 0>, padding_high = array<i64: 0, 0>,
    input_dilation = array<i64: 1, 1>, kernel_dilation = array<i64: 1, 1>} : (tensor<2x8x20x20xf32>, tensor<4x8x1x1xf32>) -> tensor<2x4x20x20xf32>
  return %2 : tensor<2x4x20x20xf32>
}

// A concatenation lets transpositions through: between two of them nothing stands alone.
// CHECK-LABEL: func.func @between(
// CHECK-NOT: dot_general
// CHECK: return
func.func @between(%x: tensor<1x4x20x20xf32>) -> tensor<1x8x20x20xf32> {
  %w = weft.constant dense<0.5> : tensor<4x8x1x1xf32>
  %0 = weft.concat %x, %x axis 1 : (tensor<1x4x20x20xf32>, tensor<1x4x20x20xf32>) -> tensor<1x8x20x20xf32>
  %1 = weft.conv %0, %w {x_dims = array<i64: 0, 1, 2, 3>, w_dims = array<i64: 0, 1, 2, 3>, y_dims = array<i64: 0, 1, 2, 3>,
    strides = array<i64: 1, 1>, padding_low = array<i64: 0, 0>, padding_high = array<i64: 0, 0>,
    input_dilation = array<i64: 1, 1>, kernel_dilation = array<i64: 1, 1>} : (tensor<1x8x20x20xf32>, tensor<4x8x1x1xf32>) -> tensor<1x4x20x20xf32>
  %2 = weft.concat %x, %1 axis 1 : (tensor<1x4x20x20xf32>, tensor<1x4x20x20xf32>) -> tensor<1x8x20x20xf32>
  return %2 : tensor<1x8x20x20xf32>
}
