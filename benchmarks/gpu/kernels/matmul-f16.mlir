// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A product of 16-bit elements, summed in f32: the tensor cores'.
func.func @main(%a: tensor<256x128xf16> {weft.name = "a"}, %b: tensor<128x192xf16> {weft.name = "b"}) -> (tensor<256x192xf32> {weft.name = "y"}) {
  %y = weft.dot_general %a, %b batch [] x [] contract [1] x [0] : (tensor<256x128xf16>, tensor<128x192xf16>) -> tensor<256x192xf32>
  return %y : tensor<256x192xf32>
}
