// What reductions refuse.
// RUN: weft-opt %s --split-input-file --verify-diagnostics

func.func @axis_beyond(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{has axis 2, wanted 0 to 1}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.reduce add %x axes [2] : (tensor<2x3xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @axis_negative(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{has axis -1, wanted 0 to 1}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.reduce add %x axes [-1] : (tensor<2x3xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @axis_twice(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{has axis 0 twice, wanted each at most once}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.reduce add %x axes [0, 0] : (tensor<2x3xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @rank_0(%x: tensor<f32>) {
  // expected-error @+2 {{has axis 0, wanted a tensor with a dimension: its rank is 0}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.reduce add %x axes [0] : (tensor<f32>) -> tensor<f32>
  return
}

// -----

func.func @result(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{incompatible with return type}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.reduce add %x axes [0] : (tensor<2x3xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @kept_axis(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{incompatible with return type}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.reduce add %x axes [0] : (tensor<2x3xf32>) -> tensor<1x3xf32>
  return
}

// -----

func.func @or_of_floats(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{combines 'f32' by or, wanted integers or booleans}}
  weft.reduce or %x axes [0] : (tensor<2x3xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @logaddexp_of_integers(%x: tensor<2x3xi32>) {
  // expected-error @+1 {{combines 'i32' by logaddexp, wanted floats}}
  weft.reduce logaddexp %x axes [0] : (tensor<2x3xi32>) -> tensor<3xi32>
  return
}

// -----

func.func @add_of_booleans(%x: tensor<2x3xi1>) {
  // expected-error @+1 {{combines booleans by add, wanted and, or, xor}}
  weft.reduce add %x axes [0] : (tensor<2x3xi1>) -> tensor<3xi1>
  return
}

// -----

func.func @unknown_kind(%x: tensor<3xf32>) {
  // expected-error @+2 {{expected ::weft::ir::ReduceKind to be one of}}
  // expected-error @+1 {{failed to parse Weft_ReduceKindAttr}}
  weft.reduce mean %x axes [0] : (tensor<3xf32>) -> tensor<f32>
  return
}

// -----

func.func @arg_axis(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{has axis 2, wanted 0 to 1}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.arg_reduce max %x axis 2 : (tensor<2x3xf32>) -> tensor<2xi64>
  return
}

// -----

func.func @arg_of_nothing(%x: tensor<2x0xf32>) {
  // expected-error @+2 {{has extent 0 in dimension 1, wanted an element to point at}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.arg_reduce max %x axis 1 : (tensor<2x0xf32>) -> tensor<2xi64>
  return
}

// -----

func.func @arg_result(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{incompatible with return type}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.arg_reduce max %x axis 1 : (tensor<2x3xf32>) -> tensor<3xi64>
  return
}

// -----

func.func @cumulative_axis(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{has axis -2, wanted 0 to 1}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.cumulative add %x axis -2 : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @cumulative_kind(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{combines 'f32' by xor, wanted integers or booleans}}
  weft.cumulative xor %x axis 0 : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}
