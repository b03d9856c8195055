// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A body that hands its values on in another order: what is written must not be what is still to be read.
// RUN: mkdir -p %t
// RUN: %python -c "import numpy as np; np.save(r'%t/a.npy', np.array([1, 2], 'f4')); np.save(r'%t/b.npy', np.array([3, 4], 'f4')); np.save(r'%t/n.npy', np.int64(7))"
// RUN: weft run %s -i a=@%t/a.npy -i b=@%t/b.npy -i n=@%t/n.npy | FileCheck %s
// CHECK: y: f32[2] = 3 4
// CHECK: z: f32[2] = 1 2
func.func @main(%a: tensor<2xf32> {weft.name = "a"}, %b: tensor<2xf32> {weft.name = "b"}, %n: tensor<i64> {weft.name = "n"}) -> (tensor<2xf32> {weft.name = "y"}, tensor<2xf32> {weft.name = "z"}) {
  %one = weft.constant dense<1> : tensor<i64>
  %zero = weft.constant dense<0> : tensor<i64>
  %0:3 = weft.while %n, %a, %b : (tensor<i64>, tensor<2xf32>, tensor<2xf32>) -> (tensor<i64>, tensor<2xf32>, tensor<2xf32>) {
  ^bb0(%i: tensor<i64>, %x: tensor<2xf32>, %y: tensor<2xf32>):
    %more = weft.compare gt %i, %zero : (tensor<i64>, tensor<i64>) -> tensor<i1>
    weft.yield %more : tensor<i1>
  } do {
  ^bb0(%i: tensor<i64>, %x: tensor<2xf32>, %y: tensor<2xf32>):
    %j = weft.sub %i, %one : (tensor<i64>, tensor<i64>) -> tensor<i64>
    weft.yield %j, %y, %x : tensor<i64>, tensor<2xf32>, tensor<2xf32>
  }
  return %0#1, %0#2 : tensor<2xf32>, tensor<2xf32>
}
