// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Inference replaces what result types leave open, and functions follow.
// RUN: weft-opt %s --weft-infer-shapes | FileCheck %s

// CHECK-LABEL: func.func @names(
// CHECK-SAME: -> tensor<?x4xf32, #weft.dims<[n * 2, _]>>
// CHECK: weft.exp {{.*}} -> tensor<?x4xf32, #weft.dims<[n, _]>>
// CHECK: weft.concat {{.*}} -> tensor<?x4xf32, #weft.dims<[n * 2, _]>>
func.func @names(%x: tensor<?x4xf32, #weft.dims<[n, _]>>) -> tensor<?x?xf32> {
  %0 = weft.exp %x : (tensor<?x4xf32, #weft.dims<[n, _]>>) -> tensor<?x?xf32>
  %1 = weft.concat %0, %0 axis 0 : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  return %1 : tensor<?x?xf32>
}

// An op whose element type is its own keeps it.
// CHECK-LABEL: func.func @convert(
// CHECK: weft.convert {{.*}} -> tensor<4xi32>
func.func @convert(%x: tensor<4xf32>) -> tensor<?xi32> {
  %0 = weft.convert %x : (tensor<4xf32>) -> tensor<?xi32>
  return %0 : tensor<?xi32>
}

// What the model said and inference does not know stays.
// CHECK-LABEL: func.func @keeps(
// CHECK: weft.neg {{.*}} -> tensor<4xf32>
func.func @keeps(%x: tensor<?xf32>) -> tensor<4xf32> {
  %0 = weft.neg %x : (tensor<?xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// A number says more than a name.
// CHECK-LABEL: func.func @number_before_name(
// CHECK: weft.add {{.*}} -> tensor<3xf32>
func.func @number_before_name(%x: tensor<?xf32, #weft.dims<[n]>>, %y: tensor<3xf32>) -> tensor<?xf32> {
  %0 = weft.add %x, %y : (tensor<?xf32, #weft.dims<[n]>>, tensor<3xf32>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}

// Ops in regions are refined, but what a region yields keeps the type of the op around it.
// CHECK-LABEL: func.func @regions(
// CHECK: weft.if
// CHECK: weft.neg {{.*}} -> tensor<?xf32, #weft.dims<[n]>>
// CHECK: weft.exp {{.*}}) -> tensor<?xf32>{{$}}
// CHECK: weft.yield %{{.*}} : tensor<?xf32>{{$}}
func.func @regions(%p: tensor<i1>, %x: tensor<?xf32, #weft.dims<[n]>>) -> tensor<?xf32> {
  %0 = weft.if %p : (tensor<i1>) -> tensor<?xf32> {
    %1 = weft.neg %x : (tensor<?xf32, #weft.dims<[n]>>) -> tensor<?xf32>
    %2 = weft.exp %1 : (tensor<?xf32>) -> tensor<?xf32>
    weft.yield %2 : tensor<?xf32>
  } else {
    %1 = weft.abs %x : (tensor<?xf32, #weft.dims<[n]>>) -> tensor<?xf32>
    weft.yield %1 : tensor<?xf32>
  }
  return %0 : tensor<?xf32>
}

// CHECK: func.func private @external(tensor<?xf32>) -> tensor<?xf32>
func.func private @external(tensor<?xf32>) -> tensor<?xf32>
