// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tensors without elements through all kinds of kernels.
// RUN: mkdir -p %t
// RUN: %python -c "import numpy as np; np.save(r'%t/x.npy', np.zeros((0, 4), 'f4')); np.save(r'%t/w.npy', np.ones((4, 5), 'f4'))"
// RUN: weft run %s -i x=@%t/x.npy -i w=@%t/w.npy | FileCheck %s
// CHECK: product: f32[0x5] ={{$}}
// CHECK: sum: f32[5] = 0 0 0 0 0
// CHECK: most: f32[5] = -inf -inf -inf -inf -inf
// CHECK: inner: f32[4x5] = 0 0 0 0 0 0 0 0 ...
// CHECK: sorted: f32[0x4] ={{$}}
// CHECK: joined: f32[4x5] = 1 1 1 1 1 1 1 1 ...
func.func @main(%x: tensor<0x4xf32> {weft.name = "x"}, %w: tensor<4x5xf32> {weft.name = "w"})
    -> (tensor<0x5xf32> {weft.name = "product"}, tensor<5xf32> {weft.name = "sum"}, tensor<5xf32> {weft.name = "most"},
        tensor<4x5xf32> {weft.name = "inner"}, tensor<0x4xf32> {weft.name = "sorted"}, tensor<4x5xf32> {weft.name = "joined"}) {
  %0 = weft.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<0x4xf32>, tensor<4x5xf32>) -> tensor<0x5xf32>
  %1 = weft.exp %0 : (tensor<0x5xf32>) -> tensor<0x5xf32>
  %2 = weft.reduce add %1 axes [0] : (tensor<0x5xf32>) -> tensor<5xf32>
  %3 = weft.reduce max %1 axes [0] : (tensor<0x5xf32>) -> tensor<5xf32>
  %4 = weft.dot_general %x, %0 batch [] x [] contract [0] x [0] : (tensor<0x4xf32>, tensor<0x5xf32>) -> tensor<4x5xf32>
  %5 = weft.sort %x axis 0 : (tensor<0x4xf32>) -> tensor<0x4xf32>
  %6 = weft.concat %0, %w axis 0 : (tensor<0x5xf32>, tensor<4x5xf32>) -> tensor<4x5xf32>
  return %1, %2, %3, %4, %5, %6 : tensor<0x5xf32>, tensor<5xf32>, tensor<5xf32>, tensor<4x5xf32>, tensor<0x4xf32>, tensor<4x5xf32>
}
