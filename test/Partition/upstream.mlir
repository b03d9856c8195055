// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Graphs that the passes of MLIR's shard dialect crash on, get wrong or refuse (version 22).
// RUN: weft-opt %s --split-input-file --dist-propagate --dist-reshard --dist-split --verify-diagnostics | FileCheck %s

// A convolution with the batch split.
module attributes {dist.mesh = #dist.mesh<data = 2>} {
  // CHECK: weft.conv {{.*}} : (tensor<4x3x32x32xf32>, tensor<16x3x3x3xf32>) -> tensor<4x16x30x30xf32>
  // CHECK-NEXT: return
  func.func @main(%x: tensor<8x3x32x32xf32> {dist.sharding = #dist.sharding<[{data}, {}, {}, {}]>}, %w: tensor<16x3x3x3xf32>) -> tensor<8x16x30x30xf32> {
    %0 = weft.conv %x, %w {x_dims = array<i64: 0, 1, 2, 3>, w_dims = array<i64: 0, 1, 2, 3>, y_dims = array<i64: 0, 1, 2, 3>,
      strides = array<i64: 1, 1>, padding_low = array<i64: 0, 0>, padding_high = array<i64: 0, 0>,
      input_dilation = array<i64: 1, 1>, kernel_dilation = array<i64: 1, 1>} : (tensor<8x3x32x32xf32>, tensor<16x3x3x3xf32>) -> tensor<8x16x30x30xf32>
    return %0 : tensor<8x16x30x30xf32>
  }
}

// -----

// A convolution with rows of the picture split: they are gathered first.
module attributes {dist.mesh = #dist.mesh<data = 2>} {
  // CHECK: dist.all_gather_start %{{.*}} dim 2 over ["data"]
  // CHECK: weft.conv {{.*}} : (tensor<8x3x32x32xf32>, tensor<16x3x3x3xf32>) -> tensor<8x16x30x30xf32>
  func.func @main(%x: tensor<8x3x32x32xf32> {dist.sharding = #dist.sharding<[{}, {}, {data}, {}]>}, %w: tensor<16x3x3x3xf32>) -> tensor<8x16x30x30xf32> {
    %0 = weft.conv %x, %w {x_dims = array<i64: 0, 1, 2, 3>, w_dims = array<i64: 0, 1, 2, 3>, y_dims = array<i64: 0, 1, 2, 3>,
      strides = array<i64: 1, 1>, padding_low = array<i64: 0, 0>, padding_high = array<i64: 0, 0>,
      input_dilation = array<i64: 1, 1>, kernel_dilation = array<i64: 1, 1>} : (tensor<8x3x32x32xf32>, tensor<16x3x3x3xf32>) -> tensor<8x16x30x30xf32>
    return %0 : tensor<8x16x30x30xf32>
  }
}

// -----

// A batched product and a softmax.
module attributes {dist.mesh = #dist.mesh<data = 2>} {
  // CHECK: weft.dot_general {{.*}} -> tensor<4x16x16xf32>
  // CHECK: weft.softmax {{.*}} -> tensor<4x16x16xf32>
  // CHECK-NEXT: return
  func.func @main(%x: tensor<8x16x32xf32> {dist.sharding = #dist.sharding<[{data}, {}, {}]>}, %w: tensor<8x32x16xf32>) -> tensor<8x16x16xf32> {
    %0 = weft.dot_general %x, %w batch [0] x [0] contract [2] x [1] : (tensor<8x16x32xf32>, tensor<8x32x16xf32>) -> tensor<8x16x16xf32>
    %1 = weft.softmax %0 axis 2 : (tensor<8x16x16xf32>) -> tensor<8x16x16xf32>
    return %1 : tensor<8x16x16xf32>
  }
}

// -----

// A softmax over the split dimension: whole rows first.
module attributes {dist.mesh = #dist.mesh<model = 2>} {
  // CHECK: dist.all_gather_start %{{.*}} dim 1 over ["model"]
  // CHECK: weft.softmax {{.*}} -> tensor<8x16xf32>
  func.func @main(%x: tensor<8x16xf32> {dist.sharding = #dist.sharding<[{}, {model}]>}) -> tensor<8x16xf32> {
    %0 = weft.softmax %x axis 1 : (tensor<8x16xf32>) -> tensor<8x16xf32>
    return %0 : tensor<8x16xf32>
  }
}

// -----

// Dimensions that become one.
module attributes {dist.mesh = #dist.mesh<data = 2>} {
  // CHECK: weft.reshape %{{.*}} sizes [16] : (tensor<4x4xf32>) -> tensor<16xf32>
  // CHECK-NEXT: return
  func.func @main(%x: tensor<8x4xf32> {dist.sharding = #dist.sharding<[{data}, {}]>}) -> tensor<32xf32> {
    %0 = weft.reshape %x sizes [32] : (tensor<8x4xf32>) -> tensor<32xf32>
    return %0 : tensor<32xf32>
  }
}

// -----

// A loop runs whole on every worker.
module attributes {dist.mesh = #dist.mesh<data = 2>} {
  // CHECK: dist.all_gather_start %{{.*}} dim 0 over ["data"]
  // CHECK: weft.while
  func.func @main(%x: tensor<8x4xf32> {dist.sharding = #dist.sharding<[{data}, {}]>}, %n: tensor<i64>) -> tensor<8x4xf32> {
    %zero = weft.constant dense<0> : tensor<i64>
    %one = weft.constant dense<1> : tensor<i64>
    // expected-remark @below {{while has no sharding rule: it runs whole on every worker}}
    %0:2 = weft.while %zero, %x : (tensor<i64>, tensor<8x4xf32>) -> (tensor<i64>, tensor<8x4xf32>) {
    ^bb0(%i: tensor<i64>, %a: tensor<8x4xf32>):
      %c = weft.compare lt %i, %n : (tensor<i64>, tensor<i64>) -> tensor<i1>
      weft.yield %c : tensor<i1>
    } do {
    ^bb0(%i: tensor<i64>, %a: tensor<8x4xf32>):
      %j = weft.add %i, %one : (tensor<i64>, tensor<i64>) -> tensor<i64>
      %b = weft.abs %a : (tensor<8x4xf32>) -> tensor<8x4xf32>
      weft.yield %j, %b : tensor<i64>, tensor<8x4xf32>
    }
    return %0#1 : tensor<8x4xf32>
  }
}

// -----

// A gradient of weights with the batch split: terms are summed over it.
module attributes {dist.mesh = #dist.mesh<data = 2>} {
  // CHECK: weft.dot_general {{.*}} : (tensor<4x16xf32>, tensor<4x4xf32>) -> tensor<16x4xf32>
  // CHECK: dist.all_reduce_start sum
  func.func @main(%x: tensor<8x16xf32> {dist.sharding = #dist.sharding<[{data}, {}]>}, %dy: tensor<8x4xf32>) -> tensor<16x4xf32> {
    %0 = weft.dot_general %x, %dy batch [] x [] contract [0] x [0] : (tensor<8x16xf32>, tensor<8x4xf32>) -> tensor<16x4xf32>
    return %0 : tensor<16x4xf32>
  }
}

// -----

// A function without a body beside the graph: roles keep it.
module attributes {dist.mesh = #dist.mesh<data = 2>} {
  // CHECK: module @worker
  // CHECK: func.func private @elsewhere(tensor<4xf32>) -> tensor<4xf32>
  // CHECK: weft.abs {{.*}} : (tensor<4x4xf32>) -> tensor<4x4xf32>
  func.func private @elsewhere(tensor<4xf32>) -> tensor<4xf32>
  func.func @main(%x: tensor<8x4xf32> {dist.sharding = #dist.sharding<[{data}, {}]>}) -> tensor<8x4xf32> {
    %0 = weft.abs %x : (tensor<8x4xf32>) -> tensor<8x4xf32>
    return %0 : tensor<8x4xf32>
  }
}

// -----

// All that upstream's lowering stops at (all_gather, all_to_all, reduce_scatter, all_slice, broadcast) in one graph; that these
// run is in test/e2e/distributed/reshards.test.
module attributes {dist.mesh = #dist.mesh<model = 2>} {
  // CHECK-DAG: dist.all_gather_start %{{.*}} dim 1 over ["model"]
  // CHECK-DAG: dist.all_to_all_start %{{.*}} split 0 concat 1 over ["model"]
  // CHECK-DAG: dist.reduce_scatter_start sum %{{.*}} dim 0 over ["model"]
  // CHECK-DAG: dist.broadcast_start %{{.*}} of 1 over ["model"]
  // CHECK-DAG: dist.all_slice %{{.*}} dim 0 over ["model"]
  func.func @main(%x: tensor<8x16xf32> {dist.sharding = #dist.sharding<[{}, {model}]>}, %w: tensor<16x2xf32> {dist.sharding = #dist.sharding<[{}, {}]>})
      -> (tensor<8x16xf32>, tensor<8x16xf32> {dist.sharding = #dist.sharding<[{model}, {}]>},
          tensor<8x2xf32> {dist.sharding = #dist.sharding<[{model}, {}]>}, tensor<8x2xf32>) {
    %0 = weft.softmax %x axis 1 : (tensor<8x16xf32>) -> tensor<8x16xf32>
    %1 = weft.abs %x : (tensor<8x16xf32>) -> tensor<8x16xf32>
    %2 = weft.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<8x16xf32>, tensor<16x2xf32>) -> tensor<8x2xf32>
    %3 = weft.slice %x starts [0, 13] sizes [8, 2] strides [1, 1] : (tensor<8x16xf32>) -> tensor<8x2xf32>
    return %0, %1, %2, %3 : tensor<8x16xf32>, tensor<8x16xf32>, tensor<8x2xf32>, tensor<8x2xf32>
  }
}
