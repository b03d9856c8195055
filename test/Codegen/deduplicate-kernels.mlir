// Kernels that differ in names and locations alone become one; any other difference keeps them apart.
// RUN: weft-opt %s --weft-deduplicate-kernels | FileCheck %s

// CHECK-LABEL: func.func @main
// CHECK: %[[A:.*]] = host.launch @first(%arg0)
// CHECK: %[[B:.*]] = host.launch @first(%[[A]])
// CHECK: %[[C:.*]] = host.launch @other(%[[B]])
// CHECK: host.launch @wider(%{{.*}})
func.func @main(%x: tensor<4xf32>, %z: tensor<5xf32>) -> (tensor<4xf32>, tensor<5xf32>) {
  %0 = host.launch @first(%x) : (tensor<4xf32>) -> tensor<4xf32>
  %1 = host.launch @second(%0) : (tensor<4xf32>) -> tensor<4xf32>
  %2 = host.launch @other(%1) : (tensor<4xf32>) -> tensor<4xf32>
  %3 = host.launch @wider(%z) : (tensor<5xf32>) -> tensor<5xf32>
  return %2, %3 : tensor<4xf32>, tensor<5xf32>
}
// CHECK: host.kernel @first
host.kernel @first(%a: tensor<4xf32>) -> tensor<4xf32> {
  %0 = weft.exp %a : (tensor<4xf32>) -> tensor<4xf32> loc("here")
  host.return %0 : tensor<4xf32>
}
// CHECK-NOT: @second
host.kernel @second(%b: tensor<4xf32>) -> tensor<4xf32> {
  %y = weft.exp %b : (tensor<4xf32>) -> tensor<4xf32> loc("there")
  host.return %y : tensor<4xf32>
}
// CHECK: host.kernel @other
host.kernel @other(%a: tensor<4xf32>) -> tensor<4xf32> {
  %0 = weft.expm1 %a : (tensor<4xf32>) -> tensor<4xf32>
  host.return %0 : tensor<4xf32>
}
// CHECK: host.kernel @wider
host.kernel @wider(%a: tensor<5xf32>) -> tensor<5xf32> {
  %0 = weft.exp %a : (tensor<5xf32>) -> tensor<5xf32>
  host.return %0 : tensor<5xf32>
}
