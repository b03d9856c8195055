// Gather, scatter, sort and positions.
// RUN: weft-opt %s | weft-opt | FileCheck %s
// RUN: weft-opt --mlir-print-op-generic %s | weft-opt | FileCheck %s

// CHECK-LABEL: func @embedding
func.func @embedding(%table: tensor<1000x64xf32>, %ids: tensor<?x?x1xi64, #weft.dims<[batch, seq, _]>>) {
  // CHECK: weft.gather %{{.*}} at %{{.*}} {at = 0 : i64, batch_dims = array<i64>, dims = array<i64: 0>, in_bounds, index_batch_dims = array<i64>} :
  // CHECK-SAME: -> tensor<?x?x64xf32, #weft.dims<[batch, seq, _]>>
  weft.gather %table at %ids {dims = array<i64: 0>, batch_dims = array<i64>, index_batch_dims = array<i64>, at = 0, in_bounds}
    : (tensor<1000x64xf32>, tensor<?x?x1xi64, #weft.dims<[batch, seq, _]>>) -> tensor<?x?x64xf32, #weft.dims<[batch, seq, _]>>
  return
}

// CHECK-LABEL: func @batched
func.func @batched(%x: tensor<2x5x6x7xf32>, %index: tensor<2x3x2xi32>, %u: tensor<6x2x3xf32>) {
  // Dimension 2 is taken whole and comes first; dimension 0 pairs with the index.
  // CHECK: weft.gather {{.*}} -> tensor<6x2x3xf32>
  weft.gather %x at %index {dims = array<i64: 1, 3>, batch_dims = array<i64: 0>, index_batch_dims = array<i64: 0>, at = 1}
    : (tensor<2x5x6x7xf32>, tensor<2x3x2xi32>) -> tensor<6x2x3xf32>
  // CHECK: weft.scatter add %{{.*}} at %{{.*}}, %{{.*}} {
  // CHECK-SAME: unique
  // CHECK-SAME: -> tensor<2x5x6x7xf32>
  weft.scatter add %x at %index, %u {dims = array<i64: 1, 3>, batch_dims = array<i64: 0>, index_batch_dims = array<i64: 0>, at = 1, unique}
    : (tensor<2x5x6x7xf32>, tensor<2x3x2xi32>, tensor<6x2x3xf32>) -> tensor<2x5x6x7xf32>
  return
}

// CHECK-LABEL: func @order
func.func @order(%x: tensor<2x?xf32, #weft.dims<[_, n]>>, %y: tensor<2x?xi32>, %k: tensor<i64>, %p: tensor<2x3xi1>) {
  // CHECK: weft.sort %{{.*}}, %{{.*}} axis 1 {descending = true} : (tensor<2x?xf32, #weft.dims<[_, n]>>, tensor<2x?xi32>) -> (tensor<2x?xf32, #weft.dims<[_, n]>>, tensor<2x?xi32, #weft.dims<[_, n]>>)
  weft.sort %x, %y axis 1 {descending = true} : (tensor<2x?xf32, #weft.dims<[_, n]>>, tensor<2x?xi32>) -> (tensor<2x?xf32, #weft.dims<[_, n]>>, tensor<2x?xi32, #weft.dims<[_, n]>>)
  // CHECK: weft.top_k %{{.*}} k [3] axis 1 {largest = false} :
  weft.top_k %x k [3] axis 1 {largest = false} : (tensor<2x?xf32, #weft.dims<[_, n]>>) -> (tensor<2x3xf32>, tensor<2x3xi64>)
  // CHECK: weft.top_k %{{.*}} k [%{{.*}}] axis 1 :
  weft.top_k %x k [%k] axis 1 : (tensor<2x?xf32, #weft.dims<[_, n]>>, tensor<i64>) -> (tensor<2x?xf32>, tensor<2x?xi64>)
  // CHECK: weft.non_zero %{{.*}} : (tensor<2x3xi1>) -> tensor<?x2xi64, #weft.dims<[found, _]>>
  weft.non_zero %p : (tensor<2x3xi1>) -> tensor<?x2xi64, #weft.dims<[found, _]>>
  return
}
