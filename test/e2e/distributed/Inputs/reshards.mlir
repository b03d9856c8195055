// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// With the columns of x split: `picked` is copied from the rank that has it (broadcast), `turned` changes the split dimension
// (all_to_all), `soft` needs whole rows (all_gather), `product` is split by rows of a sum (reduce_scatter), `total` is a sum
// on all ranks (all_reduce).
module {
  func.func @main(%x: tensor<8x64xf32> {weft.name = "x"}, %w: tensor<64x2xf32> {weft.name = "w"})
      -> (tensor<8x2xf32> {weft.name = "picked"}, tensor<8x64xf32> {weft.name = "turned"}, tensor<8x64xf32> {weft.name = "soft"},
          tensor<8x2xf32> {weft.name = "product"}, tensor<8xf32> {weft.name = "total"}) {
    %0 = weft.slice %x starts [0, 50] sizes [8, 2] strides [1, 1] : (tensor<8x64xf32>) -> tensor<8x2xf32>
    %picked = weft.neg %0 : (tensor<8x2xf32>) -> tensor<8x2xf32>
    %turned = weft.abs %x : (tensor<8x64xf32>) -> tensor<8x64xf32>
    %soft = weft.softmax %x axis 1 : (tensor<8x64xf32>) -> tensor<8x64xf32>
    %product = weft.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<8x64xf32>, tensor<64x2xf32>) -> tensor<8x2xf32>
    %total = weft.reduce add %x axes [1] : (tensor<8x64xf32>) -> tensor<8xf32>
    return %picked, %turned, %soft, %product, %total : tensor<8x2xf32>, tensor<8x64xf32>, tensor<8x64xf32>, tensor<8x2xf32>, tensor<8xf32>
  }
}
