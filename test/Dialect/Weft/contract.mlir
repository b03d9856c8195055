// Products, factorisations and transforms: syntax, and the extents that follow from the operands.
// RUN: weft-opt %s | weft-opt | FileCheck %s
// RUN: weft-opt --mlir-print-op-generic %s | weft-opt | FileCheck %s

// CHECK-LABEL: func @dot_general
func.func @dot_general(%a: tensor<8x?x64xbf16, #weft.dims<[_, seq, _]>>, %b: tensor<8x64x32xbf16>,
                       %i: tensor<4x8xi8>, %j: tensor<16x8xi8>, %v: tensor<5xf32>) {
  // CHECK: weft.dot_general %{{.*}}, %{{.*}} batch [0] x [0] contract [2] x [1] : (tensor<8x?x64xbf16, #weft.dims<[_, seq, _]>>, tensor<8x64x32xbf16>) -> tensor<8x?x32xf32, #weft.dims<[_, seq, _]>>
  weft.dot_general %a, %b batch [0] x [0] contract [2] x [1] : (tensor<8x?x64xbf16, #weft.dims<[_, seq, _]>>, tensor<8x64x32xbf16>) -> tensor<8x?x32xf32, #weft.dims<[_, seq, _]>>
  // CHECK: weft.dot_general %{{.*}}, %{{.*}} batch [] x [] contract [1] x [1] : (tensor<4x8xi8>, tensor<16x8xi8>) -> tensor<4x16xi32>
  weft.dot_general %i, %j batch [] x [] contract [1] x [1] : (tensor<4x8xi8>, tensor<16x8xi8>) -> tensor<4x16xi32>
  // An outer product, and one to rank 0.
  // CHECK: weft.dot_general %{{.*}}, %{{.*}} batch [] x [] contract [] x [] precision tf32 : (tensor<5xf32>, tensor<5xf32>) -> tensor<5x5xf32>
  weft.dot_general %v, %v batch [] x [] contract [] x [] precision tf32 : (tensor<5xf32>, tensor<5xf32>) -> tensor<5x5xf32>
  // CHECK: weft.dot_general %{{.*}}, %{{.*}} batch [] x [] contract [0] x [0] : (tensor<5xf32>, tensor<5xf32>) -> tensor<f32>
  weft.dot_general %v, %v batch [] x [] contract [0] x [0] : (tensor<5xf32>, tensor<5xf32>) -> tensor<f32>
  return
}

// CHECK-LABEL: func @factorisations
func.func @factorisations(%a: tensor<2x?x?xf64>, %s: tensor<2x4x4xf64>, %b: tensor<2x4x3xf64>, %t: tensor<2x3x4xf64>,
                          %r: tensor<5x3xf32>) {
  // CHECK: weft.cholesky %{{.*}} {lower = false} : (tensor<2x?x?xf64>) -> tensor<2x?x?xf64>
  weft.cholesky %a {lower = false} : (tensor<2x?x?xf64>) -> tensor<2x?x?xf64>
  // CHECK: weft.triangular_solve %{{.*}}, %{{.*}} {transpose = true, unit_diagonal = true} : (tensor<2x4x4xf64>, tensor<2x4x3xf64>) -> tensor<2x4x3xf64>
  weft.triangular_solve %s, %b {transpose = true, unit_diagonal = true} : (tensor<2x4x4xf64>, tensor<2x4x3xf64>) -> tensor<2x4x3xf64>
  // CHECK: weft.triangular_solve %{{.*}}, %{{.*}} {left = false} : (tensor<2x4x4xf64>, tensor<2x3x4xf64>) -> tensor<2x3x4xf64>
  weft.triangular_solve %s, %t {left = false} : (tensor<2x4x4xf64>, tensor<2x3x4xf64>) -> tensor<2x3x4xf64>
  // CHECK: weft.lu %{{.*}} : (tensor<5x3xf32>) -> (tensor<5x3xf32>, tensor<3xi32>, tensor<5xi32>)
  weft.lu %r : (tensor<5x3xf32>) -> (tensor<5x3xf32>, tensor<3xi32>, tensor<5xi32>)
  return
}

// CHECK-LABEL: func @fft
func.func @fft(%re: tensor<2x16xf32>, %im: tensor<2x16xf32>, %half: tensor<2x9xf32>) {
  // CHECK: weft.fft c2c %{{.*}}, %{{.*}} axes [0, 1] {inverse = true} : (tensor<2x16xf32>, tensor<2x16xf32>) -> (tensor<2x16xf32>, tensor<2x16xf32>)
  weft.fft c2c %re, %im axes [0, 1] {inverse = true} : (tensor<2x16xf32>, tensor<2x16xf32>) -> (tensor<2x16xf32>, tensor<2x16xf32>)
  // CHECK: weft.fft r2c %{{.*}} axes [1] : (tensor<2x16xf32>) -> (tensor<2x9xf32>, tensor<2x9xf32>)
  weft.fft r2c %re axes [1] : (tensor<2x16xf32>) -> (tensor<2x9xf32>, tensor<2x9xf32>)
  // CHECK: weft.fft c2r %{{.*}}, %{{.*}} axes [1] {inverse = true, length = 16 : i64} : (tensor<2x9xf32>, tensor<2x9xf32>) -> tensor<2x16xf32>
  weft.fft c2r %half, %half axes [1] {inverse = true, length = 16} : (tensor<2x9xf32>, tensor<2x9xf32>) -> tensor<2x16xf32>
  // CHECK: weft.fft c2r %{{.*}}, %{{.*}} axes [1] {inverse = true, length = 17 : i64}
  weft.fft c2r %half, %half axes [1] {inverse = true, length = 17} : (tensor<2x9xf32>, tensor<2x9xf32>) -> tensor<2x17xf32>
  return
}
