// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What is computed from constants is computed once, here, unless the result would be larger than what it comes from.
// RUN: weft-opt %s --weft-fold-constants | FileCheck %s

// CHECK-LABEL: func.func @chain(
// CHECK: %[[C:.*]] = weft.constant dense<[1.200000e+01, 3.500000e+01]>
// CHECK-NOT: weft.add
// CHECK-NOT: weft.mul
// CHECK: return %[[C]]
func.func @chain() -> tensor<2xf32> {
  %a = weft.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %b = weft.constant dense<[3.0, 5.0]> : tensor<2xf32>
  %0 = weft.add %a, %b : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %1 = weft.mul %0, %b : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return %1 : tensor<2xf32>
}

// CHECK-LABEL: func.func @wraps(
// CHECK: %[[C:.*]] = weft.constant dense<[-128, 127]> : tensor<2xi8>
// CHECK: return %[[C]]
func.func @wraps() -> tensor<2xi8> {
  %a = weft.constant dense<[127, -128]> : tensor<2xi8>
  %b = weft.constant dense<[1, -1]> : tensor<2xi8>
  %0 = weft.add %a, %b : (tensor<2xi8>, tensor<2xi8>) -> tensor<2xi8>
  return %0 : tensor<2xi8>
}

// CHECK-LABEL: func.func @several_results(
// CHECK-NOT: weft.top_k
// CHECK: weft.constant dense<[4.000000e+00, 3.000000e+00]>
// CHECK: weft.constant dense<[1, 2]> : tensor<2xi64>
func.func @several_results() -> (tensor<2xf32>, tensor<2xi64>) {
  %a = weft.constant dense<[1.0, 4.0, 3.0]> : tensor<3xf32>
  %v, %i = weft.top_k %a k [2] axis 0 : (tensor<3xf32>) -> (tensor<2xf32>, tensor<2xi64>)
  return %v, %i : tensor<2xf32>, tensor<2xi64>
}

// 1 KiB is always worth it; a byte more must come from as much.
// CHECK-LABEL: func.func @limit(
// CHECK: weft.constant dense<"0x00000000010000
// CHECK: weft.iota axis 0 sizes [257]
func.func @limit() -> (tensor<256xi32>, tensor<257xi32>) {
  %0 = weft.iota axis 0 sizes [256] : () -> tensor<256xi32>
  %1 = weft.iota axis 0 sizes [257] : () -> tensor<257xi32>
  return %0, %1 : tensor<256xi32>, tensor<257xi32>
}

// CHECK-LABEL: func.func @large_from_small(
// CHECK: weft.broadcast
func.func @large_from_small() -> tensor<1000x2xf32> {
  %a = weft.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %0 = weft.broadcast %a sizes [1000, 2] dims [1] : (tensor<2xf32>) -> tensor<1000x2xf32>
  return %0 : tensor<1000x2xf32>
}

// More bytes than a number holds.
// CHECK-LABEL: func.func @astronomic(
// CHECK: weft.broadcast
func.func @astronomic() -> tensor<4294967296x4294967296xf32> {
  %a = weft.constant dense<1.0> : tensor<f32>
  %0 = weft.broadcast %a sizes [4294967296, 4294967296] dims [] : (tensor<f32>) -> tensor<4294967296x4294967296xf32>
  return %0 : tensor<4294967296x4294967296xf32>
}

// Splats stay splats through elementwise ops.
// CHECK-LABEL: func.func @splats(
// CHECK: %[[C:.*]] = weft.constant dense<3.000000e+00> : tensor<100x100xf32>
// CHECK: return %[[C]]
func.func @splats() -> tensor<100x100xf32> {
  %a = weft.constant dense<1.0> : tensor<100x100xf32>
  %b = weft.constant dense<2.0> : tensor<100x100xf32>
  %0 = weft.add %a, %b : (tensor<100x100xf32>, tensor<100x100xf32>) -> tensor<100x100xf32>
  return %0 : tensor<100x100xf32>
}

// However many elements they have.
// CHECK-LABEL: func.func @astronomic_splats(
// CHECK: return
func.func @astronomic_splats() -> tensor<1000000x10000000xf32> {
  %a = weft.constant dense<1.0> : tensor<1000000x10000000xf32>
  %0 = weft.add %a, %a : (tensor<1000000x10000000xf32>, tensor<1000000x10000000xf32>) -> tensor<1000000x10000000xf32>
  return %0 : tensor<1000000x10000000xf32>
}

// A contraction of splats is the model's work: made-up weights must not make the model vanish.
// CHECK-LABEL: func.func @splat_weights(
// CHECK: weft.dot_general
func.func @splat_weights() -> tensor<64x64xf32> {
  %a = weft.constant dense<1.0> : tensor<64x64xf32>
  %0 = weft.dot_general %a, %a batch [] x [] contract [1] x [0] : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  return %0 : tensor<64x64xf32>
}

// CHECK-LABEL: func.func @one_operand_is_not(
// CHECK: weft.add
func.func @one_operand_is_not(%x: tensor<2xf32>) -> tensor<2xf32> {
  %a = weft.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %0 = weft.add %a, %x : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// CHECK-LABEL: func.func @effects(
// CHECK: weft.assert
// CHECK: weft.print
func.func @effects() {
  %a = weft.constant dense<true> : tensor<i1>
  weft.assert %a, "holds" : tensor<i1>
  %p = weft.constant dense<1.0> : tensor<f32>
  weft.print %p, "x" : tensor<f32>
  return
}

// CHECK-LABEL: func.func @in_region(
// CHECK: weft.if
// CHECK: weft.constant dense<[-1.000000e+00, -2.000000e+00]>
// CHECK-NOT: weft.neg
func.func @in_region(%p: tensor<i1>, %x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = weft.if %p : (tensor<i1>) -> tensor<2xf32> {
    %a = weft.constant dense<[1.0, 2.0]> : tensor<2xf32>
    %1 = weft.neg %a : (tensor<2xf32>) -> tensor<2xf32>
    weft.yield %1 : tensor<2xf32>
  } else {
    weft.yield %x : tensor<2xf32>
  }
  return %0 : tensor<2xf32>
}

// CHECK-LABEL: func.func @no_elements(
// CHECK: weft.constant dense<> : tensor<0x4xf32>
// CHECK-NOT: weft.broadcast
func.func @no_elements() -> tensor<0x4xf32> {
  %a = weft.constant dense<1.0> : tensor<4xf32>
  %0 = weft.broadcast %a sizes [0, 4] dims [1] : (tensor<4xf32>) -> tensor<0x4xf32>
  return %0 : tensor<0x4xf32>
}
