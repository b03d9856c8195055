// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ops that move elements become tensor ops where there are some, else generics that read elsewhere.
// RUN: weft-opt %s --convert-weft-to-linalg | FileCheck %s

// CHECK-LABEL: func.func @reshapes(
// CHECK: tensor.collapse_shape %{{.*}} {{\[}}[0, 1, 2]] : tensor<2x3x4xf32> into tensor<24xf32>
// CHECK: tensor.expand_shape %{{.*}} {{\[}}[0, 1]] output_shape [8, 3] : tensor<24xf32> into tensor<8x3xf32>
func.func @reshapes(%x: tensor<2x3x4xf32>) -> tensor<8x3xf32> {
  %0 = weft.reshape %x sizes [6, 4] : (tensor<2x3x4xf32>) -> tensor<6x4xf32>
  %1 = weft.reshape %0 sizes [8, 3] : (tensor<6x4xf32>) -> tensor<8x3xf32>
  return %1 : tensor<8x3xf32>
}

// CHECK-LABEL: func.func @clamped_slice(
// CHECK: arith.minsi
// CHECK: arith.maxsi
// CHECK: tensor.extract_slice %{{.*}}[%{{.*}}, 2] [2, 3] [1, 1] : tensor<4x5xf32> to tensor<2x3xf32>
func.func @clamped_slice(%x: tensor<4x5xf32>, %i: tensor<i64>) -> tensor<2x3xf32> {
  %0 = weft.slice %x starts [%i, 2] sizes [2, 3] strides [1, 1] : (tensor<4x5xf32>, tensor<i64>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// CHECK-LABEL: func.func @concat(
// CHECK: tensor.empty() : tensor<4x7xf32>
// CHECK: tensor.insert_slice %{{.*}} into %{{.*}}[0, 0] [4, 5] [1, 1]
// CHECK: tensor.insert_slice %{{.*}} into %{{.*}}[0, 5] [4, 2] [1, 1]
func.func @concat(%x: tensor<4x5xf32>, %y: tensor<4x2xf32>) -> tensor<4x7xf32> {
  %0 = weft.concat %x, %y axis 1 : (tensor<4x5xf32>, tensor<4x2xf32>) -> tensor<4x7xf32>
  return %0 : tensor<4x7xf32>
}

// CHECK-LABEL: func.func @pads(
// CHECK: tensor.pad %{{.*}} low[1, 0] high[0, 2]
// CHECK: linalg.generic
// CHECK: scf.if
// CHECK: tensor.extract
func.func @pads(%x: tensor<4x5xf32>, %v: tensor<f32>) -> (tensor<5x7xf32>, tensor<7x5xf32>) {
  %0 = weft.pad constant %x, %v low [1, 0] high [0, 2] interior [0, 0] : (tensor<4x5xf32>, tensor<f32>) -> tensor<5x7xf32>
  %1 = weft.pad constant %x, %v low [0, 0] high [0, 0] interior [1, 0] : (tensor<4x5xf32>, tensor<f32>) -> tensor<7x5xf32>
  return %0, %1 : tensor<5x7xf32>, tensor<7x5xf32>
}

// CHECK-LABEL: func.func @gather(
// CHECK: linalg.generic
// CHECK: tensor.extract %{{.*}} : tensor<3x1xi64>
// CHECK: arith.maxsi
// CHECK: arith.minsi
// CHECK: tensor.extract %{{.*}} : tensor<10x6xf32>
func.func @gather(%x: tensor<10x6xf32>, %i: tensor<3x1xi64>) -> tensor<3x6xf32> {
  %0 = weft.gather %x at %i {dims = array<i64: 0>, batch_dims = array<i64>, index_batch_dims = array<i64>, at = 0 : i64} : (tensor<10x6xf32>, tensor<3x1xi64>) -> tensor<3x6xf32>
  return %0 : tensor<3x6xf32>
}

// CHECK-LABEL: func.func @scatter(
// CHECK: scf.for
// CHECK: scf.for
// CHECK: scf.if
// CHECK: arith.addf
// CHECK: tensor.insert
func.func @scatter(%x: tensor<10x6xf32>, %i: tensor<3x1xi64>, %u: tensor<3x6xf32>) -> tensor<10x6xf32> {
  %0 = weft.scatter add %x at %i, %u {dims = array<i64: 0>, batch_dims = array<i64>, index_batch_dims = array<i64>, at = 0 : i64} : (tensor<10x6xf32>, tensor<3x1xi64>, tensor<3x6xf32>) -> tensor<10x6xf32>
  return %0 : tensor<10x6xf32>
}
