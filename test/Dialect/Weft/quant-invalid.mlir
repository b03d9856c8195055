// What quantisation refuses.
// RUN: weft-opt %s --split-input-file --verify-diagnostics

func.func @to_wide(%x: tensor<4x6xf32>, %s: tensor<f32>) {
  // expected-error @+1 {{has element type 'i64' in the result, wanted an integer of at most 32 bits or a float of at most 8}}
  weft.quantize %x, %s : (tensor<4x6xf32>, tensor<f32>) -> tensor<4x6xi64>
  return
}

// -----

func.func @to_float(%x: tensor<4x6xf32>, %s: tensor<f32>) {
  // expected-error @+1 {{has element type 'f16' in the result, wanted an integer of at most 32 bits or a float of at most 8}}
  weft.quantize %x, %s : (tensor<4x6xf32>, tensor<f32>) -> tensor<4x6xf16>
  return
}

// -----

func.func @to_boolean(%x: tensor<4x6xf32>, %s: tensor<f32>) {
  // expected-error @+1 {{has element type 'i1' in the result, wanted an integer of at most 32 bits or a float of at most 8}}
  weft.quantize %x, %s : (tensor<4x6xf32>, tensor<f32>) -> tensor<4x6xi1>
  return
}

// -----

func.func @result(%x: tensor<4x6xf32>, %s: tensor<f32>) {
  // expected-error @+1 {{has extent 5 in dimension 0 of the result, wanted 4}}
  weft.quantize %x, %s : (tensor<4x6xf32>, tensor<f32>) -> tensor<5x6xi8>
  return
}

// -----

func.func @scale_extent(%x: tensor<4x6xf32>, %s: tensor<6xf32>) {
  // expected-error @+1 {{has extent 6 in dimension 0 of scale, wanted 4}}
  weft.quantize %x, %s : (tensor<4x6xf32>, tensor<6xf32>) -> tensor<4x6xi8>
  return
}

// -----

func.func @scale_rank(%x: tensor<4x6xf32>, %s: tensor<4x6xf32>) {
  // expected-error @+1 {{has scale of rank 2, wanted 1}}
  weft.quantize %x, %s : (tensor<4x6xf32>, tensor<4x6xf32>) -> tensor<4x6xi8>
  return
}

// -----

func.func @axis(%x: tensor<4x6xf32>, %s: tensor<6xf32>) {
  // expected-error @+1 {{has axis -1, wanted 0 to 1}}
  weft.quantize %x, %s {axis = -1} : (tensor<4x6xf32>, tensor<6xf32>) -> tensor<4x6xi8>
  return
}

// -----

func.func @axis_beyond(%x: tensor<4x6xf32>, %s: tensor<6xf32>) {
  // expected-error @+1 {{has axis 2, wanted 0 to 1}}
  weft.quantize %x, %s {axis = 2} : (tensor<4x6xf32>, tensor<6xf32>) -> tensor<4x6xi8>
  return
}

// -----

func.func @block_negative(%x: tensor<4x6xf32>, %s: tensor<f32>) {
  // expected-error @+1 {{has block -2, wanted 0 for none or a number of elements}}
  weft.quantize %x, %s {block = -2} : (tensor<4x6xf32>, tensor<f32>) -> tensor<4x6xi8>
  return
}

// -----

func.func @block_axis(%x: tensor<4x6xf32>, %s: tensor<4x2xf32>) {
  // expected-error @+1 {{has axis 3, wanted 0 to 1}}
  weft.quantize %x, %s {axis = 3, block = 3} : (tensor<4x6xf32>, tensor<4x2xf32>) -> tensor<4x6xi8>
  return
}

// -----

func.func @block_scale(%x: tensor<4x6xf32>, %s: tensor<4x3xf32>) {
  // expected-error @+1 {{has extent 3 in dimension 1 of scale, wanted 2}}
  weft.quantize %x, %s {axis = 1, block = 3} : (tensor<4x6xf32>, tensor<4x3xf32>) -> tensor<4x6xi8>
  return
}

// -----

func.func @block_rank(%x: tensor<4x6xf32>, %s: tensor<2xf32>) {
  // expected-error @+1 {{has scale of rank 1, wanted 2}}
  weft.quantize %x, %s {axis = 1, block = 3} : (tensor<4x6xf32>, tensor<2xf32>) -> tensor<4x6xi8>
  return
}

// -----

func.func @zero_point_type(%x: tensor<4x6xf32>, %s: tensor<f32>, %z: tensor<ui8>) {
  // expected-error @+1 {{has element type 'ui8' in the zero point, wanted 'i8'}}
  weft.quantize %x, %s, %z : (tensor<4x6xf32>, tensor<f32>, tensor<ui8>) -> tensor<4x6xi8>
  return
}

// -----

func.func @zero_point_rank(%x: tensor<4x6xf32>, %s: tensor<4xf32>, %z: tensor<i8>) {
  // expected-error @+1 {{has the zero point of rank 0, wanted 1}}
  weft.quantize %x, %s, %z : (tensor<4x6xf32>, tensor<4xf32>, tensor<i8>) -> tensor<4x6xi8>
  return
}

// -----

func.func @from_float(%x: tensor<4x6xf32>, %s: tensor<f32>) {
  // expected-error @+1 {{has element type 'f32' in q, wanted an integer of at most 32 bits or a float of at most 8}}
  weft.dequantize %x, %s : (tensor<4x6xf32>, tensor<f32>) -> tensor<4x6xf32>
  return
}

// -----

func.func @dequantize_result(%x: tensor<4x6xi8>, %s: tensor<f32>) {
  // expected-error @+1 {{has extent 5 in dimension 1 of the result, wanted 6}}
  weft.dequantize %x, %s : (tensor<4x6xi8>, tensor<f32>) -> tensor<4x5xf32>
  return
}

// -----

func.func @dequantize_zero_point(%x: tensor<4x6xi4>, %s: tensor<f32>, %z: tensor<i8>) {
  // expected-error @+1 {{has element type 'i8' in the zero point, wanted 'i4'}}
  weft.dequantize %x, %s, %z : (tensor<4x6xi4>, tensor<f32>, tensor<i8>) -> tensor<4x6xf32>
  return
}
