// Every elementwise op prints what it parses, in its own syntax and in the generic one.
// RUN: weft-opt %s | weft-opt | FileCheck %s
// RUN: weft-opt --mlir-print-op-generic %s | weft-opt | FileCheck %s

// CHECK-LABEL: func @float_unary
func.func @float_unary(%x: tensor<2x?xf32>) {
  // CHECK: weft.abs %{{.*}} : (tensor<2x?xf32>) -> tensor<2x?xf32>
  weft.abs %x : (tensor<2x?xf32>) -> tensor<2x?xf32>
  // CHECK-NEXT: weft.neg
  weft.neg %x : (tensor<2x?xf32>) -> tensor<2x?xf32>
  // CHECK-NEXT: weft.sign
  weft.sign %x : (tensor<2x?xf32>) -> tensor<2x?xf32>
  // CHECK-NEXT: weft.ceil
  weft.ceil %x : (tensor<2x?xf32>) -> tensor<2x?xf32>
  // CHECK-NEXT: weft.floor
  weft.floor %x : (tensor<2x?xf32>) -> tensor<2x?xf32>
  // CHECK-NEXT: weft.trunc
  weft.trunc %x : (tensor<2x?xf32>) -> tensor<2x?xf32>
  // CHECK-NEXT: weft.exp %
  weft.exp %x : (tensor<2x?xf32>) -> tensor<2x?xf32>
  // CHECK-NEXT: weft.expm1
  weft.expm1 %x : (tensor<2x?xf32>) -> tensor<2x?xf32>
  // CHECK-NEXT: weft.log %
  weft.log %x : (tensor<2x?xf32>) -> tensor<2x?xf32>
  // CHECK-NEXT: weft.log1p
  weft.log1p %x : (tensor<2x?xf32>) -> tensor<2x?xf32>
  // CHECK-NEXT: weft.sqrt
  weft.sqrt %x : (tensor<2x?xf32>) -> tensor<2x?xf32>
  // CHECK-NEXT: weft.rsqrt
  weft.rsqrt %x : (tensor<2x?xf32>) -> tensor<2x?xf32>
  // CHECK-NEXT: weft.cbrt
  weft.cbrt %x : (tensor<2x?xf32>) -> tensor<2x?xf32>
  // CHECK-NEXT: weft.sin %
  weft.sin %x : (tensor<2x?xf32>) -> tensor<2x?xf32>
  // CHECK-NEXT: weft.cos %
  weft.cos %x : (tensor<2x?xf32>) -> tensor<2x?xf32>
  // CHECK-NEXT: weft.tan %
  weft.tan %x : (tensor<2x?xf32>) -> tensor<2x?xf32>
  // CHECK-NEXT: weft.asin %
  weft.asin %x : (tensor<2x?xf32>) -> tensor<2x?xf32>
  // CHECK-NEXT: weft.acos %
  weft.acos %x : (tensor<2x?xf32>) -> tensor<2x?xf32>
  // CHECK-NEXT: weft.atan %
  weft.atan %x : (tensor<2x?xf32>) -> tensor<2x?xf32>
  // CHECK-NEXT: weft.sinh %
  weft.sinh %x : (tensor<2x?xf32>) -> tensor<2x?xf32>
  // CHECK-NEXT: weft.cosh %
  weft.cosh %x : (tensor<2x?xf32>) -> tensor<2x?xf32>
  // CHECK-NEXT: weft.tanh %
  weft.tanh %x : (tensor<2x?xf32>) -> tensor<2x?xf32>
  // CHECK-NEXT: weft.asinh
  weft.asinh %x : (tensor<2x?xf32>) -> tensor<2x?xf32>
  // CHECK-NEXT: weft.acosh
  weft.acosh %x : (tensor<2x?xf32>) -> tensor<2x?xf32>
  // CHECK-NEXT: weft.atanh
  weft.atanh %x : (tensor<2x?xf32>) -> tensor<2x?xf32>
  // CHECK-NEXT: weft.erf %
  weft.erf %x : (tensor<2x?xf32>) -> tensor<2x?xf32>
  // CHECK-NEXT: weft.erfc
  weft.erfc %x : (tensor<2x?xf32>) -> tensor<2x?xf32>
  // CHECK-NEXT: weft.erf_inv
  weft.erf_inv %x : (tensor<2x?xf32>) -> tensor<2x?xf32>
  // CHECK-NEXT: weft.logistic
  weft.logistic %x : (tensor<2x?xf32>) -> tensor<2x?xf32>
  // CHECK-NEXT: weft.lgamma
  weft.lgamma %x : (tensor<2x?xf32>) -> tensor<2x?xf32>
  // CHECK-NEXT: weft.relu
  weft.relu %x : (tensor<2x?xf32>) -> tensor<2x?xf32>
  // CHECK-NEXT: weft.round even %
  weft.round even %x : (tensor<2x?xf32>) -> tensor<2x?xf32>
  // CHECK-NEXT: weft.round away %
  weft.round away %x : (tensor<2x?xf32>) -> tensor<2x?xf32>
  // CHECK-NEXT: weft.polygamma 3 %
  weft.polygamma 3 %x : (tensor<2x?xf32>) -> tensor<2x?xf32>
  return
}

// CHECK-LABEL: func @float_binary
func.func @float_binary(%x: tensor<2x3xbf16>, %y: tensor<1x3xbf16>) {
  // CHECK-NEXT: weft.add %{{.*}}, %{{.*}} : (tensor<2x3xbf16>, tensor<1x3xbf16>) -> tensor<2x3xbf16>
  weft.add %x, %y : (tensor<2x3xbf16>, tensor<1x3xbf16>) -> tensor<2x3xbf16>
  // CHECK-NEXT: weft.sub
  weft.sub %x, %y : (tensor<2x3xbf16>, tensor<1x3xbf16>) -> tensor<2x3xbf16>
  // CHECK-NEXT: weft.mul
  weft.mul %x, %y : (tensor<2x3xbf16>, tensor<1x3xbf16>) -> tensor<2x3xbf16>
  // CHECK-NEXT: weft.div
  weft.div %x, %y : (tensor<2x3xbf16>, tensor<1x3xbf16>) -> tensor<2x3xbf16>
  // CHECK-NEXT: weft.rem
  weft.rem %x, %y : (tensor<2x3xbf16>, tensor<1x3xbf16>) -> tensor<2x3xbf16>
  // CHECK-NEXT: weft.pow
  weft.pow %x, %y : (tensor<2x3xbf16>, tensor<1x3xbf16>) -> tensor<2x3xbf16>
  // CHECK-NEXT: weft.max
  weft.max %x, %y : (tensor<2x3xbf16>, tensor<1x3xbf16>) -> tensor<2x3xbf16>
  // CHECK-NEXT: weft.min
  weft.min %x, %y : (tensor<2x3xbf16>, tensor<1x3xbf16>) -> tensor<2x3xbf16>
  // CHECK-NEXT: weft.atan2
  weft.atan2 %x, %y : (tensor<2x3xbf16>, tensor<1x3xbf16>) -> tensor<2x3xbf16>
  // CHECK-NEXT: weft.clamp %{{.*}}, %{{.*}}, %{{.*}} :
  weft.clamp %y, %x, %y : (tensor<1x3xbf16>, tensor<2x3xbf16>, tensor<1x3xbf16>) -> tensor<2x3xbf16>
  return
}

// CHECK-LABEL: func @integers
func.func @integers(%x: tensor<4xui8>, %y: tensor<4xui8>, %p: tensor<4xi1>) {
  // CHECK-NEXT: weft.not
  weft.not %x : (tensor<4xui8>) -> tensor<4xui8>
  // CHECK-NEXT: weft.popcnt
  weft.popcnt %x : (tensor<4xui8>) -> tensor<4xui8>
  // CHECK-NEXT: weft.clz
  weft.clz %x : (tensor<4xui8>) -> tensor<4xui8>
  // CHECK-NEXT: weft.and
  weft.and %x, %y : (tensor<4xui8>, tensor<4xui8>) -> tensor<4xui8>
  // CHECK-NEXT: weft.or
  weft.or %p, %p : (tensor<4xi1>, tensor<4xi1>) -> tensor<4xi1>
  // CHECK-NEXT: weft.xor
  weft.xor %p, %p : (tensor<4xi1>, tensor<4xi1>) -> tensor<4xi1>
  // CHECK-NEXT: weft.shl
  weft.shl %x, %y : (tensor<4xui8>, tensor<4xui8>) -> tensor<4xui8>
  // CHECK-NEXT: weft.shr
  weft.shr %x, %y : (tensor<4xui8>, tensor<4xui8>) -> tensor<4xui8>
  return
}

// CHECK-LABEL: func @mixed
func.func @mixed(%p: tensor<4xi1>, %x: tensor<4xf8E4M3FN>, %y: tensor<1xf8E4M3FN>, %f: tensor<4xf32>) {
  // CHECK-NEXT: weft.compare lt %{{.*}}, %{{.*}} : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
  weft.compare lt %f, %f : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
  // CHECK-NEXT: weft.select %{{.*}}, %{{.*}}, %{{.*}} : (tensor<4xi1>, tensor<4xf8E4M3FN>, tensor<1xf8E4M3FN>) -> tensor<4xf8E4M3FN>
  weft.select %p, %x, %y : (tensor<4xi1>, tensor<4xf8E4M3FN>, tensor<1xf8E4M3FN>) -> tensor<4xf8E4M3FN>
  // CHECK-NEXT: weft.convert %{{.*}} : (tensor<4xf32>) -> tensor<4xi4>
  weft.convert %f : (tensor<4xf32>) -> tensor<4xi4>
  // CHECK-NEXT: weft.convert %{{.*}} saturate : (tensor<4xf32>) -> tensor<4xf8E5M2>
  weft.convert %f saturate : (tensor<4xf32>) -> tensor<4xf8E5M2>
  // CHECK-NEXT: weft.bitcast_convert %{{.*}} : (tensor<4xf32>) -> tensor<4x4xui8>
  weft.bitcast_convert %f : (tensor<4xf32>) -> tensor<4x4xui8>
  return
}

// Names of extents come with the type; expressions are canonical.
// CHECK-LABEL: func @named
// CHECK-SAME: tensor<?x?x8xf32, #weft.dims<[batch, past + seq, _]>>
func.func @named(%x: tensor<?x?x8xf32, #weft.dims<[batch, seq + past, _]>>, %y: tensor<1x1x8xf32>) {
  // CHECK-NEXT: weft.add %{{.*}} : (tensor<?x?x8xf32, #weft.dims<[batch, past + seq, _]>>, tensor<1x1x8xf32>) -> tensor<?x?x8xf32, #weft.dims<[batch, past + seq, _]>>
  weft.add %x, %y : (tensor<?x?x8xf32, #weft.dims<[batch, past + seq, _]>>, tensor<1x1x8xf32>) -> tensor<?x?x8xf32, #weft.dims<[batch, past + seq, _]>>
  return
}
