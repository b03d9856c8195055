// Windows and resampling.
// RUN: weft-opt %s | weft-opt | FileCheck %s
// RUN: weft-opt --mlir-print-op-generic %s | weft-opt | FileCheck %s

// CHECK-LABEL: func @windows
func.func @windows(%x: tensor<?x4x8x8xf32, #weft.dims<[batch, _, _, _]>>) {
  // CHECK: weft.reduce_window logaddexp %{{.*}} axes [2, 3] {
  // CHECK-SAME: -> tensor<?x4x4x4xf32, #weft.dims<[batch, _, _, _]>>
  weft.reduce_window logaddexp %x axes [2, 3] {window = array<i64: 3, 3>, strides = array<i64: 2, 2>,
    padding_low = array<i64: 1, 1>, padding_high = array<i64: 0, 0>, base_dilation = array<i64: 1, 1>,
    window_dilation = array<i64: 1, 1>}
    : (tensor<?x4x8x8xf32, #weft.dims<[batch, _, _, _]>>) -> tensor<?x4x4x4xf32, #weft.dims<[batch, _, _, _]>>
  // CHECK: weft.window_arg max %{{.*}} axes [3] {
  // CHECK-SAME: -> tensor<?x4x8x6xi64, #weft.dims<[batch, _, _, _]>>
  weft.window_arg max %x axes [3] {window = array<i64: 2>, strides = array<i64: 1>, padding_low = array<i64: 0>,
    padding_high = array<i64: 0>, base_dilation = array<i64: 1>, window_dilation = array<i64: 2>}
    : (tensor<?x4x8x8xf32, #weft.dims<[batch, _, _, _]>>) -> tensor<?x4x8x6xi64, #weft.dims<[batch, _, _, _]>>
  return
}

// CHECK-LABEL: func @scatter
func.func @scatter(%dy: tensor<2x4xf32>, %at: tensor<2x4xi64>) {
  // CHECK: weft.window_scatter %{{.*}} at %{{.*}} axes [1] {
  // CHECK-SAME: (tensor<2x4xf32>, tensor<2x4xi64>) -> tensor<2x8xf32>
  weft.window_scatter %dy at %at axes [1] {window = array<i64: 2>, strides = array<i64: 2>, padding_low = array<i64: 0>,
    padding_high = array<i64: 0>, base_dilation = array<i64: 1>, window_dilation = array<i64: 1>}
    : (tensor<2x4xf32>, tensor<2x4xi64>) -> tensor<2x8xf32>
  return
}

// CHECK-LABEL: func @resample
func.func @resample(%x: tensor<2x8xf16>, %index: tensor<?x2xi64, #weft.dims<[out, _]>>, %weight: tensor<?x2xf32>) {
  // CHECK: weft.resample %{{.*}}, %{{.*}}, %{{.*}} axis 1 : (tensor<2x8xf16>, tensor<?x2xi64, #weft.dims<[out, _]>>, tensor<?x2xf32>) -> tensor<2x?xf16, #weft.dims<[_, out]>>
  weft.resample %x, %index, %weight axis 1 : (tensor<2x8xf16>, tensor<?x2xi64, #weft.dims<[out, _]>>, tensor<?x2xf32>) -> tensor<2x?xf16, #weft.dims<[_, out]>>
  return
}
