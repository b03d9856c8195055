// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products read transposed weights where they lie.
// RUN: weft-opt --canonicalize --split-input-file %s | FileCheck %s

// Tied weights: a table that is looked up and multiplied with stays one constant.
// CHECK-LABEL: func @tied
// CHECK: %[[T:.*]] = weft.constant
// CHECK: weft.gather %[[T]]
// CHECK-NOT: weft.transpose
// CHECK: weft.dot_general %{{.*}}, %[[T]] batch [] x [] contract [2] x [1] : (tensor<1x3x2xf32>, tensor<4x2xf32>) -> tensor<1x3x4xf32>
func.func @tied(%x: tensor<1x3x2xf32>, %i: tensor<3x1xi64>) -> (tensor<3x2xf32>, tensor<1x3x4xf32>) {
  %w = weft.constant dense<[[0.0, 1.0], [2.0, 3.0], [4.0, 5.0], [6.0, 7.0]]> : tensor<4x2xf32>
  %0 = weft.gather %w at %i {dims = array<i64: 0>, batch_dims = array<i64>, index_batch_dims = array<i64>, at = 0, in_bounds} : (tensor<4x2xf32>, tensor<3x1xi64>) -> tensor<3x2xf32>
  %t = weft.transpose %w by [1, 0] : (tensor<4x2xf32>) -> tensor<2x4xf32>
  %1 = weft.dot_general %x, %t batch [] x [] contract [2] x [0] : (tensor<1x3x2xf32>, tensor<2x4xf32>) -> tensor<1x3x4xf32>
  return %0, %1 : tensor<3x2xf32>, tensor<1x3x4xf32>
}

// -----

// Back again, and as much precision as before.
// CHECK-LABEL: func @columns
// CHECK: weft.dot_general %{{.*}}, %{{.*}} batch [] x [] contract [0] x [0] precision tf32 : (tensor<2x3xf32>, tensor<2x4xf32>) -> tensor<3x4xf32>
func.func @columns(%x: tensor<2x3xf32>) -> tensor<3x4xf32> {
  %w = weft.constant dense<[[0.0, 1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 7.0]]> : tensor<2x4xf32>
  %t = weft.transpose %w by [1, 0] : (tensor<2x4xf32>) -> tensor<4x2xf32>
  %0 = weft.dot_general %x, %t batch [] x [] contract [0] x [1] precision tf32 : (tensor<2x3xf32>, tensor<4x2xf32>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// -----

// What comes at run time is transposed by a kernel, and batches stay as they are.
// CHECK-LABEL: func @not_weights
// CHECK-COUNT-2: weft.transpose
// CHECK: weft.dot_general %{{.*}}, %{{.*}} batch [] x [] contract [1] x [0]
// CHECK: weft.dot_general %{{.*}}, %{{.*}} batch [0] x [0] contract [2] x [1]
func.func @not_weights(%x: tensor<3x2xf32>, %w: tensor<4x2xf32>, %y: tensor<1x3x2xf32>) -> (tensor<3x4xf32>, tensor<1x3x4xf32>) {
  %v = weft.constant dense<[[[0.0, 1.0], [2.0, 3.0], [4.0, 5.0], [6.0, 7.0]]]> : tensor<1x4x2xf32>
  %t = weft.transpose %w by [1, 0] : (tensor<4x2xf32>) -> tensor<2x4xf32>
  %u = weft.transpose %v by [0, 2, 1] : (tensor<1x4x2xf32>) -> tensor<1x2x4xf32>
  %0 = weft.dot_general %x, %t batch [] x [] contract [1] x [0] : (tensor<3x2xf32>, tensor<2x4xf32>) -> tensor<3x4xf32>
  %1 = weft.dot_general %y, %u batch [0] x [0] contract [2] x [1] : (tensor<1x3x2xf32>, tensor<1x2x4xf32>) -> tensor<1x3x4xf32>
  return %0, %1 : tensor<3x4xf32>, tensor<1x3x4xf32>
}
