// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Nested loops that read values of outside: x * 3^(i + j) summed over i < n and j < i. Also no turn at all.
// RUN: mkdir -p %t
// RUN: %python -c "import numpy as np; x = np.arange(1, 5, dtype='f4'); np.save(r'%t/x.npy', x); [(np.save(r'%t/n{}.npy'.format(n), np.int64(n)), np.save(r'%t/y{}.npy'.format(n), sum((x * np.float32(3) ** (i + j) for i in range(n) for j in range(i)), np.zeros(4, 'f4')))) for n in (0, 1, 5)]"
// RUN: weft compile %s -o %t/p.weft
// RUN: weft run %t/p.weft -i x=@%t/x.npy -i n=@%t/n0.npy --expected y=@%t/y0.npy
// RUN: weft run %t/p.weft -i x=@%t/x.npy -i n=@%t/n1.npy --expected y=@%t/y1.npy
// RUN: weft run %t/p.weft -i x=@%t/x.npy -i n=@%t/n5.npy --expected y=@%t/y5.npy
func.func @main(%x: tensor<4xf32> {weft.name = "x"}, %n: tensor<i64> {weft.name = "n"}) -> (tensor<4xf32> {weft.name = "y"}) {
  %zero = weft.constant dense<0> : tensor<i64>
  %one = weft.constant dense<1> : tensor<i64>
  %none = weft.constant dense<0.0> : tensor<4xf32>
  %three = weft.constant dense<3.0> : tensor<f32>
  %0:2 = weft.while %zero, %none : (tensor<i64>, tensor<4xf32>) -> (tensor<i64>, tensor<4xf32>) {
  ^bb0(%i: tensor<i64>, %y: tensor<4xf32>):
    %more = weft.compare lt %i, %n : (tensor<i64>, tensor<i64>) -> tensor<i1>
    weft.yield %more : tensor<i1>
  } do {
  ^bb0(%i: tensor<i64>, %y: tensor<4xf32>):
    %1:2 = weft.while %zero, %y : (tensor<i64>, tensor<4xf32>) -> (tensor<i64>, tensor<4xf32>) {
    ^bb0(%j: tensor<i64>, %z: tensor<4xf32>):
      %more = weft.compare lt %j, %i : (tensor<i64>, tensor<i64>) -> tensor<i1>
      weft.yield %more : tensor<i1>
    } do {
    ^bb0(%j: tensor<i64>, %z: tensor<4xf32>):
      %s = weft.add %i, %j : (tensor<i64>, tensor<i64>) -> tensor<i64>
      %f = weft.convert %s : (tensor<i64>) -> tensor<f32>
      %p = weft.pow %three, %f : (tensor<f32>, tensor<f32>) -> tensor<f32>
      %q = weft.reshape %p sizes [1] : (tensor<f32>) -> tensor<1xf32>
      %t = weft.mul %x, %q : (tensor<4xf32>, tensor<1xf32>) -> tensor<4xf32>
      %u = weft.add %z, %t : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
      %k = weft.add %j, %one : (tensor<i64>, tensor<i64>) -> tensor<i64>
      weft.yield %k, %u : tensor<i64>, tensor<4xf32>
    }
    %next = weft.add %i, %one : (tensor<i64>, tensor<i64>) -> tensor<i64>
    weft.yield %next, %1#1 : tensor<i64>, tensor<4xf32>
  }
  return %0#1 : tensor<4xf32>
}
