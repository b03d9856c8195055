// Variables, and reads and writes of them.
// RUN: weft-opt %s | weft-opt | FileCheck %s
// RUN: weft-opt --mlir-print-op-generic %s | weft-opt | FileCheck %s

// CHECK: weft.variable @w : tensor<2x2xf32> = dense<1.000000e+00> : tensor<2x2xf32> trainable
weft.variable @w : tensor<2x2xf32> = dense<1.0> : tensor<2x2xf32> trainable
// CHECK: weft.variable @cache : tensor<?x64xf16, #weft.dims<[past, _]>>
weft.variable @cache : tensor<?x64xf16, #weft.dims<[past, _]>>

// CHECK-LABEL: func @step
func.func @step() {
  // CHECK: %[[W:.*]] = weft.read @w : tensor<2x2xf32>
  %w = weft.read @w : tensor<2x2xf32>
  // CHECK: weft.write %{{.*}}, @w : tensor<2x2xf32>
  %0 = weft.neg %w : (tensor<2x2xf32>) -> tensor<2x2xf32>
  weft.write %0, @w : tensor<2x2xf32>
  return
}
