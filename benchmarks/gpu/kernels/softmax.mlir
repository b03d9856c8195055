// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Softmax over rows of an odd length.
func.func @main(%x: tensor<64x1000xf32> {weft.name = "x"}) -> (tensor<64x1000xf32> {weft.name = "y"}) {
  %y = weft.softmax %x axis 1 : (tensor<64x1000xf32>) -> tensor<64x1000xf32>
  return %y : tensor<64x1000xf32>
}
