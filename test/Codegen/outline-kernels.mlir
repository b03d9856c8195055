// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which ops become one kernel, which do not, and what a kernel takes along.
// RUN: weft-opt %s --weft-outline-kernels --split-input-file | FileCheck %s

// A contraction and what follows it in its shape.
// CHECK-LABEL: func.func @epilogue(
// CHECK-NEXT: %[[R:.*]] = host.launch @dot_general_add_relu(%arg0, %arg1, %arg2)
// CHECK-NEXT: return %[[R]]
// CHECK: host.kernel @dot_general_add_relu(%[[X:.*]]: tensor<8x16xf32>, %[[W:.*]]: tensor<16x4xf32>, %[[B:.*]]: tensor<1x4xf32>) -> tensor<8x4xf32>
// CHECK-NEXT: %[[D:.*]] = weft.dot_general %[[X]], %[[W]]
// CHECK-NEXT: %[[A:.*]] = weft.add %[[D]], %[[B]]
// CHECK-NEXT: %[[Y:.*]] = weft.relu %[[A]]
// CHECK-NEXT: host.return %[[Y]]
func.func @epilogue(%x: tensor<8x16xf32>, %w: tensor<16x4xf32>, %b: tensor<1x4xf32>) -> tensor<8x4xf32> {
  %0 = weft.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<8x16xf32>, tensor<16x4xf32>) -> tensor<8x4xf32>
  %1 = weft.add %0, %b : (tensor<8x4xf32>, tensor<1x4xf32>) -> tensor<8x4xf32>
  %2 = weft.relu %1 : (tensor<8x4xf32>) -> tensor<8x4xf32>
  return %2 : tensor<8x4xf32>
}

// -----

// x * logistic(x): two readers, both of the epilogue.
// CHECK-LABEL: func.func @silu(
// CHECK-NEXT: %[[R:.*]] = host.launch @dot_general_logistic_mul(%arg0, %arg1)
// CHECK-NEXT: return %[[R]]
func.func @silu(%x: tensor<8x16xf32>, %w: tensor<16x4xf32>) -> tensor<8x4xf32> {
  %0 = weft.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<8x16xf32>, tensor<16x4xf32>) -> tensor<8x4xf32>
  %1 = weft.logistic %0 : (tensor<8x4xf32>) -> tensor<8x4xf32>
  %2 = weft.mul %0, %1 : (tensor<8x4xf32>, tensor<8x4xf32>) -> tensor<8x4xf32>
  return %2 : tensor<8x4xf32>
}

// -----

// Elementwise ops that fork and join are one kernel.
// CHECK-LABEL: func.func @diamond(
// CHECK: host.launch @exp_neg_add(%arg0)
// CHECK-NOT: host.launch
func.func @diamond(%x: tensor<8x16xf32>) -> tensor<8x16xf32> {
  %0 = weft.exp %x : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %1 = weft.neg %0 : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %2 = weft.add %0, %1 : (tensor<8x16xf32>, tensor<8x16xf32>) -> tensor<8x16xf32>
  return %2 : tensor<8x16xf32>
}

// -----

// A reduction takes what is before it and after it.
// CHECK-LABEL: func.func @prologue(
// CHECK-NEXT: host.launch @exp_reduce_log(%arg0)
// CHECK-NEXT: return
func.func @prologue(%x: tensor<8x16xf32>) -> tensor<8xf32> {
  %0 = weft.exp %x : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %1 = weft.reduce add %0 axes [1] : (tensor<8x16xf32>) -> tensor<8xf32>
  %2 = weft.log %1 : (tensor<8xf32>) -> tensor<8xf32>
  return %2 : tensor<8xf32>
}

// -----

// A contraction reads its operands many times: no prologue.
// CHECK-LABEL: func.func @no_prologue(
// CHECK-NEXT: %[[E:.*]] = host.launch @exp(%arg0)
// CHECK-NEXT: host.launch @dot_general(%[[E]], %arg1)
func.func @no_prologue(%x: tensor<8x16xf32>, %w: tensor<16x4xf32>) -> tensor<8x4xf32> {
  %0 = weft.exp %x : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %1 = weft.dot_general %0, %w batch [] x [] contract [1] x [0] : (tensor<8x16xf32>, tensor<16x4xf32>) -> tensor<8x4xf32>
  return %1 : tensor<8x4xf32>
}

// -----

// Nor with an epilogue, when all have the shape of its result.
// CHECK-LABEL: func.func @no_square_prologue(
// CHECK-NEXT: %[[E:.*]] = host.launch @exp(%arg0)
// CHECK-NEXT: host.launch @dot_general_neg(%[[E]], %arg1)
func.func @no_square_prologue(%x: tensor<8x16xf32>, %w: tensor<16x16xf32>) -> tensor<8x16xf32> {
  %0 = weft.exp %x : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %1 = weft.dot_general %0, %w batch [] x [] contract [1] x [0] : (tensor<8x16xf32>, tensor<16x16xf32>) -> tensor<8x16xf32>
  %2 = weft.neg %1 : (tensor<8x16xf32>) -> tensor<8x16xf32>
  return %2 : tensor<8x16xf32>
}

// -----

// One root to a kernel.
// CHECK-LABEL: func.func @two_roots(
// CHECK-NEXT: %[[M:.*]] = host.launch @reduce(%arg0)
// CHECK-NEXT: host.launch @reduce_sub(%arg0, %[[M]])
func.func @two_roots(%x: tensor<8x16xf32>) -> tensor<8xf32> {
  %1 = weft.reduce add %x axes [1] : (tensor<8x16xf32>) -> tensor<8xf32>
  %0 = weft.reduce max %x axes [1] : (tensor<8x16xf32>) -> tensor<8xf32>
  %2 = weft.sub %1, %0 : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  return %2 : tensor<8xf32>
}

// -----

// An epilogue has the root's shape: what stretches it stands apart.
// CHECK-LABEL: func.func @stretches(
// CHECK-NEXT: %[[D:.*]] = host.launch @dot_general(%arg0, %arg1)
// CHECK-NEXT: host.launch @add(%[[D]], %arg2)
func.func @stretches(%x: tensor<1x16xf32>, %w: tensor<16x4xf32>, %b: tensor<8x4xf32>) -> tensor<8x4xf32> {
  %0 = weft.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<1x16xf32>, tensor<16x4xf32>) -> tensor<1x4xf32>
  %1 = weft.add %0, %b : (tensor<1x4xf32>, tensor<8x4xf32>) -> tensor<8x4xf32>
  return %1 : tensor<8x4xf32>
}

// -----

// What others read too is not taken in.
// CHECK-LABEL: func.func @read_twice(
// CHECK-NEXT: %[[D:.*]] = host.launch @dot_general(%arg0, %arg1)
// CHECK-NEXT: %[[R:.*]] = host.launch @relu(%[[D]])
// CHECK-NEXT: return %[[D]], %[[R]]
func.func @read_twice(%x: tensor<8x16xf32>, %w: tensor<16x4xf32>) -> (tensor<8x4xf32>, tensor<8x4xf32>) {
  %0 = weft.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<8x16xf32>, tensor<16x4xf32>) -> tensor<8x4xf32>
  %1 = weft.relu %0 : (tensor<8x4xf32>) -> tensor<8x4xf32>
  return %0, %1 : tensor<8x4xf32>, tensor<8x4xf32>
}

// -----

// What a kernel computes must not wait for what waits for it: the slice reads exp and feeds add.
// CHECK-LABEL: func.func @around(
// CHECK-NEXT: %[[E:.*]] = host.launch @exp(%arg0)
// CHECK-NEXT: %[[S:.*]] = host.launch @slice(%[[E]])
// CHECK-NEXT: host.launch @add(%[[E]], %[[S]])
func.func @around(%x: tensor<8xf32>) -> tensor<8xf32> {
  %0 = weft.exp %x : (tensor<8xf32>) -> tensor<8xf32>
  %1 = weft.slice %0 starts [3] sizes [1] strides [1] : (tensor<8xf32>) -> tensor<1xf32>
  %2 = weft.add %0, %1 : (tensor<8xf32>, tensor<1xf32>) -> tensor<8xf32>
  return %2 : tensor<8xf32>
}

// -----

// Contractions of integers wider than bytes, and their convolutions, have no generator that takes an epilogue.
// CHECK-LABEL: func.func @integer_dot(
// CHECK-NEXT: %[[D:.*]] = host.launch @dot_general(%arg0, %arg1)
// CHECK-NEXT: host.launch @add(%[[D]], %arg2)
func.func @integer_dot(%x: tensor<8x16xi32>, %w: tensor<16x4xi32>, %b: tensor<1x4xi32>) -> tensor<8x4xi32> {
  %0 = weft.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<8x16xi32>, tensor<16x4xi32>) -> tensor<8x4xi32>
  %1 = weft.add %0, %b : (tensor<8x4xi32>, tensor<1x4xi32>) -> tensor<8x4xi32>
  return %1 : tensor<8x4xi32>
}

// -----

// Those of bytes have one.
// CHECK-LABEL: func.func @byte_dot(
// CHECK-NEXT: host.launch @dot_general_add(%arg0, %arg1, %arg2)
func.func @byte_dot(%x: tensor<8x16xi8>, %w: tensor<16x4xi8>, %b: tensor<1x4xi32>) -> tensor<8x4xi32> {
  %0 = weft.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<8x16xi8>, tensor<16x4xi8>) -> tensor<8x4xi32>
  %1 = weft.add %0, %b : (tensor<8x4xi32>, tensor<1x4xi32>) -> tensor<8x4xi32>
  return %1 : tensor<8x4xi32>
}

// -----

// CHECK-LABEL: func.func @integer_conv(
// CHECK-NEXT: %[[D:.*]] = host.launch @conv(%arg0, %arg1)
// CHECK-NEXT: host.launch @add(%[[D]], %arg2)
func.func @integer_conv(%x: tensor<1x4x4x2xi32>, %w: tensor<3x2x1x1xi32>, %b: tensor<1x1x1x3xi32>) -> tensor<1x4x4x3xi32> {
  %0 = weft.conv %x, %w {x_dims = array<i64: 0, 3, 1, 2>, w_dims = array<i64: 0, 1, 2, 3>, y_dims = array<i64: 0, 3, 1, 2>,
    strides = array<i64: 1, 1>, padding_low = array<i64: 0, 0>, padding_high = array<i64: 0, 0>,
    input_dilation = array<i64: 1, 1>, kernel_dilation = array<i64: 1, 1>} : (tensor<1x4x4x2xi32>, tensor<3x2x1x1xi32>) -> tensor<1x4x4x3xi32>
  %1 = weft.add %0, %b : (tensor<1x4x4x3xi32>, tensor<1x1x1x3xi32>) -> tensor<1x4x4x3xi32>
  return %1 : tensor<1x4x4x3xi32>
}

// -----

// Nor does the generator make booleans.
// CHECK-LABEL: func.func @compared(
// CHECK-NEXT: %[[D:.*]] = host.launch @dot_general(%arg0, %arg1)
// CHECK-NEXT: host.launch @compare(%[[D]], %arg2)
func.func @compared(%x: tensor<8x16xf32>, %w: tensor<16x4xf32>, %b: tensor<1x4xf32>) -> tensor<8x4xi1> {
  %0 = weft.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<8x16xf32>, tensor<16x4xf32>) -> tensor<8x4xf32>
  %1 = weft.compare lt %0, %b : (tensor<8x4xf32>, tensor<1x4xf32>) -> tensor<8x4xi1>
  return %1 : tensor<8x4xi1>
}

// -----

// Splats are cloned into the kernel; other constants are arguments.
// CHECK-LABEL: func.func @constants(
// CHECK-NEXT: %[[C:.*]] = weft.constant dense<{{\[}}[1.0
// CHECK-NEXT: host.launch @mul_add(%arg0, %[[C]])
// CHECK: host.kernel @mul_add(
// CHECK-NEXT: weft.constant dense<2.000000e+00>
func.func @constants(%x: tensor<2x2xf32>) -> tensor<2x2xf32> {
  %s = weft.constant dense<2.0> : tensor<1x1xf32>
  %d = weft.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32>
  %0 = weft.mul %x, %s : (tensor<2x2xf32>, tensor<1x1xf32>) -> tensor<2x2xf32>
  %1 = weft.add %0, %d : (tensor<2x2xf32>, tensor<1x2xf32>) -> tensor<2x2xf32>
  return %1 : tensor<2x2xf32>
}

// -----

// Reshapes are views, and the host's.
// CHECK-LABEL: func.func @views(
// CHECK-NEXT: %[[E:.*]] = host.launch @exp(%arg0)
// CHECK-NEXT: %[[V:.*]] = weft.reshape %[[E]]
// CHECK-NEXT: host.launch @neg(%[[V]])
func.func @views(%x: tensor<2x2xf32>) -> tensor<4xf32> {
  %0 = weft.exp %x : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %1 = weft.reshape %0 sizes [4] : (tensor<2x2xf32>) -> tensor<4xf32>
  %2 = weft.neg %1 : (tensor<4xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}

// -----

// Arithmetic on extents is done again in each kernel that needs it; none is left in the function.
// CHECK-LABEL: func.func @shape_arithmetic(
// CHECK-NEXT: %[[I:.*]] = host.launch @iota(%arg0)
// CHECK-NEXT: host.launch @broadcast(%arg1, %arg0)
// CHECK-NEXT: return
// CHECK: host.kernel @iota(
// CHECK-NEXT: weft.dim %
// CHECK-NEXT: weft.constant dense<1>
// CHECK-NEXT: weft.add
// CHECK-NEXT: weft.iota
// CHECK: host.kernel @broadcast(
// CHECK: weft.dim
// CHECK: weft.broadcast
func.func @shape_arithmetic(%x: tensor<?xf32, #weft.dims<[n]>>, %s: tensor<i64>) -> (tensor<?xi64, #weft.dims<[n + 1]>>, tensor<?xi64, #weft.dims<[n + 1]>>) {
  %n = weft.dim %x, 0 : (tensor<?xf32, #weft.dims<[n]>>) -> tensor<i64>
  %one = weft.constant dense<1> : tensor<i64>
  %m = weft.add %n, %one : (tensor<i64>, tensor<i64>) -> tensor<i64>
  %0 = weft.iota axis 0 sizes [%m] : (tensor<i64>) -> tensor<?xi64, #weft.dims<[n + 1]>>
  %1 = weft.broadcast %s sizes [%m] dims [] : (tensor<i64>, tensor<i64>) -> tensor<?xi64, #weft.dims<[n + 1]>>
  return %0, %1 : tensor<?xi64, #weft.dims<[n + 1]>>, tensor<?xi64, #weft.dims<[n + 1]>>
}

// -----

// The host has no arithmetic: an extent that it returns is a kernel's result.
// CHECK-LABEL: func.func @returned_extent(
// CHECK-NEXT: %[[N:.*]] = host.launch @mul(%arg0)
// CHECK-NEXT: return %[[N]]
// CHECK: host.kernel @mul(
// CHECK-NEXT: weft.dim %
// CHECK: weft.mul
func.func @returned_extent(%x: tensor<?xf32, #weft.dims<[n]>>) -> tensor<i64> {
  %n = weft.dim %x, 0 : (tensor<?xf32, #weft.dims<[n]>>) -> tensor<i64>
  %two = weft.constant dense<2> : tensor<i64>
  %m = weft.mul %n, %two : (tensor<i64>, tensor<i64>) -> tensor<i64>
  return %m : tensor<i64>
}

// -----

// A named extent is an element that somebody computed: it is passed.
// CHECK-LABEL: func.func @named_extent(
// CHECK-NEXT: %[[N:.*]] = weft.name_extent %arg0 as "data_0"
// CHECK-NEXT: host.launch @iota(%[[N]])
func.func @named_extent(%n: tensor<i64>) -> tensor<?xi64, #weft.dims<[data_0]>> {
  %0 = weft.name_extent %n as "data_0" : (tensor<i64>) -> tensor<i64>
  %1 = weft.iota axis 0 sizes [%0] : (tensor<i64>) -> tensor<?xi64, #weft.dims<[data_0]>>
  return %1 : tensor<?xi64, #weft.dims<[data_0]>>
}

// -----

// Sorting and selection are the runtime's; printing stays though nobody reads it.
// CHECK-LABEL: func.func @calls(
// CHECK-NEXT: host.call "sort"(%arg0) {axis = 0 : i64, descending = 0 : i64, num_keys = 1 : i64}
// CHECK-NEXT: host.call "top_k"(%arg0) {axis = 0 : i64, largest = 1 : i64}
// CHECK-NEXT: host.call "non_zero"(%arg0) {} : (tensor<9xf32>) -> (tensor<?x1xi64, #weft.dims<[data_0, _]>>, tensor<i64>)
// CHECK-NEXT: host.call "print"(%arg0) {message = "x"} : (tensor<9xf32>) -> ()
func.func @calls(%x: tensor<9xf32>) -> (tensor<9xf32>, tensor<3xf32>, tensor<3xi64>, tensor<?x1xi64, #weft.dims<[data_0, _]>>) {
  %0 = weft.sort %x axis 0 : (tensor<9xf32>) -> tensor<9xf32>
  %v, %i = weft.top_k %x k [3] axis 0 : (tensor<9xf32>) -> (tensor<3xf32>, tensor<3xi64>)
  %nz = weft.non_zero %x : (tensor<9xf32>) -> tensor<?x1xi64, #weft.dims<[data_0, _]>>
  weft.print %x, "x" : tensor<9xf32>
  return %0, %v, %i, %nz : tensor<9xf32>, tensor<3xf32>, tensor<3xi64>, tensor<?x1xi64, #weft.dims<[data_0, _]>>
}

// -----

// Regions have kernels of their own; what they read from outside is passed.
// CHECK-LABEL: func.func @regions(
// CHECK: weft.if
// CHECK-NEXT: %[[R:.*]] = host.launch @neg_add(%arg1, %arg2)
// CHECK-NEXT: weft.yield %[[R]]
func.func @regions(%p: tensor<i1>, %x: tensor<2xf32>, %y: tensor<2xf32>) -> tensor<2xf32> {
  %0 = weft.if %p : (tensor<i1>) -> tensor<2xf32> {
    %1 = weft.neg %x : (tensor<2xf32>) -> tensor<2xf32>
    %2 = weft.add %1, %y : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
    weft.yield %2 : tensor<2xf32>
  } else {
    weft.yield %x : tensor<2xf32>
  }
  return %0 : tensor<2xf32>
}

// -----

// CHECK-LABEL: func.func @dead(
// CHECK-NEXT: return %arg0
// CHECK-NOT: host.kernel
func.func @dead(%x: tensor<8xf32>) -> tensor<8xf32> {
  %0 = weft.exp %x : (tensor<8xf32>) -> tensor<8xf32>
  return %x : tensor<8xf32>
}

// -----

// A reduction that shares its operand with others reads it from memory.
// CHECK-LABEL: func.func @shared_prologue(
// CHECK-NEXT: %[[M:.*]] = host.launch @mul(%arg0)
// CHECK-NEXT: host.launch @reduce(%[[M]])
func.func @shared_prologue(%x: tensor<4x8xf32>) -> (tensor<4xf32>, tensor<4x8xf32>) {
  %0 = weft.mul %x, %x : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %1 = weft.reduce add %0 axes [1] : (tensor<4x8xf32>) -> tensor<4xf32>
  return %1, %0 : tensor<4xf32>, tensor<4x8xf32>
}

// -----

// The host looks at one element: kernels find out whether all of them hold.
// CHECK-LABEL: func.func @assertion(
// CHECK-NEXT: %[[P:.*]] = host.launch @compare_reduce(%arg0) : (tensor<3x4xf32>) -> tensor<i1>
// CHECK-NEXT: weft.assert %[[P]], "negative" : tensor<i1>
func.func @assertion(%x: tensor<3x4xf32>) {
  %c = weft.constant dense<0.0> : tensor<1x1xf32>
  %p = weft.compare ge %x, %c : (tensor<3x4xf32>, tensor<1x1xf32>) -> tensor<3x4xi1>
  weft.assert %p, "negative" : tensor<3x4xi1>
  return
}
