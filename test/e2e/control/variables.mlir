// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Variables live across runs: read where they lie, copied when they are written before the last reader, written by the
// kernel itself when nobody looks any more.
// RUN: mkdir -p %t
// RUN: weft compile %s -o %t/p.weft
// RUN: weft inspect %t/p.weft --explain | FileCheck %s --check-prefix=PLAN
// PLAN: 2 variables
// RUN: weft bench %t/p.weft --min-time 0 --json > %t/bench.json
// RUN: %python -c "import numpy as np; np.save(r'%t/x.npy', np.array([1, 2, 3], 'f4'))"
// RUN: weft run %t/p.weft -i x=@%t/x.npy | FileCheck %s --check-prefix=ONCE
// One run: sum was [10, 20, 30]; old is what it was, and twice what it is after both writes.
// ONCE: old: f32[3] = 10 20 30
// ONCE: twice: f32[3] = 22 44 66
weft.variable @sum : tensor<3xf32> = dense<[10.0, 20.0, 30.0]> : tensor<3xf32> trainable
weft.variable @count : tensor<i64>

func.func @main(%x: tensor<3xf32> {weft.name = "x"})
    -> (tensor<3xf32> {weft.name = "old"}, tensor<3xf32> {weft.name = "twice"}) {
  %old = weft.read @sum : tensor<3xf32>
  %new = weft.add %old, %x : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  weft.write %new, @sum : tensor<3xf32>
  %n = weft.read @count : tensor<i64>
  %one = weft.constant dense<1> : tensor<i64>
  %m = weft.add %n, %one : (tensor<i64>, tensor<i64>) -> tensor<i64>
  weft.write %m, @count : tensor<i64>
  %now = weft.read @sum : tensor<3xf32>
  %twice = weft.add %now, %now : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  return %old, %twice : tensor<3xf32>, tensor<3xf32>
}
