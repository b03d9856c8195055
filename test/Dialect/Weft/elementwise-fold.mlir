// Folds of elementwise ops that need no evaluation.
// RUN: weft-opt --canonicalize %s | FileCheck %s

// CHECK-LABEL: func @idempotent
// CHECK-SAME: %[[X:.*]]: tensor
func.func @idempotent(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  // CHECK: %[[R:.*]] = weft.relu %[[X]]
  // CHECK: %[[F:.*]] = weft.floor %[[X]]
  // CHECK: return %[[R]], %[[F]], %[[X]]
  %0 = weft.relu %x : (tensor<4xf32>) -> tensor<4xf32>
  %1 = weft.relu %0 : (tensor<4xf32>) -> tensor<4xf32>
  %2 = weft.floor %x : (tensor<4xf32>) -> tensor<4xf32>
  %3 = weft.floor %2 : (tensor<4xf32>) -> tensor<4xf32>
  %4 = weft.neg %x : (tensor<4xf32>) -> tensor<4xf32>
  %5 = weft.neg %4 : (tensor<4xf32>) -> tensor<4xf32>
  return %1, %3, %5 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}

// x + 0 turns -0 into 0, so only integers fold it; x + -0 is x.
// CHECK-LABEL: func @zeros
// CHECK-SAME: %[[X:.*]]: tensor<4xf32>, %[[I:.*]]: tensor<4xi32>
func.func @zeros(%x: tensor<4xf32>, %i: tensor<4xi32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xi32>) {
  // CHECK: %[[S:.*]] = weft.add %[[X]]
  // CHECK: return %[[S]], %[[X]], %[[I]]
  %zero = weft.constant dense<0.0> : tensor<1xf32>
  %negative = weft.constant dense<-0.0> : tensor<1xf32>
  %none = weft.constant dense<0> : tensor<1xi32>
  %0 = weft.add %x, %zero : (tensor<4xf32>, tensor<1xf32>) -> tensor<4xf32>
  %1 = weft.add %x, %negative : (tensor<4xf32>, tensor<1xf32>) -> tensor<4xf32>
  %2 = weft.add %i, %none : (tensor<4xi32>, tensor<1xi32>) -> tensor<4xi32>
  return %0, %1, %2 : tensor<4xf32>, tensor<4xf32>, tensor<4xi32>
}

// CHECK-LABEL: func @ones
// CHECK-SAME: %[[X:.*]]: tensor
// CHECK-NEXT: return %[[X]], %[[X]], %[[X]]
func.func @ones(%x: tensor<?xf32>) -> (tensor<?xf32>, tensor<?xf32>, tensor<?xf32>) {
  %one = weft.constant dense<1.0> : tensor<1xf32>
  %0 = weft.mul %one, %x : (tensor<1xf32>, tensor<?xf32>) -> tensor<?xf32>
  %1 = weft.div %x, %one : (tensor<?xf32>, tensor<1xf32>) -> tensor<?xf32>
  %2 = weft.pow %x, %one : (tensor<?xf32>, tensor<1xf32>) -> tensor<?xf32>
  return %0, %1, %2 : tensor<?xf32>, tensor<?xf32>, tensor<?xf32>
}

// What stretches is not the operand, so it stays.
// CHECK-LABEL: func @stretching
// CHECK: weft.mul
func.func @stretching(%x: tensor<1xf32>) -> tensor<4xf32> {
  %one = weft.constant dense<1.0> : tensor<4xf32>
  %0 = weft.mul %x, %one : (tensor<1xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// CHECK-LABEL: func @select
// CHECK-SAME: %[[X:.*]]: tensor<4xf32>, %[[Y:.*]]: tensor<4xf32>, %[[P:.*]]: tensor<4xi1>
// CHECK-NEXT: return %[[X]], %[[Y]], %[[X]]
func.func @select(%x: tensor<4xf32>, %y: tensor<4xf32>, %p: tensor<4xi1>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %true = weft.constant dense<true> : tensor<4xi1>
  %false = weft.constant dense<false> : tensor<1xi1>
  %0 = weft.select %true, %x, %y : (tensor<4xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %1 = weft.select %false, %x, %y : (tensor<1xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %2 = weft.select %p, %x, %x : (tensor<4xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %0, %1, %2 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}

// A NaN is not equal to itself, so that floats do not fold.
// CHECK-LABEL: func @compare
// CHECK-DAG: %[[TRUE:.*]] = weft.constant dense<true> : tensor<4xi1>
// CHECK-DAG: %[[FALSE:.*]] = weft.constant dense<false> : tensor<4xi1>
// CHECK-DAG: %[[C:.*]] = weft.compare eq
// CHECK: return %[[TRUE]], %[[FALSE]], %[[C]]
func.func @compare(%i: tensor<4xi32>, %x: tensor<4xf32>) -> (tensor<4xi1>, tensor<4xi1>, tensor<4xi1>) {
  %0 = weft.compare le %i, %i : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi1>
  %1 = weft.compare ne %i, %i : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi1>
  %2 = weft.compare eq %x, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
  return %0, %1, %2 : tensor<4xi1>, tensor<4xi1>, tensor<4xi1>
}

// CHECK-LABEL: func @convert
// CHECK-SAME: %[[X:.*]]: tensor
// CHECK-NEXT: return %[[X]]
func.func @convert(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = weft.convert %x : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
