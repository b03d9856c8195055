// What windows and resampling refuse.
// RUN: weft-opt %s --split-input-file --verify-diagnostics

func.func @axis_beyond(%x: tensor<2x8xf32>) {
  // expected-error @+2 {{has axis 2, wanted 0 to 1}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.reduce_window add %x axes [2] {window = array<i64: 2>, strides = array<i64: 2>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, base_dilation = array<i64: 1>, window_dilation = array<i64: 1>} : (tensor<2x8xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @axis_negative(%x: tensor<2x8xf32>) {
  // expected-error @+2 {{has axis -1, wanted 0 to 1}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.reduce_window add %x axes [-1] {window = array<i64: 2>, strides = array<i64: 2>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, base_dilation = array<i64: 1>, window_dilation = array<i64: 1>} : (tensor<2x8xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @axis_twice(%x: tensor<2x8xf32>) {
  // expected-error @+2 {{has axis 1 twice, wanted each at most once}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.reduce_window add %x axes [1, 1] {window = array<i64: 2>, strides = array<i64: 2>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, base_dilation = array<i64: 1>, window_dilation = array<i64: 1>} : (tensor<2x8xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @window_length(%x: tensor<2x8xf32>) {
  // expected-error @+2 {{has 2 entries in window, wanted 1, one per axis}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.reduce_window add %x axes [1] {window = array<i64: 2, 2>, strides = array<i64: 2>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, base_dilation = array<i64: 1>, window_dilation = array<i64: 1>} : (tensor<2x8xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @no_strides(%x: tensor<2x8xf32>) {
  // expected-error @+2 {{has 0 entries in strides, wanted 1, one per axis}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.reduce_window add %x axes [1] {window = array<i64: 2>, strides = array<i64>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, base_dilation = array<i64: 1>, window_dilation = array<i64: 1>} : (tensor<2x8xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @window_0(%x: tensor<2x8xf32>) {
  // expected-error @+2 {{has 0 at position 0 of window, wanted at least 1}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.reduce_window add %x axes [1] {window = array<i64: 0>, strides = array<i64: 2>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, base_dilation = array<i64: 1>, window_dilation = array<i64: 1>} : (tensor<2x8xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @stride_negative(%x: tensor<2x8xf32>) {
  // expected-error @+2 {{has -2 at position 0 of strides, wanted at least 1}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.reduce_window add %x axes [1] {window = array<i64: 2>, strides = array<i64: -2>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, base_dilation = array<i64: 1>, window_dilation = array<i64: 1>} : (tensor<2x8xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @dilation_0(%x: tensor<2x8xf32>) {
  // expected-error @+2 {{has 0 at position 0 of window_dilation, wanted at least 1}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.reduce_window add %x axes [1] {window = array<i64: 2>, strides = array<i64: 2>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, base_dilation = array<i64: 1>, window_dilation = array<i64: 0>} : (tensor<2x8xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @dilation_huge(%x: tensor<2x8xf32>) {
  // expected-error @+2 {{has 9000000000 at position 0 of base_dilation, wanted at most 2147483648}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.reduce_window add %x axes [1] {window = array<i64: 2>, strides = array<i64: 2>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, base_dilation = array<i64: 9000000000>, window_dilation = array<i64: 1>} : (tensor<2x8xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @overflow(%x: tensor<2x9223372036854775806xf32>) {
  // expected-error @+2 {{has a window in dimension 1 over more than 2^61 positions, wanted fewer}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.reduce_window add %x axes [1] {window = array<i64: 2>, strides = array<i64: 2>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, base_dilation = array<i64: 2>, window_dilation = array<i64: 1>} : (tensor<2x9223372036854775806xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @result(%x: tensor<2x8xf32>) {
  // expected-error @+2 {{incompatible with return type}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.reduce_window add %x axes [1] {window = array<i64: 2>, strides = array<i64: 2>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, base_dilation = array<i64: 1>, window_dilation = array<i64: 1>} : (tensor<2x8xf32>) -> tensor<2x5xf32>
  return
}

// -----

func.func @kind_xor(%x: tensor<2x8xi32>) {
  // expected-error @+1 {{has kind xor, wanted any other}}
  weft.reduce_window xor %x axes [1] {window = array<i64: 2>, strides = array<i64: 2>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, base_dilation = array<i64: 1>, window_dilation = array<i64: 1>} : (tensor<2x8xi32>) -> tensor<2x4xi32>
  return
}

// -----

func.func @kind_and_elements(%x: tensor<2x8xf32>) {
  // expected-error @+1 {{combines 'f32' by and, wanted integers or booleans}}
  weft.reduce_window and %x axes [1] {window = array<i64: 2>, strides = array<i64: 2>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, base_dilation = array<i64: 1>, window_dilation = array<i64: 1>} : (tensor<2x8xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @kind_of_integers(%x: tensor<2x8xi32>) {
  // expected-error @+1 {{combines 'i32' by logaddexp, wanted floats}}
  weft.reduce_window logaddexp %x axes [1] {window = array<i64: 2>, strides = array<i64: 2>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, base_dilation = array<i64: 1>, window_dilation = array<i64: 1>} : (tensor<2x8xi32>) -> tensor<2x4xi32>
  return
}

// -----

func.func @kind_of_booleans(%x: tensor<2x8xi1>) {
  // expected-error @+1 {{combines booleans by max, wanted and, or, xor}}
  weft.reduce_window max %x axes [1] {window = array<i64: 2>, strides = array<i64: 2>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, base_dilation = array<i64: 1>, window_dilation = array<i64: 1>} : (tensor<2x8xi1>) -> tensor<2x4xi1>
  return
}

// -----

func.func @arg_axis(%x: tensor<2x8xf32>) {
  // expected-error @+2 {{has axis 5, wanted 0 to 1}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.window_arg max %x axes [5] {window = array<i64: 2>, strides = array<i64: 2>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, base_dilation = array<i64: 1>, window_dilation = array<i64: 1>} : (tensor<2x8xf32>) -> tensor<2x4xi64>
  return
}

// -----

func.func @arg_result(%x: tensor<2x8xf32>) {
  // expected-error @+1 {{result #0 must be ranked tensor of 64-bit signless integer values}}
  weft.window_arg max %x axes [1] {window = array<i64: 2>, strides = array<i64: 2>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, base_dilation = array<i64: 1>, window_dilation = array<i64: 1>} : (tensor<2x8xf32>) -> tensor<2x4xi32>
  return
}

// -----

func.func @scatter_index(%dy: tensor<2x4xf32>, %at: tensor<2x5xi64>) {
  // expected-error @+1 {{has extent 5 in dimension 1 of index, wanted 4}}
  weft.window_scatter %dy at %at axes [1] {window = array<i64: 2>, strides = array<i64: 2>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, base_dilation = array<i64: 1>, window_dilation = array<i64: 1>} : (tensor<2x4xf32>, tensor<2x5xi64>) -> tensor<2x8xf32>
  return
}

// -----

func.func @scatter_extent(%dy: tensor<2x4xf32>, %at: tensor<2x4xi64>) {
  // expected-error @+1 {{has extent 4 in dimension 1 of dy, wanted 5}}
  weft.window_scatter %dy at %at axes [1] {window = array<i64: 2>, strides = array<i64: 2>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, base_dilation = array<i64: 1>, window_dilation = array<i64: 1>} : (tensor<2x4xf32>, tensor<2x4xi64>) -> tensor<2x10xf32>
  return
}

// -----

func.func @scatter_batch(%dy: tensor<2x4xf32>, %at: tensor<2x4xi64>) {
  // expected-error @+1 {{has extent 2 in dimension 0 of dy, wanted 3}}
  weft.window_scatter %dy at %at axes [1] {window = array<i64: 2>, strides = array<i64: 2>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, base_dilation = array<i64: 1>, window_dilation = array<i64: 1>} : (tensor<2x4xf32>, tensor<2x4xi64>) -> tensor<3x8xf32>
  return
}

// -----

func.func @scatter_type(%dy: tensor<2x4xf32>, %at: tensor<2x4xi64>) {
  // expected-error @+1 {{has element type 'f64' in the result, wanted 'f32'}}
  weft.window_scatter %dy at %at axes [1] {window = array<i64: 2>, strides = array<i64: 2>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, base_dilation = array<i64: 1>, window_dilation = array<i64: 1>} : (tensor<2x4xf32>, tensor<2x4xi64>) -> tensor<2x8xf64>
  return
}

// -----

func.func @scatter_unknown(%dy: tensor<2x4xf32>, %at: tensor<2x4xi64>) {
  // expected-error @+1 {{has an unknown extent in dimension 1 of the result, wanted a number or a name: dy does not tell it}}
  weft.window_scatter %dy at %at axes [1] {window = array<i64: 2>, strides = array<i64: 2>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, base_dilation = array<i64: 1>, window_dilation = array<i64: 1>} : (tensor<2x4xf32>, tensor<2x4xi64>) -> tensor<2x?xf32>
  return
}

// -----

func.func @scatter_rank(%dy: tensor<4xf32>, %at: tensor<4xi64>) {
  // expected-error @+1 {{has axis 1, wanted 0 to 0}}
  weft.window_scatter %dy at %at axes [1] {window = array<i64: 2>, strides = array<i64: 2>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, base_dilation = array<i64: 1>, window_dilation = array<i64: 1>} : (tensor<4xf32>, tensor<4xi64>) -> tensor<8xf32>
  return
}

// -----

func.func @resample_axis(%x: tensor<2x8xf32>, %i: tensor<5x2xi64>, %w: tensor<5x2xf32>) {
  // expected-error @+2 {{has axis -1, wanted 0 to 1}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.resample %x, %i, %w axis -1 : (tensor<2x8xf32>, tensor<5x2xi64>, tensor<5x2xf32>) -> tensor<2x5xf32>
  return
}

// -----

func.func @resample_tables(%x: tensor<2x8xf32>, %i: tensor<5x2xi64>, %w: tensor<5x3xf32>) {
  // expected-error @+2 {{has extent 3 in dimension 1 of weight, wanted 2}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.resample %x, %i, %w axis 1 : (tensor<2x8xf32>, tensor<5x2xi64>, tensor<5x3xf32>) -> tensor<2x5xf32>
  return
}

// -----

func.func @resample_rank(%x: tensor<2x8xf32>, %i: tensor<5xi64>, %w: tensor<5xf32>) {
  // expected-error @+2 {{has index of rank 1, wanted 2: result positions and taps}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.resample %x, %i, %w axis 1 : (tensor<2x8xf32>, tensor<5xi64>, tensor<5xf32>) -> tensor<2x5xf32>
  return
}

// -----

func.func @resample_weight(%x: tensor<2x8xf32>, %i: tensor<5x2xi64>, %w: tensor<5x2xf16>) {
  // expected-error @+1 {{has element type 'f16' in weight, wanted 'f32', as x, or f32}}
  weft.resample %x, %i, %w axis 1 : (tensor<2x8xf32>, tensor<5x2xi64>, tensor<5x2xf16>) -> tensor<2x5xf32>
  return
}

// -----

func.func @resample_nothing(%x: tensor<2x0xf32>, %i: tensor<5x2xi64>, %w: tensor<5x2xf32>) {
  // expected-error @+1 {{has extent 0 in dimension 1 of x, wanted elements to take}}
  weft.resample %x, %i, %w axis 1 : (tensor<2x0xf32>, tensor<5x2xi64>, tensor<5x2xf32>) -> tensor<2x5xf32>
  return
}
