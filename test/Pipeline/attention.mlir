// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention is one kernel where CPUs or GPUs have a generator for it; strict numerics and what the generator does not take
// (here a soft cap) leave products and a softmax.
// RUN: weft compile %s --to=host --no-cache | FileCheck %s
// RUN: weft compile %s --to=host --no-cache --target=cuda | FileCheck %s
// RUN: weft compile %s --to=host --no-cache --numerics=strict | FileCheck %s --check-prefix=STRICT

// CHECK: func.func @main
// CHECK-DAG: host.launch @attention(%arg0, %arg1, %arg2)
// CHECK-DAG: host.launch @dot_general
// CHECK: host.kernel @attention
// CHECK-NEXT: weft.attention %{{.*}}, %{{.*}}, %{{.*}} {scale = 1.000000e+00 : f64}
// STRICT-NOT: weft.attention
// STRICT: weft.softmax
func.func @main(%q: tensor<1x2x16x8xf32>, %k: tensor<1x2x20x8xf32>, %v: tensor<1x2x20x8xf32>) -> (tensor<1x2x16x8xf32>, tensor<1x2x16x8xf32>) {
  %0 = weft.dot_general %q, %k batch [0, 1] x [0, 1] contract [3] x [3] : (tensor<1x2x16x8xf32>, tensor<1x2x20x8xf32>) -> tensor<1x2x16x20xf32>
  %1 = weft.softmax %0 axis 3 : (tensor<1x2x16x20xf32>) -> tensor<1x2x16x20xf32>
  %2 = weft.dot_general %1, %v batch [0, 1] x [0, 1] contract [3] x [2] : (tensor<1x2x16x20xf32>, tensor<1x2x20x8xf32>) -> tensor<1x2x16x8xf32>
  %y, %lse = weft.attention %q, %k, %v {scale = 0.5 : f64, softcap = 3.0 : f64} : (tensor<1x2x16x8xf32>, tensor<1x2x20x8xf32>, tensor<1x2x20x8xf32>) -> (tensor<1x2x16x8xf32>, tensor<1x2x16xf32>)
  return %2, %y : tensor<1x2x16x8xf32>, tensor<1x2x16x8xf32>
}
