// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Softmax over rows, bound by memory.
func.func @main(%x: tensor<4096x4096xf32> {weft.name = "x"}) -> (tensor<4096x4096xf32> {weft.name = "y"}) {
  %y = weft.softmax %x axis 1 : (tensor<4096x4096xf32>) -> tensor<4096x4096xf32>
  return %y : tensor<4096x4096xf32>
}
