// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A perceptron of two layers, split by data: no communication.
// RUN: weft-opt %s --dist-propagate | FileCheck %s --check-prefix=PLACE
// RUN: weft-opt %s --dist-propagate --dist-reshard | FileCheck %s --check-prefix=MOVE
// RUN: weft-opt %s --dist-propagate --dist-reshard --dist-split | FileCheck %s
module attributes {dist.mesh = #dist.mesh<data = 2>} {
  // PLACE: weft.dot_general {{.*}}dist.shardings = [#dist.sharding<[{data}, {}]>]
  // PLACE: weft.relu {{.*}}dist.shardings = [#dist.sharding<[{data}, {}]>]
  // PLACE: weft.dot_general {{.*}}dist.shardings = [#dist.sharding<[{data}, {}]>]
  // MOVE-NOT: dist.reshard
  // CHECK: #dist.mesh<data = 2>, dist.stages = 1 : i64
  // CHECK: module @worker attributes {dist.stage = 0 : i64}
  // CHECK: func.func @main(%[[X:.*]]: tensor<4x16xf32> {dist.sharding = #dist.sharding<[{data}, {}]>, dist.whole = tensor<8x16xf32>, weft.name = "input0"})
  // CHECK-SAME: -> (tensor<4x16xf32> {dist.sharding = #dist.sharding<[{data}, {}]>, dist.whole = tensor<8x16xf32>, weft.name = "output0"})
  // CHECK: %[[W1:.*]] = weft.constant dense<1.000000e+00> : tensor<16x32xf32>
  // CHECK: %[[H:.*]] = weft.dot_general %[[X]], %[[W1]]
  // CHECK: %[[R:.*]] = weft.relu %[[H]]
  // CHECK: %[[Y:.*]] = weft.dot_general %[[R]], {{.*}} : (tensor<4x32xf32>, tensor<32x16xf32>)
  // CHECK-NOT: dist.
  // CHECK: return %[[Y]]
  func.func @main(%x: tensor<8x16xf32> {dist.sharding = #dist.sharding<[{data}, {}]>}) -> tensor<8x16xf32> {
    %w1 = weft.constant dense<1.0> : tensor<16x32xf32>
    %w2 = weft.constant dense<2.0> : tensor<32x16xf32>
    %0 = weft.dot_general %x, %w1 batch [] x [] contract [1] x [0] : (tensor<8x16xf32>, tensor<16x32xf32>) -> tensor<8x32xf32>
    %1 = weft.relu %0 : (tensor<8x32xf32>) -> tensor<8x32xf32>
    %2 = weft.dot_general %1, %w2 batch [] x [] contract [1] x [0] : (tensor<8x32xf32>, tensor<32x16xf32>) -> tensor<8x16xf32>
    return %2 : tensor<8x16xf32>
  }
}
