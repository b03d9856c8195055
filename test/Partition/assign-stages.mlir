// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Stages of equal cost, cut where the fewest bytes cross; labels win.
// RUN: weft-opt %s --split-input-file --dist-propagate --dist-reshard --dist-assign-stages=stages=2 --verify-diagnostics | FileCheck %s
// RUN: weft-opt %s --split-input-file --dist-propagate --dist-reshard --dist-assign-stages=stages=2 --dist-split --dist-verify-schedule --verify-diagnostics 2>/dev/null | FileCheck %s --check-prefix=SPLIT

// CHECK: weft.dot_general {{.*}}dist.stage = 0
// CHECK: weft.relu {{.*}}dist.stage = 1
// CHECK: weft.dot_general {{.*}}dist.stage = 1
// SPLIT: module @stage0
// SPLIT: func.func @main(%{{.*}}: tensor<64x64xf32> {{.*}}weft.name = "input0"{{.*}}, %{{.*}}: tensor<64x64xf32>
// SPLIT: %[[R:.*]] = weft.dot_general
// SPLIT: %[[T:.*]] = dist.send_start %[[R]] to 1 channel 0 {bytes = 16384 : i64, reason = "relu of stage 1 reads it"}
// SPLIT: dist.done %[[T]]
// SPLIT: module @stage1
// SPLIT: func.func @main(%{{.*}}: tensor<64x64xf32> {{{.*}}weft.name = "input2"}) -> (tensor<64x64xf32> {{{.*}}weft.name = "output0"})
// SPLIT: %[[P:.*]] = dist.recv_start from 0 channel 0
// SPLIT: dist.done %[[P]]
module attributes {dist.mesh = #dist.mesh<data = 1>} {
  func.func @main(%x: tensor<64x64xf32>, %w1: tensor<64x64xf32>, %w2: tensor<64x64xf32>) -> tensor<64x64xf32> {
    %0 = weft.dot_general %x, %w1 batch [] x [] contract [1] x [0] : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
    %1 = weft.relu %0 : (tensor<64x64xf32>) -> tensor<64x64xf32>
    %2 = weft.dot_general %1, %w2 batch [] x [] contract [1] x [0] : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
    return %2 : tensor<64x64xf32>
  }
}

// -----

// The reduction makes little of much: the cut comes after it, though the halves are less even.
// CHECK: weft.exp {{.*}}dist.stage = 0
// CHECK: weft.reduce {{.*}}dist.stage = 0
// CHECK: weft.broadcast {{.*}}dist.stage = 1
module attributes {dist.mesh = #dist.mesh<data = 1>} {
  func.func @main(%x: tensor<1000x8xf32>) -> tensor<1000x8xf32> {
    %0 = weft.exp %x : (tensor<1000x8xf32>) -> tensor<1000x8xf32>
    %1 = weft.exp %0 : (tensor<1000x8xf32>) -> tensor<1000x8xf32>
    %2 = weft.reduce add %1 axes [0] : (tensor<1000x8xf32>) -> tensor<8xf32>
    %3 = weft.broadcast %2 sizes [1000, 8] dims [1] : (tensor<8xf32>) -> tensor<1000x8xf32>
    %4 = weft.exp %3 : (tensor<1000x8xf32>) -> tensor<1000x8xf32>
    %5 = weft.exp %4 : (tensor<1000x8xf32>) -> tensor<1000x8xf32>
    return %5 : tensor<1000x8xf32>
  }
}

// -----

// Labels, and what follows from them.
// CHECK: weft.exp {{.*}}dist.stage = 0
// CHECK: weft.neg {{.*}}dist.stage = 1
// CHECK: weft.abs {{.*}}dist.stage = 1
module attributes {dist.mesh = #dist.mesh<data = 1>} {
  func.func @main(%x: tensor<8xf32>) -> tensor<8xf32> {
    %0 = weft.exp %x : (tensor<8xf32>) -> tensor<8xf32>
    %1 = weft.neg %0 {dist.stage = 1 : i64} : (tensor<8xf32>) -> tensor<8xf32>
    %2 = weft.abs %1 : (tensor<8xf32>) -> tensor<8xf32>
    return %2 : tensor<8xf32>
  }
}

// -----

// Backwards is no pipeline.
module attributes {dist.mesh = #dist.mesh<data = 1>} {
  func.func @main(%x: tensor<8xf32>) -> tensor<8xf32> {
    %0 = weft.exp %x {dist.stage = 1 : i64} : (tensor<8xf32>) -> tensor<8xf32>
    // expected-error@below {{is labelled stage 0 and reads a value of stage 1, wanted a label from there on}}
    %1 = weft.neg %0 {dist.stage = 0 : i64} : (tensor<8xf32>) -> tensor<8xf32>
    return %1 : tensor<8xf32>
  }
}

// -----

module attributes {dist.mesh = #dist.mesh<data = 1>} {
  // expected-error@below {{has 1 ops, which cannot make 2 stages}}
  func.func @main(%x: tensor<8xf32>) -> tensor<8xf32> {
    %0 = weft.exp %x : (tensor<8xf32>) -> tensor<8xf32>
    return %0 : tensor<8xf32>
  }
}
