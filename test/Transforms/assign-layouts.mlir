// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Features go last; transpositions sink until they cancel or the network ends.
// RUN: weft-opt %s --weft-assign-layouts | FileCheck %s

// CHECK-LABEL: func.func @conv(
// CHECK: %[[X:.*]] = weft.transpose %{{.*}} by [0, 2, 3, 1] : (tensor<2x2x6x6xf32>) -> tensor<2x6x6x2xf32>
// CHECK: %[[Y:.*]] = weft.conv %[[X]], %{{.*}} {{.*}}w_dims = array<i64: 0, 1, 2, 3>, x_dims = array<i64: 0, 3, 1, 2>, y_dims = array<i64: 0, 3, 1, 2>} {{.*}} -> tensor<2x4x4x3xf32>
// CHECK: weft.transpose %[[Y]] by [0, 3, 1, 2]
func.func @conv(%x: tensor<2x2x6x6xf32>, %w: tensor<3x2x3x3xf32>) -> tensor<2x3x4x4xf32> {
  %0 = weft.conv %x, %w {x_dims = array<i64: 0, 1, 2, 3>, w_dims = array<i64: 0, 1, 2, 3>, y_dims = array<i64: 0, 1, 2, 3>,
    strides = array<i64: 1, 1>, padding_low = array<i64: 0, 0>, padding_high = array<i64: 0, 0>,
    input_dilation = array<i64: 1, 1>, kernel_dilation = array<i64: 1, 1>} : (tensor<2x2x6x6xf32>, tensor<3x2x3x3xf32>) -> tensor<2x3x4x4xf32>
  return %0 : tensor<2x3x4x4xf32>
}

// CHECK-LABEL: func.func @already_last(
// CHECK-NOT: weft.transpose
// CHECK: weft.conv
// CHECK-NOT: weft.transpose
// CHECK: return
func.func @already_last(%x: tensor<2x6x6x2xf32>, %w: tensor<3x2x3x3xf32>) -> tensor<2x4x4x3xf32> {
  %0 = weft.conv %x, %w {x_dims = array<i64: 0, 3, 1, 2>, w_dims = array<i64: 0, 1, 2, 3>, y_dims = array<i64: 0, 3, 1, 2>,
    strides = array<i64: 1, 1>, padding_low = array<i64: 0, 0>, padding_high = array<i64: 0, 0>,
    input_dilation = array<i64: 1, 1>, kernel_dilation = array<i64: 1, 1>} : (tensor<2x6x6x2xf32>, tensor<3x2x3x3xf32>) -> tensor<2x4x4x3xf32>
  return %0 : tensor<2x4x4x3xf32>
}

// Bias, activation and a residual between two convolutions: one transposition in, one out.
// CHECK-LABEL: func.func @chain(
// CHECK: weft.transpose %{{.*}} by [0, 2, 3, 1]
// CHECK: weft.conv
// CHECK-NOT: weft.transpose
// CHECK: weft.add {{.*}}, tensor<1x1x1x3xf32>) -> tensor<2x4x4x3xf32>
// CHECK: weft.relu
// CHECK-NOT: weft.transpose
// CHECK: weft.conv
// CHECK-NOT: weft.transpose
// CHECK: weft.add
// CHECK: weft.transpose %{{.*}} by [0, 3, 1, 2]
// CHECK-NEXT: return
func.func @chain(%x: tensor<2x2x6x6xf32>, %w: tensor<3x2x3x3xf32>, %w2: tensor<3x3x1x1xf32>, %b: tensor<1x3x1x1xf32>) -> tensor<2x3x4x4xf32> {
  %0 = weft.conv %x, %w {x_dims = array<i64: 0, 1, 2, 3>, w_dims = array<i64: 0, 1, 2, 3>, y_dims = array<i64: 0, 1, 2, 3>,
    strides = array<i64: 1, 1>, padding_low = array<i64: 0, 0>, padding_high = array<i64: 0, 0>,
    input_dilation = array<i64: 1, 1>, kernel_dilation = array<i64: 1, 1>} : (tensor<2x2x6x6xf32>, tensor<3x2x3x3xf32>) -> tensor<2x3x4x4xf32>
  %1 = weft.add %0, %b : (tensor<2x3x4x4xf32>, tensor<1x3x1x1xf32>) -> tensor<2x3x4x4xf32>
  %2 = weft.relu %1 : (tensor<2x3x4x4xf32>) -> tensor<2x3x4x4xf32>
  %3 = weft.conv %2, %w2 {x_dims = array<i64: 0, 1, 2, 3>, w_dims = array<i64: 0, 1, 2, 3>, y_dims = array<i64: 0, 1, 2, 3>,
    strides = array<i64: 1, 1>, padding_low = array<i64: 0, 0>, padding_high = array<i64: 0, 0>,
    input_dilation = array<i64: 1, 1>, kernel_dilation = array<i64: 1, 1>} : (tensor<2x3x4x4xf32>, tensor<3x3x1x1xf32>) -> tensor<2x3x4x4xf32>
  %4 = weft.add %3, %2 : (tensor<2x3x4x4xf32>, tensor<2x3x4x4xf32>) -> tensor<2x3x4x4xf32>
  return %4 : tensor<2x3x4x4xf32>
}

// CHECK-LABEL: func.func @pool(
// CHECK: %[[Y:.*]] = weft.reduce_window max %arg0 axes [1, 2] {{.*}} -> tensor<2x2x2x3xf32>
// CHECK: weft.transpose %[[Y]] by [0, 3, 1, 2]
func.func @pool(%x: tensor<2x4x5x3xf32>) -> tensor<2x3x2x2xf32> {
  %0 = weft.transpose %x by [0, 3, 1, 2] : (tensor<2x4x5x3xf32>) -> tensor<2x3x4x5xf32>
  %1 = weft.reduce_window max %0 axes [2, 3] {window = array<i64: 2, 2>, strides = array<i64: 2, 2>, padding_low = array<i64: 0, 0>, padding_high = array<i64: 0, 0>, base_dilation = array<i64: 1, 1>, window_dilation = array<i64: 1, 1>} : (tensor<2x3x4x5xf32>) -> tensor<2x3x2x2xf32>
  return %1 : tensor<2x3x2x2xf32>
}

// CHECK-LABEL: func.func @softmax(
// CHECK: %[[Y:.*]] = weft.softmax %arg0 axis 3
// CHECK: weft.transpose %[[Y]] by [0, 3, 1, 2]
func.func @softmax(%x: tensor<2x4x5x3xf32>) -> tensor<2x3x4x5xf32> {
  %0 = weft.transpose %x by [0, 3, 1, 2] : (tensor<2x4x5x3xf32>) -> tensor<2x3x4x5xf32>
  %1 = weft.softmax %0 axis 1 : (tensor<2x3x4x5xf32>) -> tensor<2x3x4x5xf32>
  return %1 : tensor<2x3x4x5xf32>
}

// CHECK-LABEL: func.func @concat(
// CHECK: %[[Y:.*]] = weft.concat %arg0, %arg1 axis 3
// CHECK: weft.transpose %[[Y]] by [0, 3, 1, 2]
func.func @concat(%x: tensor<2x4x5x3xf32>, %y: tensor<2x4x5x3xf32>) -> tensor<2x6x4x5xf32> {
  %0 = weft.transpose %x by [0, 3, 1, 2] : (tensor<2x4x5x3xf32>) -> tensor<2x3x4x5xf32>
  %1 = weft.transpose %y by [0, 3, 1, 2] : (tensor<2x4x5x3xf32>) -> tensor<2x3x4x5xf32>
  %2 = weft.concat %0, %1 axis 1 : (tensor<2x3x4x5xf32>, tensor<2x3x4x5xf32>) -> tensor<2x6x4x5xf32>
  return %2 : tensor<2x6x4x5xf32>
}

// A part that is not transposed would have to be.
// CHECK-LABEL: func.func @concat_of_one(
// CHECK: %[[X:.*]] = weft.transpose
// CHECK: weft.concat %[[X]], %arg1 axis 1
func.func @concat_of_one(%x: tensor<2x4x5x3xf32>, %y: tensor<2x3x4x5xf32>) -> tensor<2x6x4x5xf32> {
  %0 = weft.transpose %x by [0, 3, 1, 2] : (tensor<2x4x5x3xf32>) -> tensor<2x3x4x5xf32>
  %1 = weft.concat %0, %y axis 1 : (tensor<2x3x4x5xf32>, tensor<2x3x4x5xf32>) -> tensor<2x6x4x5xf32>
  return %1 : tensor<2x6x4x5xf32>
}

// CHECK-LABEL: func.func @other_operand(
// CHECK: %[[X:.*]] = weft.transpose
// CHECK: weft.add %[[X]], %arg1
func.func @other_operand(%x: tensor<2x4x5x3xf32>, %y: tensor<2x3x4x5xf32>) -> tensor<2x3x4x5xf32> {
  %0 = weft.transpose %x by [0, 3, 1, 2] : (tensor<2x4x5x3xf32>) -> tensor<2x3x4x5xf32>
  %1 = weft.add %0, %y : (tensor<2x3x4x5xf32>, tensor<2x3x4x5xf32>) -> tensor<2x3x4x5xf32>
  return %1 : tensor<2x3x4x5xf32>
}

// CHECK-LABEL: func.func @other_permutation(
// CHECK-DAG: %[[X:.*]] = weft.transpose %arg0
// CHECK-DAG: %[[Y:.*]] = weft.transpose %arg1
// CHECK: weft.add %[[X]], %[[Y]]
func.func @other_permutation(%x: tensor<2x4x4x4xf32>, %y: tensor<4x2x4x4xf32>) -> tensor<2x4x4x4xf32> {
  %0 = weft.transpose %x by [0, 3, 1, 2] : (tensor<2x4x4x4xf32>) -> tensor<2x4x4x4xf32>
  %1 = weft.transpose %y by [1, 0, 2, 3] : (tensor<4x2x4x4xf32>) -> tensor<2x4x4x4xf32>
  %2 = weft.add %0, %1 : (tensor<2x4x4x4xf32>, tensor<2x4x4x4xf32>) -> tensor<2x4x4x4xf32>
  return %2 : tensor<2x4x4x4xf32>
}

// What stays is in the same order: no transposition is left.
// CHECK-LABEL: func.func @reduce_space(
// CHECK: %[[Y:.*]] = weft.reduce add %arg0 axes [1, 2]
// CHECK-NEXT: return %[[Y]]
func.func @reduce_space(%x: tensor<2x4x5x3xf32>) -> tensor<2x3xf32> {
  %0 = weft.transpose %x by [0, 3, 1, 2] : (tensor<2x4x5x3xf32>) -> tensor<2x3x4x5xf32>
  %1 = weft.reduce add %0 axes [2, 3] : (tensor<2x3x4x5xf32>) -> tensor<2x3xf32>
  return %1 : tensor<2x3xf32>
}

// CHECK-LABEL: func.func @reduce_one(
// CHECK: %[[Y:.*]] = weft.reduce add %arg0 axes [1] : {{.*}} -> tensor<2x5x3xf32>
// CHECK: weft.transpose %[[Y]] by [0, 2, 1]
func.func @reduce_one(%x: tensor<2x4x5x3xf32>) -> tensor<2x3x5xf32> {
  %0 = weft.transpose %x by [0, 3, 1, 2] : (tensor<2x4x5x3xf32>) -> tensor<2x3x4x5xf32>
  %1 = weft.reduce add %0 axes [2] : (tensor<2x3x4x5xf32>) -> tensor<2x3x5xf32>
  return %1 : tensor<2x3x5xf32>
}

// Only extents of 1 move: a view.
// CHECK-LABEL: func.func @of_units(
// CHECK-NOT: weft.transpose
// CHECK: weft.reshape %arg0 sizes [2, 3, 1, 1]
func.func @of_units(%x: tensor<2x1x1x3xf32>) -> tensor<2x3x1x1xf32> {
  %0 = weft.transpose %x by [0, 3, 1, 2] : (tensor<2x1x1x3xf32>) -> tensor<2x3x1x1xf32>
  return %0 : tensor<2x3x1x1xf32>
}

// CHECK-LABEL: func.func @of_named_units(
// CHECK: %[[N:.*]] = weft.dim %arg0, 0
// CHECK: weft.reshape %arg0 sizes [%[[N]], 3, 1, 1]
func.func @of_named_units(%x: tensor<?x1x1x3xf32, #weft.dims<[n, _, _, _]>>) -> tensor<?x3x1x1xf32, #weft.dims<[n, _, _, _]>> {
  %0 = weft.transpose %x by [0, 3, 1, 2] : (tensor<?x1x1x3xf32, #weft.dims<[n, _, _, _]>>) -> tensor<?x3x1x1xf32, #weft.dims<[n, _, _, _]>>
  return %0 : tensor<?x3x1x1xf32, #weft.dims<[n, _, _, _]>>
}

// CHECK-LABEL: func.func @one_dimension(
// CHECK: weft.transpose %arg0 by [0, 2, 1]
// CHECK: weft.conv
// CHECK: weft.transpose %{{.*}} by [0, 2, 1]
func.func @one_dimension(%x: tensor<2x2x6xf32>, %w: tensor<3x2x3xf32>) -> tensor<2x3x4xf32> {
  %0 = weft.conv %x, %w {x_dims = array<i64: 0, 1, 2>, w_dims = array<i64: 0, 1, 2>, y_dims = array<i64: 0, 1, 2>,
    strides = array<i64: 1>, padding_low = array<i64: 0>, padding_high = array<i64: 0>,
    input_dilation = array<i64: 1>, kernel_dilation = array<i64: 1>} : (tensor<2x2x6xf32>, tensor<3x2x3xf32>) -> tensor<2x3x4xf32>
  return %0 : tensor<2x3x4xf32>
}

// The element type of the result is kept.
// CHECK-LABEL: func.func @integers(
// CHECK: weft.conv {{.*}}element_type = i32{{.*}} -> tensor<2x4x4x3xi32>
func.func @integers(%x: tensor<2x2x6x6xi8>, %w: tensor<3x2x3x3xi8>) -> tensor<2x3x4x4xi32> {
  %0 = weft.conv %x, %w {x_dims = array<i64: 0, 1, 2, 3>, w_dims = array<i64: 0, 1, 2, 3>, y_dims = array<i64: 0, 1, 2, 3>,
    strides = array<i64: 1, 1>, padding_low = array<i64: 0, 0>, padding_high = array<i64: 0, 0>,
    element_type = i32, input_dilation = array<i64: 1, 1>, kernel_dilation = array<i64: 1, 1>} : (tensor<2x2x6x6xi8>, tensor<3x2x3x3xi8>) -> tensor<2x3x4x4xi32>
  return %0 : tensor<2x3x4x4xi32>
}

// A cut keeps in which order the model has the dimensions.
// CHECK-LABEL: func.func @cut(
// CHECK: %[[E:.*]] = weft.exp %arg0
// CHECK: %[[C:.*]] = dist.cut 7 %[[E]] as [0, 3, 1, 2] : tensor<2x4x5x3xf32>
// CHECK: %[[R:.*]] = weft.neg %[[C]]
// CHECK: weft.transpose %[[R]] by [0, 3, 1, 2]
func.func @cut(%x: tensor<2x4x5x3xf32>) -> tensor<2x3x4x5xf32> {
  %0 = weft.transpose %x by [0, 3, 1, 2] : (tensor<2x4x5x3xf32>) -> tensor<2x3x4x5xf32>
  %1 = weft.exp %0 : (tensor<2x3x4x5xf32>) -> tensor<2x3x4x5xf32>
  %2 = dist.cut 7 %1 as [0, 1, 2, 3] : tensor<2x3x4x5xf32>
  %3 = weft.neg %2 : (tensor<2x3x4x5xf32>) -> tensor<2x3x4x5xf32>
  return %3 : tensor<2x3x4x5xf32>
}
