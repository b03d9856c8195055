// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the dist dialect refuses.
// RUN: weft-opt %s --split-input-file --verify-diagnostics

// expected-error@+1 {{axis 'data' of the mesh has size 0, wanted at least 1}}
module attributes {dist.mesh = #dist.mesh<data = 0>} {}

// -----

// expected-error@+1 {{mesh has two axes 'data'}}
module attributes {dist.mesh = #dist.mesh<data = 2, data = 2>} {}

// -----

// expected-error@+1 {{mesh has more than 1048576 workers}}
module attributes {dist.mesh = #dist.mesh<a = 4096, b = 4096>} {}

// -----

// expected-error@+1 {{partial 'mean', wanted sum, max, min or prod}}
func.func @partial(%x: tensor<4xf32> {dist.sharding = #dist.sharding<[{}] partial mean {data}>})

// -----

func.func @no_mesh(%x: tensor<4xf32>) {
  // expected-error@+1 {{has no mesh around it, wanted a module with dist.mesh = #dist.mesh<...>}}
  %0 = dist.shard %x to <[{data}]> : tensor<4xf32>
  return
}

// -----

module attributes {dist.mesh = #dist.mesh<data = 2, model = 2>} {
  func.func @unknown_axis(%x: tensor<4xf32>) {
    // expected-error@+1 {{names axis 'modle', wanted one of data, model}}
    %0 = dist.shard %x to <[{modle}]> : tensor<4xf32>
    return
  }
}

// -----

module attributes {dist.mesh = #dist.mesh<data = 2>} {
  func.func @twice(%x: tensor<4x4xf32>) {
    // expected-error@+1 {{splits over axis 'data' twice}}
    %0 = dist.shard %x to <[{data}, {data}]> : tensor<4x4xf32>
    return
  }
}

// -----

module attributes {dist.mesh = #dist.mesh<data = 2>} {
  func.func @uneven(%x: tensor<7x4xf32>) {
    // expected-error@+1 {{splits dimension 0 of 'tensor<7x4xf32>': 7 rows over 2 workers}}
    %0 = dist.shard %x to <[{data}, {}]> : tensor<7x4xf32>
    return
  }
}

// -----

module attributes {dist.mesh = #dist.mesh<data = 2>} {
  func.func @rank(%x: tensor<4x4xf32>) {
    // expected-error@+1 {{has a sharding of 1 dimensions for 'tensor<4x4xf32>'}}
    %0 = dist.reshard %x from <[{data}]> to <[{}, {}]> bytes 0 because "" : tensor<4x4xf32>
    return
  }
}

// -----

module attributes {dist.mesh = #dist.mesh<data = 2>} {
  func.func @values() {
    // expected-error@+1 {{has 1 values, wanted 2, one per worker}}
    %0 = dist.constant over ["data"] [dense<1.0> : tensor<2xf32>] : tensor<2xf32>
    return
  }
}

// -----

module attributes {dist.mesh = #dist.mesh<data = 2>} {
  func.func @gather(%x: tensor<4x4xf32>) {
    // expected-error@+1 {{gives 'tensor<4x4xf32>', wanted 'tensor<8x4xf32>'}}
    %0 = dist.all_gather_start %x dim 0 over ["data"] channel 0 : tensor<4x4xf32> -> <tensor<4x4xf32>>
    return
  }
}

// -----

module attributes {dist.mesh = #dist.mesh<data = 2>} {
  func.func @scatter(%x: tensor<5x4xf32>) {
    // expected-error@+1 {{splits dimension 0 of 'tensor<5x4xf32>': 5 rows over 2 workers}}
    %0 = dist.reduce_scatter_start sum %x dim 0 over ["data"] channel 0 : tensor<5x4xf32> -> <tensor<2x4xf32>>
    return
  }
}

// -----

module attributes {dist.mesh = #dist.mesh<data = 2>} {
  func.func @dim(%x: tensor<4x4xf32>) {
    // expected-error@+1 {{has split 2 of a tensor of rank 2}}
    %0 = dist.all_to_all_start %x split 2 concat 0 over ["data"] channel 0 : tensor<4x4xf32> -> <tensor<4x4xf32>>
    return
  }
}

// -----

module attributes {dist.mesh = #dist.mesh<data = 2>} {
  func.func @no_axes(%x: tensor<4x4xf32>) {
    // expected-error@+1 {{has no axes, wanted at least one of data}}
    %0 = dist.all_reduce_start sum %x over [] channel 0 : tensor<4x4xf32> -> <tensor<4x4xf32>>
    return
  }
}

// -----

module attributes {dist.mesh = #dist.mesh<data = 2>, dist.stage = 0 : i64, dist.stages = 2 : i64} {
  func.func @self(%x: tensor<4x4xf32>) {
    // expected-error@+1 {{names stage 0, its own}}
    %0 = dist.send_start %x to 0 channel 0 : tensor<4x4xf32> -> !dist.token
    return
  }
}

// -----

module attributes {dist.mesh = #dist.mesh<data = 2>, dist.stage = 0 : i64, dist.stages = 2 : i64} {
  func.func @nowhere() {
    // expected-error@+1 {{names stage 2, wanted one of the 2 from 0}}
    %0 = dist.recv_start from 2 channel 0 : <tensor<4xf32>>
    return
  }
}

// -----

module attributes {dist.mesh = #dist.mesh<data = 2>} {
  func.func @dropped(%x: tensor<4x4xf32>) {
    %0 = dist.all_reduce_start sum %x over ["data"] channel 0 : tensor<4x4xf32> -> <tensor<4x4xf32>>
    // expected-error@+1 {{drops the value of its token}}
    dist.done %0 : <tensor<4x4xf32>>
    return
  }
}

// -----

module attributes {dist.mesh = #dist.mesh<data = 2>} {
  func.func @member(%x: tensor<4x4xf32>) {
    // expected-error@+1 {{copies from member 2 of a group of 2, counted from 0}}
    %0 = dist.broadcast_start %x of 2 over ["data"] channel 0 : tensor<4x4xf32> -> <tensor<4x4xf32>>
    return
  }
}

// -----

module attributes {dist.mesh = #dist.mesh<data = 2>} {
  func.func @holder(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
    // expected-error@+1 {{has a value held by worker 3 of 2, counted from 0}}
    %0 = dist.reshard %x from <[{}, {}] held by 3 {data}> to <[{}, {}]> bytes 32 because "it is read" : tensor<4x4xf32>
    return %0 : tensor<4x4xf32>
  }
}

// -----

func.func @order(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  // expected-error@+1 {{has an order of [1, 1], wanted each dimension of 'tensor<4x8xf32>' once}}
  %0 = dist.cut 0 %x as [1, 1] : tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}
