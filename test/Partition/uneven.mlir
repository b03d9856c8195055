// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows that workers cannot share evenly are refused by the name of what is split; propagation leaves them whole.
// RUN: weft-opt %s --split-input-file --dist-propagate --dist-reshard --verify-diagnostics | FileCheck %s

module attributes {dist.mesh = #dist.mesh<data = 2>} {
  // expected-error@below {{dimension 0 of 'x': 7 rows over axis 'data' of 2, wanted a multiple}}
  func.func @main(%x: tensor<7x4xf32> {dist.sharding = #dist.sharding<[{data}, {}]>, weft.name = "x"}) -> tensor<7x4xf32> {
    %0 = weft.abs %x : (tensor<7x4xf32>) -> tensor<7x4xf32>
    return %0 : tensor<7x4xf32>
  }
}

// -----

module attributes {dist.mesh = #dist.mesh<data = 2>} {
  // expected-error@below {{sharding of argument 0 names axis 'daat', wanted one of data, each once}}
  func.func @main(%x: tensor<8x4xf32> {dist.sharding = #dist.sharding<[{daat}, {}]>}) -> tensor<8x4xf32> {
    return %x : tensor<8x4xf32>
  }
}

// -----

// Six columns become three times two: the factor of three cannot be split by two.
module attributes {dist.mesh = #dist.mesh<data = 2>} {
  // CHECK: dist.reshard %arg0 from <[{}, {data}]> to <[{}, {}]>
  // CHECK: weft.reshape
  func.func @main(%x: tensor<2x6xf32> {dist.sharding = #dist.sharding<[{}, {data}]>}) -> tensor<2x3x2xf32> {
    %0 = weft.reshape %x sizes [2, 3, 2] : (tensor<2x6xf32>) -> tensor<2x3x2xf32>
    return %0 : tensor<2x3x2xf32>
  }
}
