// What regions, calls and effects refuse.
// RUN: weft-opt %s --split-input-file --verify-diagnostics

func.func @condition(%p: tensor<1xi1>) {
  // expected-error @+1 {{operand #0 must be 0D tensor of 1-bit signless integer values}}
  weft.if %p : (tensor<1xi1>) -> () {
    weft.yield
  } else {
    weft.yield
  }
  return
}

// -----

func.func @if_count(%p: tensor<i1>, %x: tensor<4xf32>) {
  // expected-error @+1 {{has 0 values yielded by else, wanted 1}}
  weft.if %p : (tensor<i1>) -> tensor<4xf32> {
    weft.yield %x : tensor<4xf32>
  } else {
    weft.yield
  }
  return
}

// -----

func.func @if_type(%p: tensor<i1>, %x: tensor<4xf32>, %y: tensor<?xf32>) {
  // expected-error @+1 {{has value #0 yielded by then of type 'tensor<?xf32>', wanted 'tensor<4xf32>'}}
  weft.if %p : (tensor<i1>) -> tensor<4xf32> {
    weft.yield %y : tensor<?xf32>
  } else {
    weft.yield %x : tensor<4xf32>
  }
  return
}

// -----

func.func @if_no_yield(%p: tensor<i1>) {
  // expected-error @+1 {{has a region 'then' that does not end in weft.yield, wanted one that does}}
  "weft.if"(%p) ({
    "weft.print"(%p) {message = "p"} : (tensor<i1>) -> ()
  }, {
    "weft.yield"() : () -> ()
  }) : (tensor<i1>) -> ()
  return
}

// -----

func.func @if_empty(%p: tensor<i1>) {
  // expected-error @+1 {{expects a non-empty block}}
  "weft.if"(%p) ({
    "weft.yield"() : () -> ()
  }, {
  ^bb0:
  }) : (tensor<i1>) -> ()
  return
}

// -----

func.func @if_arguments(%p: tensor<i1>) {
  // expected-error @+1 {{region #0 should have no arguments}}
  "weft.if"(%p) ({
  ^bb0(%x: tensor<4xf32>):
    "weft.yield"() : () -> ()
  }, {
    "weft.yield"() : () -> ()
  }) : (tensor<i1>) -> ()
  return
}

// -----

func.func @while_condition(%x: tensor<4xf32>) {
  // expected-error @+1 {{has value #0 yielded by cond of type 'tensor<4xf32>', wanted 'tensor<i1>'}}
  weft.while %x : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%y: tensor<4xf32>):
    weft.yield %y : tensor<4xf32>
  } do {
  ^bb0(%y: tensor<4xf32>):
    weft.yield %y : tensor<4xf32>
  }
  return
}

// -----

func.func @while_carry(%x: tensor<4xf32>, %p: tensor<i1>, %z: tensor<5xf32>) {
  // expected-error @+1 {{has value #0 yielded by body of type 'tensor<5xf32>', wanted 'tensor<4xf32>'}}
  weft.while %x : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%y: tensor<4xf32>):
    weft.yield %p : tensor<i1>
  } do {
  ^bb0(%y: tensor<4xf32>):
    weft.yield %z : tensor<5xf32>
  }
  return
}

// -----

func.func @while_arguments(%x: tensor<4xf32>, %p: tensor<i1>) {
  // expected-error @+1 {{has 0 values taken by cond, wanted 1}}
  weft.while %x : (tensor<4xf32>) -> tensor<4xf32> {
    weft.yield %p : tensor<i1>
  } do {
  ^bb0(%y: tensor<4xf32>):
    weft.yield %y : tensor<4xf32>
  }
  return
}

// -----

func.func @while_results(%x: tensor<4xf32>, %p: tensor<i1>) {
  // expected-error @+1 {{has 0 values returned, wanted 1}}
  weft.while %x : (tensor<4xf32>) -> () {
  ^bb0(%y: tensor<4xf32>):
    weft.yield %p : tensor<i1>
  } do {
  ^bb0(%y: tensor<4xf32>):
    weft.yield %y : tensor<4xf32>
  }
  return
}

// -----

func.func @scan_endless(%h: tensor<4xf32>) {
  // expected-error @+1 {{has neither inputs nor length, wanted one to tell the number of steps}}
  weft.scan init(%h) : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%c: tensor<4xf32>):
    weft.yield %c : tensor<4xf32>
  }
  return
}

// -----

func.func @scan_both(%xs: tensor<3x4xf32>, %n: tensor<i64>) {
  // expected-error @+1 {{has inputs and length, wanted the inputs alone to tell the number of steps}}
  weft.scan over(%xs) length %n : (tensor<3x4xf32>, tensor<i64>) -> () {
  ^bb0(%x: tensor<4xf32>):
    weft.yield
  }
  return
}

// -----

func.func @scan_lengths(%xs: tensor<3x4xf32>, %ys: tensor<5xf32>) {
  // expected-error @+1 {{has extent 5 in dimension 0 of input #1, wanted 3}}
  weft.scan over(%xs, %ys) : (tensor<3x4xf32>, tensor<5xf32>) -> () {
  ^bb0(%x: tensor<4xf32>, %y: tensor<f32>):
    weft.yield
  }
  return
}

// -----

func.func @scan_scalar(%xs: tensor<f32>) {
  // expected-error @+1 {{has input #0 of rank 0, wanted at least 1}}
  weft.scan over(%xs) : (tensor<f32>) -> () {
  ^bb0(%x: tensor<f32>):
    weft.yield
  }
  return
}

// -----

func.func @scan_slice(%xs: tensor<3x4xf32>) {
  // expected-error @+1 {{has the slice of input #0 of rank 2, wanted 1}}
  weft.scan over(%xs) : (tensor<3x4xf32>) -> () {
  ^bb0(%x: tensor<3x4xf32>):
    weft.yield
  }
  return
}

// -----

func.func @scan_slice_type(%xs: tensor<3x4xf32>) {
  // expected-error @+1 {{has the slice of input #0 of type 'i32', wanted a ranked tensor}}
  weft.scan over(%xs) : (tensor<3x4xf32>) -> () {
  ^bb0(%x: i32):
    weft.yield
  }
  return
}

// -----

func.func @scan_arguments(%xs: tensor<3x4xf32>) {
  // expected-error @+1 {{has 0 values taken by body, wanted 1: the carries, then a slice of each input}}
  weft.scan over(%xs) : (tensor<3x4xf32>) -> () {
    weft.yield
  }
  return
}

// -----

func.func @scan_carry(%h: tensor<4xf32>, %xs: tensor<3x4xf32>, %z: tensor<5xf32>) {
  // expected-error @+1 {{has value #0 carried out of body of type 'tensor<5xf32>', wanted 'tensor<4xf32>'}}
  weft.scan init(%h) over(%xs) : (tensor<4xf32>, tensor<3x4xf32>) -> tensor<4xf32> {
  ^bb0(%c: tensor<4xf32>, %x: tensor<4xf32>):
    weft.yield %z : tensor<5xf32>
  }
  return
}

// -----

func.func @scan_lost_carry(%h: tensor<4xf32>, %xs: tensor<3x4xf32>) {
  // expected-error @+1 {{has 0 values yielded by body and 0 results, wanted equal numbers of at least 1, the number of carries}}
  weft.scan init(%h) over(%xs) : (tensor<4xf32>, tensor<3x4xf32>) -> () {
  ^bb0(%c: tensor<4xf32>, %x: tensor<4xf32>):
    weft.yield
  }
  return
}

// -----

func.func @scan_stack(%xs: tensor<3x4xf32>) {
  // expected-error @+1 {{has extent 4 in dimension 0 of result #0, wanted 3}}
  weft.scan over(%xs) : (tensor<3x4xf32>) -> tensor<4x4xf32> {
  ^bb0(%x: tensor<4xf32>):
    weft.yield %x : tensor<4xf32>
  }
  return
}

// -----

func.func @yield_outside(%x: tensor<4xf32>) {
  // expected-error @+1 {{expects parent op to be one of}}
  weft.yield %x : tensor<4xf32>
}

// -----

func.func @barrier(%x: tensor<4xf32>) {
  // expected-error @+1 {{has value #0 returned of type 'tensor<5xf32>', wanted 'tensor<4xf32>'}}
  weft.barrier %x : (tensor<4xf32>) -> tensor<5xf32>
  return
}

// -----

func.func @stop_gradient(%x: tensor<4xf32>) {
  // expected-error @+2 {{incompatible with return type}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.stop_gradient %x : (tensor<4xf32>) -> tensor<5xf32>
  return
}

// -----

func.func @assert(%x: tensor<4xf32>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of boolean element type}}
  weft.assert %x, "true" : tensor<4xf32>
  return
}
