// What products, factorisations and transforms refuse.
// RUN: weft-opt %s --split-input-file --verify-diagnostics

func.func @contracted_extents(%x: tensor<3x4xf32>, %y: tensor<5x6xf32>) {
  // expected-error @+1 {{has extent 5 in dimension 0 of rhs, wanted 4}}
  weft.dot_general %x, %y batch [] x [] contract [1] x [0] : (tensor<3x4xf32>, tensor<5x6xf32>) -> tensor<3x6xf32>
  return
}

// -----

func.func @batch_extents(%x: tensor<2x4xf32>, %y: tensor<3x4xf32>) {
  // expected-error @+1 {{has extent 3 in dimension 0 of rhs, wanted 2}}
  weft.dot_general %x, %y batch [0] x [0] contract [1] x [1] : (tensor<2x4xf32>, tensor<3x4xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @negative_dimension(%x: tensor<3x4xf32>, %y: tensor<4x6xf32>) {
  // expected-error @+1 {{has lhs dimension -1, wanted 0 to 1}}
  weft.dot_general %x, %y batch [] x [] contract [-1] x [0] : (tensor<3x4xf32>, tensor<4x6xf32>) -> tensor<3x6xf32>
  return
}

// -----

func.func @dimension_beyond(%x: tensor<3x4xf32>, %y: tensor<4x6xf32>) {
  // expected-error @+1 {{has rhs dimension 7, wanted 0 to 1}}
  weft.dot_general %x, %y batch [] x [] contract [1] x [7] : (tensor<3x4xf32>, tensor<4x6xf32>) -> tensor<3x6xf32>
  return
}

// -----

func.func @dimension_twice(%x: tensor<3x4xf32>, %y: tensor<4x4xf32>) {
  // expected-error @+1 {{has lhs dimension 1 twice, wanted each at most once}}
  weft.dot_general %x, %y batch [1] x [0] contract [1] x [1] : (tensor<3x4xf32>, tensor<4x4xf32>) -> tensor<4x3xf32>
  return
}

// -----

func.func @uneven_batch(%x: tensor<2x4xf32>, %y: tensor<4xf32>) {
  // expected-error @+1 {{has 0 entries in rhs_batch, wanted 1, one per batch dimension of lhs}}
  weft.dot_general %x, %y batch [0] x [] contract [1] x [0] : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @uneven_contract(%x: tensor<2x4xf32>, %y: tensor<4xf32>) {
  // expected-error @+1 {{has 1 entries in rhs_contract, wanted 2, one per contracted dimension of lhs}}
  weft.dot_general %x, %y batch [] x [] contract [0, 1] x [0] : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<f32>
  return
}

// -----

func.func @rank_0(%x: tensor<f32>, %y: tensor<4xf32>) {
  // expected-error @+1 {{has lhs dimension 0, wanted a tensor with a dimension: its rank is 0}}
  weft.dot_general %x, %y batch [] x [] contract [0] x [0] : (tensor<f32>, tensor<4xf32>) -> tensor<f32>
  return
}

// -----

func.func @element_types(%x: tensor<4xf32>, %y: tensor<4xf16>) {
  // expected-error @+1 {{has element type 'f16' in rhs, wanted 'f32'}}
  weft.dot_general %x, %y batch [] x [] contract [0] x [0] : (tensor<4xf32>, tensor<4xf16>) -> tensor<f32>
  return
}

// -----

func.func @narrower_result(%x: tensor<4xf32>, %y: tensor<4xf32>) {
  // expected-error @+1 {{has result element type 'f16', wanted 'f32' or a wider one of its class}}
  weft.dot_general %x, %y batch [] x [] contract [0] x [0] : (tensor<4xf32>, tensor<4xf32>) -> tensor<f16>
  return
}

// -----

func.func @other_class(%x: tensor<4xi8>, %y: tensor<4xi8>) {
  // expected-error @+1 {{has result element type 'f32', wanted 'i8' or a wider one of its class}}
  weft.dot_general %x, %y batch [] x [] contract [0] x [0] : (tensor<4xi8>, tensor<4xi8>) -> tensor<f32>
  return
}

// -----

func.func @result_rank(%x: tensor<3x4xf32>, %y: tensor<4x6xf32>) {
  // expected-error @+1 {{has the result of rank 1, wanted 2}}
  weft.dot_general %x, %y batch [] x [] contract [1] x [0] : (tensor<3x4xf32>, tensor<4x6xf32>) -> tensor<18xf32>
  return
}

// -----

func.func @result_extent(%x: tensor<3x4xf32>, %y: tensor<4x6xf32>) {
  // expected-error @+1 {{has extent 7 in dimension 1 of the result, wanted 6}}
  weft.dot_general %x, %y batch [] x [] contract [1] x [0] : (tensor<3x4xf32>, tensor<4x6xf32>) -> tensor<3x7xf32>
  return
}

// -----

func.func @cholesky_rank(%x: tensor<4xf32>) {
  // expected-error @+2 {{has the operand of rank 1, wanted at least 2}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.cholesky %x : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @cholesky_square(%x: tensor<4x5xf32>) {
  // expected-error @+2 {{has extent 5 in dimension 1 of the operand, wanted 4}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.cholesky %x : (tensor<4x5xf32>) -> tensor<4x5xf32>
  return
}

// -----

func.func @solve_rank(%a: tensor<4x4xf32>, %b: tensor<4xf32>) {
  // expected-error @+2 {{has b of rank 1, wanted 2, the rank of a}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.triangular_solve %a, %b : (tensor<4x4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @solve_left(%a: tensor<4x4xf32>, %b: tensor<5x4xf32>) {
  // expected-error @+2 {{has extent 5 in dimension 0 of b, wanted 4}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.triangular_solve %a, %b : (tensor<4x4xf32>, tensor<5x4xf32>) -> tensor<5x4xf32>
  return
}

// -----

func.func @solve_right(%a: tensor<4x4xf32>, %b: tensor<4x5xf32>) {
  // expected-error @+2 {{has extent 5 in dimension 1 of b, wanted 4}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.triangular_solve %a, %b {left = false} : (tensor<4x4xf32>, tensor<4x5xf32>) -> tensor<4x5xf32>
  return
}

// -----

func.func @solve_batch(%a: tensor<2x4x4xf32>, %b: tensor<3x4x5xf32>) {
  // expected-error @+2 {{has extent 3 in dimension 0 of b, wanted 2}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.triangular_solve %a, %b : (tensor<2x4x4xf32>, tensor<3x4x5xf32>) -> tensor<3x4x5xf32>
  return
}

// -----

func.func @solve_types(%a: tensor<4x4xf32>, %b: tensor<4x5xf64>) {
  // expected-error @+2 {{has element type 'f64' in b, wanted 'f32'}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.triangular_solve %a, %b : (tensor<4x4xf32>, tensor<4x5xf64>) -> tensor<4x5xf64>
  return
}

// -----

func.func @lu_rank(%x: tensor<f32>) {
  // expected-error @+2 {{has the operand of rank 0, wanted at least 2}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.lu %x : (tensor<f32>) -> (tensor<f32>, tensor<i32>, tensor<i32>)
  return
}

// -----

func.func @lu_results(%x: tensor<4x3xf32>) {
  // expected-error @+2 {{incompatible with return type}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.lu %x : (tensor<4x3xf32>) -> (tensor<4x3xf32>, tensor<4xi32>, tensor<4xi32>)
  return
}

// -----

func.func @fft_no_axes(%x: tensor<2x8xf32>) {
  // expected-error @+2 {{has 0 axes, wanted 1 to 3}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.fft r2c %x axes [] : (tensor<2x8xf32>) -> (tensor<2x8xf32>, tensor<2x8xf32>)
  return
}

// -----

func.func @fft_other_axes(%x: tensor<2x8xf32>) {
  // expected-error @+2 {{has axis 0 at position 0 of axes, wanted the last 1 of the tensor's 2 dimensions in order}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.fft r2c %x axes [0] : (tensor<2x8xf32>) -> (tensor<2x8xf32>, tensor<2x8xf32>)
  return
}

// -----

func.func @fft_more_axes_than_rank(%x: tensor<8xf32>) {
  // expected-error @+2 {{has axis -1 at position 0 of axes, wanted the last 2 of the tensor's 1 dimensions in order}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.fft r2c %x axes [-1, 0] : (tensor<8xf32>) -> (tensor<5xf32>, tensor<5xf32>)
  return
}

// -----

func.func @fft_r2c_imaginary(%x: tensor<2x8xf32>) {
  // expected-error @+2 {{has an imaginary part, wanted none for r2c}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.fft r2c %x, %x axes [1] : (tensor<2x8xf32>, tensor<2x8xf32>) -> (tensor<2x8xf32>, tensor<2x8xf32>)
  return
}

// -----

func.func @fft_c2c_real(%x: tensor<2x8xf32>) {
  // expected-error @+2 {{has no imaginary part, wanted one for c2c}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.fft c2c %x axes [1] : (tensor<2x8xf32>) -> (tensor<2x8xf32>, tensor<2x8xf32>)
  return
}

// -----

func.func @fft_c2r_length(%x: tensor<2x8xf32>) {
  // expected-error @+2 {{has no length, wanted one for c2r}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.fft c2r %x, %x axes [1] : (tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<2x8xf32>
  return
}

// -----

func.func @fft_length(%x: tensor<2x8xf32>) {
  // expected-error @+2 {{has a length, wanted it for c2r only}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.fft c2c %x, %x axes [1] {length = 8} : (tensor<2x8xf32>, tensor<2x8xf32>) -> (tensor<2x8xf32>, tensor<2x8xf32>)
  return
}

// -----

func.func @fft_bad_length(%x: tensor<2x8xf32>) {
  // expected-error @+2 {{has length -4, wanted at least 1}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.fft c2r %x, %x axes [1] {length = -4} : (tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<2x8xf32>
  return
}

// -----

func.func @fft_length_and_points(%x: tensor<2x8xf32>) {
  // expected-error @+2 {{has extent 8 in dimension 1 of the operand, wanted 5}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.fft c2r %x, %x axes [1] {length = 8} : (tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<2x8xf32>
  return
}

// -----

func.func @fft_parts(%x: tensor<8xf32>, %y: tensor<9xf32>) {
  // expected-error @+2 {{has extent 9 in dimension 0 of the imaginary part, wanted 8}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.fft c2c %x, %y axes [0] : (tensor<8xf32>, tensor<9xf32>) -> (tensor<8xf32>, tensor<8xf32>)
  return
}

// -----

func.func @fft_results(%x: tensor<2x8xf32>) {
  // expected-error @+2 {{incompatible with return type}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.fft r2c %x axes [1] : (tensor<2x8xf32>) -> tensor<2x5xf32>
  return
}
