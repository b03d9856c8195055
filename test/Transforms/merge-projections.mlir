// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// RUN: weft-opt %s --weft-merge-projections --split-input-file | FileCheck %s

// Three products of one value become one; attention gets heads of it.
// CHECK-LABEL: func.func @products
// CHECK: %[[W:.*]] = weft.concat %{{.*}}, %{{.*}}, %{{.*}} axis 1 : {{.*}} -> tensor<8x24xf32>
// CHECK: %[[DOT:.*]] = weft.dot_general %arg0, %[[W]] {{.*}} -> tensor<1x16x24xf32>
// CHECK: %[[B:.*]] = weft.concat %{{.*}}, %{{.*}}, %{{.*}} axis 2 : {{.*}} -> tensor<1x1x24xf32>
// CHECK: %[[ALL:.*]] = weft.add %[[DOT]], %[[B]]
// CHECK: weft.reshape %[[ALL]] sizes [1, 16, 6, 4]
// CHECK: weft.slice %{{.*}} starts [0, 0, 0, 0] sizes [1, 16, 2, 4]
// CHECK: weft.slice %{{.*}} starts [0, 0, 2, 0] sizes [1, 16, 2, 4]
// CHECK: weft.slice %{{.*}} starts [0, 0, 4, 0] sizes [1, 16, 2, 4]
// CHECK-NOT: weft.dot_general
// CHECK: weft.attention
func.func @products(%x: tensor<1x16x8xf32>) -> tensor<1x2x16x4xf32> {
  %wq = weft.constant dense<1.0> : tensor<8x8xf32>
  %wk = weft.constant dense<2.0> : tensor<8x8xf32>
  %wv = weft.constant dense<3.0> : tensor<8x8xf32>
  %bq = weft.constant dense<4.0> : tensor<1x1x8xf32>
  %bk = weft.constant dense<5.0> : tensor<1x1x8xf32>
  %bv = weft.constant dense<6.0> : tensor<1x1x8xf32>
  %0 = weft.dot_general %x, %wq batch [] x [] contract [2] x [0] : (tensor<1x16x8xf32>, tensor<8x8xf32>) -> tensor<1x16x8xf32>
  %1 = weft.add %0, %bq : (tensor<1x16x8xf32>, tensor<1x1x8xf32>) -> tensor<1x16x8xf32>
  %2 = weft.reshape %1 sizes [1, 16, 2, 4] : (tensor<1x16x8xf32>) -> tensor<1x16x2x4xf32>
  %q = weft.transpose %2 by [0, 2, 1, 3] : (tensor<1x16x2x4xf32>) -> tensor<1x2x16x4xf32>
  %3 = weft.dot_general %x, %wk batch [] x [] contract [2] x [0] : (tensor<1x16x8xf32>, tensor<8x8xf32>) -> tensor<1x16x8xf32>
  %4 = weft.add %3, %bk : (tensor<1x16x8xf32>, tensor<1x1x8xf32>) -> tensor<1x16x8xf32>
  %5 = weft.reshape %4 sizes [1, 16, 2, 4] : (tensor<1x16x8xf32>) -> tensor<1x16x2x4xf32>
  %k = weft.transpose %5 by [0, 2, 1, 3] : (tensor<1x16x2x4xf32>) -> tensor<1x2x16x4xf32>
  %6 = weft.dot_general %x, %wv batch [] x [] contract [2] x [0] : (tensor<1x16x8xf32>, tensor<8x8xf32>) -> tensor<1x16x8xf32>
  %7 = weft.add %bv, %6 : (tensor<1x1x8xf32>, tensor<1x16x8xf32>) -> tensor<1x16x8xf32>
  %8 = weft.reshape %7 sizes [1, 16, 2, 4] : (tensor<1x16x8xf32>) -> tensor<1x16x2x4xf32>
  %v = weft.transpose %8 by [0, 2, 1, 3] : (tensor<1x16x2x4xf32>) -> tensor<1x2x16x4xf32>
  %y, %lse = weft.attention %q, %k, %v {scale = 0.5 : f64} : (tensor<1x2x16x4xf32>, tensor<1x2x16x4xf32>, tensor<1x2x16x4xf32>) -> (tensor<1x2x16x4xf32>, tensor<1x2x16xf32>)
  return %y : tensor<1x2x16x4xf32>
}

// -----

// Slices in front of the reshape go behind it; the key is of another value, and no product is merged.
// CHECK-LABEL: func.func @slices
// CHECK-NOT: weft.concat
// CHECK: %[[HEADS:.*]] = weft.reshape %arg0 sizes [1, 16, 4, 4]
// CHECK: weft.slice %[[HEADS]] starts [0, 0, 2, 0] sizes [1, 16, 2, 4]
// CHECK: weft.reshape %arg1 sizes [1, 16, 2, 4]
// A slice that begins within a head stays where it is.
// CHECK: weft.slice %arg0 starts [0, 0, 2] sizes [1, 16, 8]
func.func @slices(%x: tensor<1x16x16xf32>, %z: tensor<1x16x8xf32>) -> tensor<1x2x16x4xf32> {
  %0 = weft.slice %x starts [0, 0, 8] sizes [1, 16, 8] strides [1, 1, 1] : (tensor<1x16x16xf32>) -> tensor<1x16x8xf32>
  %1 = weft.reshape %0 sizes [1, 16, 2, 4] : (tensor<1x16x8xf32>) -> tensor<1x16x2x4xf32>
  %q = weft.transpose %1 by [0, 2, 1, 3] : (tensor<1x16x2x4xf32>) -> tensor<1x2x16x4xf32>
  %2 = weft.reshape %z sizes [1, 16, 2, 4] : (tensor<1x16x8xf32>) -> tensor<1x16x2x4xf32>
  %k = weft.transpose %2 by [0, 2, 1, 3] : (tensor<1x16x2x4xf32>) -> tensor<1x2x16x4xf32>
  %3 = weft.slice %x starts [0, 0, 2] sizes [1, 16, 8] strides [1, 1, 1] : (tensor<1x16x16xf32>) -> tensor<1x16x8xf32>
  %4 = weft.reshape %3 sizes [1, 16, 2, 4] : (tensor<1x16x8xf32>) -> tensor<1x16x2x4xf32>
  %v = weft.transpose %4 by [0, 2, 1, 3] : (tensor<1x16x2x4xf32>) -> tensor<1x2x16x4xf32>
  %y, %lse = weft.attention %q, %k, %v {scale = 0.5 : f64} : (tensor<1x2x16x4xf32>, tensor<1x2x16x4xf32>, tensor<1x2x16x4xf32>) -> (tensor<1x2x16x4xf32>, tensor<1x2x16xf32>)
  return %y : tensor<1x2x16x4xf32>
}

// -----

// Batch and rows are dynamic; keys and values have fewer heads than queries. The kernel reads all heads in place.
// CHECK-LABEL: func.func @dynamic
// CHECK: %[[W:.*]] = weft.concat %{{.*}}, %{{.*}}, %{{.*}} axis 1 : {{.*}} -> tensor<8x32xf32>
// CHECK: %[[ALL:.*]] = weft.dot_general %arg0, %[[W]] {{.*}} -> tensor<?x?x32xf32, #weft.dims<[b, s, _]>>
// CHECK: weft.reshape %[[ALL]] sizes [%{{.*}}, %{{.*}}, 8, 4] {{.*}} -> tensor<?x?x8x4xf32, #weft.dims<[b, s, _, _]>>
// CHECK: weft.slice %{{.*}} starts [0, 0, 0, 0] sizes [%{{.*}}, %{{.*}}, 4, 4] {{.*}} -> tensor<?x?x4x4xf32, #weft.dims<[b, s, _, _]>>
// CHECK: weft.slice %{{.*}} starts [0, 0, 4, 0] sizes [%{{.*}}, %{{.*}}, 2, 4] {{.*}} -> tensor<?x?x2x4xf32, #weft.dims<[b, s, _, _]>>
// CHECK: weft.slice %{{.*}} starts [0, 0, 6, 0] sizes [%{{.*}}, %{{.*}}, 2, 4]
// CHECK-NOT: weft.dot_general
// CHECK: weft.attention
func.func @dynamic(%x: tensor<?x?x8xf32, #weft.dims<[b, s, _]>>) -> tensor<?x4x?x4xf32, #weft.dims<[b, _, s, _]>> {
  %wq = weft.constant dense<1.0> : tensor<8x16xf32>
  %wk = weft.constant dense<2.0> : tensor<8x8xf32>
  %wv = weft.constant dense<3.0> : tensor<8x8xf32>
  %b = weft.dim %x, 0 : (tensor<?x?x8xf32, #weft.dims<[b, s, _]>>) -> tensor<i64>
  %s = weft.dim %x, 1 : (tensor<?x?x8xf32, #weft.dims<[b, s, _]>>) -> tensor<i64>
  %0 = weft.dot_general %x, %wq batch [] x [] contract [2] x [0] : (tensor<?x?x8xf32, #weft.dims<[b, s, _]>>, tensor<8x16xf32>) -> tensor<?x?x16xf32, #weft.dims<[b, s, _]>>
  %1 = weft.reshape %0 sizes [%b, %s, 4, 4] : (tensor<?x?x16xf32, #weft.dims<[b, s, _]>>, tensor<i64>, tensor<i64>) -> tensor<?x?x4x4xf32, #weft.dims<[b, s, _, _]>>
  %q = weft.transpose %1 by [0, 2, 1, 3] : (tensor<?x?x4x4xf32, #weft.dims<[b, s, _, _]>>) -> tensor<?x4x?x4xf32, #weft.dims<[b, _, s, _]>>
  %2 = weft.dot_general %x, %wk batch [] x [] contract [2] x [0] : (tensor<?x?x8xf32, #weft.dims<[b, s, _]>>, tensor<8x8xf32>) -> tensor<?x?x8xf32, #weft.dims<[b, s, _]>>
  %3 = weft.reshape %2 sizes [%b, %s, 2, 4] : (tensor<?x?x8xf32, #weft.dims<[b, s, _]>>, tensor<i64>, tensor<i64>) -> tensor<?x?x2x4xf32, #weft.dims<[b, s, _, _]>>
  %k = weft.transpose %3 by [0, 2, 1, 3] : (tensor<?x?x2x4xf32, #weft.dims<[b, s, _, _]>>) -> tensor<?x2x?x4xf32, #weft.dims<[b, _, s, _]>>
  %4 = weft.dot_general %x, %wv batch [] x [] contract [2] x [0] : (tensor<?x?x8xf32, #weft.dims<[b, s, _]>>, tensor<8x8xf32>) -> tensor<?x?x8xf32, #weft.dims<[b, s, _]>>
  %5 = weft.reshape %4 sizes [%b, -1, 2, 4] : (tensor<?x?x8xf32, #weft.dims<[b, s, _]>>, tensor<i64>) -> tensor<?x?x2x4xf32, #weft.dims<[b, s, _, _]>>
  %v = weft.transpose %5 by [0, 2, 1, 3] : (tensor<?x?x2x4xf32, #weft.dims<[b, s, _, _]>>) -> tensor<?x2x?x4xf32, #weft.dims<[b, _, s, _]>>
  %y, %lse = weft.attention %q, %k, %v {scale = 0.5 : f64} : (tensor<?x4x?x4xf32, #weft.dims<[b, _, s, _]>>, tensor<?x2x?x4xf32, #weft.dims<[b, _, s, _]>>, tensor<?x2x?x4xf32, #weft.dims<[b, _, s, _]>>) -> (tensor<?x4x?x4xf32, #weft.dims<[b, _, s, _]>>, tensor<?x4x?xf32, #weft.dims<[b, _, s]>>)
  return %y : tensor<?x4x?x4xf32, #weft.dims<[b, _, s, _]>>
}

// -----

// Slices of a value of dynamic rows.
// CHECK-LABEL: func.func @dynamic_slices
// CHECK: weft.reshape %arg0 sizes [%{{.*}}, 4, 4]
// CHECK: weft.slice %{{.*}} starts [0, 2, 0] sizes [%{{.*}}, 2, 4]
// CHECK-NOT: weft.slice
// CHECK: weft.attention
func.func @dynamic_slices(%x: tensor<?x16xf32, #weft.dims<[s, _]>>, %k: tensor<2x9x4xf32>, %v: tensor<2x9x4xf32>) -> tensor<2x?x4xf32, #weft.dims<[_, s, _]>> {
  %s = weft.dim %x, 0 : (tensor<?x16xf32, #weft.dims<[s, _]>>) -> tensor<i64>
  %0 = weft.slice %x starts [0, 8] sizes [%s, 8] strides [1, 1] : (tensor<?x16xf32, #weft.dims<[s, _]>>, tensor<i64>) -> tensor<?x8xf32, #weft.dims<[s, _]>>
  %1 = weft.reshape %0 sizes [%s, 2, 4] : (tensor<?x8xf32, #weft.dims<[s, _]>>, tensor<i64>) -> tensor<?x2x4xf32, #weft.dims<[s, _, _]>>
  %q = weft.transpose %1 by [1, 0, 2] : (tensor<?x2x4xf32, #weft.dims<[s, _, _]>>) -> tensor<2x?x4xf32, #weft.dims<[_, s, _]>>
  %y, %lse = weft.attention %q, %k, %v {scale = 0.5 : f64} : (tensor<2x?x4xf32, #weft.dims<[_, s, _]>>, tensor<2x9x4xf32>, tensor<2x9x4xf32>) -> (tensor<2x?x4xf32, #weft.dims<[_, s, _]>>, tensor<2x?xf32, #weft.dims<[_, s]>>)
  return %y : tensor<2x?x4xf32, #weft.dims<[_, s, _]>>
}

// -----

// Queries of one value, keys and values of another: two products. The keys have no bias, the values have one.
// CHECK-LABEL: func.func @cross
// CHECK: %[[Q:.*]] = weft.dot_general %arg0, %{{.*}} -> tensor<6x8xf32>
// CHECK: weft.reshape %[[Q]] sizes [6, 2, 4]
// CHECK: %[[W:.*]] = weft.concat %{{.*}}, %{{.*}} axis 1 : {{.*}} -> tensor<8x16xf32>
// CHECK: %[[DOT:.*]] = weft.dot_general %arg1, %[[W]] {{.*}} -> tensor<9x16xf32>
// CHECK: %[[NONE:.*]] = weft.constant dense<-0.000000e+00> : tensor<1x8xf32>
// CHECK: %[[B:.*]] = weft.concat %[[NONE]], %{{.*}} axis 1 : {{.*}} -> tensor<1x16xf32>
// CHECK: %[[KV:.*]] = weft.add %[[DOT]], %[[B]]
// CHECK: weft.reshape %[[KV]] sizes [9, 4, 4]
// CHECK: weft.slice %{{.*}} starts [0, 0, 0] sizes [9, 2, 4]
// CHECK: weft.slice %{{.*}} starts [0, 2, 0] sizes [9, 2, 4]
// CHECK-NOT: weft.dot_general
// CHECK: weft.attention
func.func @cross(%x: tensor<6x8xf32>, %z: tensor<9x8xf32>) -> tensor<2x6x4xf32> {
  %wq = weft.constant dense<1.0> : tensor<8x8xf32>
  %wk = weft.constant dense<2.0> : tensor<8x8xf32>
  %wv = weft.constant dense<3.0> : tensor<8x8xf32>
  %bv = weft.constant dense<4.0> : tensor<1x8xf32>
  %0 = weft.dot_general %x, %wq batch [] x [] contract [1] x [0] : (tensor<6x8xf32>, tensor<8x8xf32>) -> tensor<6x8xf32>
  %1 = weft.reshape %0 sizes [6, 2, 4] : (tensor<6x8xf32>) -> tensor<6x2x4xf32>
  %q = weft.transpose %1 by [1, 0, 2] : (tensor<6x2x4xf32>) -> tensor<2x6x4xf32>
  %2 = weft.dot_general %z, %wk batch [] x [] contract [1] x [0] : (tensor<9x8xf32>, tensor<8x8xf32>) -> tensor<9x8xf32>
  %3 = weft.reshape %2 sizes [9, 2, 4] : (tensor<9x8xf32>) -> tensor<9x2x4xf32>
  %k = weft.transpose %3 by [1, 0, 2] : (tensor<9x2x4xf32>) -> tensor<2x9x4xf32>
  %4 = weft.dot_general %z, %wv batch [] x [] contract [1] x [0] : (tensor<9x8xf32>, tensor<8x8xf32>) -> tensor<9x8xf32>
  %5 = weft.add %4, %bv : (tensor<9x8xf32>, tensor<1x8xf32>) -> tensor<9x8xf32>
  %6 = weft.reshape %5 sizes [9, 2, 4] : (tensor<9x8xf32>) -> tensor<9x2x4xf32>
  %v = weft.transpose %6 by [1, 0, 2] : (tensor<9x2x4xf32>) -> tensor<2x9x4xf32>
  %y, %lse = weft.attention %q, %k, %v {scale = 0.5 : f64} : (tensor<2x6x4xf32>, tensor<2x9x4xf32>, tensor<2x9x4xf32>) -> (tensor<2x6x4xf32>, tensor<2x6xf32>)
  return %y : tensor<2x6x4xf32>
}

// -----

// Weights whose rows are the product's columns, but for the values: queries and keys are one product.
// CHECK-LABEL: func.func @rows
// CHECK: weft.dot_general %arg0, %{{.*}} batch [] x [] contract [1] x [0]
// CHECK: %[[W:.*]] = weft.concat %{{.*}}, %{{.*}} axis 0 : (tensor<8x6xf32>, tensor<8x6xf32>) -> tensor<16x6xf32>
// CHECK: weft.dot_general %arg0, %[[W]] batch [] x [] contract [1] x [1] : {{.*}} -> tensor<9x16xf32>
// CHECK-NOT: weft.dot_general
func.func @rows(%x: tensor<9x6xf32>) -> tensor<2x9x4xf32> {
  %wq = weft.constant dense<1.0> : tensor<8x6xf32>
  %wk = weft.constant dense<2.0> : tensor<8x6xf32>
  %wv = weft.constant dense<3.0> : tensor<6x8xf32>
  %0 = weft.dot_general %x, %wq batch [] x [] contract [1] x [1] : (tensor<9x6xf32>, tensor<8x6xf32>) -> tensor<9x8xf32>
  %1 = weft.reshape %0 sizes [9, 2, 4] : (tensor<9x8xf32>) -> tensor<9x2x4xf32>
  %q = weft.transpose %1 by [1, 0, 2] : (tensor<9x2x4xf32>) -> tensor<2x9x4xf32>
  %2 = weft.dot_general %x, %wk batch [] x [] contract [1] x [1] : (tensor<9x6xf32>, tensor<8x6xf32>) -> tensor<9x8xf32>
  %3 = weft.reshape %2 sizes [9, 2, 4] : (tensor<9x8xf32>) -> tensor<9x2x4xf32>
  %k = weft.transpose %3 by [1, 0, 2] : (tensor<9x2x4xf32>) -> tensor<2x9x4xf32>
  %4 = weft.dot_general %x, %wv batch [] x [] contract [1] x [0] : (tensor<9x6xf32>, tensor<6x8xf32>) -> tensor<9x8xf32>
  %5 = weft.reshape %4 sizes [9, 2, 4] : (tensor<9x8xf32>) -> tensor<9x2x4xf32>
  %v = weft.transpose %5 by [1, 0, 2] : (tensor<9x2x4xf32>) -> tensor<2x9x4xf32>
  %y, %lse = weft.attention %q, %k, %v {scale = 0.5 : f64} : (tensor<2x9x4xf32>, tensor<2x9x4xf32>, tensor<2x9x4xf32>) -> (tensor<2x9x4xf32>, tensor<2x9xf32>)
  return %y : tensor<2x9x4xf32>
}

// -----

// Heads of values are less deep than those of keys, and others read the queries: three products.
// CHECK-LABEL: func.func @apart
// CHECK-NOT: weft.concat
// CHECK-COUNT-3: weft.dot_general
// CHECK-NOT: weft.slice
func.func @apart(%x: tensor<6x8xf32>) -> (tensor<2x6x3xf32>, tensor<6x8xf32>) {
  %wq = weft.constant dense<1.0> : tensor<8x8xf32>
  %wk = weft.constant dense<2.0> : tensor<8x8xf32>
  %wv = weft.constant dense<3.0> : tensor<8x6xf32>
  %0 = weft.dot_general %x, %wq batch [] x [] contract [1] x [0] : (tensor<6x8xf32>, tensor<8x8xf32>) -> tensor<6x8xf32>
  %1 = weft.reshape %0 sizes [6, 2, 4] : (tensor<6x8xf32>) -> tensor<6x2x4xf32>
  %q = weft.transpose %1 by [1, 0, 2] : (tensor<6x2x4xf32>) -> tensor<2x6x4xf32>
  %2 = weft.dot_general %x, %wk batch [] x [] contract [1] x [0] : (tensor<6x8xf32>, tensor<8x8xf32>) -> tensor<6x8xf32>
  %3 = weft.reshape %2 sizes [6, 2, 4] : (tensor<6x8xf32>) -> tensor<6x2x4xf32>
  %k = weft.transpose %3 by [1, 0, 2] : (tensor<6x2x4xf32>) -> tensor<2x6x4xf32>
  %4 = weft.dot_general %x, %wv batch [] x [] contract [1] x [0] : (tensor<6x8xf32>, tensor<8x6xf32>) -> tensor<6x6xf32>
  %5 = weft.reshape %4 sizes [6, 2, 3] : (tensor<6x6xf32>) -> tensor<6x2x3xf32>
  %v = weft.transpose %5 by [1, 0, 2] : (tensor<6x2x3xf32>) -> tensor<2x6x3xf32>
  %y, %lse = weft.attention %q, %k, %v {scale = 0.5 : f64} : (tensor<2x6x4xf32>, tensor<2x6x4xf32>, tensor<2x6x3xf32>) -> (tensor<2x6x3xf32>, tensor<2x6xf32>)
  return %y, %0 : tensor<2x6x3xf32>, tensor<6x8xf32>
}

// -----

// Extents without a name are not known to be equal.
// CHECK-LABEL: func.func @unknown
// CHECK-NOT: weft.concat
func.func @unknown(%x: tensor<?x8xf32>) -> tensor<2x?x4xf32> {
  %wq = weft.constant dense<1.0> : tensor<8x8xf32>
  %wk = weft.constant dense<2.0> : tensor<8x8xf32>
  %wv = weft.constant dense<3.0> : tensor<8x8xf32>
  %0 = weft.dot_general %x, %wq batch [] x [] contract [1] x [0] : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
  %1 = weft.reshape %0 sizes [-1, 2, 4] : (tensor<?x8xf32>) -> tensor<?x2x4xf32>
  %q = weft.transpose %1 by [1, 0, 2] : (tensor<?x2x4xf32>) -> tensor<2x?x4xf32>
  %2 = weft.dot_general %x, %wk batch [] x [] contract [1] x [0] : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
  %3 = weft.reshape %2 sizes [-1, 2, 4] : (tensor<?x8xf32>) -> tensor<?x2x4xf32>
  %k = weft.transpose %3 by [1, 0, 2] : (tensor<?x2x4xf32>) -> tensor<2x?x4xf32>
  %4 = weft.dot_general %x, %wv batch [] x [] contract [1] x [0] : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
  %5 = weft.reshape %4 sizes [-1, 2, 4] : (tensor<?x8xf32>) -> tensor<?x2x4xf32>
  %v = weft.transpose %5 by [1, 0, 2] : (tensor<?x2x4xf32>) -> tensor<2x?x4xf32>
  %y, %lse = weft.attention %q, %k, %v {scale = 0.5 : f64} : (tensor<2x?x4xf32>, tensor<2x?x4xf32>, tensor<2x?x4xf32>) -> (tensor<2x?x4xf32>, tensor<2x?xf32>)
  return %y : tensor<2x?x4xf32>
}

// -----

// Products outside the region of the attention stay there: it may be a loop.
// CHECK-LABEL: func.func @region
// CHECK-NOT: weft.concat
// CHECK-COUNT-3: weft.dot_general
// CHECK: weft.if
func.func @region(%p: tensor<i1>, %x: tensor<6x8xf32>) -> tensor<2x6x4xf32> {
  %wq = weft.constant dense<1.0> : tensor<8x8xf32>
  %wk = weft.constant dense<2.0> : tensor<8x8xf32>
  %wv = weft.constant dense<3.0> : tensor<8x8xf32>
  %0 = weft.dot_general %x, %wq batch [] x [] contract [1] x [0] : (tensor<6x8xf32>, tensor<8x8xf32>) -> tensor<6x8xf32>
  %1 = weft.dot_general %x, %wk batch [] x [] contract [1] x [0] : (tensor<6x8xf32>, tensor<8x8xf32>) -> tensor<6x8xf32>
  %2 = weft.dot_general %x, %wv batch [] x [] contract [1] x [0] : (tensor<6x8xf32>, tensor<8x8xf32>) -> tensor<6x8xf32>
  %none = weft.constant dense<0.0> : tensor<2x6x4xf32>
  %r = weft.if %p : (tensor<i1>) -> tensor<2x6x4xf32> {
    %3 = weft.reshape %0 sizes [6, 2, 4] : (tensor<6x8xf32>) -> tensor<6x2x4xf32>
    %q = weft.transpose %3 by [1, 0, 2] : (tensor<6x2x4xf32>) -> tensor<2x6x4xf32>
    %4 = weft.reshape %1 sizes [6, 2, 4] : (tensor<6x8xf32>) -> tensor<6x2x4xf32>
    %k = weft.transpose %4 by [1, 0, 2] : (tensor<6x2x4xf32>) -> tensor<2x6x4xf32>
    %5 = weft.reshape %2 sizes [6, 2, 4] : (tensor<6x8xf32>) -> tensor<6x2x4xf32>
    %v = weft.transpose %5 by [1, 0, 2] : (tensor<6x2x4xf32>) -> tensor<2x6x4xf32>
    %y, %lse = weft.attention %q, %k, %v {scale = 0.5 : f64} : (tensor<2x6x4xf32>, tensor<2x6x4xf32>, tensor<2x6x4xf32>) -> (tensor<2x6x4xf32>, tensor<2x6xf32>)
    weft.yield %y : tensor<2x6x4xf32>
  } else {
    weft.yield %none : tensor<2x6x4xf32>
  }
  return %r : tensor<2x6x4xf32>
}
