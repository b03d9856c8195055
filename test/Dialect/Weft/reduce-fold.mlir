// Reductions over axes of extent 1, or none, combine nothing.
// RUN: weft-opt --canonicalize %s | FileCheck %s

// CHECK-LABEL: func @no_axes
// CHECK-SAME: %[[X:.*]]: tensor
// CHECK-NEXT: return %[[X]]
func.func @no_axes(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = weft.reduce add %x axes [] : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// CHECK-LABEL: func @unit_axes
// CHECK: %[[R:.*]] = weft.reshape %{{.*}} sizes [2, 3] : (tensor<2x1x3x1xf32>) -> tensor<2x3xf32>
// CHECK: return %[[R]]
func.func @unit_axes(%x: tensor<2x1x3x1xf32>) -> tensor<2x3xf32> {
  %0 = weft.reduce logaddexp %x axes [3, 1] : (tensor<2x1x3x1xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// CHECK-LABEL: func @named
// CHECK: %[[N:.*]] = weft.dim %{{.*}}, 0
// CHECK: weft.reshape %{{.*}} sizes [%[[N]]] : (tensor<?x1xf32, #weft.dims<[n, _]>>, tensor<i64>) -> tensor<?xf32, #weft.dims<[n]>>
func.func @named(%x: tensor<?x1xf32, #weft.dims<[n, _]>>) -> tensor<?xf32, #weft.dims<[n]>> {
  %0 = weft.reduce max %x axes [1] : (tensor<?x1xf32, #weft.dims<[n, _]>>) -> tensor<?xf32, #weft.dims<[n]>>
  return %0 : tensor<?xf32, #weft.dims<[n]>>
}

// CHECK-LABEL: func @may_be_longer
// CHECK: weft.reduce add
func.func @may_be_longer(%x: tensor<?x1xf32>) -> tensor<f32> {
  %0 = weft.reduce add %x axes [0, 1] : (tensor<?x1xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}
