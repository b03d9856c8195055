// Reads are snapshots: equal ones merge unless a write stands between.
// RUN: weft-opt --cse --canonicalize %s | FileCheck %s

weft.variable @w : tensor<4xf32>

// CHECK-LABEL: func @reads
// CHECK: %[[A:.*]] = weft.read @w
// CHECK-NEXT: %[[S:.*]] = weft.add %[[A]], %[[A]]
// CHECK-NEXT: weft.write %[[S]], @w
// CHECK-NEXT: %[[B:.*]] = weft.read @w
// CHECK-NEXT: return %[[A]], %[[B]]
func.func @reads() -> (tensor<4xf32>, tensor<4xf32>) {
  %a = weft.read @w : tensor<4xf32>
  %b = weft.read @w : tensor<4xf32>
  %s = weft.add %a, %b : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  weft.write %s, @w : tensor<4xf32>
  %c = weft.read @w : tensor<4xf32>
  return %a, %c : tensor<4xf32>, tensor<4xf32>
}
