// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One of two branches, which read values of outside, and one in another.
// RUN: mkdir -p %t
// RUN: %python -c "import numpy as np; x = np.arange(5, dtype='f4'); np.save(r'%t/x.npy', x); np.save(r'%t/big.npy', np.exp(x / 8) + x); np.save(r'%t/small.npy', x * 2); np.save(r'%t/negative.npy', -x); [np.save(r'%t/' + n + '.npy', np.float32(v)) for n, v in [('p9', 9), ('p1', 1), ('m1', -1)]]"
// RUN: weft compile %s -o %t/p.weft
// RUN: weft run %t/p.weft -i x=@%t/x.npy -i p=@%t/p9.npy --expected y=@%t/big.npy
// RUN: weft run %t/p.weft -i x=@%t/x.npy -i p=@%t/p1.npy --expected y=@%t/small.npy --rtol 0 --atol 0
// RUN: weft run %t/p.weft -i x=@%t/x.npy -i p=@%t/m1.npy --expected y=@%t/negative.npy --rtol 0 --atol 0
func.func @main(%x: tensor<5xf32> {weft.name = "x"}, %p: tensor<f32> {weft.name = "p"}) -> (tensor<5xf32> {weft.name = "y"}) {
  %zero = weft.constant dense<0.0> : tensor<f32>
  %eight = weft.constant dense<8.0> : tensor<f32>
  %two = weft.constant dense<2.0> : tensor<1xf32>
  %positive = weft.compare gt %p, %zero : (tensor<f32>, tensor<f32>) -> tensor<i1>
  %0 = weft.if %positive : (tensor<i1>) -> tensor<5xf32> {
    %big = weft.compare gt %p, %eight : (tensor<f32>, tensor<f32>) -> tensor<i1>
    %1 = weft.if %big : (tensor<i1>) -> tensor<5xf32> {
      %8 = weft.reshape %eight sizes [1] : (tensor<f32>) -> tensor<1xf32>
      %2 = weft.div %x, %8 : (tensor<5xf32>, tensor<1xf32>) -> tensor<5xf32>
      %3 = weft.exp %2 : (tensor<5xf32>) -> tensor<5xf32>
      %4 = weft.add %3, %x : (tensor<5xf32>, tensor<5xf32>) -> tensor<5xf32>
      weft.yield %4 : tensor<5xf32>
    } else {
      %2 = weft.mul %x, %two : (tensor<5xf32>, tensor<1xf32>) -> tensor<5xf32>
      weft.yield %2 : tensor<5xf32>
    }
    weft.yield %1 : tensor<5xf32>
  } else {
    %1 = weft.neg %x : (tensor<5xf32>) -> tensor<5xf32>
    weft.yield %1 : tensor<5xf32>
  }
  return %0 : tensor<5xf32>
}
