// What attention refuses.
// RUN: weft-opt %s --split-input-file --verify-diagnostics

func.func @rank(%q: tensor<5x64xf32>, %k: tensor<2x2x7x64xf32>, %v: tensor<2x2x7x32xf32>) {
  // expected-error @+2 {{has q of rank 2, wanted at least 3}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.attention %q, %k, %v {scale = 0.125 : f64} : (tensor<5x64xf32>, tensor<2x2x7x64xf32>, tensor<2x2x7x32xf32>) -> (tensor<2x8x5x32xf32>, tensor<2x8x5xf32>)
  return
}

// -----

func.func @rank_of_k(%q: tensor<2x8x5x64xf32>, %k: tensor<2x7x64xf32>, %v: tensor<2x2x7x32xf32>) {
  // expected-error @+2 {{has k of rank 3, wanted 4, the rank of q}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.attention %q, %k, %v {scale = 0.125 : f64} : (tensor<2x8x5x64xf32>, tensor<2x7x64xf32>, tensor<2x2x7x32xf32>) -> (tensor<2x8x5x32xf32>, tensor<2x8x5xf32>)
  return
}

// -----

func.func @rank_of_v(%q: tensor<2x8x5x64xf32>, %k: tensor<2x2x7x64xf32>, %v: tensor<2x7x64xf32>) {
  // expected-error @+2 {{has v of rank 3, wanted 4, the rank of q}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.attention %q, %k, %v {scale = 0.125 : f64} : (tensor<2x8x5x64xf32>, tensor<2x2x7x64xf32>, tensor<2x7x64xf32>) -> (tensor<2x8x5x32xf32>, tensor<2x8x5xf32>)
  return
}

// -----

func.func @batch(%q: tensor<2x8x5x64xf32>, %k: tensor<3x2x7x64xf32>, %v: tensor<2x2x7x32xf32>) {
  // expected-error @+2 {{has extent 3 in dimension 0 of k, wanted 2}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.attention %q, %k, %v {scale = 0.125 : f64} : (tensor<2x8x5x64xf32>, tensor<3x2x7x64xf32>, tensor<2x2x7x32xf32>) -> (tensor<2x8x5x32xf32>, tensor<2x8x5xf32>)
  return
}

// -----

func.func @batch_of_v(%q: tensor<2x8x5x64xf32>, %k: tensor<2x2x7x64xf32>, %v: tensor<4x2x7x32xf32>) {
  // expected-error @+2 {{has extent 4 in dimension 0 of v, wanted 2}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.attention %q, %k, %v {scale = 0.125 : f64} : (tensor<2x8x5x64xf32>, tensor<2x2x7x64xf32>, tensor<4x2x7x32xf32>) -> (tensor<2x8x5x32xf32>, tensor<2x8x5xf32>)
  return
}

// -----

func.func @features(%q: tensor<2x8x5x64xf32>, %k: tensor<2x2x7x32xf32>, %v: tensor<2x2x7x32xf32>) {
  // expected-error @+2 {{has extent 32 in dimension 3 of k, wanted 64}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.attention %q, %k, %v {scale = 0.125 : f64} : (tensor<2x8x5x64xf32>, tensor<2x2x7x32xf32>, tensor<2x2x7x32xf32>) -> (tensor<2x8x5x32xf32>, tensor<2x8x5xf32>)
  return
}

// -----

func.func @positions(%q: tensor<2x8x5x64xf32>, %k: tensor<2x2x7x64xf32>, %v: tensor<2x2x6x32xf32>) {
  // expected-error @+2 {{has extent 6 in dimension 2 of v, wanted 7}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.attention %q, %k, %v {scale = 0.125 : f64} : (tensor<2x8x5x64xf32>, tensor<2x2x7x64xf32>, tensor<2x2x6x32xf32>) -> (tensor<2x8x5x32xf32>, tensor<2x8x5xf32>)
  return
}

// -----

func.func @groups(%q: tensor<2x8x5x64xf32>, %k: tensor<2x2x7x64xf32>, %v: tensor<2x4x7x32xf32>) {
  // expected-error @+2 {{has extent 4 in dimension 1 of v, wanted 2}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.attention %q, %k, %v {scale = 0.125 : f64} : (tensor<2x8x5x64xf32>, tensor<2x2x7x64xf32>, tensor<2x4x7x32xf32>) -> (tensor<2x8x5x32xf32>, tensor<2x8x5xf32>)
  return
}

// -----

func.func @groups_divide_heads(%q: tensor<2x8x5x64xf32>, %k: tensor<2x3x7x64xf32>, %v: tensor<2x3x7x32xf32>) {
  // expected-error @+2 {{has 3 heads in dimension 1 of k and v, wanted a divisor of the 8 of q}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.attention %q, %k, %v {scale = 0.125 : f64} : (tensor<2x8x5x64xf32>, tensor<2x3x7x64xf32>, tensor<2x3x7x32xf32>) -> (tensor<2x8x5x32xf32>, tensor<2x8x5xf32>)
  return
}

// -----

func.func @no_groups(%q: tensor<2x8x5x64xf32>, %k: tensor<2x0x7x64xf32>, %v: tensor<2x0x7x32xf32>) {
  // expected-error @+2 {{has 0 heads in dimension 1 of k and v, wanted a divisor of the 8 of q}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.attention %q, %k, %v {scale = 0.125 : f64} : (tensor<2x8x5x64xf32>, tensor<2x0x7x64xf32>, tensor<2x0x7x32xf32>) -> (tensor<2x8x5x32xf32>, tensor<2x8x5xf32>)
  return
}

// -----

func.func @element_types(%q: tensor<2x8x5x64xf32>, %k: tensor<2x2x7x64xf16>, %v: tensor<2x2x7x32xf32>) {
  // expected-error @+2 {{has element type 'f16' in k, wanted 'f32'}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.attention %q, %k, %v {scale = 0.125 : f64} : (tensor<2x8x5x64xf32>, tensor<2x2x7x64xf16>, tensor<2x2x7x32xf32>) -> (tensor<2x8x5x32xf32>, tensor<2x8x5xf32>)
  return
}

// -----

func.func @result(%q: tensor<2x8x5x64xf32>, %k: tensor<2x2x7x64xf32>, %v: tensor<2x2x7x32xf32>) {
  // expected-error @+2 {{incompatible with return type}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.attention %q, %k, %v {scale = 0.125 : f64} : (tensor<2x8x5x64xf32>, tensor<2x2x7x64xf32>, tensor<2x2x7x32xf32>) -> (tensor<2x8x5x64xf32>, tensor<2x8x5xf32>)
  return
}

// -----

func.func @lse(%q: tensor<2x8x5x64xf32>, %k: tensor<2x2x7x64xf32>, %v: tensor<2x2x7x32xf32>) {
  // expected-error @+2 {{incompatible with return type}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.attention %q, %k, %v {scale = 0.125 : f64} : (tensor<2x8x5x64xf32>, tensor<2x2x7x64xf32>, tensor<2x2x7x32xf32>) -> (tensor<2x8x5x32xf32>, tensor<2x8x5x1xf32>)
  return
}

// -----

func.func @mask_rank(%q: tensor<2x8x5x64xf32>, %k: tensor<2x2x7x64xf32>, %v: tensor<2x2x7x32xf32>, %mask: tensor<5x7xi1>) {
  // expected-error @+1 {{has mask of rank 2, wanted 4}}
  weft.attention %q, %k, %v mask %mask {scale = 0.125 : f64} : (tensor<2x8x5x64xf32>, tensor<2x2x7x64xf32>, tensor<2x2x7x32xf32>, tensor<5x7xi1>) -> (tensor<2x8x5x32xf32>, tensor<2x8x5xf32>)
  return
}

// -----

func.func @mask_extent(%q: tensor<2x8x5x64xf32>, %k: tensor<2x2x7x64xf32>, %v: tensor<2x2x7x32xf32>, %mask: tensor<1x1x5x5xi1>) {
  // expected-error @+1 {{has extent 5 in dimension 3 of mask, wanted 7 or 1}}
  weft.attention %q, %k, %v mask %mask {scale = 0.125 : f64} : (tensor<2x8x5x64xf32>, tensor<2x2x7x64xf32>, tensor<2x2x7x32xf32>, tensor<1x1x5x5xi1>) -> (tensor<2x8x5x32xf32>, tensor<2x8x5xf32>)
  return
}

// -----

func.func @mask_type(%q: tensor<2x8x5x64xf32>, %k: tensor<2x2x7x64xf32>, %v: tensor<2x2x7x32xf32>, %mask: tensor<1x1x5x7xi32>) {
  // expected-error @+1 {{has element type 'i32' in mask, wanted i1, f32 or 'f32'}}
  weft.attention %q, %k, %v mask %mask {scale = 0.125 : f64} : (tensor<2x8x5x64xf32>, tensor<2x2x7x64xf32>, tensor<2x2x7x32xf32>, tensor<1x1x5x7xi32>) -> (tensor<2x8x5x32xf32>, tensor<2x8x5xf32>)
  return
}

// -----

func.func @length(%q: tensor<2x8x5x64xf32>, %k: tensor<2x2x7x64xf32>, %v: tensor<2x2x7x32xf32>, %kv_length: tensor<3xi64>) {
  // expected-error @+1 {{has extent 3 in dimension 0 of kv_length, wanted 2 or 1}}
  weft.attention %q, %k, %v kv_length %kv_length {scale = 0.125 : f64} : (tensor<2x8x5x64xf32>, tensor<2x2x7x64xf32>, tensor<2x2x7x32xf32>, tensor<3xi64>) -> (tensor<2x8x5x32xf32>, tensor<2x8x5xf32>)
  return
}

// -----

func.func @length_rank(%q: tensor<2x8x5x64xf32>, %k: tensor<2x2x7x64xf32>, %v: tensor<2x2x7x32xf32>, %kv_length: tensor<2x8xi64>) {
  // expected-error @+1 {{has kv_length of rank 2, wanted 1}}
  weft.attention %q, %k, %v kv_length %kv_length {scale = 0.125 : f64} : (tensor<2x8x5x64xf32>, tensor<2x2x7x64xf32>, tensor<2x2x7x32xf32>, tensor<2x8xi64>) -> (tensor<2x8x5x32xf32>, tensor<2x8x5xf32>)
  return
}

// -----

func.func @rng(%q: tensor<2x8x5x64xf32>, %k: tensor<2x2x7x64xf32>, %v: tensor<2x2x7x32xf32>, %rng: tensor<4xui32>) {
  // expected-error @+1 {{has extent 4 in dimension 0 of rng, wanted 2}}
  weft.attention %q, %k, %v rng %rng {scale = 0.125 : f64} : (tensor<2x8x5x64xf32>, tensor<2x2x7x64xf32>, tensor<2x2x7x32xf32>, tensor<4xui32>) -> (tensor<2x8x5x32xf32>, tensor<2x8x5xf32>)
  return
}

// -----

func.func @dropout(%q: tensor<2x8x5x64xf32>, %k: tensor<2x2x7x64xf32>, %v: tensor<2x2x7x32xf32>) {
  // expected-error @+1 {{has dropout 1.000000e+00, wanted at least 0 and less than 1}}
  weft.attention %q, %k, %v {scale = 1.0 : f64, dropout = 1.0 : f64} : (tensor<2x8x5x64xf32>, tensor<2x2x7x64xf32>, tensor<2x2x7x32xf32>) -> (tensor<2x8x5x32xf32>, tensor<2x8x5xf32>)
  return
}

// -----

func.func @dropout_without_rng(%q: tensor<2x8x5x64xf32>, %k: tensor<2x2x7x64xf32>, %v: tensor<2x2x7x32xf32>) {
  // expected-error @+1 {{has dropout without rng, wanted a key for it}}
  weft.attention %q, %k, %v {scale = 1.0 : f64, dropout = 0.5 : f64} : (tensor<2x8x5x64xf32>, tensor<2x2x7x64xf32>, tensor<2x2x7x32xf32>) -> (tensor<2x8x5x32xf32>, tensor<2x8x5xf32>)
  return
}

// -----

func.func @softcap(%q: tensor<2x8x5x64xf32>, %k: tensor<2x2x7x64xf32>, %v: tensor<2x2x7x32xf32>) {
  // expected-error @+1 {{has softcap -1.000000e+00, wanted a finite number that is not negative}}
  weft.attention %q, %k, %v {scale = 1.0 : f64, softcap = -1.0 : f64} : (tensor<2x8x5x64xf32>, tensor<2x2x7x64xf32>, tensor<2x2x7x32xf32>) -> (tensor<2x8x5x32xf32>, tensor<2x8x5xf32>)
  return
}

// -----

func.func @scale(%q: tensor<2x8x5x64xf32>, %k: tensor<2x2x7x64xf32>, %v: tensor<2x2x7x32xf32>) {
  // expected-error @+1 {{wanted a finite number}}
  weft.attention %q, %k, %v {scale = 0x7FF0000000000000 : f64} : (tensor<2x8x5x64xf32>, tensor<2x2x7x64xf32>, tensor<2x2x7x32xf32>) -> (tensor<2x8x5x32xf32>, tensor<2x8x5xf32>)
  return
}

// -----

func.func @window(%q: tensor<2x8x5x64xf32>, %k: tensor<2x2x7x64xf32>, %v: tensor<2x2x7x32xf32>) {
  // expected-error @+1 {{has window_left -2, wanted -1 for none or a distance}}
  weft.attention %q, %k, %v {scale = 1.0 : f64, window_left = -2} : (tensor<2x8x5x64xf32>, tensor<2x2x7x64xf32>, tensor<2x2x7x32xf32>) -> (tensor<2x8x5x32xf32>, tensor<2x8x5xf32>)
  return
}

// -----

func.func @window_right(%q: tensor<2x8x5x64xf32>, %k: tensor<2x2x7x64xf32>, %v: tensor<2x2x7x32xf32>) {
  // expected-error @+1 {{has window_right -7, wanted -1 for none or a distance}}
  weft.attention %q, %k, %v {scale = 1.0 : f64, window_right = -7} : (tensor<2x8x5x64xf32>, tensor<2x2x7x64xf32>, tensor<2x2x7x32xf32>) -> (tensor<2x8x5x32xf32>, tensor<2x8x5xf32>)
  return
}

// -----

func.func @mask_and_rank(%q: tensor<5x64xf32>, %k: tensor<7x64xf32>, %v: tensor<7x32xf32>, %mask: tensor<5x7xi1>) {
  // expected-error @+2 {{has q of rank 2, wanted at least 3}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.attention %q, %k, %v mask %mask {scale = 0.125 : f64} : (tensor<5x64xf32>, tensor<7x64xf32>, tensor<7x32xf32>, tensor<5x7xi1>) -> (tensor<2x8x5x32xf32>, tensor<2x8x5xf32>)
  return
}
