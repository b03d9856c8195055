// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sums of 16 million pairs: how fast memory is read and written.
func.func @main(%a: tensor<16777216xf32> {weft.name = "a"}, %b: tensor<16777216xf32> {weft.name = "b"}) -> (tensor<16777216xf32> {weft.name = "y"}) {
  %y = weft.add %a, %b : (tensor<16777216xf32>, tensor<16777216xf32>) -> tensor<16777216xf32>
  return %y : tensor<16777216xf32>
}
