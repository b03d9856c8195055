// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Branches that yield what they were given, one value twice, constants, and results nobody computed inside.
// RUN: mkdir -p %t
// RUN: %python -c "import numpy as np; np.save(r'%t/x.npy', np.array([1, 2, 3], 'f4')); np.save(r'%t/yes.npy', np.bool_(True)); np.save(r'%t/no.npy', np.bool_(False))"
// RUN: weft run %s -i x=@%t/x.npy -i p=@%t/yes.npy | FileCheck %s --check-prefix=YES
// RUN: weft run %s -i x=@%t/x.npy -i p=@%t/no.npy | FileCheck %s --check-prefix=NO
// YES: a: f32[3] = 1 2 3
// YES: b: f32[3] = 1 2 3
// YES: c: f32[3] = -1 -2 -3
// NO: a: f32[3] = 7 7 7
// NO: b: f32[3] = 1 2 3
// NO: c: f32[3] = 4 5 6
func.func @main(%x: tensor<3xf32> {weft.name = "x"}, %p: tensor<i1> {weft.name = "p"}) -> (tensor<3xf32> {weft.name = "a"}, tensor<3xf32> {weft.name = "b"}, tensor<3xf32> {weft.name = "c"}) {
  %0:3 = weft.if %p : (tensor<i1>) -> (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) {
    %1 = weft.neg %x : (tensor<3xf32>) -> tensor<3xf32>
    weft.yield %x, %x, %1 : tensor<3xf32>, tensor<3xf32>, tensor<3xf32>
  } else {
    %1 = weft.constant dense<7.0> : tensor<3xf32>
    %2 = weft.constant dense<[4.0, 5.0, 6.0]> : tensor<3xf32>
    weft.yield %1, %x, %2 : tensor<3xf32>, tensor<3xf32>, tensor<3xf32>
  }
  return %0#0, %0#1, %0#2 : tensor<3xf32>, tensor<3xf32>, tensor<3xf32>
}
