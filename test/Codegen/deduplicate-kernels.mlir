// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Equal kernels are one: names and locations do not count, types, attributes and constants do.
// RUN: weft-opt %s --weft-deduplicate-kernels --split-input-file | FileCheck %s
// RUN: weft-opt %s --weft-deduplicate-kernels --weft-deduplicate-kernels --split-input-file | FileCheck %s

// CHECK: host.kernel @first
// CHECK-NOT: host.kernel @second
// CHECK: host.kernel @other_op
// CHECK: host.kernel @other_type
// CHECK: host.kernel @other_constant
// CHECK: host.kernel @other_name
host.kernel @first(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = weft.exp %x : (tensor<4xf32>) -> tensor<4xf32> loc("here")
  %c = weft.constant dense<1.0> : tensor<1xf32>
  %1 = weft.add %0, %c : (tensor<4xf32>, tensor<1xf32>) -> tensor<4xf32>
  host.return %1 : tensor<4xf32>
}
host.kernel @second(%y: tensor<4xf32>) -> tensor<4xf32> {
  %a = weft.exp %y : (tensor<4xf32>) -> tensor<4xf32> loc("there")
  %one = weft.constant dense<1.0> : tensor<1xf32>
  %b = weft.add %a, %one : (tensor<4xf32>, tensor<1xf32>) -> tensor<4xf32>
  host.return %b : tensor<4xf32>
}
host.kernel @other_op(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = weft.exp %x : (tensor<4xf32>) -> tensor<4xf32>
  %c = weft.constant dense<1.0> : tensor<1xf32>
  %1 = weft.sub %0, %c : (tensor<4xf32>, tensor<1xf32>) -> tensor<4xf32>
  host.return %1 : tensor<4xf32>
}
host.kernel @other_type(%x: tensor<5xf32>) -> tensor<5xf32> {
  %0 = weft.exp %x : (tensor<5xf32>) -> tensor<5xf32>
  %c = weft.constant dense<1.0> : tensor<1xf32>
  %1 = weft.add %0, %c : (tensor<5xf32>, tensor<1xf32>) -> tensor<5xf32>
  host.return %1 : tensor<5xf32>
}
host.kernel @other_constant(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = weft.exp %x : (tensor<4xf32>) -> tensor<4xf32>
  %c = weft.constant dense<2.0> : tensor<1xf32>
  %1 = weft.add %0, %c : (tensor<4xf32>, tensor<1xf32>) -> tensor<4xf32>
  host.return %1 : tensor<4xf32>
}
host.kernel @named(%x: tensor<?xf32, #weft.dims<[n]>>) -> tensor<?xf32, #weft.dims<[n]>> {
  %0 = weft.exp %x : (tensor<?xf32, #weft.dims<[n]>>) -> tensor<?xf32, #weft.dims<[n]>>
  host.return %0 : tensor<?xf32, #weft.dims<[n]>>
}
host.kernel @other_name(%x: tensor<?xf32, #weft.dims<[m]>>) -> tensor<?xf32, #weft.dims<[m]>> {
  %0 = weft.exp %x : (tensor<?xf32, #weft.dims<[m]>>) -> tensor<?xf32, #weft.dims<[m]>>
  host.return %0 : tensor<?xf32, #weft.dims<[m]>>
}

// All launches name the first, those in regions too.
// CHECK-LABEL: func.func @launches(
// CHECK: host.launch @first(
// CHECK: host.launch @first(
// CHECK: host.launch @other_op(
// CHECK: weft.if
// CHECK: host.launch @first(
func.func @launches(%p: tensor<i1>, %x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = host.launch @first(%x) : (tensor<4xf32>) -> tensor<4xf32>
  %1 = host.launch @second(%0) : (tensor<4xf32>) -> tensor<4xf32>
  %2 = host.launch @other_op(%1) : (tensor<4xf32>) -> tensor<4xf32>
  %3 = weft.if %p : (tensor<i1>) -> tensor<4xf32> {
    %4 = host.launch @second(%2) : (tensor<4xf32>) -> tensor<4xf32>
    weft.yield %4 : tensor<4xf32>
  } else {
    weft.yield %2 : tensor<4xf32>
  }
  return %3 : tensor<4xf32>
}
