// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What is chosen without annotations, and what is left alone.
// RUN: weft-opt %s --split-input-file --dist-choose-shardings --verify-diagnostics | FileCheck %s

// A pair of products: columns, then rows by propagation. A lone one after it stays whole.
// CHECK: dist.choices = ["batch of 8 over data: x", "weights of dot_general over model by columns; rows up to dot_general", "1 products keep whole weights
// CHECK: func.func @main(%{{.*}}: tensor<8x32xf32> {dist.open = array<i64: 1>, dist.origin = "default batch over data", dist.sharding = #dist.sharding<[{data}, {}]>
// CHECK: %[[W:.*]] = dist.shard %{{.*}} to <[{}, {model}]> {origin = "default columns of dot_general over model"}
// CHECK: weft.dot_general %arg0, %[[W]]
// CHECK-NOT: dist.shard %
module attributes {dist.mesh = #dist.mesh<data = 2, model = 2>} {
  func.func @main(%x: tensor<8x32xf32> {weft.name = "x"}) -> tensor<8x32xf32> {
    %w1 = weft.constant dense<1.0> : tensor<32x64xf32>
    %w2 = weft.constant dense<1.0> : tensor<64x32xf32>
    %w3 = weft.constant dense<1.0> : tensor<32x32xf32>
    %0 = weft.dot_general %x, %w1 batch [] x [] contract [1] x [0] : (tensor<8x32xf32>, tensor<32x64xf32>) -> tensor<8x64xf32>
    %1 = weft.tanh %0 : (tensor<8x64xf32>) -> tensor<8x64xf32>
    %2 = weft.dot_general %1, %w2 batch [] x [] contract [1] x [0] : (tensor<8x64xf32>, tensor<64x32xf32>) -> tensor<8x32xf32>
    %s = weft.softmax %2 axis 1 : (tensor<8x32xf32>) -> tensor<8x32xf32>
    %3 = weft.dot_general %s, %w3 batch [] x [] contract [1] x [0] : (tensor<8x32xf32>, tensor<32x32xf32>) -> tensor<8x32xf32>
    return %3 : tensor<8x32xf32>
  }
}

// -----

// A batch that does not divide is told.
module attributes {dist.mesh = #dist.mesh<data = 2>} {
  // expected-error@below {{dimension 0 of 'x': 7 rows over axis 'data' of 2, wanted a multiple (--shape), or --shard=x=... to split otherwise}}
  func.func @main(%x: tensor<7x4xf32> {weft.name = "x"}) -> tensor<7x4xf32> {
    return %x : tensor<7x4xf32>
  }
}

// -----

// An annotation: nothing is added.
// CHECK: module attributes {dist.mesh = #dist.mesh<data = 2>}
module attributes {dist.mesh = #dist.mesh<data = 2>} {
  // CHECK: func.func @main(%{{.*}}: tensor<8x4xf32> {dist.sharding = #dist.sharding<[{}, {data}]>}) -> tensor<8x4xf32>
  func.func @main(%x: tensor<8x4xf32> {dist.sharding = #dist.sharding<[{}, {data}]>}) -> tensor<8x4xf32> {
    return %x : tensor<8x4xf32>
  }
}
