// Quantisation per tensor, per extent of an axis, per block.
// RUN: weft-opt %s | weft-opt | FileCheck %s
// RUN: weft-opt --mlir-print-op-generic %s | weft-opt | FileCheck %s

// CHECK-LABEL: func @quantize
func.func @quantize(%x: tensor<?x64xf32, #weft.dims<[n, _]>>, %s: tensor<f32>, %z: tensor<ui8>, %rows: tensor<64xf32>, %blocks: tensor<?x2xf16>) {
  // CHECK: weft.quantize %{{.*}}, %{{.*}}, %{{.*}} : (tensor<?x64xf32, #weft.dims<[n, _]>>, tensor<f32>, tensor<ui8>) -> tensor<?x64xui8, #weft.dims<[n, _]>>
  weft.quantize %x, %s, %z : (tensor<?x64xf32, #weft.dims<[n, _]>>, tensor<f32>, tensor<ui8>) -> tensor<?x64xui8, #weft.dims<[n, _]>>
  // CHECK: weft.quantize %{{.*}}, %{{.*}} {axis = 1 : i64} : {{.*}} -> tensor<?x64xf8E4M3FN, #weft.dims<[n, _]>>
  weft.quantize %x, %rows {axis = 1} : (tensor<?x64xf32, #weft.dims<[n, _]>>, tensor<64xf32>) -> tensor<?x64xf8E4M3FN, #weft.dims<[n, _]>>
  // CHECK: weft.quantize %{{.*}}, %{{.*}} {axis = 1 : i64, block = 32 : i64} : {{.*}} -> tensor<?x64xi4, #weft.dims<[n, _]>>
  weft.quantize %x, %blocks {axis = 1, block = 32} : (tensor<?x64xf32, #weft.dims<[n, _]>>, tensor<?x2xf16>) -> tensor<?x64xi4, #weft.dims<[n, _]>>
  return
}

// CHECK-LABEL: func @dequantize
func.func @dequantize(%q: tensor<4x5xi8>, %s: tensor<2x5xf16>, %z: tensor<2x5xi8>) {
  // CHECK: weft.dequantize %{{.*}}, %{{.*}}, %{{.*}} {block = 3 : i64} : (tensor<4x5xi8>, tensor<2x5xf16>, tensor<2x5xi8>) -> tensor<4x5xf32>
  weft.dequantize %q, %s, %z {block = 3} : (tensor<4x5xi8>, tensor<2x5xf16>, tensor<2x5xi8>) -> tensor<4x5xf32>
  return
}
