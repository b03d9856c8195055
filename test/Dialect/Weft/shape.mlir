// Ops that make, move and rearrange elements; extents as numbers, names and values.
// RUN: weft-opt %s | weft-opt | FileCheck %s
// RUN: weft-opt --mlir-print-op-generic %s | weft-opt | FileCheck %s

// CHECK-LABEL: func @makers
func.func @makers(%x: tensor<?x4xf32, #weft.dims<[n, _]>>) {
  // CHECK: weft.constant dense<[1.000000e+00, 2.000000e+00]> : tensor<2xf32>
  weft.constant dense<[1.0, 2.0]> : tensor<2xf32>
  // CHECK: weft.constant #weft.data<"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"> : tensor<1000xf32>
  weft.constant #weft.data<"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"> : tensor<1000xf32>
  // CHECK: %[[N:.*]] = weft.dim %{{.*}}, 0 : (tensor<?x4xf32, #weft.dims<[n, _]>>) -> tensor<i64>
  %n = weft.dim %x, 0 : (tensor<?x4xf32, #weft.dims<[n, _]>>) -> tensor<i64>
  // CHECK: weft.iota axis 1 sizes [2, %[[N]]] : (tensor<i64>) -> tensor<2x?xi32, #weft.dims<[_, n]>>
  weft.iota axis 1 sizes [2, %n] : (tensor<i64>) -> tensor<2x?xi32, #weft.dims<[_, n]>>
  return
}

// CHECK-LABEL: func @rearrangers
func.func @rearrangers(%x: tensor<?x12xf32, #weft.dims<[n, _]>>, %row: tensor<12xf32>) {
  // CHECK: %[[N:.*]] = weft.dim
  %n = weft.dim %x, 0 : (tensor<?x12xf32, #weft.dims<[n, _]>>) -> tensor<i64>
  // CHECK: weft.reshape %{{.*}} sizes [%[[N]], 3, 4] :
  weft.reshape %x sizes [%n, 3, 4] : (tensor<?x12xf32, #weft.dims<[n, _]>>, tensor<i64>) -> tensor<?x3x4xf32, #weft.dims<[n, _, _]>>
  // CHECK: weft.reshape %{{.*}} sizes [4, -1] : (tensor<?x12xf32, #weft.dims<[n, _]>>) -> tensor<4x?xf32, #weft.dims<[_, n * 3]>>
  weft.reshape %x sizes [4, -1] : (tensor<?x12xf32, #weft.dims<[n, _]>>) -> tensor<4x?xf32, #weft.dims<[_, n * 3]>>
  // CHECK: weft.transpose %{{.*}} by [1, 0] : {{.*}} -> tensor<12x?xf32, #weft.dims<[_, n]>>
  weft.transpose %x by [1, 0] : (tensor<?x12xf32, #weft.dims<[n, _]>>) -> tensor<12x?xf32, #weft.dims<[_, n]>>
  // CHECK: weft.broadcast %{{.*}} sizes [%[[N]], 12] dims [1] : (tensor<12xf32>, tensor<i64>) -> tensor<?x12xf32, #weft.dims<[n, _]>>
  weft.broadcast %row sizes [%n, 12] dims [1] : (tensor<12xf32>, tensor<i64>) -> tensor<?x12xf32, #weft.dims<[n, _]>>
  // CHECK: weft.reverse %{{.*}} axes [0, 1] :
  weft.reverse %x axes [0, 1] : (tensor<?x12xf32, #weft.dims<[n, _]>>) -> tensor<?x12xf32, #weft.dims<[n, _]>>
  // CHECK: weft.cast_shape %{{.*}} : (tensor<?x12xf32, #weft.dims<[n, _]>>) -> tensor<8x12xf32>
  weft.cast_shape %x : (tensor<?x12xf32, #weft.dims<[n, _]>>) -> tensor<8x12xf32>
  return
}

// CHECK-LABEL: func @windows
func.func @windows(%x: tensor<?x12xi4, #weft.dims<[n, _]>>, %u: tensor<1x5xi4>, %zero: tensor<i4>, %i: tensor<i64>) {
  // CHECK: weft.slice %{{.*}} starts [%[[I:.*]], 2] sizes [1, 5] strides [1, 2] : (tensor<?x12xi4, #weft.dims<[n, _]>>, tensor<i64>) -> tensor<1x5xi4>
  weft.slice %x starts [%i, 2] sizes [1, 5] strides [1, 2] : (tensor<?x12xi4, #weft.dims<[n, _]>>, tensor<i64>) -> tensor<1x5xi4>
  // CHECK: weft.slice %{{.*}} starts [0, 0] sizes [%[[I]], 12] strides [1, 1] :
  weft.slice %x starts [0, 0] sizes [%i, 12] strides [1, 1] : (tensor<?x12xi4, #weft.dims<[n, _]>>, tensor<i64>) -> tensor<?x12xi4>
  // CHECK: weft.update_slice %{{.*}}, %{{.*}} starts [%[[I]], 7] :
  weft.update_slice %x, %u starts [%i, 7] : (tensor<?x12xi4, #weft.dims<[n, _]>>, tensor<1x5xi4>, tensor<i64>) -> tensor<?x12xi4, #weft.dims<[n, _]>>
  // CHECK: weft.concat %{{.*}}, %{{.*}} axis 0 : {{.*}} -> tensor<?x12xi4, #weft.dims<[n * 2, _]>>
  weft.concat %x, %x axis 0 : (tensor<?x12xi4, #weft.dims<[n, _]>>, tensor<?x12xi4, #weft.dims<[n, _]>>) -> tensor<?x12xi4, #weft.dims<[2 * n, _]>>
  // CHECK: weft.pad constant %{{.*}}, %{{.*}} low [1, -2] high [%[[I]], 0] interior [0, 1] : {{.*}} -> tensor<?x21xi4>
  weft.pad constant %x, %zero low [1, -2] high [%i, 0] interior [0, 1] : (tensor<?x12xi4, #weft.dims<[n, _]>>, tensor<i4>, tensor<i64>) -> tensor<?x21xi4>
  // CHECK: weft.pad reflect %{{.*}}, %{{.*}} low [1, 2] high [3, 4] interior [0, 0] : {{.*}} -> tensor<?x18xi4, #weft.dims<[n + 4, _]>>
  weft.pad reflect %x, %zero low [1, 2] high [3, 4] interior [0, 0] : (tensor<?x12xi4, #weft.dims<[n, _]>>, tensor<i4>) -> tensor<?x18xi4, #weft.dims<[n + 4, _]>>
  return
}
