// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A scan is a while that counts: slices of the inputs are read, slices of the stacks written.
// RUN: weft-opt %s --weft-lower-scan --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @forward(
// CHECK: %[[STACK:.*]] = weft.constant dense<0.000000e+00> : tensor<7x8xf32>
// CHECK: %[[R:.*]]:3 = weft.while %{{.*}}, %arg0, %[[STACK]] : (tensor<i64>, tensor<8xf32>, tensor<7x8xf32>)
// CHECK: ^bb0(%[[I:.*]]: tensor<i64>, %{{.*}}: tensor<8xf32>, %{{.*}}: tensor<7x8xf32>):
// CHECK: %[[MORE:.*]] = weft.compare lt %[[I]], %{{.*}}
// CHECK: weft.yield %[[MORE]]
// CHECK: ^bb0(%[[I:.*]]: tensor<i64>, %[[H:.*]]: tensor<8xf32>, %[[Y:.*]]: tensor<7x8xf32>):
// CHECK: %[[ROW:.*]] = weft.slice %arg1 starts [%[[I]], 0] sizes [1, 8]
// CHECK: %[[X:.*]] = weft.reshape %[[ROW]] sizes [8]
// CHECK: %[[S:.*]] = weft.add %[[H]], %[[X]]
// CHECK: %[[NEXT:.*]] = weft.add %[[I]]
// CHECK: %[[U:.*]] = weft.update_slice %[[Y]], %{{.*}} starts [%[[I]], 0]
// CHECK: weft.yield %[[NEXT]], %[[S]], %[[U]]
// CHECK: return %[[R]]#1, %[[R]]#2
func.func @forward(%h: tensor<8xf32>, %xs: tensor<7x8xf32>) -> (tensor<8xf32>, tensor<7x8xf32>) {
  %0:2 = weft.scan init(%h) over(%xs) : (tensor<8xf32>, tensor<7x8xf32>) -> (tensor<8xf32>, tensor<7x8xf32>) {
  ^bb0(%c: tensor<8xf32>, %x: tensor<8xf32>):
    %s = weft.add %c, %x : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    weft.yield %s, %s : tensor<8xf32>, tensor<8xf32>
  }
  return %0#0, %0#1 : tensor<8xf32>, tensor<7x8xf32>
}

// -----

// From the end: the place is length - 1 - i, the counter runs upwards all the same.
// CHECK-LABEL: func.func @reverse(
// CHECK: weft.while
// CHECK: } do {
// CHECK: ^bb0(%[[I:.*]]: tensor<i64>
// CHECK: %[[LAST:.*]] = weft.sub
// CHECK: %[[PLACE:.*]] = weft.sub %[[LAST]], %[[I]]
// CHECK: weft.slice %arg0 starts [%[[PLACE]]]
// CHECK: weft.add %[[I]]
// CHECK: weft.update_slice {{.*}} starts [%[[PLACE]]]
func.func @reverse(%xs: tensor<7xf32>) -> tensor<7xf32> {
  %0 = weft.scan over(%xs) : (tensor<7xf32>) -> tensor<7xf32> {
  ^bb0(%x: tensor<f32>):
    %s = weft.neg %x : (tensor<f32>) -> tensor<f32>
    weft.yield %s : tensor<f32>
  } {reverse = true}
  return %0 : tensor<7xf32>
}

// -----

// Without inputs the length is an operand.
// CHECK-LABEL: func.func @length(
// CHECK: weft.while %{{.*}}, %arg0
// CHECK: weft.compare lt %{{.*}}, %arg1
// CHECK-NOT: weft.slice
// CHECK: weft.neg
func.func @length(%h: tensor<8xf32>, %n: tensor<i64>) -> tensor<8xf32> {
  %0 = weft.scan init(%h) length %n : (tensor<8xf32>, tensor<i64>) -> tensor<8xf32> {
  ^bb0(%c: tensor<8xf32>):
    %s = weft.neg %c : (tensor<8xf32>) -> tensor<8xf32>
    weft.yield %s : tensor<8xf32>
  }
  return %0 : tensor<8xf32>
}

// -----

// A named extent tells the length, and how large the stack is.
// CHECK-LABEL: func.func @named(
// CHECK: %[[N:.*]] = weft.dim %arg0, 0
// CHECK: weft.broadcast %{{.*}} sizes [%[[N]], 4]
// CHECK: weft.while {{.*}} -> (tensor<i64>, tensor<?x4xf32, #weft.dims<[seq, _]>>)
// CHECK: weft.compare lt %{{.*}}, %[[N]]
func.func @named(%xs: tensor<?x4xf32, #weft.dims<[seq, _]>>) -> tensor<?x4xf32, #weft.dims<[seq, _]>> {
  %0 = weft.scan over(%xs) : (tensor<?x4xf32, #weft.dims<[seq, _]>>) -> tensor<?x4xf32, #weft.dims<[seq, _]>> {
  ^bb0(%x: tensor<4xf32>):
    %s = weft.neg %x : (tensor<4xf32>) -> tensor<4xf32>
    weft.yield %s : tensor<4xf32>
  }
  return %0 : tensor<?x4xf32, #weft.dims<[seq, _]>>
}

// -----

// One in another.
// CHECK-LABEL: func.func @nested(
// CHECK: weft.while
// CHECK: weft.while
// CHECK-NOT: weft.scan
func.func @nested(%xs: tensor<3x4xf32>, %k: tensor<f32>) -> tensor<3x4xf32> {
  %0 = weft.scan over(%xs) : (tensor<3x4xf32>) -> tensor<3x4xf32> {
  ^bb0(%row: tensor<4xf32>):
    %1 = weft.scan over(%row) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%x: tensor<f32>):
      %s = weft.mul %x, %k : (tensor<f32>, tensor<f32>) -> tensor<f32>
      weft.yield %s : tensor<f32>
    }
    weft.yield %1 : tensor<4xf32>
  }
  return %0 : tensor<3x4xf32>
}
