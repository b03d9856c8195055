// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sizes computed from data get names, once each, and types speak of them from there on.
// RUN: weft-opt %s --weft-name-extents --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @iota(
// CHECK-SAME: -> tensor<?xi64, #weft.dims<[data_0]>>
// CHECK: %[[N:.*]] = weft.name_extent %arg0 as "data_0"
// CHECK: %[[I:.*]] = weft.iota axis 0 sizes [%[[N]]] : (tensor<i64>) -> tensor<?xi64, #weft.dims<[data_0]>>
// CHECK: weft.neg %[[I]] : {{.*}} -> tensor<?xi64, #weft.dims<[data_0]>>
func.func @iota(%n: tensor<i64>) -> tensor<?xi64> {
  %0 = weft.iota axis 0 sizes [%n] : (tensor<i64>) -> tensor<?xi64>
  %1 = weft.neg %0 : (tensor<?xi64>) -> tensor<?xi64>
  return %1 : tensor<?xi64>
}

// -----

// One value, one name, however many read it.
// CHECK-LABEL: func.func @twice(
// CHECK: weft.name_extent {{.*}} as "data_0"
// CHECK-NOT: weft.name_extent
// CHECK: weft.add {{.*}} -> tensor<?xi64, #weft.dims<[data_0]>>
func.func @twice(%n: tensor<i64>, %x: tensor<i64>) -> tensor<?xi64> {
  %0 = weft.iota axis 0 sizes [%n] : (tensor<i64>) -> tensor<?xi64>
  %1 = weft.broadcast %x sizes [%n] dims [] : (tensor<i64>, tensor<i64>) -> tensor<?xi64>
  %2 = weft.add %0, %1 : (tensor<?xi64>, tensor<?xi64>) -> tensor<?xi64>
  return %2 : tensor<?xi64>
}

// -----

// Names that are taken are not given again.
module attributes {weft.dims = {data_0 = array<i64: 1, 64>}} {
  // CHECK-LABEL: func.func @taken(
  // CHECK: weft.name_extent {{.*}} as "data_2"
  // CHECK: weft.name_extent {{.*}} as "data_1"
  func.func @taken(%n: tensor<i64>, %m: tensor<i64>) -> tensor<?xi64> {
    %1 = weft.name_extent %m as "data_1" : (tensor<i64>) -> tensor<i64>
    %0 = weft.iota axis 0 sizes [%n] : (tensor<i64>) -> tensor<?xi64>
    return %0 : tensor<?xi64>
  }
}

// -----

// Extents that inputs tell need no name.
// CHECK-LABEL: func.func @known(
// CHECK-NOT: weft.name_extent
// CHECK: weft.iota {{.*}} -> tensor<?xi64, #weft.dims<[n + 1]>>
func.func @known(%x: tensor<?xf32, #weft.dims<[n]>>) -> tensor<?xi64> {
  %n = weft.dim %x, 0 : (tensor<?xf32, #weft.dims<[n]>>) -> tensor<i64>
  %one = weft.constant dense<1> : tensor<i64>
  %m = weft.add %n, %one : (tensor<i64>, tensor<i64>) -> tensor<i64>
  %0 = weft.iota axis 0 sizes [%m] : (tensor<i64>) -> tensor<?xi64>
  return %0 : tensor<?xi64>
}

// -----

// The count of non-zero elements is no value of the graph: only the type says its name.
// CHECK-LABEL: func.func @non_zero(
// CHECK-NOT: weft.name_extent
// CHECK: %[[I:.*]] = weft.non_zero %arg0 : (tensor<4x5xf32>) -> tensor<?x2xi64, #weft.dims<[data_0, _]>>
// CHECK: weft.neg %[[I]] : {{.*}} -> tensor<?x2xi64, #weft.dims<[data_0, _]>>
func.func @non_zero(%x: tensor<4x5xf32>) -> tensor<?x2xi64> {
  %0 = weft.non_zero %x : (tensor<4x5xf32>) -> tensor<?x2xi64>
  %1 = weft.neg %0 : (tensor<?x2xi64>) -> tensor<?x2xi64>
  return %1 : tensor<?x2xi64>
}

// -----

// A slice has at most the elements there are: the clamped size gets the name.
// CHECK-LABEL: func.func @slice(
// CHECK: %[[D:.*]] = weft.dim %arg0, 0
// CHECK: %[[E:.*]] = weft.div
// CHECK: %[[M:.*]] = weft.min %arg1, %[[E]]
// CHECK: %[[C:.*]] = weft.max %[[M]]
// CHECK: %[[N:.*]] = weft.name_extent %[[C]] as "data_0"
// CHECK: weft.slice %arg0 starts [0] sizes [%[[N]]] strides [2] {{.*}} -> tensor<?xf32, #weft.dims<[data_0]>>
func.func @slice(%x: tensor<9xf32>, %n: tensor<i64>) -> tensor<?xf32> {
  %0 = weft.slice %x starts [0] sizes [%n] strides [2] : (tensor<9xf32>, tensor<i64>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}

// -----

// CHECK-LABEL: func.func @pad(
// CHECK: %[[GAPS:.*]] = weft.max
// CHECK: weft.mul %[[GAPS]]
// CHECK: %[[T:.*]] = weft.max
// CHECK-NEXT: weft.name_extent %[[T]] as "data_0"
// CHECK: weft.pad {{.*}} -> tensor<?x6xf32, #weft.dims<[data_0, _]>>
func.func @pad(%x: tensor<4x5xf32>, %v: tensor<f32>, %low: tensor<i64>) -> tensor<?x6xf32> {
  %0 = weft.pad constant %x, %v low [%low, 0] high [0, 1] interior [1, 0] : (tensor<4x5xf32>, tensor<f32>, tensor<i64>) -> tensor<?x6xf32>
  return %0 : tensor<?x6xf32>
}

// -----

// CHECK-LABEL: func.func @top_k(
// CHECK: %[[K:.*]] = weft.name_extent %arg1 as "data_0"
// CHECK: weft.top_k %arg0 k [%[[K]]] axis 0 : {{.*}} -> (tensor<?xf32, #weft.dims<[data_0]>>, tensor<?xi64, #weft.dims<[data_0]>>)
func.func @top_k(%x: tensor<9xf32>, %k: tensor<i64>) -> (tensor<?xf32>, tensor<?xi64>) {
  %v, %i = weft.top_k %x k [%k] axis 0 : (tensor<9xf32>, tensor<i64>) -> (tensor<?xf32>, tensor<?xi64>)
  return %v, %i : tensor<?xf32>, tensor<?xi64>
}

// -----

// What the count tells needs no name.
// CHECK-LABEL: func.func @reshape(
// CHECK: weft.reshape %arg0 sizes [%arg1, 3] {{.*}} -> tensor<?x3xf32, #weft.dims<[n floordiv 3, _]>>
func.func @reshape(%x: tensor<?xf32, #weft.dims<[n]>>, %m: tensor<i64>) -> tensor<?x3xf32> {
  %0 = weft.reshape %x sizes [%m, 3] : (tensor<?xf32, #weft.dims<[n]>>, tensor<i64>) -> tensor<?x3xf32>
  return %0 : tensor<?x3xf32>
}

// -----

// Names stand right after what they name.
// CHECK-LABEL: func.func @reshape_by_two(
// CHECK-DAG: %[[M:.*]] = weft.name_extent %arg1 as "data_0"
// CHECK-DAG: %[[K:.*]] = weft.name_extent %arg2 as "data_1"
// CHECK: weft.reshape %arg0 sizes [%[[M]], %[[K]]] {{.*}} -> tensor<?x?xf32, #weft.dims<[data_0, data_1]>>
func.func @reshape_by_two(%x: tensor<?xf32, #weft.dims<[n]>>, %m: tensor<i64>, %k: tensor<i64>) -> tensor<?x?xf32> {
  %0 = weft.reshape %x sizes [%m, %k] : (tensor<?xf32, #weft.dims<[n]>>, tensor<i64>, tensor<i64>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}
