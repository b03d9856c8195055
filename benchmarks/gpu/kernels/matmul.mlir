// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A product in f32.
func.func @main(%a: tensor<256x128xf32> {weft.name = "a"}, %b: tensor<128x192xf32> {weft.name = "b"}) -> (tensor<256x192xf32> {weft.name = "y"}) {
  %y = weft.dot_general %a, %b batch [] x [] contract [1] x [0] : (tensor<256x128xf32>, tensor<128x192xf32>) -> tensor<256x192xf32>
  return %y : tensor<256x192xf32>
}
