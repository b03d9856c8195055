// Identities, compositions and known extents of the shape family.
// RUN: weft-opt --canonicalize --split-input-file %s | FileCheck %s

//===-- dim ---------------------------------------------------------------------------------------------===//

// CHECK-LABEL: func @dim_of_number
// CHECK: weft.constant dense<4> : tensor<i64>
func.func @dim_of_number(%x: tensor<?x4xf32>) -> tensor<i64> {
  %0 = weft.dim %x, 1 : (tensor<?x4xf32>) -> tensor<i64>
  return %0 : tensor<i64>
}

// An extent goes by its name to where it comes from.
// CHECK-LABEL: func @dim_by_name
// CHECK-SAME: %[[X:[a-z0-9]*]]: tensor
// CHECK-NEXT: %[[N:.*]] = weft.dim %[[X]], 0
// CHECK-NEXT: return %[[N]]
func.func @dim_by_name(%x: tensor<?x4xf32, #weft.dims<[n, _]>>, %w: tensor<4x5xf32>) -> tensor<i64> {
  %0 = weft.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<?x4xf32, #weft.dims<[n, _]>>, tensor<4x5xf32>) -> tensor<?x5xf32, #weft.dims<[n, _]>>
  %1 = weft.transpose %0 by [1, 0] : (tensor<?x5xf32, #weft.dims<[n, _]>>) -> tensor<5x?xf32, #weft.dims<[_, n]>>
  %2 = weft.dim %1, 1 : (tensor<5x?xf32, #weft.dims<[_, n]>>) -> tensor<i64>
  return %2 : tensor<i64>
}

// Without a name, by what the ops mean.
// CHECK-LABEL: func @dim_by_meaning
// CHECK-SAME: %[[X:[a-z0-9]*]]: tensor
// CHECK-NEXT: %[[N:.*]] = weft.dim %[[X]], 0
// CHECK-NEXT: return %[[N]]
func.func @dim_by_meaning(%x: tensor<?x4xf32>, %row: tensor<1x4xf32>) -> tensor<i64> {
  %0 = weft.add %row, %x : (tensor<1x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %1 = weft.reverse %0 axes [0] : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %2 = weft.transpose %1 by [1, 0] : (tensor<?x4xf32>) -> tensor<4x?xf32>
  %3 = weft.dim %2, 1 : (tensor<4x?xf32>) -> tensor<i64>
  return %3 : tensor<i64>
}

// CHECK-LABEL: func @dim_of_sizes
// CHECK-SAME: %[[N:.*]]: tensor<i64>, %{{.*}}: tensor
// CHECK-NEXT: return %[[N]], %[[N]], %[[N]]
func.func @dim_of_sizes(%n: tensor<i64>, %x: tensor<1xf32>, %y: tensor<?xf32>) -> (tensor<i64>, tensor<i64>, tensor<i64>) {
  %0 = weft.iota axis 0 sizes [%n] : (tensor<i64>) -> tensor<?xi32>
  %1 = weft.dim %0, 0 : (tensor<?xi32>) -> tensor<i64>
  %2 = weft.broadcast %x sizes [3, %n] dims [1] : (tensor<1xf32>, tensor<i64>) -> tensor<3x?xf32>
  %3 = weft.dim %2, 1 : (tensor<3x?xf32>) -> tensor<i64>
  %4 = weft.reshape %y sizes [%n, -1] : (tensor<?xf32>, tensor<i64>) -> tensor<?x?xf32>
  %5 = weft.dim %4, 0 : (tensor<?x?xf32>) -> tensor<i64>
  return %1, %3, %5 : tensor<i64>, tensor<i64>, tensor<i64>
}

// A slice's dynamic size may be clamped, so that it is not the extent.
// CHECK-LABEL: func @dim_of_slice
// CHECK: weft.dim
func.func @dim_of_slice(%n: tensor<i64>, %x: tensor<8xf32>) -> tensor<i64> {
  %0 = weft.slice %x starts [0] sizes [%n] strides [1] : (tensor<8xf32>, tensor<i64>) -> tensor<?xf32>
  %1 = weft.dim %0, 0 : (tensor<?xf32>) -> tensor<i64>
  return %1 : tensor<i64>
}

// -----

//===-- reshape -----------------------------------------------------------------------------------------===//

// CHECK-LABEL: func @reshape_of_reshape
// CHECK-NEXT: weft.reshape %{{.*}} sizes [3, 2] : (tensor<6xf32>) -> tensor<3x2xf32>
// CHECK-NEXT: return
func.func @reshape_of_reshape(%x: tensor<6xf32>) -> tensor<3x2xf32> {
  %0 = weft.reshape %x sizes [2, 3] : (tensor<6xf32>) -> tensor<2x3xf32>
  %1 = weft.reshape %0 sizes [3, 2] : (tensor<2x3xf32>) -> tensor<3x2xf32>
  return %1 : tensor<3x2xf32>
}

// CHECK-LABEL: func @reshape_back
// CHECK-SAME: %[[X:.*]]: tensor
// CHECK-NEXT: return %[[X]]
func.func @reshape_back(%x: tensor<?x6xf32, #weft.dims<[n, _]>>) -> tensor<?x6xf32, #weft.dims<[n, _]>> {
  %0 = weft.reshape %x sizes [-1] : (tensor<?x6xf32, #weft.dims<[n, _]>>) -> tensor<?xf32, #weft.dims<[n * 6]>>
  %1 = weft.reshape %0 sizes [-1, 6] : (tensor<?xf32, #weft.dims<[n * 6]>>) -> tensor<?x6xf32, #weft.dims<[n, _]>>
  return %1 : tensor<?x6xf32, #weft.dims<[n, _]>>
}

// Equal types, but two unknown extents: not the identity.
// CHECK-LABEL: func @reshape_unknown
// CHECK: weft.reshape
func.func @reshape_unknown(%x: tensor<?x?xf32>, %a: tensor<i64>, %b: tensor<i64>) -> tensor<?x?xf32> {
  %0 = weft.reshape %x sizes [%a, %b] : (tensor<?x?xf32>, tensor<i64>, tensor<i64>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// CHECK-LABEL: func @reshape_to_own_extents
// CHECK-SAME: %[[X:.*]]: tensor
// CHECK-NEXT: return %[[X]]
func.func @reshape_to_own_extents(%x: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %a = weft.dim %x, 0 : (tensor<?x?xf32>) -> tensor<i64>
  %b = weft.dim %x, 1 : (tensor<?x?xf32>) -> tensor<i64>
  %0 = weft.reshape %x sizes [%a, %b] : (tensor<?x?xf32>, tensor<i64>, tensor<i64>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// Known sizes become numbers; a cast keeps the type that users see.
// CHECK-LABEL: func @reshape_known_size
// CHECK-NEXT: %[[R:.*]] = weft.reshape %{{.*}} sizes [2, 3] : (tensor<6xf32>) -> tensor<2x3xf32>
// CHECK-NEXT: %[[C:.*]] = weft.cast_shape %[[R]] : (tensor<2x3xf32>) -> tensor<?x3xf32>
// CHECK-NEXT: return %[[C]]
func.func @reshape_known_size(%x: tensor<6xf32>) -> tensor<?x3xf32> {
  %two = weft.constant dense<2> : tensor<i64>
  %0 = weft.reshape %x sizes [%two, -1] : (tensor<6xf32>, tensor<i64>) -> tensor<?x3xf32>
  return %0 : tensor<?x3xf32>
}

// CHECK-LABEL: func @splats
// CHECK-DAG: %[[A:.*]] = weft.constant dense<2.000000e+00> : tensor<3x2xf32>
// CHECK-DAG: %[[B:.*]] = weft.constant dense<2.000000e+00> : tensor<2x5x3xf32>
// CHECK-DAG: %[[C:.*]] = weft.constant dense<2.000000e+00> : tensor<1x3xf32>
// CHECK: return %[[A]], %[[A]], %[[B]], %[[C]]
func.func @splats() -> (tensor<3x2xf32>, tensor<3x2xf32>, tensor<2x5x3xf32>, tensor<1x3xf32>) {
  %x = weft.constant dense<2.0> : tensor<2x3xf32>
  %0 = weft.reshape %x sizes [3, 2] : (tensor<2x3xf32>) -> tensor<3x2xf32>
  %1 = weft.transpose %x by [1, 0] : (tensor<2x3xf32>) -> tensor<3x2xf32>
  %2 = weft.broadcast %x sizes [2, 5, 3] dims [0, 2] : (tensor<2x3xf32>) -> tensor<2x5x3xf32>
  %3 = weft.slice %x starts [1, 0] sizes [1, 3] strides [1, 1] : (tensor<2x3xf32>) -> tensor<1x3xf32>
  return %0, %1, %2, %3 : tensor<3x2xf32>, tensor<3x2xf32>, tensor<2x5x3xf32>, tensor<1x3xf32>
}

// -----

//===-- transpose, broadcast, reverse -------------------------------------------------------------------===//

// CHECK-LABEL: func @transposes
// CHECK-SAME: %[[X:.*]]: tensor
// CHECK-NEXT: %[[T:.*]] = weft.transpose %[[X]] by [2, 1, 0] : (tensor<2x3x4xf32>) -> tensor<4x3x2xf32>
// CHECK-NEXT: return %[[X]], %[[T]]
func.func @transposes(%x: tensor<2x3x4xf32>) -> (tensor<2x3x4xf32>, tensor<4x3x2xf32>) {
  %0 = weft.transpose %x by [1, 2, 0] : (tensor<2x3x4xf32>) -> tensor<3x4x2xf32>
  %1 = weft.transpose %0 by [2, 0, 1] : (tensor<3x4x2xf32>) -> tensor<2x3x4xf32>
  %2 = weft.transpose %0 by [1, 0, 2] : (tensor<3x4x2xf32>) -> tensor<4x3x2xf32>
  return %1, %2 : tensor<2x3x4xf32>, tensor<4x3x2xf32>
}

// CHECK-LABEL: func @less_known
// CHECK-NEXT: %[[C:.*]] = weft.cast_shape %{{.*}} : (tensor<2xf32>) -> tensor<?xf32>
// CHECK-NEXT: return %[[C]]
func.func @less_known(%x: tensor<2xf32>) -> tensor<?xf32> {
  %0 = weft.transpose %x by [0] : (tensor<2xf32>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}

// CHECK-LABEL: func @broadcasts
// CHECK-SAME: %[[X:.*]]: tensor
// CHECK-NEXT: %[[B:.*]] = weft.broadcast %[[X]] sizes [4, 2, 3] dims [2] : (tensor<3xf32>) -> tensor<4x2x3xf32>
// CHECK-NEXT: return %[[X]], %[[B]]
func.func @broadcasts(%x: tensor<3xf32>) -> (tensor<3xf32>, tensor<4x2x3xf32>) {
  %0 = weft.broadcast %x sizes [3] dims [0] : (tensor<3xf32>) -> tensor<3xf32>
  %1 = weft.broadcast %x sizes [2, 3] dims [1] : (tensor<3xf32>) -> tensor<2x3xf32>
  %2 = weft.broadcast %1 sizes [4, 2, 3] dims [1, 2] : (tensor<2x3xf32>) -> tensor<4x2x3xf32>
  return %0, %2 : tensor<3xf32>, tensor<4x2x3xf32>
}

// CHECK-LABEL: func @broadcast_adds_units
// CHECK: weft.reshape %{{.*}} sizes [1, %{{.*}}, 1]
// CHECK: weft.broadcast %{{.*}} sizes [3, 2] dims [1, 0]
func.func @broadcast_adds_units(%x: tensor<?xf32, #weft.dims<[n]>>, %y: tensor<2x3xf32>) -> (tensor<1x?x1xf32, #weft.dims<[_, n, _]>>, tensor<3x2xf32>) {
  %n = weft.dim %x, 0 : (tensor<?xf32, #weft.dims<[n]>>) -> tensor<i64>
  %0 = weft.broadcast %x sizes [1, %n, 1] dims [1] : (tensor<?xf32, #weft.dims<[n]>>, tensor<i64>) -> tensor<1x?x1xf32, #weft.dims<[_, n, _]>>
  %1 = weft.broadcast %y sizes [3, 2] dims [1, 0] : (tensor<2x3xf32>) -> tensor<3x2xf32>
  return %0, %1 : tensor<1x?x1xf32, #weft.dims<[_, n, _]>>, tensor<3x2xf32>
}

// CHECK-LABEL: func @reverses
// CHECK-SAME: %[[X:.*]]: tensor
// CHECK-NEXT: %[[R:.*]] = weft.reverse %[[X]] axes [0, 2]
// CHECK-NEXT: return %[[X]], %[[R]], %[[X]]
func.func @reverses(%x: tensor<2x1x4xf32>) -> (tensor<2x1x4xf32>, tensor<2x1x4xf32>, tensor<2x1x4xf32>) {
  %0 = weft.reverse %x axes [1] : (tensor<2x1x4xf32>) -> tensor<2x1x4xf32>
  %1 = weft.reverse %x axes [0, 1] : (tensor<2x1x4xf32>) -> tensor<2x1x4xf32>
  %2 = weft.reverse %1 axes [2, 1] : (tensor<2x1x4xf32>) -> tensor<2x1x4xf32>
  %3 = weft.reverse %1 axes [1, 0] : (tensor<2x1x4xf32>) -> tensor<2x1x4xf32>
  return %0, %2, %3 : tensor<2x1x4xf32>, tensor<2x1x4xf32>, tensor<2x1x4xf32>
}

// -----

//===-- slice, update_slice -----------------------------------------------------------------------------===//

// CHECK-LABEL: func @slices
// CHECK-SAME: %[[X:[a-z0-9]*]]: tensor
// CHECK-NEXT: %[[S:.*]] = weft.slice %[[X]] starts [7] sizes [2] strides [6] : (tensor<20xf32>) -> tensor<2xf32>
// CHECK-NEXT: return %[[X]], %[[S]], %[[X]]
func.func @slices(%x: tensor<20xf32>, %i: tensor<i64>) -> (tensor<20xf32>, tensor<2xf32>, tensor<20xf32>) {
  %0 = weft.slice %x starts [0] sizes [20] strides [1] : (tensor<20xf32>) -> tensor<20xf32>
  %1 = weft.slice %x starts [1] sizes [6] strides [3] : (tensor<20xf32>) -> tensor<6xf32>
  %2 = weft.slice %1 starts [2] sizes [2] strides [2] : (tensor<6xf32>) -> tensor<2xf32>
  // As long as the tensor, wherever it starts: it is clamped to 0.
  %3 = weft.slice %x starts [%i] sizes [20] strides [1] : (tensor<20xf32>, tensor<i64>) -> tensor<20xf32>
  return %0, %2, %3 : tensor<20xf32>, tensor<2xf32>, tensor<20xf32>
}

// The inner window may be clamped at run time, so that its start is not known; from 0 on it is.
// CHECK-LABEL: func @slices_of_unknown
// CHECK: weft.slice %{{.*}} starts [3] sizes [4]
// CHECK: weft.slice %{{.*}} starts [1] sizes [2]
// CHECK: weft.slice %{{.*}} starts [1] sizes [2] strides [1] : (tensor<?xf32>) -> tensor<2xf32>
func.func @slices_of_unknown(%x: tensor<?xf32>) -> (tensor<2xf32>, tensor<2xf32>) {
  %0 = weft.slice %x starts [3] sizes [4] strides [1] : (tensor<?xf32>) -> tensor<4xf32>
  %1 = weft.slice %0 starts [1] sizes [2] strides [1] : (tensor<4xf32>) -> tensor<2xf32>
  %2 = weft.slice %x starts [0] sizes [4] strides [1] : (tensor<?xf32>) -> tensor<4xf32>
  %3 = weft.slice %2 starts [1] sizes [2] strides [1] : (tensor<4xf32>) -> tensor<2xf32>
  return %1, %3 : tensor<2xf32>, tensor<2xf32>
}

// Known values are clamped as the run would clamp them: the size to 8, then the start so that the window fits.
// CHECK-LABEL: func @slice_clamps
// CHECK-NEXT: %[[A:.*]] = weft.slice %{{.*}} starts [5] sizes [3] strides [1] : (tensor<8xf32>) -> tensor<3xf32>
// CHECK-NEXT: %[[C:.*]] = weft.cast_shape %{{.*}} : (tensor<8xf32>) -> tensor<?xf32>
// CHECK-NEXT: %[[B:.*]] = weft.slice %{{.*}} starts [0] sizes [3] strides [1]
// CHECK-NEXT: return %[[A]], %[[C]], %[[B]]
func.func @slice_clamps(%x: tensor<8xf32>) -> (tensor<3xf32>, tensor<?xf32>, tensor<3xf32>) {
  %large = weft.constant dense<100> : tensor<i64>
  %negative = weft.constant dense<-1> : tensor<i64>
  %0 = weft.slice %x starts [%large] sizes [3] strides [1] : (tensor<8xf32>, tensor<i64>) -> tensor<3xf32>
  %1 = weft.slice %x starts [%large] sizes [%large] strides [1] : (tensor<8xf32>, tensor<i64>, tensor<i64>) -> tensor<?xf32>
  %2 = weft.slice %x starts [%negative] sizes [3] strides [1] : (tensor<8xf32>, tensor<i64>) -> tensor<3xf32>
  return %0, %1, %2 : tensor<3xf32>, tensor<?xf32>, tensor<3xf32>
}

// What the extent is not known for stays to be clamped.
// CHECK-LABEL: func @slice_unknown
// CHECK: weft.slice %{{.*}} starts [%{{.*}}] sizes [3]
func.func @slice_unknown(%x: tensor<?xf32>) -> tensor<3xf32> {
  %one = weft.constant dense<1> : tensor<i64>
  %0 = weft.slice %x starts [%one] sizes [3] strides [1] : (tensor<?xf32>, tensor<i64>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// CHECK-LABEL: func @updates
// CHECK-SAME: %[[X:[a-z0-9]*]]: tensor<8xf32>, %[[U:[a-z0-9]*]]: tensor<8xf32>
// CHECK-NEXT: return %[[U]], %[[X]]
func.func @updates(%x: tensor<8xf32>, %u: tensor<8xf32>, %none: tensor<0xf32>, %i: tensor<i64>) -> (tensor<8xf32>, tensor<8xf32>) {
  %0 = weft.update_slice %x, %u starts [%i] : (tensor<8xf32>, tensor<8xf32>, tensor<i64>) -> tensor<8xf32>
  %1 = weft.update_slice %x, %none starts [3] : (tensor<8xf32>, tensor<0xf32>) -> tensor<8xf32>
  return %0, %1 : tensor<8xf32>, tensor<8xf32>
}

// -----

//===-- concat, pad, cast_shape, iota -------------------------------------------------------------------===//

// CHECK-LABEL: func @concats
// CHECK-SAME: %[[X:[a-z0-9]*]]: tensor<2xf32>, %[[Y:[a-z0-9]*]]: tensor<3xf32>
// CHECK-NEXT: %[[C:.*]] = weft.concat %[[X]], %[[Y]], %[[X]] axis 0 : (tensor<2xf32>, tensor<3xf32>, tensor<2xf32>) -> tensor<7xf32>
// CHECK-NEXT: return %[[X]], %[[C]], %[[Y]]
func.func @concats(%x: tensor<2xf32>, %y: tensor<3xf32>, %none: tensor<0xf32>) -> (tensor<2xf32>, tensor<7xf32>, tensor<3xf32>) {
  %0 = weft.concat %x axis 0 : (tensor<2xf32>) -> tensor<2xf32>
  %1 = weft.concat %x, %y axis 0 : (tensor<2xf32>, tensor<3xf32>) -> tensor<5xf32>
  %2 = weft.concat %1, %none, %x axis 0 : (tensor<5xf32>, tensor<0xf32>, tensor<2xf32>) -> tensor<7xf32>
  %3 = weft.concat %none, %y axis 0 : (tensor<0xf32>, tensor<3xf32>) -> tensor<3xf32>
  return %0, %2, %3 : tensor<2xf32>, tensor<7xf32>, tensor<3xf32>
}

// Another axis, or another user of the inner one: they stay two.
// CHECK-LABEL: func @concats_that_stay
// CHECK: weft.concat
// CHECK: weft.concat
// CHECK: weft.concat
func.func @concats_that_stay(%x: tensor<2x2xf32>) -> (tensor<2x4xf32>, tensor<4x4xf32>, tensor<2x8xf32>) {
  %0 = weft.concat %x, %x axis 1 : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x4xf32>
  %1 = weft.concat %0, %0 axis 0 : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<4x4xf32>
  %2 = weft.concat %0, %0 axis 1 : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x8xf32>
  return %0, %1, %2 : tensor<2x4xf32>, tensor<4x4xf32>, tensor<2x8xf32>
}

// CHECK-LABEL: func @pads
// CHECK-SAME: %[[X:[a-z0-9]*]]: tensor<4xf32>
// CHECK-NEXT: %[[P:.*]] = weft.pad edge %[[X]], %{{.*}} low [2] high [-1] interior [0] : (tensor<4xf32>, tensor<f32>) -> tensor<5xf32>
// CHECK-NEXT: %[[C:.*]] = weft.cast_shape %[[P]] : (tensor<5xf32>) -> tensor<?xf32>
// CHECK-NEXT: return %[[X]], %[[C]]
func.func @pads(%x: tensor<4xf32>, %v: tensor<f32>) -> (tensor<4xf32>, tensor<?xf32>) {
  %two = weft.constant dense<2> : tensor<i64>
  %minus = weft.constant dense<-1> : tensor<i64>
  %0 = weft.pad constant %x, %v low [0] high [0] interior [0] : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %1 = weft.pad edge %x, %v low [%two] high [%minus] interior [0] : (tensor<4xf32>, tensor<f32>, tensor<i64>, tensor<i64>) -> tensor<?xf32>
  return %0, %1 : tensor<4xf32>, tensor<?xf32>
}

// CHECK-LABEL: func @casts
// CHECK-SAME: %[[X:.*]]: tensor<?xf32>
// CHECK-NEXT: %[[A:.*]] = weft.cast_shape %[[X]] : (tensor<?xf32>) -> tensor<4xf32>
// CHECK-NEXT: %[[B:.*]] = weft.cast_shape %[[A]] : (tensor<4xf32>) -> tensor<?xf32>
// CHECK-NEXT: return %[[X]], %[[A]], %[[B]]
func.func @casts(%x: tensor<?xf32>) -> (tensor<?xf32>, tensor<4xf32>, tensor<?xf32>) {
  %0 = weft.cast_shape %x : (tensor<?xf32>) -> tensor<?xf32>
  %1 = weft.cast_shape %x : (tensor<?xf32>) -> tensor<?xf32, #weft.dims<[n]>>
  %2 = weft.cast_shape %0 : (tensor<?xf32>) -> tensor<4xf32>
  // The check for 4 must not be lost.
  %3 = weft.cast_shape %2 : (tensor<4xf32>) -> tensor<?xf32>
  return %0, %2, %3 : tensor<?xf32>, tensor<4xf32>, tensor<?xf32>
}

// CHECK-LABEL: func @iota
// CHECK-NEXT: %[[I:.*]] = weft.iota axis 0 sizes [5] : () -> tensor<5xi32>
// CHECK-NEXT: weft.cast_shape %[[I]] : (tensor<5xi32>) -> tensor<?xi32>
func.func @iota() -> tensor<?xi32> {
  %five = weft.constant dense<5> : tensor<i64>
  %0 = weft.iota axis 0 sizes [%five] : (tensor<i64>) -> tensor<?xi32>
  return %0 : tensor<?xi32>
}
