// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels, launches and calls: syntax, and what may be removed.
// RUN: weft-opt %s | weft-opt | FileCheck %s
// RUN: weft-opt --mlir-print-op-generic %s | weft-opt | FileCheck %s
// RUN: weft-opt --canonicalize %s | FileCheck %s --check-prefix=CANON

// CHECK: host.kernel @twice(%{{.*}}: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
host.kernel @twice(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %0 = weft.add %x, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  // CHECK: host.return %{{.*}}, %{{.*}} : tensor<4xf32>, tensor<4xf32>
  host.return %0, %x : tensor<4xf32>, tensor<4xf32>
}

// CHECK: host.kernel @named(%{{.*}}: tensor<?xf32, #weft.dims<[n]>>) -> tensor<?xf32, #weft.dims<[n]>> {
host.kernel @named(%x: tensor<?xf32, #weft.dims<[n]>>) -> tensor<?xf32, #weft.dims<[n]>> {
  host.return %x : tensor<?xf32, #weft.dims<[n]>>
}

// CHECK: host.kernel @empty() {
host.kernel @empty() {
  // CHECK: host.return{{$}}
  host.return
}

// CHECK-LABEL: func.func @launches(
func.func @launches(%x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK: %[[R:.*]]:2 = host.launch @twice(%{{.*}}) : (tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
  %0:2 = host.launch @twice(%x) : (tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
  // CHECK: host.launch @empty() : () -> ()
  host.launch @empty() : () -> ()
  // CHECK: host.launch @twice(%[[R]]#1) {note = "kept"}
  %1:2 = host.launch @twice(%0#1) {note = "kept"} : (tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
  return %1#0 : tensor<4xf32>
}

// CHECK-LABEL: func.func @calls(
// CANON-LABEL: func.func @calls(
func.func @calls(%x: tensor<4xf32>) {
  // A result that nobody reads: the call may go. No result: it is there for what it does.
  // CHECK: host.call "sort"(%{{.*}}) {axis = 0 : i64, num_keys = 1 : i64} : (tensor<4xf32>) -> tensor<4xf32>
  // CHECK: host.call "print"(%{{.*}}) {message = "x"} : (tensor<4xf32>) -> ()
  // CANON-NOT: "sort"
  // CANON: host.call "print"
  %0 = host.call "sort"(%x) {axis = 0 : i64, num_keys = 1 : i64} : (tensor<4xf32>) -> tensor<4xf32>
  host.call "print"(%x) {message = "x"} : (tensor<4xf32>) -> ()
  return
}
