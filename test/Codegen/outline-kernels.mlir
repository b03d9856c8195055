// Kernels: a root with what is before and after it, groups of elementwise ops, calls; views stay with the host.
// RUN: weft-opt %s --weft-outline-kernels --split-input-file | FileCheck %s

// A product takes the ops after it that have its shape, and none before it.
// CHECK-LABEL: func.func @epilogue
// CHECK: %[[E:.*]] = host.launch @exp(%arg0)
// CHECK: %[[Y:.*]] = host.launch @dot_general_add_relu(%[[E]], %arg1, %arg2)
// CHECK: return %[[Y]]
// CHECK: host.kernel @dot_general_add_relu
// CHECK: weft.dot_general
// CHECK-NEXT: weft.add
// CHECK-NEXT: weft.relu
// CHECK-NEXT: host.return
func.func @epilogue(%x: tensor<4x8xf32>, %w: tensor<8x16xf32>, %b: tensor<1x16xf32>) -> tensor<4x16xf32> {
  %e = weft.exp %x : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %0 = weft.dot_general %e, %w batch [] x [] contract [1] x [0] : (tensor<4x8xf32>, tensor<8x16xf32>) -> tensor<4x16xf32>
  %1 = weft.add %0, %b : (tensor<4x16xf32>, tensor<1x16xf32>) -> tensor<4x16xf32>
  %2 = weft.relu %1 : (tensor<4x16xf32>) -> tensor<4x16xf32>
  return %2 : tensor<4x16xf32>
}

// -----

// A reduction takes the ops before it. What another kernel reads too is not pulled in.
// CHECK-LABEL: func.func @prologue
// CHECK: host.launch @mul_reduce
// CHECK-LABEL: func.func @shared
// CHECK: %[[M:.*]] = host.launch @mul(
// CHECK: host.launch @reduce{{.*}}(%[[M]])
func.func @prologue(%x: tensor<4x8xf32>) -> tensor<4xf32> {
  %0 = weft.mul %x, %x : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %1 = weft.reduce add %0 axes [1] : (tensor<4x8xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}
func.func @shared(%x: tensor<4x8xf32>) -> (tensor<4xf32>, tensor<4x8xf32>) {
  %0 = weft.mul %x, %x : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %1 = weft.reduce add %0 axes [1] : (tensor<4x8xf32>) -> tensor<4xf32>
  return %1, %0 : tensor<4xf32>, tensor<4x8xf32>
}

// -----

// Reshapes are views of the host; sorting is a call of the runtime.
// CHECK-LABEL: func.func @host
// CHECK: %[[R:.*]] = weft.reshape %arg0
// CHECK: %[[S:.*]] = host.call "sort"(%[[R]]) {axis = 0 : i64, descending = 0 : i64, num_keys = 1 : i64}
// CHECK: return %[[S]]
// CHECK-NOT: host.kernel
func.func @host(%x: tensor<4x8xf32>) -> tensor<32xf32> {
  %0 = weft.reshape %x sizes [32] : (tensor<4x8xf32>) -> tensor<32xf32>
  %1 = weft.sort %0 axis 0 : (tensor<32xf32>) -> tensor<32xf32>
  return %1 : tensor<32xf32>
}
