// What variables and their users refuse.
// RUN: weft-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{is trainable with element type 'i32', wanted floats}}
weft.variable @steps : tensor<4xi32> trainable

// -----

// expected-error @+1 {{starts as 'tensor<5xf32>', wanted the variable's type 'tensor<4xf32>'}}
weft.variable @w : tensor<4xf32> = dense<0.0> : tensor<5xf32>

// -----

// expected-error @+1 {{starts as 1.000000e+00 : f32, wanted elements or #weft.data}}
weft.variable @w : tensor<4xf32> = 1.0 : f32

// -----

// expected-error @+1 {{wanted elements or #weft.data}}
weft.variable @w : tensor<4xf32> = 4 : i64

// -----

func.func @inside() {
  // expected-error @+1 {{symbol's parent must have the SymbolTable trait}}
  weft.variable @w : tensor<4xf32>
  return
}

// -----

func.func @undeclared() {
  // expected-error @+1 {{names @w, wanted a weft.variable}}
  weft.read @w : tensor<4xf32>
  return
}

// -----

func.func @function() {
  // expected-error @+1 {{names @function, wanted a weft.variable}}
  weft.read @function : tensor<4xf32>
  return
}

// -----

weft.variable @w : tensor<4xf32>
func.func @read_type() {
  // expected-error @+1 {{has type 'tensor<5xf32>' for @w, wanted 'tensor<4xf32>'}}
  weft.read @w : tensor<5xf32>
  return
}

// -----

weft.variable @w : tensor<4xf32>
func.func @write_type(%x: tensor<?xf32>) {
  // expected-error @+1 {{has type 'tensor<?xf32>' for @w, wanted 'tensor<4xf32>'}}
  weft.write %x, @w : tensor<?xf32>
  return
}
