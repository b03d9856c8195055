// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A perceptron of two layers, split by model: columns of the first matrix, rows of the second, and one all_reduce.
// Split by data too, the all_reduce is of half the rows.
// RUN: weft-opt %s --split-input-file --dist-propagate --dist-reshard --dist-split | FileCheck %s

// Weights that are arguments.
module attributes {dist.mesh = #dist.mesh<model = 2>} {
  // CHECK: func.func @main(%[[X:.*]]: tensor<8x16xf32> {{{.*}}}, %[[W1:.*]]: tensor<16x16xf32> {{{.*}}}, %[[W2:.*]]: tensor<16x16xf32> {dist.sharding = #dist.sharding<[{model}, {}]>
  // CHECK: %[[H:.*]] = weft.dot_general %[[X]], %[[W1]] {{.*}} -> tensor<8x16xf32>
  // CHECK: %[[R:.*]] = weft.relu %[[H]]
  // CHECK: %[[P:.*]] = weft.dot_general %[[R]], %[[W2]]
  // CHECK: %[[T:.*]] = dist.all_reduce_start sum %[[P]] over ["model"] channel 0
  // CHECK-SAME: bytes = 512
  // CHECK-SAME: reason = "dot_general gives [_, _] partial sum over model, whose terms are combined
  // CHECK: %[[Y:.*]] = dist.done %[[T]]
  // CHECK: return %[[Y]]
  func.func @main(%x: tensor<8x16xf32>, %w1: tensor<16x32xf32> {dist.sharding = #dist.sharding<[{}, {model}]>},
                  %w2: tensor<32x16xf32>) -> tensor<8x16xf32> {
    %0 = weft.dot_general %x, %w1 batch [] x [] contract [1] x [0] : (tensor<8x16xf32>, tensor<16x32xf32>) -> tensor<8x32xf32>
    %1 = weft.relu %0 : (tensor<8x32xf32>) -> tensor<8x32xf32>
    %2 = weft.dot_general %1, %w2 batch [] x [] contract [1] x [0] : (tensor<8x32xf32>, tensor<32x16xf32>) -> tensor<8x16xf32>
    return %2 : tensor<8x16xf32>
  }
}

// -----

// Both, and weights that are constants: each worker has its part of them.
module attributes {dist.mesh = #dist.mesh<data = 2, model = 2>} {
  // CHECK: func.func @main(%[[X:.*]]: tensor<4x2xf32>
  // CHECK: %[[W1:.*]] = dist.constant over ["model"] [dense<{{\[\[}}1.000000e+00, 2.000000e+00], [5.000000e+00, 6.000000e+00]]> : tensor<2x2xf32>, dense<{{\[\[}}3.000000e+00, 4.000000e+00], [7.000000e+00, 8.000000e+00]]> : tensor<2x2xf32>]
  // CHECK: weft.dot_general %[[X]], %[[W1]] {{.*}} -> tensor<4x2xf32>
  // CHECK: %[[W2:.*]] = dist.constant over ["model"] [dense<{{\[\[}}1.000000e+00], [2.000000e+00]]>
  // CHECK: dist.all_reduce_start sum %{{.*}} over ["model"] channel 0 {bytes = 16 : i64
  func.func @main(%x: tensor<8x2xf32> {dist.sharding = #dist.sharding<[{data}, {}]>}) -> tensor<8x1xf32> {
    %c1 = weft.constant dense<[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]> : tensor<2x4xf32>
    %w1 = dist.shard %c1 to <[{}, {model}]> : tensor<2x4xf32>
    %w2 = weft.constant dense<[[1.0], [2.0], [3.0], [4.0]]> : tensor<4x1xf32>
    %0 = weft.dot_general %x, %w1 batch [] x [] contract [1] x [0] : (tensor<8x2xf32>, tensor<2x4xf32>) -> tensor<8x4xf32>
    %1 = weft.relu %0 : (tensor<8x4xf32>) -> tensor<8x4xf32>
    %2 = weft.dot_general %1, %w2 batch [] x [] contract [1] x [0] : (tensor<8x4xf32>, tensor<4x1xf32>) -> tensor<8x1xf32>
    return %2 : tensor<8x1xf32>
  }
}
