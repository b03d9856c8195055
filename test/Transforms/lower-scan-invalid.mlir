// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Stacks need slices of known extents.
// RUN: weft-opt %s --weft-lower-scan --verify-diagnostics

func.func @unknown_slices(%xs: tensor<3x4xf32>) -> tensor<3x?xf32> {
  // expected-error@+1 {{stacks slices of unknown extent in dimension 0, wanted a number}}
  %0 = weft.scan over(%xs) : (tensor<3x4xf32>) -> tensor<3x?xf32> {
  ^bb0(%row: tensor<4xf32>):
    %1 = weft.cast_shape %row : (tensor<4xf32>) -> tensor<?xf32>
    weft.yield %1 : tensor<?xf32>
  }
  return %0 : tensor<3x?xf32>
}
