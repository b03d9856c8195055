// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The syntax of the dist dialect.
// RUN: weft-opt %s | weft-opt | FileCheck %s

// CHECK: module attributes {dist.mesh = #dist.mesh<data = 2, model = 4>, dist.stage = 0 : i64, dist.stages = 2 : i64}
module attributes {dist.mesh = #dist.mesh<data = 2, model = 4>, dist.stage = 0 : i64, dist.stages = 2 : i64} {
  // CHECK: func.func @global(%{{.*}}: tensor<8x16xf32> {dist.sharding = #dist.sharding<[{data, model}, {}]>})
  func.func @global(%x: tensor<8x16xf32> {dist.sharding = #dist.sharding<[{data, model}, {}]>}) -> tensor<8x16xf32> {
    // CHECK: dist.shard %{{.*}} to <[{data}, {model}]> {open = array<i64: 1>, origin = "--shard=x"} : tensor<8x16xf32>
    %0 = dist.shard %x to <[{data}, {model}]> {open = array<i64: 1>, origin = "--shard=x"} : tensor<8x16xf32>
    // CHECK: dist.reshard %{{.*}} from <[{}, {}] partial max {data, model}> to <[{}, {}]> bytes 64 because "x" : tensor<8x16xf32>
    %1 = dist.reshard %0 from <[{}, {}] partial max {data, model}> to <[{}, {}]> bytes 64 because "x" : tensor<8x16xf32>
    return %1 : tensor<8x16xf32>
  }
  // CHECK-LABEL: func.func @local
  func.func @local(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
    // CHECK: dist.constant over ["data"] [dense<1.000000e+00> : tensor<2xf32>, dense<2.000000e+00> : tensor<2xf32>] : tensor<2xf32>
    %c = dist.constant over ["data"] [dense<1.0> : tensor<2xf32>, dense<2.0> : tensor<2xf32>] : tensor<2xf32>
    // CHECK: dist.coordinate "model" : tensor<i64>
    %p = dist.coordinate "model" : tensor<i64>
    // CHECK: dist.all_slice %{{.*}} dim 1 over ["model"] : tensor<4x8xf32> -> tensor<4x2xf32>
    %s = dist.all_slice %x dim 1 over ["model"] : tensor<4x8xf32> -> tensor<4x2xf32>
    // CHECK: dist.all_reduce_start sum %{{.*}} over ["data", "model"] channel 0 {bytes = 56 : i64, reason = "r"} : tensor<4x8xf32> -> <tensor<4x8xf32>>
    %t0 = dist.all_reduce_start sum %x over ["data", "model"] channel 0 {bytes = 56 : i64, reason = "r"} : tensor<4x8xf32> -> <tensor<4x8xf32>>
    // CHECK: dist.all_gather_start %{{.*}} dim 0 over ["data"] channel 1 : tensor<4x8xf32> -> <tensor<8x8xf32>>
    %t1 = dist.all_gather_start %x dim 0 over ["data"] channel 1 : tensor<4x8xf32> -> <tensor<8x8xf32>>
    // CHECK: dist.reduce_scatter_start prod %{{.*}} dim 1 over ["model"] channel 2 : tensor<4x8xf32> -> <tensor<4x2xf32>>
    %t2 = dist.reduce_scatter_start prod %x dim 1 over ["model"] channel 2 : tensor<4x8xf32> -> <tensor<4x2xf32>>
    // CHECK: dist.all_to_all_start %{{.*}} split 1 concat 0 over ["model"] channel 3 : tensor<4x8xf32> -> <tensor<16x2xf32>>
    %t3 = dist.all_to_all_start %x split 1 concat 0 over ["model"] channel 3 : tensor<4x8xf32> -> <tensor<16x2xf32>>
    // CHECK: dist.broadcast_start %{{.*}} of 1 over ["data"] channel 4 : tensor<4x8xf32> -> <tensor<4x8xf32>>
    %t4 = dist.broadcast_start %x of 1 over ["data"] channel 4 : tensor<4x8xf32> -> <tensor<4x8xf32>>
    // CHECK: dist.send_start %{{.*}} to 1 channel 5 : tensor<4x8xf32> -> !dist.token
    %t5 = dist.send_start %x to 1 channel 5 : tensor<4x8xf32> -> !dist.token
    // CHECK: dist.recv_start from 1 channel 6 : <tensor<4x8xf32>>
    %t6 = dist.recv_start from 1 channel 6 : <tensor<4x8xf32>>
    // CHECK: dist.done %{{.*}} : <tensor<4x8xf32>> -> tensor<4x8xf32>
    %0 = dist.done %t0 : <tensor<4x8xf32>> -> tensor<4x8xf32>
    %1 = dist.done %t1 : <tensor<8x8xf32>> -> tensor<8x8xf32>
    %2 = dist.done %t2 : <tensor<4x2xf32>> -> tensor<4x2xf32>
    %3 = dist.done %t3 : <tensor<16x2xf32>> -> tensor<16x2xf32>
    %4 = dist.done %t4 : <tensor<4x8xf32>> -> tensor<4x8xf32>
    // CHECK: dist.done %{{.*}} : !dist.token
    dist.done %t5 : !dist.token
    // CHECK: dist.cut 3 %{{.*}} as [1, 0] : tensor<4x8xf32>
    %5 = dist.cut 3 %x as [1, 0] : tensor<4x8xf32>
    %6 = dist.done %t6 : <tensor<4x8xf32>> -> tensor<4x8xf32>
    return %6 : tensor<4x8xf32>
  }
}
