// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tensor functions become chunked loops that store results, reductions and costly shared values only.
// RUN: weft-opt %s --convert-weft-to-linalg --weft-lower-tensor-kernels --canonicalize --cse --split-input-file | FileCheck %s

// Contiguous dimensions are one loop; what does not change in it is computed outside.
// CHECK-LABEL: func.func @chain(
// CHECK-SAME: memref<2x3x40x50xf32>, %{{.*}}: memref<1x3x1x1xf32>, %{{.*}}: memref<2x3x40x50xf32>, %{{.*}}: memref<?xi8>, %[[LO:.*]]: index, %[[HI:.*]]: index)
// CHECK-NOT: memref.alloc
// CHECK: scf.for %{{.*}} = %[[LO]] to %[[HI]]
// CHECK: math.exp
// CHECK: scf.for %{{.*}} to %c2000
// CHECK-NOT: math.exp
// CHECK: arith.mulf
// CHECK: memref.store
// CHECK-NOT: scf.for
// CHECK: return
func.func @chain(%x: tensor<2x3x40x50xf32>, %s: tensor<1x3x1x1xf32>) -> tensor<2x3x40x50xf32> {
  %0 = weft.exp %s : (tensor<1x3x1x1xf32>) -> tensor<1x3x1x1xf32>
  %1 = weft.mul %x, %0 : (tensor<2x3x40x50xf32>, tensor<1x3x1x1xf32>) -> tensor<2x3x40x50xf32>
  %2 = weft.relu %1 : (tensor<2x3x40x50xf32>) -> tensor<2x3x40x50xf32>
  return %2 : tensor<2x3x40x50xf32>
}

// -----

// One row of temporaries; reductions stay in registers.
// CHECK-LABEL: func.func @softmax(
// CHECK-SAME: weft.chunks = [{block = 1 : i64, extent = {{[0-9]+}} : i64}]
// CHECK: memref.alloc() {{.*}} : memref<1000xf32>
// CHECK: scf.for
// CHECK: scf.for {{.*}} iter_args
// CHECK: arith.maximumf
// CHECK: math.exp
// CHECK: scf.for {{.*}} iter_args
// CHECK-NOT: math.exp
// CHECK: return
func.func @softmax(%x: tensor<1280x1000xf32>) -> tensor<1280x1000xf32> {
  %0 = weft.softmax %x axis 1 : (tensor<1280x1000xf32>) -> tensor<1280x1000xf32>
  return %0 : tensor<1280x1000xf32>
}

// -----

// Chunks over an extent known when running.
// CHECK-LABEL: func.func @dynamic(
// CHECK-SAME: weft.chunks = [{block = {{[0-9]+}} : i64, buffer = 0 : i64, dim = 0 : i64}]
func.func @dynamic(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %0 = weft.neg %x : (tensor<?x64xf32>) -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}

// -----

// A reduction over an outer dimension runs along the inner one, accumulating in the result.
// CHECK-LABEL: func.func @columns(
// CHECK-NOT: memref.alloc
// CHECK: scf.for
// CHECK: scf.for
// CHECK: scf.for
// CHECK: memref.load
// CHECK: arith.addf
// CHECK: memref.store
func.func @columns(%x: tensor<300x64xf32>) -> tensor<64xf32> {
  %0 = weft.reduce add %x axes [0] : (tensor<300x64xf32>) -> tensor<64xf32>
  return %0 : tensor<64xf32>
}
