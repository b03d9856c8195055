// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A scan that counts by itself: 2^n by doubling, and the powers on the way; loops in loops.
// RUN: mkdir -p %t
// RUN: %python -c "import numpy as np; np.save(r'%t/one.npy', np.float32(1)); np.save(r'%t/m.npy', np.arange(6, dtype='f4').reshape(2, 3)); np.save(r'%t/sum.npy', np.cumsum(np.arange(6)).astype('f4').reshape(2, 3))"
// RUN: weft run %s -i one=@%t/one.npy -i m=@%t/m.npy --expected sums=@%t/sum.npy
// RUN: weft run %s -i one=@%t/one.npy -i m=@%t/m.npy | FileCheck %s
// CHECK: last: f32[] = 32
// CHECK: powers: f32[5] = 1 2 4 8 16
func.func @main(%one: tensor<f32> {weft.name = "one"}, %m: tensor<2x3xf32> {weft.name = "m"}) -> (tensor<f32> {weft.name = "last"}, tensor<5xf32> {weft.name = "powers"}, tensor<2x3xf32> {weft.name = "sums"}) {
  %n = weft.constant dense<5> : tensor<i64>
  %zero = weft.constant dense<0.0> : tensor<f32>
  %0:2 = weft.scan init(%one) length %n : (tensor<f32>, tensor<i64>) -> (tensor<f32>, tensor<5xf32>) {
  ^bb0(%c: tensor<f32>):
    %s = weft.add %c, %c : (tensor<f32>, tensor<f32>) -> tensor<f32>
    weft.yield %s, %c : tensor<f32>, tensor<f32>
  }
  %1:2 = weft.scan init(%zero) over(%m) : (tensor<f32>, tensor<2x3xf32>) -> (tensor<f32>, tensor<2x3xf32>) {
  ^bb0(%c: tensor<f32>, %row: tensor<3xf32>):
    %2:2 = weft.scan init(%c) over(%row) : (tensor<f32>, tensor<3xf32>) -> (tensor<f32>, tensor<3xf32>) {
    ^bb0(%d: tensor<f32>, %x: tensor<f32>):
      %s = weft.add %d, %x : (tensor<f32>, tensor<f32>) -> tensor<f32>
      weft.yield %s, %s : tensor<f32>, tensor<f32>
    }
    weft.yield %2#0, %2#1 : tensor<f32>, tensor<3xf32>
  }
  return %0#0, %0#1, %1#1 : tensor<f32>, tensor<5xf32>, tensor<2x3xf32>
}
