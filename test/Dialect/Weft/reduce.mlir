// Reductions: kinds, axes, ties.
// RUN: weft-opt %s | weft-opt | FileCheck %s
// RUN: weft-opt --mlir-print-op-generic %s | weft-opt | FileCheck %s

// CHECK-LABEL: func @reduce
func.func @reduce(%x: tensor<?x3x4xf32, #weft.dims<[batch, _, _]>>, %i: tensor<4xi32>, %p: tensor<2x4xi1>) {
  // CHECK: weft.reduce add %{{.*}} axes [1, 2] : (tensor<?x3x4xf32, #weft.dims<[batch, _, _]>>) -> tensor<?xf32, #weft.dims<[batch]>>
  weft.reduce add %x axes [1, 2] : (tensor<?x3x4xf32, #weft.dims<[batch, _, _]>>) -> tensor<?xf32, #weft.dims<[batch]>>
  // CHECK: weft.reduce mul %{{.*}} axes [2, 0]
  weft.reduce mul %x axes [2, 0] : (tensor<?x3x4xf32, #weft.dims<[batch, _, _]>>) -> tensor<3xf32>
  // CHECK: weft.reduce max %{{.*}} axes [0]
  weft.reduce max %i axes [0] : (tensor<4xi32>) -> tensor<i32>
  // CHECK: weft.reduce min %{{.*}} axes [0]
  weft.reduce min %i axes [0] : (tensor<4xi32>) -> tensor<i32>
  // CHECK: weft.reduce and %{{.*}} axes [0]
  weft.reduce and %p axes [0] : (tensor<2x4xi1>) -> tensor<4xi1>
  // CHECK: weft.reduce or %{{.*}} axes []
  weft.reduce or %p axes [] : (tensor<2x4xi1>) -> tensor<2x4xi1>
  // CHECK: weft.reduce xor %{{.*}} axes [0]
  weft.reduce xor %i axes [0] : (tensor<4xi32>) -> tensor<i32>
  // CHECK: weft.reduce logaddexp %{{.*}} axes [2]
  weft.reduce logaddexp %x axes [2] : (tensor<?x3x4xf32, #weft.dims<[batch, _, _]>>) -> tensor<?x3xf32, #weft.dims<[batch, _]>>
  return
}

// CHECK-LABEL: func @others
func.func @others(%x: tensor<2x5xf32>) {
  // CHECK: weft.arg_reduce max %{{.*}} axis 1 : (tensor<2x5xf32>) -> tensor<2xi64>
  weft.arg_reduce max %x axis 1 : (tensor<2x5xf32>) -> tensor<2xi64>
  // CHECK: weft.arg_reduce min %{{.*}} axis 0 tie last : (tensor<2x5xf32>) -> tensor<5xi64>
  weft.arg_reduce min %x axis 0 tie last : (tensor<2x5xf32>) -> tensor<5xi64>
  // CHECK: weft.cumulative add %{{.*}} axis 1 {exclusive = true, reverse = true} : (tensor<2x5xf32>) -> tensor<2x5xf32>
  weft.cumulative add %x axis 1 {reverse = true, exclusive = true} : (tensor<2x5xf32>) -> tensor<2x5xf32>
  return
}
