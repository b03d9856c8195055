// Conditions and assertions that are known; effects that keep their place.
// RUN: weft-opt --canonicalize %s | FileCheck %s
// RUN: weft-opt --cse --canonicalize %s | FileCheck %s --check-prefix=CSE

// CHECK-LABEL: func @known_if
// CHECK-SAME: %[[X:.*]]: tensor
// CHECK-NEXT: %[[N:.*]] = weft.neg %[[X]]
// CHECK-NEXT: return %[[N]], %[[X]]
func.func @known_if(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %true = weft.constant dense<true> : tensor<i1>
  %false = weft.constant dense<false> : tensor<i1>
  %0 = weft.if %true : (tensor<i1>) -> tensor<4xf32> {
    %n = weft.neg %x : (tensor<4xf32>) -> tensor<4xf32>
    weft.yield %n : tensor<4xf32>
  } else {
    weft.yield %x : tensor<4xf32>
  }
  %1 = weft.if %false : (tensor<i1>) -> tensor<4xf32> {
    weft.print %x, "never" : tensor<4xf32>
    weft.yield %x : tensor<4xf32>
  } else {
    weft.yield %x : tensor<4xf32>
  }
  return %0, %1 : tensor<4xf32>, tensor<4xf32>
}

// CHECK-LABEL: func @assertions
// CHECK-NOT: "holds"
// CHECK-NOT: "of nothing"
// CHECK: weft.assert {{.*}}, "fails"
// CHECK: weft.assert {{.*}}, "may hold"
func.func @assertions(%p: tensor<2xi1>, %none: tensor<0x3xi1>) {
  %true = weft.constant dense<true> : tensor<2xi1>
  %mixed = weft.constant dense<[true, false]> : tensor<2xi1>
  weft.assert %true, "holds" : tensor<2xi1>
  weft.assert %none, "of nothing" : tensor<0x3xi1>
  weft.assert %mixed, "fails" : tensor<2xi1>
  weft.assert %p, "may hold" : tensor<2xi1>
  return
}

// Equal effects stay both, in order; pure calls and regions that nobody uses go.
// CSE-LABEL: func @effects
// CSE: weft.print {{.*}}, "x"
// CSE: weft.print {{.*}}, "x"
// CSE: weft.custom_call "effect"
// CSE: weft.if
// CSE: weft.print {{.*}}, "inside"
// CSE-NOT: "pure"
// CSE-NOT: weft.while
// CSE: return
func.func @effects(%x: tensor<4xf32>, %p: tensor<i1>) {
  weft.print %x, "x" : tensor<4xf32>
  weft.print %x, "x" : tensor<4xf32>
  weft.custom_call "effect"(%x) {effects} : (tensor<4xf32>) -> tensor<4xf32>
  weft.if %p : (tensor<i1>) -> () {
    weft.print %x, "inside" : tensor<4xf32>
    weft.yield
  } else {
    weft.yield
  }
  weft.custom_call "pure"(%x) : (tensor<4xf32>) -> tensor<4xf32>
  weft.while %x : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%y: tensor<4xf32>):
    weft.yield %p : tensor<i1>
  } do {
  ^bb0(%y: tensor<4xf32>):
    weft.yield %y : tensor<4xf32>
  }
  return
}
