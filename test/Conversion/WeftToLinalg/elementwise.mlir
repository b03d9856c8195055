// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Elementwise ops become one generic over projected permutations; types lose their sign, booleans take a byte.
// RUN: weft-opt %s --convert-weft-to-linalg | FileCheck %s

// CHECK-DAG: #[[FULL:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-DAG: #[[ROW:.*]] = affine_map<(d0, d1) -> (d1)>

// CHECK-LABEL: func.func @stretched(
// CHECK-SAME: %[[X:.*]]: tensor<4x8xf32>, %[[B:.*]]: tensor<1x8xf32>) -> tensor<4x8xf32>
// CHECK: %[[C:.*]] = tensor.collapse_shape %[[B]] {{\[}}[0, 1]] : tensor<1x8xf32> into tensor<8xf32>
// CHECK: linalg.generic {indexing_maps = [#[[FULL]], #[[ROW]], #[[FULL]]], iterator_types = ["parallel", "parallel"]}
// CHECK-SAME: ins(%[[X]], %[[C]]
// CHECK: arith.addf
func.func @stretched(%x: tensor<4x8xf32>, %b: tensor<1x8xf32>) -> tensor<4x8xf32> {
  %0 = weft.add %x, %b : (tensor<4x8xf32>, tensor<1x8xf32>) -> tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}

// CHECK-LABEL: func.func @unsigned(
// CHECK-SAME: tensor<5xi32>
// CHECK-NOT: remsi
// CHECK: arith.cmpi eq
// CHECK: arith.divui
func.func @unsigned(%x: tensor<5xui32>, %y: tensor<5xui32>) -> tensor<5xui32> {
  %0 = weft.div %x, %y : (tensor<5xui32>, tensor<5xui32>) -> tensor<5xui32>
  return %0 : tensor<5xui32>
}

// CHECK-LABEL: func.func @booleans(
// CHECK-SAME: -> tensor<5xi8>
// CHECK: arith.cmpf olt
// CHECK: arith.extui {{.*}} : i1 to i8
// CHECK: arith.cmpi ne, {{.*}} : i8
// CHECK: arith.xori
func.func @booleans(%x: tensor<5xf32>, %y: tensor<5xf32>) -> tensor<5xi1> {
  %0 = weft.compare lt %x, %y : (tensor<5xf32>, tensor<5xf32>) -> tensor<5xi1>
  %1 = weft.not %0 : (tensor<5xi1>) -> tensor<5xi1>
  return %1 : tensor<5xi1>
}

// CHECK-LABEL: func.func @narrow(
// CHECK: arith.extf {{.*}} : bf16 to f32
// CHECK: math.exp {{.*}} : f32
// CHECK: arith.truncf {{.*}} : f32 to bf16
func.func @narrow(%x: tensor<?xbf16, #weft.dims<[n]>>) -> tensor<?xbf16, #weft.dims<[n]>> {
  %0 = weft.exp %x : (tensor<?xbf16, #weft.dims<[n]>>) -> tensor<?xbf16, #weft.dims<[n]>>
  return %0 : tensor<?xbf16, #weft.dims<[n]>>
}
// CHECK-NOT: #weft.dims

// Bytes by their bounds, which floats hold; NaN is 0.
// CHECK-LABEL: func.func @saturating(
// CHECK-COUNT-3: arith.select
// CHECK: arith.fptosi {{.*}} : f32 to i32
// CHECK-NEXT: arith.trunci {{.*}} : i32 to i8
func.func @saturating(%x: tensor<3xf32>) -> tensor<3xi8> {
  %0 = weft.convert %x : (tensor<3xf32>) -> tensor<3xi8>
  return %0 : tensor<3xi8>
}
// CHECK-LABEL: func.func @saturating_unsigned(
// CHECK-COUNT-2: arith.select
// CHECK: arith.fptosi {{.*}} : f32 to i32
func.func @saturating_unsigned(%x: tensor<3xf32>) -> tensor<3xui8> {
  %0 = weft.convert %x : (tensor<3xf32>) -> tensor<3xui8>
  return %0 : tensor<3xui8>
}
// 2^31 - 1 is no float.
// CHECK-LABEL: func.func @saturating_words(
// CHECK: arith.fptosi {{.*}} : f32 to i32
// CHECK-COUNT-2: arith.select
func.func @saturating_words(%x: tensor<3xf32>) -> tensor<3xi32> {
  %0 = weft.convert %x : (tensor<3xf32>) -> tensor<3xi32>
  return %0 : tensor<3xi32>
}
