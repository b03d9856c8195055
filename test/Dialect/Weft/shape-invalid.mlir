// What ops that make, move and rearrange elements refuse.
// RUN: weft-opt %s --split-input-file --verify-diagnostics

func.func @constant_hash() {
  // expected-error @+1 {{names its elements 'abc', wanted a hash of 64 hex digits}}
  weft.constant #weft.data<"abc"> : tensor<4xf32>
  return
}

// -----

func.func @constant_unknown() {
  // expected-error @+1 {{wanted numbers for all extents}}
  weft.constant #weft.data<"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"> : tensor<?xf32>
  return
}

// -----

func.func @iota_axis() {
  // expected-error @+1 {{has axis 2, wanted 0 to 1}}
  weft.iota axis 2 sizes [2, 3] : () -> tensor<2x3xi32>
  return
}

// -----

func.func @iota_size() {
  // expected-error @+1 {{has -2 at position 0 of sizes, wanted at least 0}}
  weft.iota axis 0 sizes [-2] : () -> tensor<2xi32>
  return
}

// -----

func.func @iota_result() {
  // expected-error @+1 {{has extent 3 in dimension 0 of the result, wanted 2}}
  weft.iota axis 0 sizes [2] : () -> tensor<3xi32>
  return
}

// -----

func.func @iota_values(%n: tensor<i64>) {
  // expected-error @+1 {{has 1 values in sizes, wanted 0, one per dynamic entry}}
  "weft.iota"(%n) {static_sizes = array<i64: 2>, axis = 0 : i64} : (tensor<i64>) -> tensor<2xi32>
  return
}

// -----

func.func @iota_hole() {
  // expected-error @+1 {{has 0 values in sizes, wanted 1, one per dynamic entry}}
  "weft.iota"() {static_sizes = array<i64: -9223372036854775808>, axis = 0 : i64} : () -> tensor<?xi32>
  return
}

// -----

func.func @iota_booleans() {
  // expected-error @+1 {{result #0 must be ranked tensor of}}
  weft.iota axis 0 sizes [2] : () -> tensor<2xi1>
  return
}

// -----

func.func @dim_axis(%x: tensor<2xf32>) {
  // expected-error @+2 {{has axis 1, wanted 0 to 0}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.dim %x, 1 : (tensor<2xf32>) -> tensor<i64>
  return
}

// -----

func.func @dim_negative(%x: tensor<2xf32>) {
  // expected-error @+2 {{has axis -1, wanted 0 to 0}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.dim %x, -1 : (tensor<2xf32>) -> tensor<i64>
  return
}

// -----

func.func @reshape_count(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{has sizes 4, wanted as many elements as 2x3}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.reshape %x sizes [4] : (tensor<2x3xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @reshape_two_holes(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{has 2 sizes to infer, wanted at most one}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.reshape %x sizes [-1, -1] : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @reshape_negative(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{has -2 at position 0 of sizes, wanted at least -1}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.reshape %x sizes [-2, 3] : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @reshape_not_divisible(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{has sizes 4x?, wanted as many elements as 2x3}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.reshape %x sizes [4, -1] : (tensor<2x3xf32>) -> tensor<4x?xf32>
  return
}

// -----

func.func @reshape_infer_from_nothing(%x: tensor<0x3xf32>) {
  // expected-error @+2 {{has sizes 0x? of no elements, wanted none to infer}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.reshape %x sizes [0, -1] : (tensor<0x3xf32>) -> tensor<0x3xf32>
  return
}

// -----

func.func @reshape_overflow(%x: tensor<9223372036854775807x2xf32>) {
  // expected-error @+2 {{has more than 2^63 elements, wanted fewer}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.reshape %x sizes [-1] : (tensor<9223372036854775807x2xf32>) -> tensor<?xf32>
  return
}

// -----

func.func @reshape_result(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{incompatible with return type}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.reshape %x sizes [6] : (tensor<2x3xf32>) -> tensor<5xf32>
  return
}

// -----

func.func @reshape_named_count(%x: tensor<?x6xf32, #weft.dims<[n, _]>>, %n: tensor<?xf32, #weft.dims<[n]>>) {
  %0 = weft.dim %n, 0 : (tensor<?xf32, #weft.dims<[n]>>) -> tensor<i64>
  // expected-error @+2 {{has sizes nx5, wanted as many elements as nx6}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.reshape %x sizes [%0, 5] : (tensor<?x6xf32, #weft.dims<[n, _]>>, tensor<i64>) -> tensor<?x5xf32>
  return
}

// -----

func.func @reshape_known_negative(%x: tensor<6xf32>) {
  %0 = weft.constant dense<-6> : tensor<i64>
  // expected-error @+2 {{has size -6 in dimension 0, wanted at least 0}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.reshape %x sizes [%0] : (tensor<6xf32>, tensor<i64>) -> tensor<?xf32>
  return
}

// -----

func.func @transpose_length(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{has 1 entries in permutation, wanted 2, one per dimension}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.transpose %x by [0] : (tensor<2x3xf32>) -> tensor<3x2xf32>
  return
}

// -----

func.func @transpose_twice(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{has permutation 1 twice, wanted each at most once}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.transpose %x by [1, 1] : (tensor<2x3xf32>) -> tensor<3x2xf32>
  return
}

// -----

func.func @transpose_negative(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{has permutation -1, wanted 0 to 1}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.transpose %x by [1, -1] : (tensor<2x3xf32>) -> tensor<3x2xf32>
  return
}

// -----

func.func @transpose_result(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{incompatible with return type}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.transpose %x by [0, 1] : (tensor<2x3xf32>) -> tensor<3x2xf32>
  return
}

// -----

func.func @broadcast_extent(%x: tensor<3xf32>) {
  // expected-error @+2 {{has size 4 in dimension 1, wanted 3, the extent of dimension 0 of x}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.broadcast %x sizes [2, 4] dims [1] : (tensor<3xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @broadcast_dims(%x: tensor<3xf32>) {
  // expected-error @+2 {{has 2 entries in dims, wanted 1, one per dimension of x}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.broadcast %x sizes [2, 3] dims [0, 1] : (tensor<3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @broadcast_beyond(%x: tensor<3xf32>) {
  // expected-error @+2 {{has dims entry 2, wanted 0 to 1}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.broadcast %x sizes [2, 3] dims [2] : (tensor<3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @broadcast_twice(%x: tensor<2x2xf32>) {
  // expected-error @+2 {{has dims entry 0 twice, wanted each at most once}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.broadcast %x sizes [2, 3] dims [0, 0] : (tensor<2x2xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @broadcast_negative(%x: tensor<3xf32>) {
  // expected-error @+2 {{has -1 at position 0 of sizes, wanted at least 0}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.broadcast %x sizes [-1, 3] dims [1] : (tensor<3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @slice_end(%x: tensor<8xf32>) {
  // expected-error @+2 {{ends at 9 in dimension 0, wanted at most the extent 8}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.slice %x starts [7] sizes [2] strides [1] : (tensor<8xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @slice_strided_end(%x: tensor<8xf32>) {
  // expected-error @+2 {{ends at 9 in dimension 0, wanted at most the extent 8}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.slice %x starts [2] sizes [3] strides [3] : (tensor<8xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @slice_stride_0(%x: tensor<8xf32>) {
  // expected-error @+2 {{has 0 at position 0 of strides, wanted at least 1}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.slice %x starts [0] sizes [2] strides [0] : (tensor<8xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @slice_negative_start(%x: tensor<8xf32>) {
  // expected-error @+2 {{has -1 at position 0 of starts, wanted at least 0}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.slice %x starts [-1] sizes [2] strides [1] : (tensor<8xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @slice_negative_size(%x: tensor<8xf32>) {
  // expected-error @+2 {{has -2 at position 0 of sizes, wanted at least 0}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.slice %x starts [0] sizes [-2] strides [1] : (tensor<8xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @slice_lengths(%x: tensor<8xf32>) {
  // expected-error @+2 {{has 2 entries in starts, wanted 1, one per dimension of x}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.slice %x starts [0, 0] sizes [2] strides [1] : (tensor<8xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @slice_no_strides(%x: tensor<8xf32>) {
  // expected-error @+2 {{has 0 entries in strides, wanted 1, one per dimension of x}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.slice %x starts [0] sizes [2] strides [] : (tensor<8xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @slice_overflow(%x: tensor<8xf32>) {
  // expected-error @+2 {{spans more than 2^63 positions in dimension 0, wanted fewer}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.slice %x starts [0] sizes [9223372036854775807] strides [9223372036854775807] : (tensor<8xf32>) -> tensor<9223372036854775807xf32>
  return
}

// -----

func.func @slice_end_overflow(%x: tensor<8xf32>) {
  // expected-error @+2 {{ends beyond 2^63 in dimension 0, wanted less}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.slice %x starts [9223372036854775807] sizes [9223372036854775807] strides [1] : (tensor<8xf32>) -> tensor<9223372036854775807xf32>
  return
}

// -----

func.func @slice_result(%x: tensor<8xf32>) {
  // expected-error @+2 {{incompatible with return type}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.slice %x starts [0] sizes [2] strides [1] : (tensor<8xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @update_end(%x: tensor<8xf32>, %u: tensor<3xf32>) {
  // expected-error @+2 {{updates 3 elements from 6 in dimension 0, wanted them within the extent 8}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.update_slice %x, %u starts [6] : (tensor<8xf32>, tensor<3xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @update_larger(%x: tensor<8xf32>, %u: tensor<9xf32>) {
  // expected-error @+2 {{updates 9 elements from 0 in dimension 0, wanted them within the extent 8}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.update_slice %x, %u starts [0] : (tensor<8xf32>, tensor<9xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @update_rank(%x: tensor<8xf32>, %u: tensor<1x3xf32>) {
  // expected-error @+2 {{has update of rank 2, wanted 1, the rank of x}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.update_slice %x, %u starts [0] : (tensor<8xf32>, tensor<1x3xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @update_type(%x: tensor<8xf32>, %u: tensor<3xf16>) {
  // expected-error @+2 {{has element type 'f16' in update, wanted 'f32'}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.update_slice %x, %u starts [0] : (tensor<8xf32>, tensor<3xf16>) -> tensor<8xf32>
  return
}

// -----

func.func @update_starts(%x: tensor<8xf32>, %u: tensor<3xf32>) {
  // expected-error @+2 {{has 0 entries in starts, wanted 1, one per dimension of x}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.update_slice %x, %u starts [] : (tensor<8xf32>, tensor<3xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @update_overflow(%x: tensor<8xf32>, %u: tensor<3xf32>) {
  // expected-error @+2 {{updates 3 elements from 9223372036854775806 in dimension 0}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.update_slice %x, %u starts [9223372036854775806] : (tensor<8xf32>, tensor<3xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @concat_axis(%x0: tensor<2xf32>, %x1: tensor<3xf32>) {
  // expected-error @+2 {{has axis 1, wanted 0 to 0}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.concat %x0, %x1 axis 1 : (tensor<2xf32>, tensor<3xf32>) -> tensor<5xf32>
  return
}

// -----

func.func @concat_rank(%x0: tensor<2xf32>, %x1: tensor<3x1xf32>) {
  // expected-error @+2 {{has operand #1 of rank 2, wanted 1, the rank of operand #0}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.concat %x0, %x1 axis 0 : (tensor<2xf32>, tensor<3x1xf32>) -> tensor<5xf32>
  return
}

// -----

func.func @concat_extent(%x0: tensor<2x3xf32>, %x1: tensor<2x4xf32>) {
  // expected-error @+2 {{has extent 4 in dimension 1 of operand #1, wanted 3}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.concat %x0, %x1 axis 0 : (tensor<2x3xf32>, tensor<2x4xf32>) -> tensor<4x3xf32>
  return
}

// -----

func.func @concat_type(%x0: tensor<2xf32>, %x1: tensor<3xi32>) {
  // expected-error @+2 {{has element type 'i32' in operand #1, wanted 'f32'}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.concat %x0, %x1 axis 0 : (tensor<2xf32>, tensor<3xi32>) -> tensor<5xf32>
  return
}

// -----

func.func @concat_overflow(%x0: tensor<9223372036854775807xi8>, %x1: tensor<2xi8>) {
  // expected-error @+2 {{has more than 2^63 elements in dimension 0, wanted fewer}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.concat %x0, %x1 axis 0 : (tensor<9223372036854775807xi8>, tensor<2xi8>) -> tensor<?xi8>
  return
}

// -----

func.func @concat_result(%x0: tensor<2xf32>, %x1: tensor<3xf32>) {
  // expected-error @+2 {{incompatible with return type}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.concat %x0, %x1 axis 0 : (tensor<2xf32>, tensor<3xf32>) -> tensor<6xf32>
  return
}

// -----

func.func @concat_nothing() {
  // expected-error @+2 {{has no operands, wanted at least one}}
  // expected-error @+1 {{failed to infer returned types}}
  "weft.concat"() {axis = 0 : i64} : () -> tensor<2xf32>
  return
}

// -----

func.func @concat_scalars(%x: tensor<f32>) {
  // expected-error @+2 {{has axis 0, wanted a tensor with a dimension: its rank is 0}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.concat %x axis 0 : (tensor<f32>) -> tensor<f32>
  return
}

// -----

func.func @pad_lengths(%x: tensor<4xf32>, %v: tensor<f32>) {
  // expected-error @+2 {{has 2 entries in low, wanted 1, one per dimension of x}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.pad constant %x, %v low [1, 1] high [1] interior [0] : (tensor<4xf32>, tensor<f32>) -> tensor<6xf32>
  return
}

// -----

func.func @pad_interior(%x: tensor<4xf32>, %v: tensor<f32>) {
  // expected-error @+2 {{has -1 at position 0 of interior, wanted at least 0}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.pad constant %x, %v low [1] high [1] interior [-1] : (tensor<4xf32>, tensor<f32>) -> tensor<6xf32>
  return
}

// -----

func.func @pad_huge(%x: tensor<4xf32>, %v: tensor<f32>) {
  // expected-error @+2 {{has 9223372036854775807 at position 0 of high, wanted at most 2147483648}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.pad constant %x, %v low [1] high [9223372036854775807] interior [0] : (tensor<4xf32>, tensor<f32>) -> tensor<6xf32>
  return
}

// -----

func.func @pad_huge_crop(%x: tensor<4xf32>, %v: tensor<f32>) {
  // expected-error @+2 {{has -9223372036854775807 at position 0 of low, wanted at least -2147483648}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.pad constant %x, %v low [-9223372036854775807] high [1] interior [0] : (tensor<4xf32>, tensor<f32>) -> tensor<6xf32>
  return
}

// -----

func.func @pad_result(%x: tensor<4xf32>, %v: tensor<f32>) {
  // expected-error @+2 {{incompatible with return type}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.pad constant %x, %v low [1] high [1] interior [0] : (tensor<4xf32>, tensor<f32>) -> tensor<7xf32>
  return
}

// -----

func.func @pad_value_type(%x: tensor<4xf32>, %v: tensor<f16>) {
  // expected-error @+1 {{has element type 'f16' in value, wanted 'f32'}}
  weft.pad constant %x, %v low [1] high [1] interior [0] : (tensor<4xf32>, tensor<f16>) -> tensor<6xf32>
  return
}

// -----

func.func @pad_value_rank(%x: tensor<4xf32>, %v: tensor<1xf32>) {
  // expected-error @+1 {{has value of rank 1, wanted 0}}
  weft.pad constant %x, %v low [1] high [1] interior [0] : (tensor<4xf32>, tensor<1xf32>) -> tensor<6xf32>
  return
}

// -----

func.func @pad_reflect_interior(%x: tensor<4xf32>, %v: tensor<f32>) {
  // expected-error @+1 {{has interior 1 in dimension 0, wanted 0 in mode reflect}}
  weft.pad reflect %x, %v low [1] high [1] interior [1] : (tensor<4xf32>, tensor<f32>) -> tensor<9xf32>
  return
}

// -----

func.func @pad_edge_of_nothing(%x: tensor<0xf32>, %v: tensor<f32>) {
  // expected-error @+1 {{has extent 0 in dimension 0 of x, wanted elements for mode edge to take}}
  weft.pad edge %x, %v low [1] high [1] interior [0] : (tensor<0xf32>, tensor<f32>) -> tensor<2xf32>
  return
}

// -----

func.func @pad_reflect_lengths(%x: tensor<4xf32>, %v: tensor<f32>) {
  // expected-error @+2 {{has 0 entries in interior, wanted 1, one per dimension of x}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.pad reflect %x, %v low [1] high [1] interior [] : (tensor<4xf32>, tensor<f32>) -> tensor<6xf32>
  return
}

// -----

func.func @pad_reflect_rank(%x: tensor<4xf32>, %v: tensor<f32>) {
  // expected-error @+2 {{incompatible with return type}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.pad reflect %x, %v low [1] high [1] interior [0] : (tensor<4xf32>, tensor<f32>) -> tensor<1x6xf32>
  return
}

// -----

func.func @reverse_axis(%x: tensor<2xf32>) {
  // expected-error @+2 {{has axis 1, wanted 0 to 0}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.reverse %x axes [1] : (tensor<2xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @reverse_twice(%x: tensor<2xf32>) {
  // expected-error @+2 {{has axis 0 twice, wanted each at most once}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.reverse %x axes [0, 0] : (tensor<2xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @cast_extent(%x: tensor<2xf32>) {
  // expected-error @+1 {{has extent 3 in dimension 0 of the result, wanted 2}}
  weft.cast_shape %x : (tensor<2xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @cast_rank(%x: tensor<2xf32>) {
  // expected-error @+1 {{has the result of rank 2, wanted 1}}
  weft.cast_shape %x : (tensor<2xf32>) -> tensor<2x1xf32>
  return
}

// -----

func.func @cast_type(%x: tensor<2xf32>) {
  // expected-error @+1 {{requires the same element type for all operands and results}}
  weft.cast_shape %x : (tensor<2xf32>) -> tensor<2xi32>
  return
}

// -----

func.func @segments(%x: tensor<4xf32>) {
  // expected-error @+1 {{'operandSegmentSizes' attribute cannot have negative elements}}
  "weft.slice"(%x) <{operandSegmentSizes = array<i32: 1, -3, 3>, static_starts = array<i64: 0>, static_sizes = array<i64: 1>, strides = array<i64: 1>}> : (tensor<4xf32>) -> tensor<1xf32>
  return
}

// -----

func.func @missing_attribute(%x: tensor<4xf32>) {
  // expected-error @+1 {{requires attribute 'permutation'}}
  "weft.transpose"(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @unranked(%x: tensor<*xf32>) {
  // expected-error @+1 {{operand #0 must be ranked tensor}}
  weft.reverse %x axes [0] : (tensor<*xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @named_constant() {
  // expected-error @+1 {{has type 'tensor<4xf32, #weft.dims<[n]>>', wanted numbers for all extents}}
  weft.constant dense<1.0> : tensor<4xf32, #weft.dims<[n]>>
  return
}
