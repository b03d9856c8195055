// What convolution refuses.
// RUN: weft-opt %s --split-input-file --verify-diagnostics

func.func @rank_of_x(%x: tensor<1x4xf32>, %w: tensor<6x4x3xf32>) {
  // expected-error @+2 {{has x of rank 2, wanted 3: batch, feature and one per stride}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.conv %x, %w {x_dims = array<i64: 0, 1, 2>, w_dims = array<i64: 0, 1, 2>, y_dims = array<i64: 0, 1, 2>, strides = array<i64: 1>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, input_dilation = array<i64: 1>, kernel_dilation = array<i64: 1>} : (tensor<1x4xf32>, tensor<6x4x3xf32>) -> tensor<1x6x7xf32>
  return
}

// -----

func.func @rank_of_w(%x: tensor<1x4x9xf32>, %w: tensor<6x4x3x3xf32>) {
  // expected-error @+2 {{has w of rank 4, wanted 3: two features and one per stride}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.conv %x, %w {x_dims = array<i64: 0, 1, 2>, w_dims = array<i64: 0, 1, 2>, y_dims = array<i64: 0, 1, 2>, strides = array<i64: 1>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, input_dilation = array<i64: 1>, kernel_dilation = array<i64: 1>} : (tensor<1x4x9xf32>, tensor<6x4x3x3xf32>) -> tensor<1x6x7xf32>
  return
}

// -----

func.func @spatial(%x: tensor<1x4x9xf32>, %w: tensor<6x4x3xf32>) {
  // expected-error @+2 {{has 4 spatial dimensions, wanted 0 to 3}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.conv %x, %w {x_dims = array<i64: 0, 1, 2>, w_dims = array<i64: 0, 1, 2>, y_dims = array<i64: 0, 1, 2>, strides = array<i64: 1, 1, 1, 1>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, input_dilation = array<i64: 1>, kernel_dilation = array<i64: 1>} : (tensor<1x4x9xf32>, tensor<6x4x3xf32>) -> tensor<1x6x7xf32>
  return
}

// -----

func.func @dims_length(%x: tensor<1x4x9xf32>, %w: tensor<6x4x3xf32>) {
  // expected-error @+2 {{has 2 entries in x_dims, wanted 3, one per dimension}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.conv %x, %w {x_dims = array<i64: 0, 1>, w_dims = array<i64: 0, 1, 2>, y_dims = array<i64: 0, 1, 2>, strides = array<i64: 1>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, input_dilation = array<i64: 1>, kernel_dilation = array<i64: 1>} : (tensor<1x4x9xf32>, tensor<6x4x3xf32>) -> tensor<1x6x7xf32>
  return
}

// -----

func.func @dims_twice(%x: tensor<1x4x9xf32>, %w: tensor<6x4x3xf32>) {
  // expected-error @+2 {{has w_dims 1 twice, wanted each at most once}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.conv %x, %w {x_dims = array<i64: 0, 1, 2>, w_dims = array<i64: 0, 1, 1>, y_dims = array<i64: 0, 1, 2>, strides = array<i64: 1>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, input_dilation = array<i64: 1>, kernel_dilation = array<i64: 1>} : (tensor<1x4x9xf32>, tensor<6x4x3xf32>) -> tensor<1x6x7xf32>
  return
}

// -----

func.func @dims_negative(%x: tensor<1x4x9xf32>, %w: tensor<6x4x3xf32>) {
  // expected-error @+2 {{has y_dims -1, wanted 0 to 2}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.conv %x, %w {x_dims = array<i64: 0, 1, 2>, w_dims = array<i64: 0, 1, 2>, y_dims = array<i64: 0, 1, -1>, strides = array<i64: 1>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, input_dilation = array<i64: 1>, kernel_dilation = array<i64: 1>} : (tensor<1x4x9xf32>, tensor<6x4x3xf32>) -> tensor<1x6x7xf32>
  return
}

// -----

func.func @stride_0(%x: tensor<1x4x9xf32>, %w: tensor<6x4x3xf32>) {
  // expected-error @+2 {{has 0 at position 0 of strides, wanted at least 1}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.conv %x, %w {x_dims = array<i64: 0, 1, 2>, w_dims = array<i64: 0, 1, 2>, y_dims = array<i64: 0, 1, 2>, strides = array<i64: 0>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, input_dilation = array<i64: 1>, kernel_dilation = array<i64: 1>} : (tensor<1x4x9xf32>, tensor<6x4x3xf32>) -> tensor<1x6x7xf32>
  return
}

// -----

func.func @stride_huge(%x: tensor<1x4x9xf32>, %w: tensor<6x4x3xf32>) {
  // expected-error @+2 {{has 9223372036854775807 at position 0 of strides, wanted at most 2147483648}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.conv %x, %w {x_dims = array<i64: 0, 1, 2>, w_dims = array<i64: 0, 1, 2>, y_dims = array<i64: 0, 1, 2>, strides = array<i64: 9223372036854775807>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, input_dilation = array<i64: 1>, kernel_dilation = array<i64: 1>} : (tensor<1x4x9xf32>, tensor<6x4x3xf32>) -> tensor<1x6x7xf32>
  return
}

// -----

func.func @padding_length(%x: tensor<1x4x9xf32>, %w: tensor<6x4x3xf32>) {
  // expected-error @+2 {{has 2 entries in padding_low, wanted 1, one per spatial dimension}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.conv %x, %w {x_dims = array<i64: 0, 1, 2>, w_dims = array<i64: 0, 1, 2>, y_dims = array<i64: 0, 1, 2>, strides = array<i64: 1>, padding_low = array<i64: 0, 0>, padding_high = array<i64: 0>, input_dilation = array<i64: 1>, kernel_dilation = array<i64: 1>} : (tensor<1x4x9xf32>, tensor<6x4x3xf32>) -> tensor<1x6x7xf32>
  return
}

// -----

func.func @padding_huge(%x: tensor<1x4x9xf32>, %w: tensor<6x4x3xf32>) {
  // expected-error @+2 {{has -9223372036854775808 at position 0 of padding_high, wanted at least -2147483648}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.conv %x, %w {x_dims = array<i64: 0, 1, 2>, w_dims = array<i64: 0, 1, 2>, y_dims = array<i64: 0, 1, 2>, strides = array<i64: 1>, padding_low = array<i64: 0>, padding_high = array<i64: -9223372036854775808>, input_dilation = array<i64: 1>, kernel_dilation = array<i64: 1>} : (tensor<1x4x9xf32>, tensor<6x4x3xf32>) -> tensor<1x6x7xf32>
  return
}

// -----

func.func @dilation_0(%x: tensor<1x4x9xf32>, %w: tensor<6x4x3xf32>) {
  // expected-error @+2 {{has 0 at position 0 of input_dilation, wanted at least 1}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.conv %x, %w {x_dims = array<i64: 0, 1, 2>, w_dims = array<i64: 0, 1, 2>, y_dims = array<i64: 0, 1, 2>, strides = array<i64: 1>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, input_dilation = array<i64: 0>, kernel_dilation = array<i64: 1>} : (tensor<1x4x9xf32>, tensor<6x4x3xf32>) -> tensor<1x6x7xf32>
  return
}

// -----

func.func @dilation_negative(%x: tensor<1x4x9xf32>, %w: tensor<6x4x3xf32>) {
  // expected-error @+2 {{has -3 at position 0 of kernel_dilation, wanted at least 1}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.conv %x, %w {x_dims = array<i64: 0, 1, 2>, w_dims = array<i64: 0, 1, 2>, y_dims = array<i64: 0, 1, 2>, strides = array<i64: 1>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, input_dilation = array<i64: 1>, kernel_dilation = array<i64: -3>} : (tensor<1x4x9xf32>, tensor<6x4x3xf32>) -> tensor<1x6x7xf32>
  return
}

// -----

func.func @reverse_length(%x: tensor<1x4x9xf32>, %w: tensor<6x4x3xf32>) {
  // expected-error @+2 {{has 2 entries in reverse, wanted 1, one per spatial dimension}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.conv %x, %w {x_dims = array<i64: 0, 1, 2>, w_dims = array<i64: 0, 1, 2>, y_dims = array<i64: 0, 1, 2>, strides = array<i64: 1>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, input_dilation = array<i64: 1>, kernel_dilation = array<i64: 1>, reverse = array<i1: true, false>} : (tensor<1x4x9xf32>, tensor<6x4x3xf32>) -> tensor<1x6x7xf32>
  return
}

// -----

func.func @groups_0(%x: tensor<1x4x9xf32>, %w: tensor<6x4x3xf32>) {
  // expected-error @+2 {{has 0 feature groups, wanted at least 1}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.conv %x, %w {x_dims = array<i64: 0, 1, 2>, w_dims = array<i64: 0, 1, 2>, y_dims = array<i64: 0, 1, 2>, strides = array<i64: 1>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, input_dilation = array<i64: 1>, kernel_dilation = array<i64: 1>, feature_groups = 0 : i64} : (tensor<1x4x9xf32>, tensor<6x4x3xf32>) -> tensor<1x6x7xf32>
  return
}

// -----

func.func @groups_of_x(%x: tensor<1x4x9xf32>, %w: tensor<6x4x3xf32>) {
  // expected-error @+2 {{has 4 features in dimension 1 of x, wanted a multiple of 3, the number of feature groups}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.conv %x, %w {x_dims = array<i64: 0, 1, 2>, w_dims = array<i64: 0, 1, 2>, y_dims = array<i64: 0, 1, 2>, strides = array<i64: 1>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, input_dilation = array<i64: 1>, kernel_dilation = array<i64: 1>, feature_groups = 3 : i64} : (tensor<1x4x9xf32>, tensor<6x4x3xf32>) -> tensor<1x6x7xf32>
  return
}

// -----

func.func @groups_of_w(%x: tensor<1x4x9xf32>, %w: tensor<5x2x3xf32>) {
  // expected-error @+2 {{has 5 output features in dimension 0 of w, wanted a multiple of 2, the number of feature groups}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.conv %x, %w {x_dims = array<i64: 0, 1, 2>, w_dims = array<i64: 0, 1, 2>, y_dims = array<i64: 0, 1, 2>, strides = array<i64: 1>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, input_dilation = array<i64: 1>, kernel_dilation = array<i64: 1>, feature_groups = 2 : i64} : (tensor<1x4x9xf32>, tensor<5x2x3xf32>) -> tensor<1x6x7xf32>
  return
}

// -----

func.func @features(%x: tensor<1x4x9xf32>, %w: tensor<6x4x3xf32>) {
  // expected-error @+2 {{has 4 input features in dimension 1 of w, wanted 2: the 4 of x over 2 feature groups}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.conv %x, %w {x_dims = array<i64: 0, 1, 2>, w_dims = array<i64: 0, 1, 2>, y_dims = array<i64: 0, 1, 2>, strides = array<i64: 1>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, input_dilation = array<i64: 1>, kernel_dilation = array<i64: 1>, feature_groups = 2 : i64} : (tensor<1x4x9xf32>, tensor<6x4x3xf32>) -> tensor<1x6x7xf32>
  return
}

// -----

func.func @element_types(%x: tensor<1x4x9xf32>, %w: tensor<6x4x3xf16>) {
  // expected-error @+2 {{has element type 'f16' in w, wanted 'f32'}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.conv %x, %w {x_dims = array<i64: 0, 1, 2>, w_dims = array<i64: 0, 1, 2>, y_dims = array<i64: 0, 1, 2>, strides = array<i64: 1>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, input_dilation = array<i64: 1>, kernel_dilation = array<i64: 1>} : (tensor<1x4x9xf32>, tensor<6x4x3xf16>) -> tensor<1x6x7xf32>
  return
}

// -----

func.func @result_element_type(%x: tensor<1x4x9xf32>, %w: tensor<6x4x3xf32>) {
  // expected-error @+2 {{has result element type 'i32', wanted 'f32' or a wider one of its class}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.conv %x, %w {x_dims = array<i64: 0, 1, 2>, w_dims = array<i64: 0, 1, 2>, y_dims = array<i64: 0, 1, 2>, strides = array<i64: 1>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, input_dilation = array<i64: 1>, kernel_dilation = array<i64: 1>, element_type = i32} : (tensor<1x4x9xf32>, tensor<6x4x3xf32>) -> tensor<1x6x7xf32>
  return
}

// -----

func.func @no_element_type(%x: tensor<1x4x9xf32>, %w: tensor<6x4x3xf32>) {
  // expected-error @+2 {{has result element type 'index', wanted 'f32' or a wider one of its class}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.conv %x, %w {x_dims = array<i64: 0, 1, 2>, w_dims = array<i64: 0, 1, 2>, y_dims = array<i64: 0, 1, 2>, strides = array<i64: 1>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, input_dilation = array<i64: 1>, kernel_dilation = array<i64: 1>, element_type = index} : (tensor<1x4x9xf32>, tensor<6x4x3xf32>) -> tensor<1x6x7xf32>
  return
}

// -----

func.func @overflow(%x: tensor<1x4x9223372036854775807xf32>, %w: tensor<6x4x3xf32>) {
  // expected-error @+2 {{has a window in dimension 2 over more than 2^61 positions, wanted fewer}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.conv %x, %w {x_dims = array<i64: 0, 1, 2>, w_dims = array<i64: 0, 1, 2>, y_dims = array<i64: 0, 1, 2>, strides = array<i64: 1>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, input_dilation = array<i64: 2>, kernel_dilation = array<i64: 1>} : (tensor<1x4x9223372036854775807xf32>, tensor<6x4x3xf32>) -> tensor<1x6x7xf32>
  return
}

// -----

func.func @result(%x: tensor<1x4x9xf32>, %w: tensor<6x4x3xf32>) {
  // expected-error @+2 {{incompatible with return type}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.conv %x, %w {x_dims = array<i64: 0, 1, 2>, w_dims = array<i64: 0, 1, 2>, y_dims = array<i64: 0, 1, 2>, strides = array<i64: 1>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, input_dilation = array<i64: 1>, kernel_dilation = array<i64: 1>} : (tensor<1x4x9xf32>, tensor<6x4x3xf32>) -> tensor<1x6x8xf32>
  return
}
