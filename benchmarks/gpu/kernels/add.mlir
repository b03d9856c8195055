// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sums of 65,536 pairs: the least a launch can cost.
func.func @main(%a: tensor<65536xf32> {weft.name = "a"}, %b: tensor<65536xf32> {weft.name = "b"}) -> (tensor<65536xf32> {weft.name = "y"}) {
  %y = weft.add %a, %b : (tensor<65536xf32>, tensor<65536xf32>) -> tensor<65536xf32>
  return %y : tensor<65536xf32>
}
