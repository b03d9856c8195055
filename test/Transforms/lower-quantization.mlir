// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Dequantised bytes are multiplied as bytes where that is the same but for rounding; the rest is arithmetic.
// RUN: weft-opt %s --weft-lower-quantization | FileCheck %s
// RUN: weft-opt %s --weft-lower-quantization=exact | FileCheck %s --check-prefix=EXACT

// A scale for each column; the sums of columns are a product with ones.
// CHECK-LABEL: func.func @product(
// CHECK-SAME: %[[X:.*]]: tensor<2x4xui8>
// CHECK-NOT: weft.dequantize
// CHECK-DAG: %[[W:.*]] = weft.constant {{.*}} : tensor<4x3xi8>
// CHECK: %[[P:.*]] = weft.dot_general %[[X]], %[[W]] batch [] x [] contract [1] x [0] : (tensor<2x4xui8>, tensor<4x3xi8>) -> tensor<2x3xi32>
// CHECK: %[[C:.*]] = weft.dot_general %{{.*}}, %[[W]] {{.*}} : (tensor<4xi8>, tensor<4x3xi8>) -> tensor<3xi32>
// CHECK: %[[R:.*]] = weft.reshape %[[C]] sizes [1, 3]
// CHECK: %[[Z:.*]] = weft.mul %{{.*}}, %[[R]]
// CHECK: %[[D:.*]] = weft.sub %[[P]], %[[Z]]
// CHECK: %[[F:.*]] = weft.convert %[[D]]
// CHECK: weft.mul %[[F]], %{{.*}} : (tensor<2x3xf32>, tensor<1x3xf32>) -> tensor<2x3xf32>
// EXACT-LABEL: func.func @product(
// EXACT: weft.dequantize {{.*}}(tensor<4x3xi8>
// EXACT: weft.dot_general {{.*}} -> tensor<2x3xf32>
func.func @product(%x: tensor<2x4xui8>) -> tensor<2x3xf32> {
  %sx = weft.constant dense<0.5> : tensor<f32>
  %zx = weft.constant dense<3> : tensor<ui8>
  %w = weft.constant dense<[[1, 2, 3], [4, 5, 6], [7, 8, 9], [-1, -2, -128]]> : tensor<4x3xi8>
  %sw = weft.constant dense<[0.5, 1.0, 2.0]> : tensor<3xf32>
  %a = weft.dequantize %x, %sx, %zx : (tensor<2x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<2x4xf32>
  %b = weft.dequantize %w, %sw {axis = 1 : i64} : (tensor<4x3xi8>, tensor<3xf32>) -> tensor<4x3xf32>
  %y = weft.dot_general %a, %b batch [] x [] contract [1] x [0] : (tensor<2x4xf32>, tensor<4x3xf32>) -> tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}

// Scales that vary over what is summed cannot leave the sum.
// CHECK-LABEL: func.func @scale_of_rows(
// CHECK: weft.dot_general {{.*}} -> tensor<2x3xf32>
func.func @scale_of_rows(%x: tensor<2x4xi8>) -> tensor<2x3xf32> {
  %sx = weft.constant dense<0.5> : tensor<f32>
  %w = weft.constant dense<[[1, 2, 3], [4, 5, 6], [7, 8, 9], [-1, -2, -128]]> : tensor<4x3xi8>
  %sw = weft.constant dense<[0.5, 1.0, 2.0, 4.0]> : tensor<4xf32>
  %a = weft.dequantize %x, %sx : (tensor<2x4xi8>, tensor<f32>) -> tensor<2x4xf32>
  %b = weft.dequantize %w, %sw {axis = 0 : i64} : (tensor<4x3xi8>, tensor<4xf32>) -> tensor<4x3xf32>
  %y = weft.dot_general %a, %b batch [] x [] contract [1] x [0] : (tensor<2x4xf32>, tensor<4x3xf32>) -> tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}

// A convolution is a product of its windows, gathered from what was padded with the zero point.
// CHECK-LABEL: func.func @conv(
// CHECK: weft.transpose {{.*}} -> tensor<1x5x6x8xui8>
// CHECK: weft.pad constant {{.*}} low [0, 1, 0, 0] high [0, 1, 0, 0] {{.*}} -> tensor<1x7x6x8xui8>
// CHECK: weft.gather {{.*}} -> tensor<1x20x6x8xui8>
// CHECK: weft.dot_general {{.*}} : (tensor<1x5x4x48xui8>, tensor<48x2xi8>) -> tensor<1x5x4x2xi32>
// CHECK: weft.transpose {{.*}} -> tensor<1x2x5x4xf32>
// EXACT-LABEL: func.func @conv(
// EXACT: weft.conv
func.func @conv(%x: tensor<1x8x5x6xui8>, %sx: tensor<f32>, %zx: tensor<ui8>) -> tensor<1x2x5x4xf32> {
  %w = weft.constant dense<3> : tensor<2x8x3x2xi8>
  %sw = weft.constant dense<[0.5, 2.0]> : tensor<2xf32>
  %a = weft.dequantize %x, %sx, %zx : (tensor<1x8x5x6xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x8x5x6xf32>
  %b = weft.dequantize %w, %sw : (tensor<2x8x3x2xi8>, tensor<2xf32>) -> tensor<2x8x3x2xf32>
  %y = weft.conv %a, %b {x_dims = array<i64: 0, 1, 2, 3>, w_dims = array<i64: 0, 1, 2, 3>, y_dims = array<i64: 0, 1, 2, 3>, strides = array<i64: 1, 1>, padding_low = array<i64: 1, 0>, padding_high = array<i64: 1, 0>, input_dilation = array<i64: 1, 1>, kernel_dilation = array<i64: 1, 2>} : (tensor<1x8x5x6xf32>, tensor<2x8x3x2xf32>) -> tensor<1x2x5x4xf32>
  return %y : tensor<1x2x5x4xf32>
}

// CHECK-LABEL: func.func @quantize(
// CHECK: weft.div
// CHECK: %[[STEPS:.*]] = weft.round
// CHECK: %[[ISNUMBER:.*]] = weft.compare eq %[[STEPS]], %[[STEPS]]
// CHECK: %[[NUMBER:.*]] = weft.select %[[ISNUMBER]], %[[STEPS]]
// CHECK: %[[SUM:.*]] = weft.add %[[NUMBER]]
// CHECK: weft.convert %[[SUM]] {{.*}} -> tensor<2x4xui8>
func.func @quantize(%x: tensor<2x4xf32>, %s: tensor<f32>, %z: tensor<ui8>) -> tensor<2x4xui8> {
  %q = weft.quantize %x, %s, %z : (tensor<2x4xf32>, tensor<f32>, tensor<ui8>) -> tensor<2x4xui8>
  return %q : tensor<2x4xui8>
}

// Blocks, and 16 bits, stay whole.
// CHECK-LABEL: func.func @others(
// CHECK: weft.quantize
// CHECK: weft.dequantize
func.func @others(%x: tensor<2x4xf32>, %s: tensor<2x2xf32>, %q: tensor<4xi16>, %t: tensor<f32>) -> (tensor<2x4xi8>, tensor<4xf32>) {
  %0 = weft.quantize %x, %s {axis = 1 : i64, block = 2 : i64} : (tensor<2x4xf32>, tensor<2x2xf32>) -> tensor<2x4xi8>
  %1 = weft.dequantize %q, %t : (tensor<4xi16>, tensor<f32>) -> tensor<4xf32>
  return %0, %1 : tensor<2x4xi8>, tensor<4xf32>
}
