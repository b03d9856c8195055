// What softmax and normalisation refuse.
// RUN: weft-opt %s --split-input-file --verify-diagnostics

func.func @softmax_axis(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{has axis 2, wanted 0 to 1}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.softmax %x axis 2 : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @softmax_rank_0(%x: tensor<f32>) {
  // expected-error @+2 {{has axis 0, wanted a tensor with a dimension: its rank is 0}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.softmax %x axis 0 : (tensor<f32>) -> tensor<f32>
  return
}

// -----

func.func @softmax_of_integers(%x: tensor<3xi32>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of floating-point element type}}
  weft.softmax %x axis 0 : (tensor<3xi32>) -> tensor<3xi32>
  return
}

// -----

func.func @no_axes(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{has no axes, wanted at least one}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.normalize %x axes [] epsilon 1.0e-5 : (tensor<2x3xf32>) -> (tensor<2x3xf32>, tensor<2x1xf32>, tensor<2x1xf32>)
  return
}

// -----

func.func @axis_twice(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{has axis 1 twice, wanted each at most once}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.normalize %x axes [1, 1] epsilon 1.0e-5 : (tensor<2x3xf32>) -> (tensor<2x3xf32>, tensor<2x1xf32>, tensor<2x1xf32>)
  return
}

// -----

func.func @axis_beyond(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{has axis 9, wanted 0 to 1}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.normalize %x axes [9] epsilon 1.0e-5 : (tensor<2x3xf32>) -> (tensor<2x3xf32>, tensor<2x1xf32>, tensor<2x1xf32>)
  return
}

// -----

func.func @statistics(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{incompatible with return type}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.normalize %x axes [1] epsilon 1.0e-5 : (tensor<2x3xf32>) -> (tensor<2x3xf32>, tensor<2xf32>, tensor<2xf32>)
  return
}

// -----

func.func @statistics_type(%x: tensor<2x3xf16>) {
  // expected-error @+2 {{incompatible with return type}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.normalize %x axes [1] epsilon 1.0e-5 : (tensor<2x3xf16>) -> (tensor<2x3xf16>, tensor<2x1xf16>, tensor<2x1xf16>)
  return
}

// -----

func.func @epsilon(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{has epsilon -1.000000e+00, wanted a finite number that is not negative}}
  weft.normalize %x axes [1] epsilon -1.0 : (tensor<2x3xf32>) -> (tensor<2x3xf32>, tensor<2x1xf32>, tensor<2x1xf32>)
  return
}

// -----

func.func @epsilon_nan(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{wanted a finite number that is not negative}}
  weft.normalize %x axes [1] epsilon 0x7FF8000000000000 : (tensor<2x3xf32>) -> (tensor<2x3xf32>, tensor<2x1xf32>, tensor<2x1xf32>)
  return
}
