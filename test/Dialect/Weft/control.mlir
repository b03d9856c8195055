// Regions, calls and effects.
// RUN: weft-opt %s | weft-opt | FileCheck %s
// RUN: weft-opt --mlir-print-op-generic %s | weft-opt | FileCheck %s

// CHECK-LABEL: func @if
func.func @if(%p: tensor<i1>, %x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK: weft.if %{{.*}} : (tensor<i1>) -> tensor<4xf32> {
  %0 = weft.if %p : (tensor<i1>) -> tensor<4xf32> {
    // CHECK: weft.yield %{{.*}} : tensor<4xf32>
    weft.yield %x : tensor<4xf32>
  // CHECK: } else {
  } else {
    %1 = weft.neg %x : (tensor<4xf32>) -> tensor<4xf32>
    weft.yield %1 : tensor<4xf32>
  }
  // No results.
  weft.if %p : (tensor<i1>) -> () {
    weft.print %x, "x" : tensor<4xf32>
    weft.yield
  } else {
    weft.yield
  }
  return %0 : tensor<4xf32>
}

// CHECK-LABEL: func @while
func.func @while(%i: tensor<i64>, %x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK: weft.while %{{.*}}, %{{.*}} : (tensor<i64>, tensor<4xf32>) -> (tensor<i64>, tensor<4xf32>) {
  %0:2 = weft.while %i, %x : (tensor<i64>, tensor<4xf32>) -> (tensor<i64>, tensor<4xf32>) {
  ^bb0(%j: tensor<i64>, %y: tensor<4xf32>):
    %limit = weft.constant dense<10> : tensor<i64>
    %more = weft.compare lt %j, %limit : (tensor<i64>, tensor<i64>) -> tensor<i1>
    weft.yield %more : tensor<i1>
  // CHECK: } do {
  } do {
  ^bb0(%j: tensor<i64>, %y: tensor<4xf32>):
    %one = weft.constant dense<1> : tensor<i64>
    %next = weft.add %j, %one : (tensor<i64>, tensor<i64>) -> tensor<i64>
    // The body sees values from outside.
    %sum = weft.add %y, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    weft.yield %next, %sum : tensor<i64>, tensor<4xf32>
  }
  return %0#1 : tensor<4xf32>
}

// CHECK-LABEL: func @scan
func.func @scan(%h: tensor<8xf32>, %xs: tensor<?x8xf32, #weft.dims<[seq, _]>>, %n: tensor<i64>) {
  // CHECK: weft.scan init(%{{.*}}) over(%{{.*}}) : (tensor<8xf32>, tensor<?x8xf32, #weft.dims<[seq, _]>>) -> (tensor<8xf32>, tensor<?x8xf32, #weft.dims<[seq, _]>>) {
  // CHECK: } {reverse = true}
  %0:2 = weft.scan init(%h) over(%xs) : (tensor<8xf32>, tensor<?x8xf32, #weft.dims<[seq, _]>>) -> (tensor<8xf32>, tensor<?x8xf32, #weft.dims<[seq, _]>>) {
  ^bb0(%c: tensor<8xf32>, %x: tensor<8xf32>):
    %s = weft.add %c, %x : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    weft.yield %s, %s : tensor<8xf32>, tensor<8xf32>
  } {reverse = true}
  // CHECK: weft.scan init(%{{.*}}) length %{{.*}} : (tensor<8xf32>, tensor<i64>) -> tensor<8xf32> {
  %1 = weft.scan init(%h) length %n : (tensor<8xf32>, tensor<i64>) -> tensor<8xf32> {
  ^bb0(%c: tensor<8xf32>):
    %s = weft.neg %c : (tensor<8xf32>) -> tensor<8xf32>
    weft.yield %s : tensor<8xf32>
  }
  return
}

func.func private @slow(tensor<4xf32>) -> tensor<4xf32>

// CHECK-LABEL: func @others
func.func @others(%x: tensor<4xf32>, %p: tensor<4xi1>) {
  // CHECK: weft.custom_call "twice"(%{{.*}}) {config = {n = 2 : i64}, decomposition = @slow, effects} : (tensor<4xf32>) -> tensor<4xf32>
  weft.custom_call "twice"(%x) {effects, decomposition = @slow, config = {n = 2}} : (tensor<4xf32>) -> tensor<4xf32>
  // CHECK: weft.barrier %{{.*}}, %{{.*}} : (tensor<4xf32>, tensor<4xi1>) -> (tensor<4xf32>, tensor<4xi1>)
  weft.barrier %x, %p : (tensor<4xf32>, tensor<4xi1>) -> (tensor<4xf32>, tensor<4xi1>)
  // CHECK: weft.stop_gradient %{{.*}} : (tensor<4xf32>) -> tensor<4xf32>
  weft.stop_gradient %x : (tensor<4xf32>) -> tensor<4xf32>
  // CHECK: weft.assert %{{.*}}, "all hold" : tensor<4xi1>
  weft.assert %p, "all hold" : tensor<4xi1>
  // CHECK: weft.print %{{.*}}, "x" : tensor<4xf32>
  weft.print %x, "x" : tensor<4xf32>
  return
}
