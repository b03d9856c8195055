// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An elementwise kernel takes the place of an operand that is temporary, of the result's type, and read by nobody later.
// RUN: weft-opt %s --weft-mark-in-place --weft-deduplicate-kernels | FileCheck %s

// CHECK-LABEL: func.func @dies
// CHECK: %[[A:.*]] = host.launch @exp(%arg0)
// CHECK-NOT: in_place
// CHECK: %[[B:.*]] = host.launch @scale(%arg1, %[[A]]) {host.in_place = 1 : i64}
// CHECK: host.call "print"(%[[B]])
func.func @dies(%x: tensor<4x8xf32>, %s: tensor<4x1xf32>) {
  %0 = host.launch @exp(%x) : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %1 = host.launch @scale(%s, %0) : (tensor<4x1xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  host.call "print"(%1) {} : (tensor<4x8xf32>) -> ()
  return
}

// Read later, also through a view; an argument; a result that is returned; read at other places.
// CHECK-LABEL: func.func @lives
// CHECK-NOT: in_place
// CHECK: return
func.func @lives(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = host.launch @exp2(%x) : (tensor<4x4xf32>) -> tensor<4x4xf32>
  %v = weft.reshape %0 sizes [16] : (tensor<4x4xf32>) -> tensor<16xf32>
  %1 = host.launch @exp3(%0) : (tensor<4x4xf32>) -> tensor<4x4xf32>
  host.call "print"(%v) {} : (tensor<16xf32>) -> ()
  %2 = host.launch @turn(%1) : (tensor<4x4xf32>) -> tensor<4x4xf32>
  %3 = host.launch @exp4(%2) : (tensor<4x4xf32>) -> tensor<4x4xf32>
  return %3 : tensor<4x4xf32>
}

// One element: all threads of a GPU would read it while one writes. (A named extent is the element itself.)
// CHECK-LABEL: func.func @named
// CHECK-NOT: in_place
// CHECK: return
func.func @named(%x: tensor<i64>) {
  %0 = host.launch @one(%x) : (tensor<i64>) -> tensor<i64>
  %n = weft.name_extent %0 as "n" : (tensor<i64>) -> tensor<i64>
  %1 = host.launch @two(%0) : (tensor<i64>) -> tensor<i64>
  host.call "print"(%n) {} : (tensor<i64>) -> ()
  host.call "print"(%1) {} : (tensor<i64>) -> ()
  return
}

// CHECK: host.kernel @scale{{.*}}host.in_place = 1
host.kernel @exp(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = weft.exp %x : (tensor<4x8xf32>) -> tensor<4x8xf32>
  host.return %0 : tensor<4x8xf32>
}
host.kernel @scale(%s: tensor<4x1xf32>, %x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = weft.mul %x, %s : (tensor<4x8xf32>, tensor<4x1xf32>) -> tensor<4x8xf32>
  host.return %0 : tensor<4x8xf32>
}
host.kernel @exp2(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = weft.exp %x : (tensor<4x4xf32>) -> tensor<4x4xf32>
  host.return %0 : tensor<4x4xf32>
}
host.kernel @exp3(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = weft.exp %x : (tensor<4x4xf32>) -> tensor<4x4xf32>
  host.return %0 : tensor<4x4xf32>
}
host.kernel @turn(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = weft.transpose %x by [1, 0] : (tensor<4x4xf32>) -> tensor<4x4xf32>
  host.return %0 : tensor<4x4xf32>
}
host.kernel @exp4(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = weft.exp %x : (tensor<4x4xf32>) -> tensor<4x4xf32>
  host.return %0 : tensor<4x4xf32>
}
host.kernel @one(%x: tensor<i64>) -> tensor<i64> {
  %0 = weft.neg %x : (tensor<i64>) -> tensor<i64>
  host.return %0 : tensor<i64>
}
host.kernel @two(%x: tensor<i64>) -> tensor<i64> {
  %0 = weft.abs %x : (tensor<i64>) -> tensor<i64>
  host.return %0 : tensor<i64>
}
