// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A product on tensor cores, bound by arithmetic.
func.func @main(%a: tensor<2048x2048xf16> {weft.name = "a"}, %b: tensor<2048x2048xf16> {weft.name = "b"}) -> (tensor<2048x2048xf32> {weft.name = "y"}) {
  %y = weft.dot_general %a, %b batch [] x [] contract [1] x [0] : (tensor<2048x2048xf16>, tensor<2048x2048xf16>) -> tensor<2048x2048xf32>
  return %y : tensor<2048x2048xf32>
}
