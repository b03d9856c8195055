// Attention: grouped heads, masks, lengths, dropout.
// RUN: weft-opt %s | weft-opt | FileCheck %s
// RUN: weft-opt --mlir-print-op-generic %s | weft-opt | FileCheck %s

// CHECK-LABEL: func @attention
func.func @attention(%q: tensor<2x8x?x64xbf16, #weft.dims<[_, _, seq, _]>>, %k: tensor<2x2x?x64xbf16, #weft.dims<[_, _, past + seq, _]>>,
                     %v: tensor<2x2x?x32xbf16, #weft.dims<[_, _, past + seq, _]>>, %mask: tensor<1x1x?x?xi1>,
                     %length: tensor<2xi64>, %key: tensor<2xui32>) {
  // CHECK: weft.attention %{{.*}}, %{{.*}}, %{{.*}} {scale = 1.250000e-01 : f64} :
  // CHECK-SAME: -> (tensor<2x8x?x32xbf16, #weft.dims<[_, _, seq, _]>>, tensor<2x8x?xf32, #weft.dims<[_, _, seq]>>)
  weft.attention %q, %k, %v {scale = 0.125 : f64}
    : (tensor<2x8x?x64xbf16, #weft.dims<[_, _, seq, _]>>, tensor<2x2x?x64xbf16, #weft.dims<[_, _, past + seq, _]>>, tensor<2x2x?x32xbf16, #weft.dims<[_, _, past + seq, _]>>)
    -> (tensor<2x8x?x32xbf16, #weft.dims<[_, _, seq, _]>>, tensor<2x8x?xf32, #weft.dims<[_, _, seq]>>)
  // CHECK: weft.attention %{{.*}}, %{{.*}}, %{{.*}} mask %{{.*}} kv_length %{{.*}} rng %{{.*}} {causal = #weft<causal bottom_right>, dropout = 1.000000e-01 : f64
  weft.attention %q, %k, %v mask %mask kv_length %length rng %key
    {scale = 0.125 : f64, causal = #weft<causal bottom_right>, window_left = 128, softcap = 30.0 : f64, dropout = 0.1 : f64}
    : (tensor<2x8x?x64xbf16, #weft.dims<[_, _, seq, _]>>, tensor<2x2x?x64xbf16, #weft.dims<[_, _, past + seq, _]>>, tensor<2x2x?x32xbf16, #weft.dims<[_, _, past + seq, _]>>, tensor<1x1x?x?xi1>, tensor<2xi64>, tensor<2xui32>)
    -> (tensor<2x8x?x32xbf16, #weft.dims<[_, _, seq, _]>>, tensor<2x8x?xf32, #weft.dims<[_, _, seq]>>)
  return
}
