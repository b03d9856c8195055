// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Variables: each worker updates its own copy by the same sum. Two stages cannot share one.
// RUN: weft-opt %s --split-input-file --dist-propagate --dist-reshard --dist-assign-stages --dist-split --verify-diagnostics | FileCheck %s

module attributes {dist.mesh = #dist.mesh<data = 2>} {
  // CHECK: module @worker
  // CHECK: weft.variable @w
  // CHECK: %[[W:.*]] = weft.read @w : tensor<16x4xf32>
  // CHECK: %[[G:.*]] = weft.dot_general {{.*}} : (tensor<4x16xf32>, tensor<4x4xf32>) -> tensor<16x4xf32>
  // CHECK: %[[T:.*]] = dist.all_reduce_start sum %[[G]] over ["data"]
  // CHECK: %[[S:.*]] = dist.done %[[T]]
  // CHECK: %[[N:.*]] = weft.sub %[[W]], %[[S]]
  // CHECK: weft.write %[[N]], @w
  weft.variable @w : tensor<16x4xf32>
  func.func @main(%x: tensor<8x16xf32> {dist.sharding = #dist.sharding<[{data}, {}]>}, %dy: tensor<8x4xf32>) {
    %w = weft.read @w : tensor<16x4xf32>
    %g = weft.dot_general %x, %dy batch [] x [] contract [0] x [0] : (tensor<8x16xf32>, tensor<8x4xf32>) -> tensor<16x4xf32>
    %n = weft.sub %w, %g : (tensor<16x4xf32>, tensor<16x4xf32>) -> tensor<16x4xf32>
    weft.write %n, @w : tensor<16x4xf32>
    return
  }
}

// -----

module attributes {dist.mesh = #dist.mesh<data = 1>} {
  weft.variable @v : tensor<4xf32>
  func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
    // expected-note@below {{used here}}
    weft.write %x, @v {dist.stage = 0 : i64} : tensor<4xf32>
    // expected-error@below {{of stage 1 uses @v, which stage 0 uses too, wanted one stage for both}}
    %0 = weft.read @v {dist.stage = 1 : i64} : tensor<4xf32>
    return %0 : tensor<4xf32>
  }
}

// -----

// An axis of one worker: nothing is sent over it.
module attributes {dist.mesh = #dist.mesh<data = 2, model = 1>} {
  // CHECK: dist.mesh = #dist.mesh<data = 2, model = 1>
  // CHECK: weft.dot_general
  // CHECK-NOT: _start
  // CHECK: return
  func.func @main(%x: tensor<8x16xf32> {dist.sharding = #dist.sharding<[{data}, {model}]>}, %w: tensor<16x4xf32>) -> tensor<8x4xf32> {
    %0 = weft.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<8x16xf32>, tensor<16x4xf32>) -> tensor<8x4xf32>
    return %0 : tensor<8x4xf32>
  }
}
