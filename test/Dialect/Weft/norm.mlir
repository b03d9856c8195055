// Softmax and normalisation.
// RUN: weft-opt %s | weft-opt | FileCheck %s
// RUN: weft-opt --mlir-print-op-generic %s | weft-opt | FileCheck %s

// CHECK-LABEL: func @norm
func.func @norm(%x: tensor<?x4x8xf16, #weft.dims<[batch, _, _]>>, %d: tensor<4xf64>) {
  // CHECK: weft.softmax %{{.*}} axis 2 :
  weft.softmax %x axis 2 : (tensor<?x4x8xf16, #weft.dims<[batch, _, _]>>) -> tensor<?x4x8xf16, #weft.dims<[batch, _, _]>>
  // Statistics of 16-bit elements are f32.
  // CHECK: weft.normalize %{{.*}} axes [1, 2] epsilon 1.000000e-05 : (tensor<?x4x8xf16, #weft.dims<[batch, _, _]>>) -> (tensor<?x4x8xf16, #weft.dims<[batch, _, _]>>, tensor<?x1x1xf32, #weft.dims<[batch, _, _]>>, tensor<?x1x1xf32, #weft.dims<[batch, _, _]>>)
  weft.normalize %x axes [1, 2] epsilon 1.0e-5 : (tensor<?x4x8xf16, #weft.dims<[batch, _, _]>>)
    -> (tensor<?x4x8xf16, #weft.dims<[batch, _, _]>>, tensor<?x1x1xf32, #weft.dims<[batch, _, _]>>, tensor<?x1x1xf32, #weft.dims<[batch, _, _]>>)
  // CHECK: weft.normalize %{{.*}} axes [0] epsilon 0.000000e+00 {center = false} : (tensor<4xf64>) -> (tensor<4xf64>, tensor<1xf64>, tensor<1xf64>)
  weft.normalize %d axes [0] epsilon 0.0 {center = false} : (tensor<4xf64>) -> (tensor<4xf64>, tensor<1xf64>, tensor<1xf64>)
  return
}
