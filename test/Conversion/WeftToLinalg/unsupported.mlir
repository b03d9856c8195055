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

func.func @transform(%x: tensor<3x?xf32>) -> tensor<3x?xf32> {
  // expected-error @below {{found a transform of unknown length, wanted a static one}}
  %0:2 = weft.fft r2c %x axes [1] : (tensor<3x?xf32>) -> (tensor<3x?xf32>, tensor<3x?xf32>)
  return %0#0 : tensor<3x?xf32>
}
