// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What --numerics changes, and what it does not: docs/numerics.md holds the list.
// RUN: mkdir -p %t
// RUN: %python %S/numerics.py %s %t
func.func @main(%x: tensor<64x64xf32> {weft.name = "x"}, %y: tensor<64x64xf32> {weft.name = "y"},
                %z: tensor<64x64xf32> {weft.name = "z"})
    -> (tensor<64x64xf32> {weft.name = "fma"}, tensor<64x64xf32> {weft.name = "third"},
        tensor<64x64xf32> {weft.name = "tanh"}, tensor<64x64xf32> {weft.name = "sum"},
        tensor<64x64xf32> {weft.name = "exp"}, tensor<64x64xf32> {weft.name = "product"},
        tensor<64xf32> {weft.name = "reduced"}, tensor<64x64xf32> {weft.name = "softmax"},
        tensor<64x64xf32> {weft.name = "quotient"}) {
  %0 = weft.mul %x, %y : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  %fma = weft.add %0, %z : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  %three = weft.constant dense<3.0> : tensor<1x1xf32>
  %third = weft.div %x, %three : (tensor<64x64xf32>, tensor<1x1xf32>) -> tensor<64x64xf32>
  %tanh = weft.tanh %x : (tensor<64x64xf32>) -> tensor<64x64xf32>
  %sum = weft.add %x, %z : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  %exp = weft.exp %x : (tensor<64x64xf32>) -> tensor<64x64xf32>
  %product = weft.dot_general %x, %y batch [] x [] contract [1] x [0] : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  %reduced = weft.reduce add %x axes [1] : (tensor<64x64xf32>) -> tensor<64xf32>
  %softmax = weft.softmax %x axis 1 : (tensor<64x64xf32>) -> tensor<64x64xf32>
  %quotient = weft.div %x, %y : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  return %fma, %third, %tanh, %sum, %exp, %product, %reduced, %softmax, %quotient
    : tensor<64x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>,
      tensor<64xf32>, tensor<64x64xf32>, tensor<64x64xf32>
}
