// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How each family of ops is split.
// RUN: weft-opt %s --split-input-file --dist-propagate --dist-reshard --dist-split | FileCheck %s

// CHECK-LABEL: module attributes {dist.mesh = #dist.mesh<a = 2>
// An embedding whose table is split by rows: each worker looks up what it holds, zeros elsewhere, then the sum.
module attributes {dist.mesh = #dist.mesh<a = 2>} {
  // CHECK-DAG: %[[P:.*]] = dist.coordinate "a"
  // CHECK: %[[FIRST:.*]] = weft.mul %[[P]]
  // CHECK: weft.clamp
  // CHECK: weft.sub
  // CHECK: %[[OWN:.*]] = weft.and
  // CHECK: %[[ROWS:.*]] = weft.gather %arg0 at {{.*}} : (tensor<5x4xf32>, tensor<3x1xi64>) -> tensor<3x4xf32>
  // CHECK: weft.select {{.*}} : (tensor<3x1xi1>, tensor<3x4xf32>, tensor<1x1xf32>) -> tensor<3x4xf32>
  // CHECK: dist.all_reduce_start sum
  func.func @main(%t: tensor<10x4xf32> {dist.sharding = #dist.sharding<[{a}, {}]>}, %i: tensor<3x1xi64>) -> tensor<3x4xf32> {
    %0 = weft.gather %t at %i {at = 0 : i64, batch_dims = array<i64>, dims = array<i64: 0>, index_batch_dims = array<i64>} : (tensor<10x4xf32>, tensor<3x1xi64>) -> tensor<3x4xf32>
    return %0 : tensor<3x4xf32>
  }
}

// -----

// CHECK-LABEL: module attributes {dist.mesh = #dist.mesh<b = 2>
// An embedding of split positions: the table is whole, nothing travels.
module attributes {dist.mesh = #dist.mesh<b = 2>} {
  // CHECK: weft.gather {{.*}} : (tensor<10x4xf32>, tensor<2x1xi64>) -> tensor<2x4xf32>
  // CHECK-NEXT: return
  func.func @main(%t: tensor<10x4xf32>, %i: tensor<4x1xi64> {dist.sharding = #dist.sharding<[{b}, {}]>}) -> tensor<4x4xf32> {
    %0 = weft.gather %t at %i {at = 0 : i64, batch_dims = array<i64>, dims = array<i64: 0>, index_batch_dims = array<i64>} : (tensor<10x4xf32>, tensor<4x1xi64>) -> tensor<4x4xf32>
    return %0 : tensor<4x4xf32>
  }
}

// -----

// CHECK-LABEL: module attributes {dist.mesh = #dist.mesh<c = 2>
// Numbers along a split axis begin at the worker's part.
module attributes {dist.mesh = #dist.mesh<c = 2>} {
  // CHECK: %[[I:.*]] = weft.iota axis 0 sizes [4] : () -> tensor<4xi32>
  // CHECK: %[[P:.*]] = dist.coordinate "c"
  // CHECK: weft.mul %[[P]]
  // CHECK: weft.convert
  // CHECK: weft.add %[[I]]
  func.func @main() -> (tensor<8xi32> {dist.sharding = #dist.sharding<[{c}]>}) {
    %0 = weft.iota axis 0 sizes [8] : () -> tensor<8xi32>
    return %0 : tensor<8xi32>
  }
}

// -----

// CHECK-LABEL: module attributes {dist.mesh = #dist.mesh<d = 2>
// Groups of a convolution are split; each worker has half of them.
module attributes {dist.mesh = #dist.mesh<d = 2>} {
  // CHECK: weft.conv {{.*}}feature_groups = 2 : i64{{.*}} : (tensor<1x4x8x8xf32>, tensor<4x2x3x3xf32>) -> tensor<1x4x6x6xf32>
  func.func @main(%x: tensor<1x8x8x8xf32> {dist.sharding = #dist.sharding<[{}, {d}, {}, {}]>}, %w: tensor<8x2x3x3xf32>) -> tensor<1x8x6x6xf32> {
    %0 = weft.conv %x, %w {x_dims = array<i64: 0, 1, 2, 3>, w_dims = array<i64: 0, 1, 2, 3>, y_dims = array<i64: 0, 1, 2, 3>,
      strides = array<i64: 1, 1>, padding_low = array<i64: 0, 0>, padding_high = array<i64: 0, 0>, feature_groups = 4 : i64,
      input_dilation = array<i64: 1, 1>, kernel_dilation = array<i64: 1, 1>} : (tensor<1x8x8x8xf32>, tensor<8x2x3x3xf32>) -> tensor<1x8x6x6xf32>
    return %0 : tensor<1x8x6x6xf32>
  }
}

// -----

// CHECK-LABEL: module attributes {dist.mesh = #dist.mesh<e = 2>
// Split input features give partial sums.
module attributes {dist.mesh = #dist.mesh<e = 2>} {
  // CHECK: weft.conv {{.*}} : (tensor<1x4x8x8xf32>, tensor<8x4x3x3xf32>) -> tensor<1x8x6x6xf32>
  // CHECK: dist.all_reduce_start sum
  func.func @main(%x: tensor<1x8x8x8xf32> {dist.sharding = #dist.sharding<[{}, {e}, {}, {}]>}, %w: tensor<8x8x3x3xf32>) -> tensor<1x8x6x6xf32> {
    %0 = weft.conv %x, %w {x_dims = array<i64: 0, 1, 2, 3>, w_dims = array<i64: 0, 1, 2, 3>, y_dims = array<i64: 0, 1, 2, 3>,
      strides = array<i64: 1, 1>, padding_low = array<i64: 0, 0>, padding_high = array<i64: 0, 0>,
      input_dilation = array<i64: 1, 1>, kernel_dilation = array<i64: 1, 1>} : (tensor<1x8x8x8xf32>, tensor<8x8x3x3xf32>) -> tensor<1x8x6x6xf32>
    return %0 : tensor<1x8x6x6xf32>
  }
}

// -----

// CHECK-LABEL: module attributes {dist.mesh = #dist.mesh<f = 2>
// Reductions: what is kept is split as it is, what is reduced gives partial results of its kind.
module attributes {dist.mesh = #dist.mesh<f = 2>} {
  // CHECK: weft.reduce max {{.*}} : (tensor<4x3xf32>) -> tensor<4xf32>
  // CHECK: %[[R:.*]] = weft.reduce max {{.*}} : (tensor<4x3xf32>) -> tensor<3xf32>
  // CHECK: dist.all_reduce_start max %[[R]]
  func.func @main(%x: tensor<8x3xf32> {dist.sharding = #dist.sharding<[{f}, {}]>}) -> (tensor<8xf32>, tensor<3xf32>) {
    %0 = weft.reduce max %x axes [1] : (tensor<8x3xf32>) -> tensor<8xf32>
    %1 = weft.reduce max %x axes [0] : (tensor<8x3xf32>) -> tensor<3xf32>
    return %0, %1 : tensor<8xf32>, tensor<3xf32>
  }
}

// -----

// CHECK-LABEL: module attributes {dist.mesh = #dist.mesh<g = 2>
// A reduction that workers cannot combine needs whole operands; so do positions and running sums.
module attributes {dist.mesh = #dist.mesh<g = 2>} {
  // CHECK: dist.all_gather_start %{{.*}} dim 0
  // CHECK: weft.reduce logaddexp {{.*}} : (tensor<8xf32>) -> tensor<f32>
  // CHECK: weft.arg_reduce max {{.*}} : (tensor<8xf32>) -> tensor<i64>
  // CHECK: weft.cumulative add {{.*}} : (tensor<8xf32>) -> tensor<8xf32>
  func.func @main(%x: tensor<8xf32> {dist.sharding = #dist.sharding<[{g}]>}) -> (tensor<f32>, tensor<i64>, tensor<8xf32>) {
    %0 = weft.reduce logaddexp %x axes [0] : (tensor<8xf32>) -> tensor<f32>
    %1 = weft.arg_reduce max %x axis 0 : (tensor<8xf32>) -> tensor<i64>
    %2 = weft.cumulative add %x axis 0 : (tensor<8xf32>) -> tensor<8xf32>
    return %0, %1, %2 : tensor<f32>, tensor<i64>, tensor<8xf32>
  }
}

// -----

// CHECK-LABEL: module attributes {dist.mesh = #dist.mesh<h = 2>
// Windows: batch and features are split, rows are gathered.
module attributes {dist.mesh = #dist.mesh<h = 2>} {
  // CHECK: weft.reduce_window max {{.*}} : (tensor<2x4x8xf32>) -> tensor<2x4x4xf32>
  // CHECK: dist.all_gather_start %{{.*}} dim 2
  // CHECK: weft.reduce_window max {{.*}} : (tensor<4x4x8xf32>) -> tensor<4x4x4xf32>
  func.func @main(%x: tensor<4x4x8xf32> {dist.sharding = #dist.sharding<[{h}, {}, {}]>}, %y: tensor<4x4x8xf32> {dist.sharding = #dist.sharding<[{}, {}, {h}]>})
      -> (tensor<4x4x4xf32>, tensor<4x4x4xf32>) {
    %0 = weft.reduce_window max %x axes [2] {window = array<i64: 2>, strides = array<i64: 2>, padding_low = array<i64: 0>, padding_high = array<i64: 0>,
      base_dilation = array<i64: 1>, window_dilation = array<i64: 1>} : (tensor<4x4x8xf32>) -> tensor<4x4x4xf32>
    %1 = weft.reduce_window max %y axes [2] {window = array<i64: 2>, strides = array<i64: 2>, padding_low = array<i64: 0>, padding_high = array<i64: 0>,
      base_dilation = array<i64: 1>, window_dilation = array<i64: 1>} : (tensor<4x4x8xf32>) -> tensor<4x4x4xf32>
    return %0, %1 : tensor<4x4x4xf32>, tensor<4x4x4xf32>
  }
}

// -----

// CHECK-LABEL: module attributes {dist.mesh = #dist.mesh<i = 2>
// Heads of attention, grouped: the keys of a worker's heads come with them.
module attributes {dist.mesh = #dist.mesh<i = 2>} {
  // CHECK: func.func @main(%{{.*}}: tensor<1x4x8x4xf32> {{{.*}}}, %{{.*}}: tensor<1x1x8x4xf32> {{{.*}}}, %{{.*}}: tensor<1x1x8x4xf32>
  // CHECK: weft.attention {{.*}} -> (tensor<1x4x8x4xf32>, tensor<1x4x8xf32>)
  func.func @main(%q: tensor<1x8x8x4xf32> {dist.sharding = #dist.sharding<[{}, {i}, {}, {}]>}, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>) -> tensor<1x8x8x4xf32> {
    %y, %lse = weft.attention %q, %k, %v {scale = 0.5 : f64} : (tensor<1x8x8x4xf32>, tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>) -> (tensor<1x8x8x4xf32>, tensor<1x8x8xf32>)
    return %y : tensor<1x8x8x4xf32>
  }
}

// -----

// CHECK-LABEL: module attributes {dist.mesh = #dist.mesh<j = 2>
// A reshape splits and merges factors: the major part carries the split, a minor one cannot.
module attributes {dist.mesh = #dist.mesh<j = 2>} {
  // CHECK: weft.reshape {{.*}} sizes [3, 2, 4] : (tensor<3x8xf32>) -> tensor<3x2x4xf32>
  // CHECK: dist.all_gather_start %{{.*}} dim 1
  // CHECK: weft.reshape {{.*}} sizes [48] : (tensor<3x4x4xf32>) -> tensor<48xf32>
  func.func @main(%x: tensor<3x16xf32> {dist.sharding = #dist.sharding<[{}, {j}]>}) -> tensor<48xf32> {
    %0 = weft.reshape %x sizes [3, 4, 4] : (tensor<3x16xf32>) -> tensor<3x4x4xf32>
    %1 = weft.reshape %0 sizes [48] : (tensor<3x4x4xf32>) -> tensor<48xf32>
    return %1 : tensor<48xf32>
  }
}

// -----

// CHECK-LABEL: module attributes {dist.mesh = #dist.mesh<k = 2>
// Cut or joined dimensions are whole, the others split.
module attributes {dist.mesh = #dist.mesh<k = 2>} {
  // CHECK: weft.slice {{.*}} sizes [2, 3] {{.*}} : (tensor<2x8xf32>) -> tensor<2x3xf32>
  // CHECK: weft.concat {{.*}} : (tensor<2x3xf32>, tensor<2x8xf32>) -> tensor<2x11xf32>
  // CHECK: weft.pad {{.*}} -> tensor<2x12xf32>
  // CHECK: weft.transpose {{.*}} -> tensor<12x2xf32>
  func.func @main(%x: tensor<4x8xf32> {dist.sharding = #dist.sharding<[{k}, {}]>}, %z: tensor<f32>) -> tensor<12x4xf32> {
    %0 = weft.slice %x starts [0, 2] sizes [4, 3] strides [1, 1] : (tensor<4x8xf32>) -> tensor<4x3xf32>
    %1 = weft.concat %0, %x axis 1 : (tensor<4x3xf32>, tensor<4x8xf32>) -> tensor<4x11xf32>
    %2 = weft.pad constant %1, %z low [0, 1] high [0, 0] interior [0, 0] : (tensor<4x11xf32>, tensor<f32>) -> tensor<4x12xf32>
    %3 = weft.transpose %2 by [1, 0] : (tensor<4x12xf32>) -> tensor<12x4xf32>
    return %3 : tensor<12x4xf32>
  }
}

// -----

// CHECK-LABEL: module attributes {dist.mesh = #dist.mesh<l = 2>
// Random bits are a function of the counter: split with it, the whole is the same.
module attributes {dist.mesh = #dist.mesh<l = 2>} {
  // CHECK: weft.random_bits {{.*}} : (tensor<2xui32>, tensor<1xui64>) -> tensor<1xui32>
  func.func @main(%key: tensor<2xui32>, %c: tensor<2xui64> {dist.sharding = #dist.sharding<[{l}]>}) -> tensor<2xui32> {
    %0 = weft.random_bits %key, %c : (tensor<2xui32>, tensor<2xui64>) -> tensor<2xui32>
    return %0 : tensor<2xui32>
  }
}

// -----

// CHECK-LABEL: module attributes {dist.mesh = #dist.mesh<m = 2>
// Scales go with their channels.
module attributes {dist.mesh = #dist.mesh<m = 2>} {
  // CHECK: weft.quantize {{.*}} : (tensor<4x3xf32>, tensor<3xf32>) -> tensor<4x3xi8>
  // CHECK: weft.sort {{.*}} -> tensor<4x3xf32>
  func.func @main(%x: tensor<4x6xf32> {dist.sharding = #dist.sharding<[{}, {m}]>}, %s: tensor<6xf32>) -> (tensor<4x6xi8>, tensor<4x6xf32>) {
    %0 = weft.quantize %x, %s {axis = 1 : i64} : (tensor<4x6xf32>, tensor<6xf32>) -> tensor<4x6xi8>
    %1 = weft.sort %x axis 0 : (tensor<4x6xf32>) -> tensor<4x6xf32>
    return %0, %1 : tensor<4x6xi8>, tensor<4x6xf32>
  }
}

// -----

// CHECK-LABEL: module attributes {dist.mesh = #dist.mesh<n = 4>
// Columns that one worker holds (6 of parts of 4 are in the second, at 2): it cuts them out and copies them to all.
module attributes {dist.mesh = #dist.mesh<n = 4>} {
  // CHECK: %[[S:.*]] = weft.slice %arg0 starts [0, 2] sizes [8, 1] strides [1, 1] : (tensor<8x4xf32>) -> tensor<8x1xf32>
  // CHECK: %[[T:.*]] = dist.broadcast_start %[[S]] of 1 over ["n"] channel 0 {bytes = 24 : i64
  // CHECK-SAME: reason = "slice gives [_, _] held by 1 of n, who copies it to all; it is read as [_, _]"
  // CHECK: dist.done %[[T]]
  func.func @main(%x: tensor<8x16xf32> {dist.sharding = #dist.sharding<[{}, {n}]>}) -> tensor<8x1xf32> {
    %0 = weft.slice %x starts [0, 6] sizes [8, 1] strides [1, 1] : (tensor<8x16xf32>) -> tensor<8x1xf32>
    return %0 : tensor<8x1xf32>
  }
}

// -----

// CHECK-LABEL: module attributes {dist.mesh = #dist.mesh<o = 2, p = 2>
// A window in two dimensions: the worker at o = 1, p = 0 has it, the third of the four. One that lies in two parts is
// gathered.
module attributes {dist.mesh = #dist.mesh<o = 2, p = 2>} {
  // CHECK-DAG: %[[S:.*]] = weft.slice %arg0 starts [1, 0] sizes [2, 3] strides [2, 1] : (tensor<4x4xf32>) -> tensor<2x3xf32>
  // CHECK-DAG: dist.broadcast_start %[[S]] of 2 over ["o", "p"]
  // CHECK-DAG: dist.all_gather_start %arg0 dim 0 over ["o"]
  // CHECK-DAG: weft.slice %{{.*}} starts [3, 0] sizes [2, 4] strides [1, 1] : (tensor<8x4xf32>) -> tensor<2x4xf32>
  func.func @main(%x: tensor<8x8xf32> {dist.sharding = #dist.sharding<[{o}, {p}]>}) -> (tensor<2x3xf32>, tensor<2x8xf32>) {
    %0 = weft.slice %x starts [5, 0] sizes [2, 3] strides [2, 1] : (tensor<8x8xf32>) -> tensor<2x3xf32>
    %1 = weft.slice %x starts [3, 0] sizes [2, 8] strides [1, 1] : (tensor<8x8xf32>) -> tensor<2x8xf32>
    return %0, %1 : tensor<2x3xf32>, tensor<2x8xf32>
  }
}
