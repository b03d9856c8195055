// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What is printed for its effect alone is printed, in order.
// RUN: mkdir -p %t
// RUN: %python -c "import numpy as np; np.save(r'%t/x.npy', np.array([1, 2, 3], 'f4'))"
// RUN: weft run %s -i x=@%t/x.npy 2>&1 | FileCheck %s
// CHECK-DAG: before f32[3] = 1 2 3
// CHECK-DAG: after f32[3] = -1 -2 -3
func.func @main(%x: tensor<3xf32> {weft.name = "x"}) -> (tensor<3xf32> {weft.name = "y"}) {
  weft.print %x, "before" : tensor<3xf32>
  %0 = weft.neg %x : (tensor<3xf32>) -> tensor<3xf32>
  weft.print %0, "after" : tensor<3xf32>
  return %x : tensor<3xf32>
}
