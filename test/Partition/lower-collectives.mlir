// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Collectives of other dimensions than the first get a reshape and one transposition; slices begin at the
// coordinate.
// RUN: weft-opt %s --dist-lower-collectives | FileCheck %s
module attributes {dist.mesh = #dist.mesh<a = 2, b = 3>} {
  // CHECK-LABEL: func.func @gather
  // CHECK: %[[X:.*]] = weft.reshape %arg0 sizes [1, 4, 6]
  // CHECK: %[[T:.*]] = dist.all_gather_start %[[X]] dim 0 over ["b"] channel 0 {bytes = 7 : i64} : tensor<1x4x6xf32> -> <tensor<3x4x6xf32>>
  // CHECK: %[[D:.*]] = dist.done %[[T]] : <tensor<3x4x6xf32>> -> tensor<3x4x6xf32>
  // CHECK: %[[P:.*]] = weft.transpose %[[D]] by [1, 0, 2]
  // CHECK: weft.reshape %[[P]] sizes [4, 18]
  func.func @gather(%x: tensor<4x6xf32>) -> tensor<4x18xf32> {
    %t = dist.all_gather_start %x dim 1 over ["b"] channel 0 {bytes = 7 : i64} : tensor<4x6xf32> -> <tensor<4x18xf32>>
    %0 = dist.done %t : <tensor<4x18xf32>> -> tensor<4x18xf32>
    return %0 : tensor<4x18xf32>
  }
  // CHECK-LABEL: func.func @first
  // CHECK-NEXT: dist.all_gather_start %arg0 dim 0
  // CHECK-NEXT: dist.done
  func.func @first(%x: tensor<4x6xf32>) -> tensor<12x6xf32> {
    %t = dist.all_gather_start %x dim 0 over ["b"] channel 0 : tensor<4x6xf32> -> <tensor<12x6xf32>>
    %0 = dist.done %t : <tensor<12x6xf32>> -> tensor<12x6xf32>
    return %0 : tensor<12x6xf32>
  }
  // CHECK-LABEL: func.func @scatter
  // CHECK: weft.reshape %arg0 sizes [4, 3, 2]
  // CHECK: weft.transpose %{{.*}} by [1, 0, 2]
  // CHECK: dist.reduce_scatter_start sum %{{.*}} dim 0 over ["b"] channel 1 : tensor<3x4x2xf32> -> <tensor<1x4x2xf32>>
  // CHECK: weft.reshape %{{.*}} sizes [4, 2]
  func.func @scatter(%x: tensor<4x6xf32>) -> tensor<4x2xf32> {
    %t = dist.reduce_scatter_start sum %x dim 1 over ["b"] channel 1 : tensor<4x6xf32> -> <tensor<4x2xf32>>
    %0 = dist.done %t : <tensor<4x2xf32>> -> tensor<4x2xf32>
    return %0 : tensor<4x2xf32>
  }
  // CHECK-LABEL: func.func @exchange
  // CHECK: weft.reshape %arg0 sizes [4, 3, 2]
  // CHECK: weft.transpose %{{.*}} by [1, 0, 2]
  // CHECK: dist.all_to_all_start %{{.*}} split 0 concat 0 over ["b"] channel 2 : tensor<3x4x2xf32> -> <tensor<3x4x2xf32>>
  // CHECK: weft.reshape %{{.*}} sizes [12, 2]
  func.func @exchange(%x: tensor<4x6xf32>) -> tensor<12x2xf32> {
    %t = dist.all_to_all_start %x split 1 concat 0 over ["b"] channel 2 : tensor<4x6xf32> -> <tensor<12x2xf32>>
    %0 = dist.done %t : <tensor<12x2xf32>> -> tensor<12x2xf32>
    return %0 : tensor<12x2xf32>
  }
  // CHECK-LABEL: func.func @slice
  // CHECK: %[[A:.*]] = dist.coordinate "a"
  // CHECK: %[[B:.*]] = dist.coordinate "b"
  // CHECK: %[[M:.*]] = weft.mul %[[A]]
  // CHECK: %[[PART:.*]] = weft.add %[[M]], %[[B]]
  // CHECK: %[[START:.*]] = weft.mul %[[PART]]
  // CHECK: weft.slice %arg0 starts [0, %[[START]]] sizes [4, 1] strides [1, 1]
  func.func @slice(%x: tensor<4x6xf32>) -> tensor<4x1xf32> {
    %0 = dist.all_slice %x dim 1 over ["a", "b"] : tensor<4x6xf32> -> tensor<4x1xf32>
    return %0 : tensor<4x1xf32>
  }
}
