// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reductions accumulate 16-bit floats in f32; only the combining op may be regrouped.
// RUN: weft-opt %s --convert-weft-to-linalg | FileCheck %s

// CHECK-LABEL: func.func @sum(
// CHECK: linalg.fill {{.*}} -> tensor<4xf32>
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "reduction"]
// CHECK: arith.extf
// CHECK: arith.addf {{.*}} fastmath<reassoc> : f32
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel"]
// CHECK: arith.truncf
func.func @sum(%x: tensor<4x8xbf16>) -> tensor<4xbf16> {
  %0 = weft.reduce add %x axes [1] : (tensor<4x8xbf16>) -> tensor<4xbf16>
  return %0 : tensor<4xbf16>
}

// CHECK-LABEL: func.func @argmax(
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "reduction"]
// CHECK-SAME: outs({{.*}} : tensor<4xf32>, tensor<4xi64>)
// CHECK: arith.cmpf ogt
// CHECK: arith.cmpf uno
func.func @argmax(%x: tensor<4x8xf32>) -> tensor<4xi64> {
  %0 = weft.arg_reduce max %x axis 1 : (tensor<4x8xf32>) -> tensor<4xi64>
  return %0 : tensor<4xi64>
}

// A composite op is decomposed first.
// CHECK-LABEL: func.func @softmax(
// CHECK: arith.maximumf
// CHECK: math.exp
// CHECK: arith.addf
// CHECK: arith.divf
func.func @softmax(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = weft.softmax %x axis 1 : (tensor<4x8xf32>) -> tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}

// CHECK-LABEL: func.func @product(
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "reduction"]
// CHECK: arith.extsi {{.*}} : i8 to i32
// CHECK: arith.muli
// CHECK: arith.addi
func.func @product(%x: tensor<4x8xi8>, %y: tensor<8x5xi8>) -> tensor<4x5xi32> {
  %0 = weft.dot_general %x, %y batch [] x [] contract [1] x [0] : (tensor<4x8xi8>, tensor<8x5xi8>) -> tensor<4x5xi32>
  return %0 : tensor<4x5xi32>
}

// CHECK-LABEL: func.func @pool(
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "reduction"]
// CHECK: arith.maximumf
func.func @pool(%x: tensor<2x9xf32>) -> tensor<2x4xf32> {
  %0 = weft.reduce_window max %x axes [1] {window = array<i64: 3>, strides = array<i64: 2>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, base_dilation = array<i64: 1>, window_dilation = array<i64: 1>} : (tensor<2x9xf32>) -> tensor<2x4xf32>
  return %0 : tensor<2x4xf32>
}
