// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A constant scale along the output features moves into the weights, past an addition too; any other scale stays.
// RUN: weft-opt %s --weft-fold-batch-norm | FileCheck %s
// RUN: weft-opt %s --weft-fold-batch-norm --weft-fold-constants --canonicalize | FileCheck %s --check-prefix=CONST

// CHECK-LABEL: func.func @conv(
// CHECK-DAG: %[[W:.*]] = weft.constant dense<5.000000e-01>
// CHECK-DAG: %[[S:.*]] = weft.constant dense<{{\[}}{{\[}}{{\[}}{{\[}}2.0
// CHECK: %[[R:.*]] = weft.reshape %[[S]] sizes [3, 1, 1, 1]
// CHECK: %[[P:.*]] = weft.mul %[[R]], %[[W]]
// CHECK: %[[Y:.*]] = weft.conv %{{.*}}, %[[P]]
// CHECK: return %[[Y]]
// CONST-LABEL: func.func @conv(
// CONST: %[[W:.*]] = weft.constant dense<{{\[}}{{\[}}{{\[}}{{\[}}1.000000e+00]], {{\[}}[1.000000e+00]]], {{\[}}{{\[}}[1.5
// CONST: %[[Y:.*]] = weft.conv %{{.*}}, %[[W]]
// CONST-NEXT: return %[[Y]]
func.func @conv(%x: tensor<1x2x4x4xf32>) -> tensor<1x3x4x4xf32> {
  %w = weft.constant dense<0.5> : tensor<3x2x1x1xf32>
  %s = weft.constant dense<[[[[2.0]], [[3.0]], [[4.0]]]]> : tensor<1x3x1x1xf32>
  %0 = weft.conv %x, %w {x_dims = array<i64: 0, 1, 2, 3>, w_dims = array<i64: 0, 1, 2, 3>, y_dims = array<i64: 0, 1, 2, 3>,
    strides = array<i64: 1, 1>, padding_low = array<i64: 0, 0>, padding_high = array<i64: 0, 0>,
    input_dilation = array<i64: 1, 1>, kernel_dilation = array<i64: 1, 1>} : (tensor<1x2x4x4xf32>, tensor<3x2x1x1xf32>) -> tensor<1x3x4x4xf32>
  %1 = weft.mul %0, %s : (tensor<1x3x4x4xf32>, tensor<1x3x1x1xf32>) -> tensor<1x3x4x4xf32>
  return %1 : tensor<1x3x4x4xf32>
}

// (x + b) * s = x * s + b * s.
// CHECK-LABEL: func.func @past_addition(
// CHECK: %[[Y:.*]] = weft.conv
// CHECK: %[[B:.*]] = weft.mul {{.*}} -> tensor<1x3x1x1xf32>
// CHECK: %[[Z:.*]] = weft.add %[[Y]], %[[B]]
// CHECK: return %[[Z]]
// CONST-LABEL: func.func @past_addition(
// CONST: weft.constant dense<{{\[}}{{\[}}{{\[}}[2.000000e+01]], {{\[}}[6.000000e+01]], {{\[}}[1.200000e+02]]]]>
func.func @past_addition(%x: tensor<1x2x4x4xf32>) -> tensor<1x3x4x4xf32> {
  %w = weft.constant dense<0.5> : tensor<3x2x1x1xf32>
  %s = weft.constant dense<[[[[2.0]], [[3.0]], [[4.0]]]]> : tensor<1x3x1x1xf32>
  %b = weft.constant dense<[[[[10.0]], [[20.0]], [[30.0]]]]> : tensor<1x3x1x1xf32>
  %0 = weft.conv %x, %w {x_dims = array<i64: 0, 1, 2, 3>, w_dims = array<i64: 0, 1, 2, 3>, y_dims = array<i64: 0, 1, 2, 3>,
    strides = array<i64: 1, 1>, padding_low = array<i64: 0, 0>, padding_high = array<i64: 0, 0>,
    input_dilation = array<i64: 1, 1>, kernel_dilation = array<i64: 1, 1>} : (tensor<1x2x4x4xf32>, tensor<3x2x1x1xf32>) -> tensor<1x3x4x4xf32>
  %1 = weft.add %0, %b : (tensor<1x3x4x4xf32>, tensor<1x3x1x1xf32>) -> tensor<1x3x4x4xf32>
  %2 = weft.mul %1, %s : (tensor<1x3x4x4xf32>, tensor<1x3x1x1xf32>) -> tensor<1x3x4x4xf32>
  return %2 : tensor<1x3x4x4xf32>
}

// Two batch norms in a row leave one addition each and no product, in one run of the pass.
// CHECK-LABEL: func.func @chain(
// CHECK: %[[Y:.*]] = weft.conv
// CHECK-NEXT: %[[B:.*]] = weft.mul {{.*}} -> tensor<1x3x1x1xf32>
// CHECK-NEXT: %[[Z:.*]] = weft.add %[[Y]], %[[B]]
// CHECK-NEXT: return %[[Z]]
// CONST-LABEL: func.func @chain(
// CONST-DAG: weft.constant dense<{{\[}}{{\[}}{{\[}}[2.000000e+00]], {{\[}}[4.500000e+00]], {{\[}}[8.000000e+00]]]]>
// CONST-DAG: weft.constant dense<{{\[}}{{\[}}{{\[}}{{\[}}2.000000e+00]], {{\[}}[2.000000e+00]]], {{\[}}{{\[}}[4.5
// CONST: weft.conv
// CONST-NEXT: weft.add
// CONST-NEXT: return
func.func @chain(%x: tensor<1x2x4x4xf32>) -> tensor<1x3x4x4xf32> {
  %w = weft.constant dense<0.5> : tensor<3x2x1x1xf32>
  %s = weft.constant dense<[[[[2.0]], [[3.0]], [[4.0]]]]> : tensor<1x3x1x1xf32>
  %b = weft.constant dense<[[[[1.0]], [[1.5]], [[2.0]]]]> : tensor<1x3x1x1xf32>
  %0 = weft.conv %x, %w {x_dims = array<i64: 0, 1, 2, 3>, w_dims = array<i64: 0, 1, 2, 3>, y_dims = array<i64: 0, 1, 2, 3>,
    strides = array<i64: 1, 1>, padding_low = array<i64: 0, 0>, padding_high = array<i64: 0, 0>,
    input_dilation = array<i64: 1, 1>, kernel_dilation = array<i64: 1, 1>} : (tensor<1x2x4x4xf32>, tensor<3x2x1x1xf32>) -> tensor<1x3x4x4xf32>
  %1 = weft.mul %0, %s : (tensor<1x3x4x4xf32>, tensor<1x3x1x1xf32>) -> tensor<1x3x4x4xf32>
  %2 = weft.add %1, %b : (tensor<1x3x4x4xf32>, tensor<1x3x1x1xf32>) -> tensor<1x3x4x4xf32>
  %3 = weft.mul %2, %s : (tensor<1x3x4x4xf32>, tensor<1x3x1x1xf32>) -> tensor<1x3x4x4xf32>
  return %3 : tensor<1x3x4x4xf32>
}

// CHECK-LABEL: func.func @constant_first(
// CHECK: %[[Y:.*]] = weft.conv
// CHECK-NEXT: return %[[Y]]
func.func @constant_first(%x: tensor<1x2x4x4xf32>) -> tensor<1x3x4x4xf32> {
  %s = weft.constant dense<[[[[2.0]], [[3.0]], [[4.0]]]]> : tensor<1x3x1x1xf32>
  %w = weft.constant dense<0.5> : tensor<3x2x1x1xf32>
  %0 = weft.conv %x, %w {x_dims = array<i64: 0, 1, 2, 3>, w_dims = array<i64: 0, 1, 2, 3>, y_dims = array<i64: 0, 1, 2, 3>,
    strides = array<i64: 1, 1>, padding_low = array<i64: 0, 0>, padding_high = array<i64: 0, 0>,
    input_dilation = array<i64: 1, 1>, kernel_dilation = array<i64: 1, 1>} : (tensor<1x2x4x4xf32>, tensor<3x2x1x1xf32>) -> tensor<1x3x4x4xf32>
  %1 = weft.mul %s, %0 : (tensor<1x3x1x1xf32>, tensor<1x3x4x4xf32>) -> tensor<1x3x4x4xf32>
  return %1 : tensor<1x3x4x4xf32>
}

// CHECK-LABEL: func.func @dot_general(
// CHECK: %[[W:.*]] = weft.mul {{.*}} -> tensor<4x2xf32>
// CHECK: %[[Y:.*]] = weft.dot_general %{{.*}}, %[[W]]
// CHECK: return %[[Y]]
func.func @dot_general(%x: tensor<5x4xf32>) -> tensor<5x2xf32> {
  %w = weft.constant dense<1.5> : tensor<4x2xf32>
  %s = weft.constant dense<[[2.0, 3.0]]> : tensor<1x2xf32>
  %0 = weft.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<5x4xf32>, tensor<4x2xf32>) -> tensor<5x2xf32>
  %1 = weft.mul %0, %s : (tensor<5x2xf32>, tensor<1x2xf32>) -> tensor<5x2xf32>
  return %1 : tensor<5x2xf32>
}

// The same scale for all features.
// CHECK-LABEL: func.func @one_element(
// CHECK: %[[Y:.*]] = weft.conv
// CHECK-NEXT: return %[[Y]]
func.func @one_element(%x: tensor<1x2x4x4xf32>) -> tensor<1x3x4x4xf32> {
  %w = weft.constant dense<0.5> : tensor<3x2x1x1xf32>
  %s = weft.constant dense<2.0> : tensor<1x1x1x1xf32>
  %0 = weft.conv %x, %w {x_dims = array<i64: 0, 1, 2, 3>, w_dims = array<i64: 0, 1, 2, 3>, y_dims = array<i64: 0, 1, 2, 3>,
    strides = array<i64: 1, 1>, padding_low = array<i64: 0, 0>, padding_high = array<i64: 0, 0>,
    input_dilation = array<i64: 1, 1>, kernel_dilation = array<i64: 1, 1>} : (tensor<1x2x4x4xf32>, tensor<3x2x1x1xf32>) -> tensor<1x3x4x4xf32>
  %1 = weft.mul %0, %s : (tensor<1x3x4x4xf32>, tensor<1x1x1x1xf32>) -> tensor<1x3x4x4xf32>
  return %1 : tensor<1x3x4x4xf32>
}

// Along another dimension: no weight has it.
// CHECK-LABEL: func.func @along_space(
// CHECK: %[[Y:.*]] = weft.conv
// CHECK: %[[Z:.*]] = weft.mul %[[Y]]
// CHECK: return %[[Z]]
func.func @along_space(%x: tensor<1x2x4x4xf32>) -> tensor<1x3x4x4xf32> {
  %w = weft.constant dense<0.5> : tensor<3x2x1x1xf32>
  %s = weft.constant dense<[[[[2.0, 3.0, 4.0, 5.0]]]]> : tensor<1x1x1x4xf32>
  %0 = weft.conv %x, %w {x_dims = array<i64: 0, 1, 2, 3>, w_dims = array<i64: 0, 1, 2, 3>, y_dims = array<i64: 0, 1, 2, 3>,
    strides = array<i64: 1, 1>, padding_low = array<i64: 0, 0>, padding_high = array<i64: 0, 0>,
    input_dilation = array<i64: 1, 1>, kernel_dilation = array<i64: 1, 1>} : (tensor<1x2x4x4xf32>, tensor<3x2x1x1xf32>) -> tensor<1x3x4x4xf32>
  %1 = weft.mul %0, %s : (tensor<1x3x4x4xf32>, tensor<1x1x1x4xf32>) -> tensor<1x3x4x4xf32>
  return %1 : tensor<1x3x4x4xf32>
}

// Rows and columns are as many; the scale is one per row.
// CHECK-LABEL: func.func @along_rows(
// CHECK: %[[Y:.*]] = weft.dot_general
// CHECK: weft.mul %[[Y]]
func.func @along_rows(%x: tensor<2x4xf32>) -> tensor<2x2xf32> {
  %w = weft.constant dense<1.5> : tensor<4x2xf32>
  %s = weft.constant dense<[[2.0], [3.0]]> : tensor<2x1xf32>
  %0 = weft.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<2x4xf32>, tensor<4x2xf32>) -> tensor<2x2xf32>
  %1 = weft.mul %0, %s : (tensor<2x2xf32>, tensor<2x1xf32>) -> tensor<2x2xf32>
  return %1 : tensor<2x2xf32>
}

// CHECK-LABEL: func.func @not_constant_scale(
// CHECK: %[[Y:.*]] = weft.conv
// CHECK: %[[Z:.*]] = weft.mul %[[Y]]
// CHECK: return %[[Z]]
func.func @not_constant_scale(%x: tensor<1x2x4x4xf32>, %s: tensor<1x3x1x1xf32>) -> tensor<1x3x4x4xf32> {
  %w = weft.constant dense<0.5> : tensor<3x2x1x1xf32>
  %0 = weft.conv %x, %w {x_dims = array<i64: 0, 1, 2, 3>, w_dims = array<i64: 0, 1, 2, 3>, y_dims = array<i64: 0, 1, 2, 3>,
    strides = array<i64: 1, 1>, padding_low = array<i64: 0, 0>, padding_high = array<i64: 0, 0>,
    input_dilation = array<i64: 1, 1>, kernel_dilation = array<i64: 1, 1>} : (tensor<1x2x4x4xf32>, tensor<3x2x1x1xf32>) -> tensor<1x3x4x4xf32>
  %1 = weft.mul %0, %s : (tensor<1x3x4x4xf32>, tensor<1x3x1x1xf32>) -> tensor<1x3x4x4xf32>
  return %1 : tensor<1x3x4x4xf32>
}

// CHECK-LABEL: func.func @not_constant_weights(
// CHECK: %[[Y:.*]] = weft.conv
// CHECK: %[[Z:.*]] = weft.mul %[[Y]]
// CHECK: return %[[Z]]
func.func @not_constant_weights(%x: tensor<1x2x4x4xf32>, %w: tensor<3x2x1x1xf32>) -> tensor<1x3x4x4xf32> {
  %s = weft.constant dense<[[[[2.0]], [[3.0]], [[4.0]]]]> : tensor<1x3x1x1xf32>
  %0 = weft.conv %x, %w {x_dims = array<i64: 0, 1, 2, 3>, w_dims = array<i64: 0, 1, 2, 3>, y_dims = array<i64: 0, 1, 2, 3>,
    strides = array<i64: 1, 1>, padding_low = array<i64: 0, 0>, padding_high = array<i64: 0, 0>,
    input_dilation = array<i64: 1, 1>, kernel_dilation = array<i64: 1, 1>} : (tensor<1x2x4x4xf32>, tensor<3x2x1x1xf32>) -> tensor<1x3x4x4xf32>
  %1 = weft.mul %0, %s : (tensor<1x3x4x4xf32>, tensor<1x3x1x1xf32>) -> tensor<1x3x4x4xf32>
  return %1 : tensor<1x3x4x4xf32>
}

// Somebody else reads what is not scaled.
// CHECK-LABEL: func.func @read_twice(
// CHECK: %[[Y:.*]] = weft.conv
// CHECK: %[[Z:.*]] = weft.mul %[[Y]]
// CHECK: return %[[Y]], %[[Z]]
func.func @read_twice(%x: tensor<1x2x4x4xf32>) -> (tensor<1x3x4x4xf32>, tensor<1x3x4x4xf32>) {
  %w = weft.constant dense<0.5> : tensor<3x2x1x1xf32>
  %s = weft.constant dense<[[[[2.0]], [[3.0]], [[4.0]]]]> : tensor<1x3x1x1xf32>
  %0 = weft.conv %x, %w {x_dims = array<i64: 0, 1, 2, 3>, w_dims = array<i64: 0, 1, 2, 3>, y_dims = array<i64: 0, 1, 2, 3>,
    strides = array<i64: 1, 1>, padding_low = array<i64: 0, 0>, padding_high = array<i64: 0, 0>,
    input_dilation = array<i64: 1, 1>, kernel_dilation = array<i64: 1, 1>} : (tensor<1x2x4x4xf32>, tensor<3x2x1x1xf32>) -> tensor<1x3x4x4xf32>
  %1 = weft.mul %0, %s : (tensor<1x3x4x4xf32>, tensor<1x3x1x1xf32>) -> tensor<1x3x4x4xf32>
  return %0, %1 : tensor<1x3x4x4xf32>, tensor<1x3x4x4xf32>
}

// CHECK-LABEL: func.func @sum_read_twice(
// CHECK: weft.conv
// CHECK: %[[A:.*]] = weft.add
// CHECK: %[[Z:.*]] = weft.mul %[[A]]
// CHECK: return %[[A]], %[[Z]]
func.func @sum_read_twice(%x: tensor<1x2x4x4xf32>) -> (tensor<1x3x4x4xf32>, tensor<1x3x4x4xf32>) {
  %w = weft.constant dense<0.5> : tensor<3x2x1x1xf32>
  %s = weft.constant dense<[[[[2.0]], [[3.0]], [[4.0]]]]> : tensor<1x3x1x1xf32>
  %0 = weft.conv %x, %w {x_dims = array<i64: 0, 1, 2, 3>, w_dims = array<i64: 0, 1, 2, 3>, y_dims = array<i64: 0, 1, 2, 3>,
    strides = array<i64: 1, 1>, padding_low = array<i64: 0, 0>, padding_high = array<i64: 0, 0>,
    input_dilation = array<i64: 1, 1>, kernel_dilation = array<i64: 1, 1>} : (tensor<1x2x4x4xf32>, tensor<3x2x1x1xf32>) -> tensor<1x3x4x4xf32>
  %1 = weft.add %0, %s : (tensor<1x3x4x4xf32>, tensor<1x3x1x1xf32>) -> tensor<1x3x4x4xf32>
  %2 = weft.mul %1, %s : (tensor<1x3x4x4xf32>, tensor<1x3x1x1xf32>) -> tensor<1x3x4x4xf32>
  return %1, %2 : tensor<1x3x4x4xf32>, tensor<1x3x4x4xf32>
}

// Only floats are folded.
// CHECK-LABEL: func.func @integers(
// CHECK: %[[Y:.*]] = weft.conv
// CHECK: %[[Z:.*]] = weft.mul %[[Y]]
// CHECK: return %[[Z]]
func.func @integers(%x: tensor<1x2x4x4xi32>) -> tensor<1x3x4x4xi32> {
  %w = weft.constant dense<1> : tensor<3x2x1x1xi32>
  %s = weft.constant dense<2> : tensor<1x3x1x1xi32>
  %0 = weft.conv %x, %w {x_dims = array<i64: 0, 1, 2, 3>, w_dims = array<i64: 0, 1, 2, 3>, y_dims = array<i64: 0, 1, 2, 3>,
    strides = array<i64: 1, 1>, padding_low = array<i64: 0, 0>, padding_high = array<i64: 0, 0>,
    input_dilation = array<i64: 1, 1>, kernel_dilation = array<i64: 1, 1>} : (tensor<1x2x4x4xi32>, tensor<3x2x1x1xi32>) -> tensor<1x3x4x4xi32>
  %1 = weft.mul %0, %s : (tensor<1x3x4x4xi32>, tensor<1x3x1x1xi32>) -> tensor<1x3x4x4xi32>
  return %1 : tensor<1x3x4x4xi32>
}

// The product is larger than the convolution.
// CHECK-LABEL: func.func @stretching(
// CHECK: %[[Y:.*]] = weft.conv
// CHECK: %[[Z:.*]] = weft.mul %[[Y]]
// CHECK: return %[[Z]]
func.func @stretching(%x: tensor<1x2x1x1xf32>) -> tensor<1x3x4x4xf32> {
  %w = weft.constant dense<0.5> : tensor<3x2x1x1xf32>
  %s = weft.constant dense<2.0> : tensor<1x3x4x4xf32>
  %0 = weft.conv %x, %w {x_dims = array<i64: 0, 1, 2, 3>, w_dims = array<i64: 0, 1, 2, 3>, y_dims = array<i64: 0, 1, 2, 3>,
    strides = array<i64: 1, 1>, padding_low = array<i64: 0, 0>, padding_high = array<i64: 0, 0>,
    input_dilation = array<i64: 1, 1>, kernel_dilation = array<i64: 1, 1>} : (tensor<1x2x1x1xf32>, tensor<3x2x1x1xf32>) -> tensor<1x3x1x1xf32>
  %1 = weft.mul %0, %s : (tensor<1x3x1x1xf32>, tensor<1x3x4x4xf32>) -> tensor<1x3x4x4xf32>
  return %1 : tensor<1x3x4x4xf32>
}

// Weights with a batch are left alone.
// CHECK-LABEL: func.func @grouped_dot(
// CHECK: %[[Y:.*]] = weft.dot_general
// CHECK: weft.mul %[[Y]]
func.func @grouped_dot(%x: tensor<3x5x4xf32>) -> tensor<3x5x2xf32> {
  %w = weft.constant dense<1.5> : tensor<3x4x2xf32>
  %s = weft.constant dense<[[[2.0, 3.0]]]> : tensor<1x1x2xf32>
  %0 = weft.dot_general %x, %w batch [0] x [0] contract [2] x [1] : (tensor<3x5x4xf32>, tensor<3x4x2xf32>) -> tensor<3x5x2xf32>
  %1 = weft.mul %0, %s : (tensor<3x5x2xf32>, tensor<1x1x2xf32>) -> tensor<3x5x2xf32>
  return %1 : tensor<3x5x2xf32>
}

// The layout says where features lie.
// CHECK-LABEL: func.func @features_last(
// CHECK: weft.mul {{.*}} -> tensor<1x1x2x3xf32>
// CHECK: %[[Y:.*]] = weft.conv
// CHECK-NEXT: return %[[Y]]
func.func @features_last(%x: tensor<1x4x4x2xf32>) -> tensor<1x4x4x3xf32> {
  %w = weft.constant dense<0.5> : tensor<1x1x2x3xf32>
  %s = weft.constant dense<[[[[2.0, 3.0, 4.0]]]]> : tensor<1x1x1x3xf32>
  %0 = weft.conv %x, %w {x_dims = array<i64: 0, 3, 1, 2>, w_dims = array<i64: 3, 2, 0, 1>, y_dims = array<i64: 0, 3, 1, 2>,
    strides = array<i64: 1, 1>, padding_low = array<i64: 0, 0>, padding_high = array<i64: 0, 0>,
    input_dilation = array<i64: 1, 1>, kernel_dilation = array<i64: 1, 1>} : (tensor<1x4x4x2xf32>, tensor<1x1x2x3xf32>) -> tensor<1x4x4x3xf32>
  %1 = weft.mul %0, %s : (tensor<1x4x4x3xf32>, tensor<1x1x1x3xf32>) -> tensor<1x4x4x3xf32>
  return %1 : tensor<1x4x4x3xf32>
}
