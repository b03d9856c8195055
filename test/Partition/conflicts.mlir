// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Suggestions that exclude each other: the one wins that makes workers send less; annotations never change.
// RUN: weft-opt %s --split-input-file --dist-propagate --dist-reshard | FileCheck %s

// The same axis splits rows of x (large) and columns of w (small): the rows stay, w is gathered.
module attributes {dist.mesh = #dist.mesh<a = 2>} {
  // CHECK: %[[W:.*]] = dist.reshard %arg1 from <[{}, {a}]> to <[{}, {}]> bytes 32
  // CHECK-SAME: because "dot_general reads operand 1 as [_, _] (a by --shard=w)"
  // CHECK: weft.dot_general %arg0, %[[W]] {{.*}}dist.shardings = [#dist.sharding<[{a}, {}]>]
  func.func @main(%x: tensor<64x4xf32> {dist.sharding = #dist.sharding<[{a}, {}]>, dist.origin = "--shard=x"},
                  %w: tensor<4x4xf32> {dist.sharding = #dist.sharding<[{}, {a}]>, dist.origin = "--shard=w"}) -> tensor<64x4xf32> {
    %0 = weft.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<64x4xf32>, tensor<4x4xf32>) -> tensor<64x4xf32>
    return %0 : tensor<64x4xf32>
  }
}

// -----

// The other way round: the columns of a large w stay.
module attributes {dist.mesh = #dist.mesh<a = 2>} {
  // CHECK: %[[X:.*]] = dist.reshard %arg0 from <[{a}, {}]> to <[{}, {}]> bytes 16
  // CHECK: weft.dot_general %[[X]], %arg1 {{.*}}dist.shardings = [#dist.sharding<[{}, {a}]>]
  func.func @main(%x: tensor<2x4xf32> {dist.sharding = #dist.sharding<[{a}, {}]>},
                  %w: tensor<4x64xf32> {dist.sharding = #dist.sharding<[{}, {a}]>}) -> tensor<2x64xf32> {
    %0 = weft.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<2x4xf32>, tensor<4x64xf32>) -> tensor<2x64xf32>
    return %0 : tensor<2x64xf32>
  }
}

// -----

// Two operands of an addition: the larger keeps its place.
module attributes {dist.mesh = #dist.mesh<a = 2, b = 2>} {
  // CHECK: dist.reshard %arg1 from <[{b}, {}]> to <[{a}, {}]>
  // CHECK: weft.add
  func.func @main(%x: tensor<8x8xf32> {dist.sharding = #dist.sharding<[{a}, {}]>},
                  %y: tensor<8x1xf32> {dist.sharding = #dist.sharding<[{b}, {}]>}) -> tensor<8x8xf32> {
    %0 = weft.add %x, %y : (tensor<8x8xf32>, tensor<8x1xf32>) -> tensor<8x8xf32>
    return %0 : tensor<8x8xf32>
  }
}

// -----

// An annotation in the middle is obeyed even where it costs; one value read twice is moved once.
module attributes {dist.mesh = #dist.mesh<a = 2>} {
  // CHECK: %[[R:.*]] = weft.relu %arg0 {{.*}}dist.shardings = [#dist.sharding<[{a}, {}]>]
  // CHECK: %[[M:.*]] = dist.reshard %[[R]] from <[{a}, {}]> to <[{}, {a}]> bytes 64
  // CHECK: weft.exp %[[M]] {{.*}}dist.shardings = [#dist.sharding<[{}, {a}]>]
  // CHECK: weft.neg %[[M]]
  // CHECK-NOT: dist.shard %
  func.func @main(%x: tensor<8x8xf32> {dist.sharding = #dist.sharding<[{a}, {}]>}) -> (tensor<8x8xf32>, tensor<8x8xf32>) {
    %0 = weft.relu %x : (tensor<8x8xf32>) -> tensor<8x8xf32>
    %1 = dist.shard %0 to <[{}, {a}]> : tensor<8x8xf32>
    %2 = weft.exp %1 : (tensor<8x8xf32>) -> tensor<8x8xf32>
    %3 = weft.neg %1 : (tensor<8x8xf32>) -> tensor<8x8xf32>
    return %2, %3 : tensor<8x8xf32>, tensor<8x8xf32>
  }
}

// -----

// Dimensions that are left open are found; a wanted result makes a reduce_scatter of a partial sum.
module attributes {dist.mesh = #dist.mesh<a = 2>} {
  // CHECK: weft.dot_general {{.*}}dist.shardings = [#dist.sharding<[{}, {}] partial sum {a}>]
  // CHECK: dist.reshard %{{.*}} from <[{}, {}] partial sum {a}> to <[{a}, {}]> bytes 128
  func.func @main(%x: tensor<8x64xf32> {dist.sharding = #dist.sharding<[{}, {a}]>}, %w: tensor<64x8xf32>)
      -> (tensor<8x8xf32> {dist.sharding = #dist.sharding<[{a}, {}]>}) {
    %0 = weft.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<8x64xf32>, tensor<64x8xf32>) -> tensor<8x8xf32>
    return %0 : tensor<8x8xf32>
  }
}
