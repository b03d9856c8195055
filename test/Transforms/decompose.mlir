// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Composite ops are written with smaller ones; by name only those named.
// RUN: weft-opt %s --weft-decompose | FileCheck %s
// RUN: weft-opt %s --weft-decompose=ops=normalize | FileCheck %s --check-prefix=ONE

// CHECK-LABEL: func.func @softmax(
// CHECK: %[[M:.*]] = weft.reduce max
// CHECK: weft.reshape %[[M]] sizes [4, 1]
// CHECK: weft.sub
// CHECK: %[[E:.*]] = weft.exp
// CHECK: weft.reduce add %[[E]]
// CHECK: weft.mul %[[E]]
// ONE: weft.softmax
func.func @softmax(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = weft.softmax %x axis 1 : (tensor<4x8xf32>) -> tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}

// 16-bit statistics are f32.
// CHECK-LABEL: func.func @normalize(
// CHECK: weft.convert {{.*}} -> tensor<4x8xf32>
// CHECK: weft.rsqrt
// CHECK: weft.convert {{.*}} -> tensor<4x8xbf16>
// ONE-NOT: weft.normalize
func.func @normalize(%x: tensor<4x8xbf16>) -> (tensor<4x8xbf16>, tensor<4x1xf32>, tensor<4x1xf32>) {
  %y, %m, %v = weft.normalize %x axes [1] epsilon 1.0e-5 : (tensor<4x8xbf16>) -> (tensor<4x8xbf16>, tensor<4x1xf32>, tensor<4x1xf32>)
  return %y, %m, %v : tensor<4x8xbf16>, tensor<4x1xf32>, tensor<4x1xf32>
}

// CHECK-LABEL: func.func @attention(
// CHECK-COUNT-2: weft.dot_general
// CHECK-NOT: weft.attention
func.func @attention(%q: tensor<2x4x5x8xf32>, %k: tensor<2x2x7x8xf32>) -> tensor<2x4x5x8xf32> {
  %y, %lse = weft.attention %q, %k, %k {scale = 0.5} : (tensor<2x4x5x8xf32>, tensor<2x2x7x8xf32>, tensor<2x2x7x8xf32>) -> (tensor<2x4x5x8xf32>, tensor<2x4x5xf32>)
  return %y : tensor<2x4x5x8xf32>
}

// Heads per group of unknown number are a quotient.
// CHECK-LABEL: func.func @heads(
// CHECK: weft.div
// CHECK-COUNT-2: weft.dot_general
func.func @heads(%q: tensor<1x?x2x4xf32>, %k: tensor<1x?x3x4xf32>) -> tensor<1x?x2x4xf32> {
  %y, %lse = weft.attention %q, %k, %k {scale = 1.0} : (tensor<1x?x2x4xf32>, tensor<1x?x3x4xf32>, tensor<1x?x3x4xf32>) -> (tensor<1x?x2x4xf32>, tensor<1x?x2xf32>)
  return %y : tensor<1x?x2x4xf32>
}
