// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products with a softmax between them become attention; a softmax that somebody else reads, or one over another axis,
// stays.
// RUN: weft-opt %s --weft-fuse-attention | FileCheck %s

// CHECK-LABEL: func.func @scaled_masked(
// CHECK-SAME: %[[Q:.*]]: tensor<2x3x16x8xf32>, %[[K:.*]]: tensor<2x3x20x8xf32>, %[[V:.*]]: tensor<2x3x20x5xf32>, %[[M:.*]]: tensor<2x1x1x20xf32>
// CHECK: %[[Y:.*]], %{{.*}} = weft.attention %[[Q]], %[[K]], %[[V]] mask %[[M]] {scale = 2.500000e-01 : f64}
// CHECK-NEXT: return %[[Y]]
func.func @scaled_masked(%q: tensor<2x3x16x8xf32>, %k: tensor<2x3x20x8xf32>, %v: tensor<2x3x20x5xf32>,
                         %m: tensor<2x1x1x20xf32>) -> tensor<2x3x16x5xf32> {
  %c = weft.constant dense<0.25> : tensor<1x1x1x1xf32>
  %0 = weft.dot_general %q, %k batch [0, 1] x [0, 1] contract [3] x [3] : (tensor<2x3x16x8xf32>, tensor<2x3x20x8xf32>) -> tensor<2x3x16x20xf32>
  %1 = weft.mul %0, %c : (tensor<2x3x16x20xf32>, tensor<1x1x1x1xf32>) -> tensor<2x3x16x20xf32>
  %2 = weft.add %1, %m : (tensor<2x3x16x20xf32>, tensor<2x1x1x20xf32>) -> tensor<2x3x16x20xf32>
  %3 = weft.softmax %2 axis 3 : (tensor<2x3x16x20xf32>) -> tensor<2x3x16x20xf32>
  %4 = weft.dot_general %3, %v batch [0, 1] x [0, 1] contract [3] x [2] : (tensor<2x3x16x20xf32>, tensor<2x3x20x5xf32>) -> tensor<2x3x16x5xf32>
  return %4 : tensor<2x3x16x5xf32>
}

// Keys that lie transposed are transposed back; a divisor scales too.
// CHECK-LABEL: func.func @transposed_keys(
// CHECK: %[[K:.*]] = weft.transpose %{{.*}} by [0, 2, 1]
// CHECK: weft.attention %{{.*}}, %[[K]], %{{.*}} {scale = 1.250000e-01 : f64}
// CHECK-NOT: weft.dot_general
func.func @transposed_keys(%q: tensor<4x16x8xf32>, %k: tensor<4x8x20xf32>, %v: tensor<4x20x8xf32>) -> tensor<4x16x8xf32> {
  %c = weft.constant dense<8.0> : tensor<1x1x1xf32>
  %0 = weft.dot_general %q, %k batch [0] x [0] contract [2] x [1] : (tensor<4x16x8xf32>, tensor<4x8x20xf32>) -> tensor<4x16x20xf32>
  %1 = weft.div %0, %c : (tensor<4x16x20xf32>, tensor<1x1x1xf32>) -> tensor<4x16x20xf32>
  %2 = weft.softmax %1 axis 2 : (tensor<4x16x20xf32>) -> tensor<4x16x20xf32>
  %3 = weft.dot_general %2, %v batch [0] x [0] contract [2] x [1] : (tensor<4x16x20xf32>, tensor<4x20x8xf32>) -> tensor<4x16x8xf32>
  return %3 : tensor<4x16x8xf32>
}

// CHECK-LABEL: func.func @weights_are_read(
// CHECK-NOT: weft.attention
func.func @weights_are_read(%q: tensor<4x16x8xf32>, %k: tensor<4x20x8xf32>, %v: tensor<4x20x8xf32>) -> (tensor<4x16x8xf32>, tensor<4x16x20xf32>) {
  %0 = weft.dot_general %q, %k batch [0] x [0] contract [2] x [2] : (tensor<4x16x8xf32>, tensor<4x20x8xf32>) -> tensor<4x16x20xf32>
  %1 = weft.softmax %0 axis 2 : (tensor<4x16x20xf32>) -> tensor<4x16x20xf32>
  %2 = weft.dot_general %1, %v batch [0] x [0] contract [2] x [1] : (tensor<4x16x20xf32>, tensor<4x20x8xf32>) -> tensor<4x16x8xf32>
  return %2, %1 : tensor<4x16x8xf32>, tensor<4x16x20xf32>
}

// CHECK-LABEL: func.func @other_axis(
// CHECK-NOT: weft.attention
func.func @other_axis(%q: tensor<4x16x8xf32>, %k: tensor<4x20x8xf32>, %v: tensor<4x20x8xf32>) -> tensor<4x16x8xf32> {
  %0 = weft.dot_general %q, %k batch [0] x [0] contract [2] x [2] : (tensor<4x16x8xf32>, tensor<4x20x8xf32>) -> tensor<4x16x20xf32>
  %1 = weft.softmax %0 axis 1 : (tensor<4x16x20xf32>) -> tensor<4x16x20xf32>
  %2 = weft.dot_general %1, %v batch [0] x [0] contract [2] x [1] : (tensor<4x16x20xf32>, tensor<4x20x8xf32>) -> tensor<4x16x8xf32>
  return %2 : tensor<4x16x8xf32>
}
