// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What has no lowering is an error at the op.
// RUN: weft-opt %s --convert-weft-to-linalg --split-input-file --verify-diagnostics

func.func @sorted(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{failed to legalize operation 'weft.sort'}}
  %0 = weft.sort %x axis 0 : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

func.func @heads(%q: tensor<1x?x2x4xf32>, %k: tensor<1x?x3x4xf32>) -> tensor<1x?x2x4xf32> {
  // expected-error @below {{found heads of unknown number, wanted static ones}}
  %y, %lse = weft.attention %q, %k, %k {scale = 1.0} : (tensor<1x?x2x4xf32>, tensor<1x?x3x4xf32>, tensor<1x?x3x4xf32>) -> (tensor<1x?x2x4xf32>, tensor<1x?x2xf32>)
  return %y : tensor<1x?x2x4xf32>
}
