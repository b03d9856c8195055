// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention takes in what transposes its operands and its result and slices heads, where nobody else reads that.
// RUN: weft-opt %s --split-input-file --weft-outline-kernels | FileCheck %s
// RUN: weft-opt %s --split-input-file --weft-outline-kernels=gpu=true | FileCheck %s --check-prefix=APART

// CHECK-LABEL: func.func @main
// CHECK-NEXT: %[[K:.*]] = host.launch @transpose(%arg1)
// CHECK-NEXT: %[[Y:.*]] = host.launch @attention(%arg0, %arg2, %[[K]])
// CHECK-NEXT: return %[[Y]], %[[K]]
// CHECK: host.kernel @attention
// CHECK: weft.slice
// CHECK: weft.attention
// CHECK-NEXT: weft.transpose
// APART-LABEL: func.func @main
// APART-COUNT-5: host.launch
func.func @main(%q: tensor<1x16x6x4xf32>, %k: tensor<1x16x2x4xf32>, %v: tensor<1x16x2x4xf32>) -> (tensor<1x16x2x4xf32>, tensor<1x2x16x4xf32>) {
  %0 = weft.slice %q starts [0, 0, 2, 0] sizes [1, 16, 2, 4] strides [1, 1, 1, 1] : (tensor<1x16x6x4xf32>) -> tensor<1x16x2x4xf32>
  %1 = weft.transpose %0 by [0, 2, 1, 3] : (tensor<1x16x2x4xf32>) -> tensor<1x2x16x4xf32>
  %2 = weft.transpose %k by [0, 2, 1, 3] : (tensor<1x16x2x4xf32>) -> tensor<1x2x16x4xf32>
  %3 = weft.transpose %v by [0, 2, 1, 3] : (tensor<1x16x2x4xf32>) -> tensor<1x2x16x4xf32>
  %y, %lse = weft.attention %1, %2, %3 {scale = 0.5 : f64} : (tensor<1x2x16x4xf32>, tensor<1x2x16x4xf32>, tensor<1x2x16x4xf32>) -> (tensor<1x2x16x4xf32>, tensor<1x2x16xf32>)
  %4 = weft.transpose %y by [0, 2, 1, 3] : (tensor<1x2x16x4xf32>) -> tensor<1x16x2x4xf32>
  return %4, %2 : tensor<1x16x2x4xf32>, tensor<1x2x16x4xf32>
}

// -----

// Slices of heads of dynamic rows too.
// CHECK-LABEL: func.func @dynamic
// CHECK-NEXT: %[[Y:.*]] = host.launch @attention(%arg0, %arg1)
// CHECK-NEXT: return %[[Y]]
// CHECK: host.kernel @attention
// CHECK: weft.dim
// CHECK: weft.slice
func.func @dynamic(%q: tensor<?x6x4xf32, #weft.dims<[s, _, _]>>, %kv: tensor<2x16x4xf32>) -> tensor<2x?x4xf32, #weft.dims<[_, s, _]>> {
  %s = weft.dim %q, 0 : (tensor<?x6x4xf32, #weft.dims<[s, _, _]>>) -> tensor<i64>
  %0 = weft.slice %q starts [0, 2, 0] sizes [%s, 2, 4] strides [1, 1, 1] : (tensor<?x6x4xf32, #weft.dims<[s, _, _]>>, tensor<i64>) -> tensor<?x2x4xf32, #weft.dims<[s, _, _]>>
  %1 = weft.transpose %0 by [1, 0, 2] : (tensor<?x2x4xf32, #weft.dims<[s, _, _]>>) -> tensor<2x?x4xf32, #weft.dims<[_, s, _]>>
  %y, %lse = weft.attention %1, %kv, %kv {scale = 0.5 : f64} : (tensor<2x?x4xf32, #weft.dims<[_, s, _]>>, tensor<2x16x4xf32>, tensor<2x16x4xf32>) -> (tensor<2x?x4xf32, #weft.dims<[_, s, _]>>, tensor<2x?xf32, #weft.dims<[_, s]>>)
  return %y : tensor<2x?x4xf32, #weft.dims<[_, s, _]>>
}
