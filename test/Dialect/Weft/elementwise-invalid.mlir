// What elementwise ops refuse.
// RUN: weft-opt %s --split-input-file --verify-diagnostics

func.func @ranks(%x: tensor<4xf32>, %y: tensor<1x4xf32>) {
  // expected-error @+2 {{operand #1 has rank 2, wanted 1, the rank of operand #0}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.add %x, %y : (tensor<4xf32>, tensor<1x4xf32>) -> tensor<1x4xf32>
  return
}

// -----

func.func @extents(%x: tensor<2x4xf32>, %y: tensor<2x3xf32>) {
  // expected-error @+2 {{operand #1 has extent 3 in dimension 1, wanted 4 or 1}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.add %x, %y : (tensor<2x4xf32>, tensor<2x3xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @result(%x: tensor<2x1xf32>, %y: tensor<2x3xf32>) {
  // expected-error @+2 {{incompatible with return type}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.add %x, %y : (tensor<2x1xf32>, tensor<2x3xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @element_types(%x: tensor<4xf32>, %y: tensor<4xf16>) {
  // expected-error @+1 {{requires the same element type for all operands and results}}
  weft.add %x, %y : (tensor<4xf32>, tensor<4xf16>) -> tensor<4xf32>
  return
}

// -----

func.func @kind_of_elements(%x: tensor<4xi32>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of floating-point element type}}
  weft.exp %x : (tensor<4xi32>) -> tensor<4xi32>
  return
}

// -----

func.func @booleans(%x: tensor<4xi1>) {
  // expected-error @+1 {{operand #0 must be ranked tensor}}
  weft.add %x, %x : (tensor<4xi1>, tensor<4xi1>) -> tensor<4xi1>
  return
}

// -----

func.func @storage(%x: tensor<4xf8E4M3FN>) {
  // expected-error @+1 {{operand #0 must be ranked tensor}}
  weft.mul %x, %x : (tensor<4xf8E4M3FN>, tensor<4xf8E4M3FN>) -> tensor<4xf8E4M3FN>
  return
}

// -----

func.func @compare(%x: tensor<4xf32>, %y: tensor<4xi32>) {
  // expected-error @+1 {{compares 'f32' with 'i32', wanted equal element types}}
  weft.compare eq %x, %y : (tensor<4xf32>, tensor<4xi32>) -> tensor<4xi1>
  return
}

// -----

func.func @select(%p: tensor<4xi1>, %x: tensor<4xf32>, %y: tensor<4xi32>) {
  // expected-error @+1 {{chooses between 'f32' and 'i32', wanted equal element types}}
  weft.select %p, %x, %y : (tensor<4xi1>, tensor<4xf32>, tensor<4xi32>) -> tensor<4xf32>
  return
}

// -----

func.func @convert(%x: tensor<4xf32>) {
  // expected-error @+1 {{requires the same shape for all operands and results}}
  weft.convert %x : (tensor<4xf32>) -> tensor<5xf16>
  return
}

// -----

func.func @bitcast_trailing(%x: tensor<4xf32>) {
  // expected-error @+1 {{has trailing extent 3, wanted 4}}
  weft.bitcast_convert %x : (tensor<4xf32>) -> tensor<4x3xui8>
  return
}

// -----

func.func @bitcast_rank(%x: tensor<4xf32>) {
  // expected-error @+1 {{wanted the narrower type to have one trailing dimension of extent 2 more}}
  weft.bitcast_convert %x : (tensor<4xf32>) -> tensor<4xf16>
  return
}

// -----

func.func @bitcast_leading(%x: tensor<4xf32>) {
  // expected-error @+1 {{wanted the same leading extents}}
  weft.bitcast_convert %x : (tensor<4xf32>) -> tensor<5xi32>
  return
}

// -----

func.func @bitcast_boolean(%x: tensor<4xi8>) {
  // expected-error @+1 {{reinterprets 'i8' as 'i1', wanted neither or both to be i1}}
  weft.bitcast_convert %x : (tensor<4xi8>) -> tensor<4x8xi1>
  return
}

// -----

func.func @unknown_relation(%x: tensor<4xf32>) {
  // expected-error @+2 {{expected ::weft::ir::CompareKind to be one of: eq, ne, lt, le, gt, ge}}
  // expected-error @+1 {{failed to parse Weft_CompareKindAttr}}
  weft.compare less %x, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
  return
}

// -----

// expected-error @+1 {{extent 4 is a number: write it in the shape and `_` here}}
func.func @number_as_name(%x: tensor<?xf32, #weft.dims<[4]>>) {
  return
}

// -----

// expected-error @+1 {{names 2 extents, wanted 1, the rank of the tensor}}
func.func @names_and_rank(%x: tensor<?xf32, #weft.dims<[a, b]>>) {
  return
}
