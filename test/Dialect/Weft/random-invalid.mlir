// What random bits refuse.
// RUN: weft-opt %s --split-input-file --verify-diagnostics

func.func @key(%k: tensor<3xui32>, %c: tensor<4xui64>) {
  // expected-error @+2 {{has extent 3 in dimension 0 of key, wanted 2}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.random_bits %k, %c : (tensor<3xui32>, tensor<4xui64>) -> tensor<4xui32>
  return
}

// -----

func.func @key_rank(%k: tensor<ui32>, %c: tensor<4xui64>) {
  // expected-error @+2 {{has key of rank 0, wanted 1}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.random_bits %k, %c : (tensor<ui32>, tensor<4xui64>) -> tensor<4xui32>
  return
}

// -----

func.func @key_type(%k: tensor<2xi32>, %c: tensor<4xui64>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of 32-bit unsigned integer values}}
  weft.random_bits %k, %c : (tensor<2xi32>, tensor<4xui64>) -> tensor<4xui32>
  return
}

// -----

func.func @counter_type(%k: tensor<2xui32>, %c: tensor<4xi64>) {
  // expected-error @+1 {{operand #1 must be ranked tensor of 64-bit unsigned integer values}}
  weft.random_bits %k, %c : (tensor<2xui32>, tensor<4xi64>) -> tensor<4xui32>
  return
}

// -----

func.func @result(%k: tensor<2xui32>, %c: tensor<4xui64>) {
  // expected-error @+2 {{incompatible with return type}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.random_bits %k, %c : (tensor<2xui32>, tensor<4xui64>) -> tensor<5xui32>
  return
}
