// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A kernel whose result is only returned is marked; one whose result another launch reads, or that two launches share,
// is not.
// RUN: weft-opt %s --weft-mark-streamed | FileCheck %s

// CHECK-LABEL: func.func @main
func.func @main(%x: tensor<4x2xf32>) -> (tensor<8xf32>, tensor<4x2xf32>, tensor<4x2xf32>, tensor<4x2xf32>) {
  %0 = host.launch @read(%x) : (tensor<4x2xf32>) -> tensor<4x2xf32>
  %1 = host.launch @returned(%0) : (tensor<4x2xf32>) -> tensor<4x2xf32>
  %2 = weft.reshape %1 sizes [8] : (tensor<4x2xf32>) -> tensor<8xf32>
  %3 = host.launch @shared(%0) : (tensor<4x2xf32>) -> tensor<4x2xf32>
  %4 = host.launch @shared(%x) : (tensor<4x2xf32>) -> tensor<4x2xf32>
  return %2, %0, %3, %4 : tensor<8xf32>, tensor<4x2xf32>, tensor<4x2xf32>, tensor<4x2xf32>
}
// CHECK: host.kernel @read(%{{.*}}) -> tensor<4x2xf32> {
host.kernel @read(%x: tensor<4x2xf32>) -> tensor<4x2xf32> {
  %0 = weft.exp %x : (tensor<4x2xf32>) -> tensor<4x2xf32>
  host.return %0 : tensor<4x2xf32>
}
// CHECK: host.kernel @returned(%{{.*}}) -> tensor<4x2xf32> attributes {host.streamed} {
host.kernel @returned(%x: tensor<4x2xf32>) -> tensor<4x2xf32> {
  %0 = weft.neg %x : (tensor<4x2xf32>) -> tensor<4x2xf32>
  host.return %0 : tensor<4x2xf32>
}
// CHECK: host.kernel @shared(%{{.*}}) -> tensor<4x2xf32> {
host.kernel @shared(%x: tensor<4x2xf32>) -> tensor<4x2xf32> {
  %0 = weft.abs %x : (tensor<4x2xf32>) -> tensor<4x2xf32>
  host.return %0 : tensor<4x2xf32>
}
