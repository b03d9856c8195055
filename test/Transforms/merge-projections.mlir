// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// RUN: weft-opt %s --weft-merge-projections --split-input-file | FileCheck %s

// Three products of one value become one; attention gets heads of it.
// CHECK-LABEL: func.func @products
// CHECK: %[[W:.*]] = weft.concat %{{.*}}, %{{.*}}, %{{.*}} axis 1 : {{.*}} -> tensor<8x24xf32>
// CHECK: %[[DOT:.*]] = weft.dot_general %arg0, %[[W]] {{.*}} -> tensor<1x16x24xf32>
// CHECK: %[[B:.*]] = weft.concat %{{.*}}, %{{.*}}, %{{.*}} axis 2 : {{.*}} -> tensor<1x1x24xf32>
// CHECK: %[[ALL:.*]] = weft.add %[[DOT]], %[[B]]
// CHECK: weft.reshape %[[ALL]] sizes [1, 16, 6, 4]
// CHECK: weft.slice %{{.*}} starts [0, 0, 0, 0] sizes [1, 16, 2, 4]
// CHECK: weft.slice %{{.*}} starts [0, 0, 2, 0] sizes [1, 16, 2, 4]
// CHECK: weft.slice %{{.*}} starts [0, 0, 4, 0] sizes [1, 16, 2, 4]
// CHECK-NOT: weft.dot_general
// CHECK: weft.attention
func.func @products(%x: tensor<1x16x8xf32>) -> tensor<1x2x16x4xf32> {
  %wq = weft.constant dense<1.0> : tensor<8x8xf32>
  %wk = weft.constant dense<2.0> : tensor<8x8xf32>
  %wv = weft.constant dense<3.0> : tensor<8x8xf32>
  %bq = weft.constant dense<4.0> : tensor<1x1x8xf32>
  %bk = weft.constant dense<5.0> : tensor<1x1x8xf32>
  %bv = weft.constant dense<6.0> : tensor<1x1x8xf32>
  %0 = weft.dot_general %x, %wq batch [] x [] contract [2] x [0] : (tensor<1x16x8xf32>, tensor<8x8xf32>) -> tensor<1x16x8xf32>
  %1 = weft.add %0, %bq : (tensor<1x16x8xf32>, tensor<1x1x8xf32>) -> tensor<1x16x8xf32>
  %2 = weft.reshape %1 sizes [1, 16, 2, 4] : (tensor<1x16x8xf32>) -> tensor<1x16x2x4xf32>
  %q = weft.transpose %2 by [0, 2, 1, 3] : (tensor<1x16x2x4xf32>) -> tensor<1x2x16x4xf32>
  %3 = weft.dot_general %x, %wk batch [] x [] contract [2] x [0] : (tensor<1x16x8xf32>, tensor<8x8xf32>) -> tensor<1x16x8xf32>
  %4 = weft.add %3, %bk : (tensor<1x16x8xf32>, tensor<1x1x8xf32>) -> tensor<1x16x8xf32>
  %5 = weft.reshape %4 sizes [1, 16, 2, 4] : (tensor<1x16x8xf32>) -> tensor<1x16x2x4xf32>
  %k = weft.transpose %5 by [0, 2, 1, 3] : (tensor<1x16x2x4xf32>) -> tensor<1x2x16x4xf32>
  %6 = weft.dot_general %x, %wv batch [] x [] contract [2] x [0] : (tensor<1x16x8xf32>, tensor<8x8xf32>) -> tensor<1x16x8xf32>
  %7 = weft.add %bv, %6 : (tensor<1x1x8xf32>, tensor<1x16x8xf32>) -> tensor<1x16x8xf32>
  %8 = weft.reshape %7 sizes [1, 16, 2, 4] : (tensor<1x16x8xf32>) -> tensor<1x16x2x4xf32>
  %v = weft.transpose %8 by [0, 2, 1, 3] : (tensor<1x16x2x4xf32>) -> tensor<1x2x16x4xf32>
  %y, %lse = weft.attention %q, %k, %v {scale = 0.5 : f64} : (tensor<1x2x16x4xf32>, tensor<1x2x16x4xf32>, tensor<1x2x16x4xf32>) -> (tensor<1x2x16x4xf32>, tensor<1x2x16xf32>)
  return %y : tensor<1x2x16x4xf32>
}

// -----

// Slices in front of the reshape go behind it; the key is of another value, and no product is merged.
// CHECK-LABEL: func.func @slices
// CHECK-NOT: weft.concat
// CHECK: %[[HEADS:.*]] = weft.reshape %arg0 sizes [1, 16, 4, 4]
// CHECK: weft.slice %[[HEADS]] starts [0, 0, 2, 0] sizes [1, 16, 2, 4]
// CHECK: weft.reshape %arg1 sizes [1, 16, 2, 4]
// A slice that begins within a head stays where it is.
// CHECK: weft.slice %arg0 starts [0, 0, 2] sizes [1, 16, 8]
func.func @slices(%x: tensor<1x16x16xf32>, %z: tensor<1x16x8xf32>) -> tensor<1x2x16x4xf32> {
  %0 = weft.slice %x starts [0, 0, 8] sizes [1, 16, 8] strides [1, 1, 1] : (tensor<1x16x16xf32>) -> tensor<1x16x8xf32>
  %1 = weft.reshape %0 sizes [1, 16, 2, 4] : (tensor<1x16x8xf32>) -> tensor<1x16x2x4xf32>
  %q = weft.transpose %1 by [0, 2, 1, 3] : (tensor<1x16x2x4xf32>) -> tensor<1x2x16x4xf32>
  %2 = weft.reshape %z sizes [1, 16, 2, 4] : (tensor<1x16x8xf32>) -> tensor<1x16x2x4xf32>
  %k = weft.transpose %2 by [0, 2, 1, 3] : (tensor<1x16x2x4xf32>) -> tensor<1x2x16x4xf32>
  %3 = weft.slice %x starts [0, 0, 2] sizes [1, 16, 8] strides [1, 1, 1] : (tensor<1x16x16xf32>) -> tensor<1x16x8xf32>
  %4 = weft.reshape %3 sizes [1, 16, 2, 4] : (tensor<1x16x8xf32>) -> tensor<1x16x2x4xf32>
  %v = weft.transpose %4 by [0, 2, 1, 3] : (tensor<1x16x2x4xf32>) -> tensor<1x2x16x4xf32>
  %y, %lse = weft.attention %q, %k, %v {scale = 0.5 : f64} : (tensor<1x2x16x4xf32>, tensor<1x2x16x4xf32>, tensor<1x2x16x4xf32>) -> (tensor<1x2x16x4xf32>, tensor<1x2x16xf32>)
  return %y : tensor<1x2x16x4xf32>
}
