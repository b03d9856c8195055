// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A value travels between stages with its dimensions in the order that the op says, and is turned back.
// RUN: weft-opt %s --split-input-file --dist-propagate --dist-reshard --dist-split --dist-verify-schedule --verify-diagnostics | FileCheck %s

// CHECK: module @stage0
// CHECK: %[[R:.*]] = weft.relu
// CHECK: %[[T:.*]] = weft.transpose %[[R]] by [0, 2, 1] : (tensor<2x3x5xf32>) -> tensor<2x5x3xf32>
// CHECK: dist.send_start %[[T]] to 1 channel 0 {bytes = 120 : i64
// CHECK: module @stage1
// CHECK: %[[P:.*]] = dist.recv_start from 0 channel 0 {{.*}} : <tensor<2x5x3xf32>>
// CHECK: %[[D:.*]] = dist.done %[[P]] : <tensor<2x5x3xf32>> -> tensor<2x5x3xf32>
// CHECK: %[[X:.*]] = weft.transpose %[[D]] by [0, 2, 1]
// CHECK: weft.neg %[[X]]
// CHECK-NOT: dist.layouts
module attributes {dist.mesh = #dist.mesh<data = 2>} {
  func.func @main(%x: tensor<4x3x5xf32> {dist.sharding = #dist.sharding<[{data}, {}, {}]>}) -> tensor<4x3x5xf32> {
    %0 = weft.relu %x {dist.layouts = [array<i64: 0, 2, 1>]} : (tensor<4x3x5xf32>) -> tensor<4x3x5xf32>
    %1 = weft.neg %0 {dist.stage = 1 : i64} : (tensor<4x3x5xf32>) -> tensor<4x3x5xf32>
    return %1 : tensor<4x3x5xf32>
  }
}

// -----

module attributes {dist.mesh = #dist.mesh<data = 1>} {
  func.func @main(%x: tensor<4x3xf32>) -> tensor<4x3xf32> {
    // expected-error@below {{has layouts [array<i64: 0, 2>], wanted for each result nothing or each of its dimensions once}}
    %0 = weft.relu %x {dist.layouts = [array<i64: 0, 2>]} : (tensor<4x3xf32>) -> tensor<4x3xf32>
    %1 = weft.neg %0 {dist.stage = 1 : i64} : (tensor<4x3xf32>) -> tensor<4x3xf32>
    return %1 : tensor<4x3xf32>
  }
}
