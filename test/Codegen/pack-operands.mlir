// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The right operand of a large product is packed by a launch of its own, whichever way it lies; a constant, few rows, and a
// width that does not divide the columns are left.
// RUN: weft-opt %s --weft-pack-operands=width=32 | FileCheck %s
// RUN: weft-opt %s --weft-pack-operands | FileCheck %s --check-prefix=OFF

// OFF-NOT: @pack
// CHECK-LABEL: func.func @main
// CHECK: %[[S:.*]] = weft.reshape %arg1 sizes [64, 8, 32]
// CHECK: %[[P:.*]] = host.launch @pack(%[[S]]) : (tensor<64x8x32xf32>) -> tensor<8x64x32xf32>
// CHECK: host.launch @product(%arg0, %[[P]]) : (tensor<256x64xf32>, tensor<8x64x32xf32>)
// CHECK: %[[S:.*]] = weft.reshape %arg2 sizes [8, 32, 64]
// CHECK: %[[Q:.*]] = host.launch @pack_{{[0-9]+}}(%[[S]]) : (tensor<8x32x64xf32>) -> tensor<8x64x32xf32>
// CHECK: host.launch @turned(%arg0, %[[Q]])
// CHECK: host.launch @few(%{{.*}}, %arg1) : (tensor<16x64xf32>, tensor<64x256xf32>)
// CHECK: host.launch @uneven(%arg0, %{{.*}}) : (tensor<256x64xf32>, tensor<64x260xf32>)
// CHECK: host.launch @constant(%arg0, %{{.*}}) : (tensor<256x64xf32>, tensor<64x256xf32>)
func.func @main(%a: tensor<256x64xf32>, %b: tensor<64x256xf32>, %t: tensor<256x64xf32>, %f: tensor<16x64xf32>, %u: tensor<64x260xf32>)
    -> (tensor<256x256xf32>, tensor<256x256xf32>, tensor<16x256xf32>, tensor<256x260xf32>, tensor<256x256xf32>) {
  %w = weft.constant dense<0.5> : tensor<64x256xf32>
  %0 = host.launch @product(%a, %b) : (tensor<256x64xf32>, tensor<64x256xf32>) -> tensor<256x256xf32>
  %1 = host.launch @turned(%a, %t) : (tensor<256x64xf32>, tensor<256x64xf32>) -> tensor<256x256xf32>
  %2 = host.launch @few(%f, %b) : (tensor<16x64xf32>, tensor<64x256xf32>) -> tensor<16x256xf32>
  %3 = host.launch @uneven(%a, %u) : (tensor<256x64xf32>, tensor<64x260xf32>) -> tensor<256x260xf32>
  %4 = host.launch @constant(%a, %w) : (tensor<256x64xf32>, tensor<64x256xf32>) -> tensor<256x256xf32>
  return %0, %1, %2, %3, %4 : tensor<256x256xf32>, tensor<256x256xf32>, tensor<16x256xf32>, tensor<256x260xf32>, tensor<256x256xf32>
}
// CHECK: host.kernel @product(%[[A:.*]]: tensor<256x64xf32>, %[[B:.*]]: tensor<8x64x32xf32>)
// CHECK: %[[T:.*]] = weft.transpose %[[B]] by [1, 0, 2]
// CHECK: %[[R:.*]] = weft.reshape %[[T]] sizes [64, 256]
// CHECK: weft.dot_general %[[A]], %[[R]]
host.kernel @product(%a: tensor<256x64xf32>, %b: tensor<64x256xf32>) -> tensor<256x256xf32> {
  %0 = weft.dot_general %a, %b batch [] x [] contract [1] x [0] : (tensor<256x64xf32>, tensor<64x256xf32>) -> tensor<256x256xf32>
  host.return %0 : tensor<256x256xf32>
}
// CHECK: host.kernel @turned(%{{.*}}: tensor<256x64xf32>, %[[B:.*]]: tensor<8x64x32xf32>)
// CHECK: %[[T:.*]] = weft.transpose %[[B]] by [0, 2, 1]
// CHECK: weft.reshape %[[T]] sizes [256, 64]
host.kernel @turned(%a: tensor<256x64xf32>, %b: tensor<256x64xf32>) -> tensor<256x256xf32> {
  %0 = weft.dot_general %a, %b batch [] x [] contract [1] x [1] : (tensor<256x64xf32>, tensor<256x64xf32>) -> tensor<256x256xf32>
  host.return %0 : tensor<256x256xf32>
}
host.kernel @few(%a: tensor<16x64xf32>, %b: tensor<64x256xf32>) -> tensor<16x256xf32> {
  %0 = weft.dot_general %a, %b batch [] x [] contract [1] x [0] : (tensor<16x64xf32>, tensor<64x256xf32>) -> tensor<16x256xf32>
  host.return %0 : tensor<16x256xf32>
}
host.kernel @uneven(%a: tensor<256x64xf32>, %b: tensor<64x260xf32>) -> tensor<256x260xf32> {
  %0 = weft.dot_general %a, %b batch [] x [] contract [1] x [0] : (tensor<256x64xf32>, tensor<64x260xf32>) -> tensor<256x260xf32>
  host.return %0 : tensor<256x260xf32>
}
host.kernel @constant(%a: tensor<256x64xf32>, %b: tensor<64x256xf32>) -> tensor<256x256xf32> {
  %0 = weft.dot_general %a, %b batch [] x [] contract [1] x [0] : (tensor<256x64xf32>, tensor<64x256xf32>) -> tensor<256x256xf32>
  host.return %0 : tensor<256x256xf32>
}
