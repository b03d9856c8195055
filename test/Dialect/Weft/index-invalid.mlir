// What gather, scatter and sort refuse.
// RUN: weft-opt %s --split-input-file --verify-diagnostics

func.func @index_rank_0(%x: tensor<5x6xf32>, %i: tensor<i64>) {
  // expected-error @+2 {{has index of rank 0, wanted a last dimension of one entry per indexed dimension}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.gather %x at %i {dims = array<i64: 0>, batch_dims = array<i64>, index_batch_dims = array<i64>, at = 0} : (tensor<5x6xf32>, tensor<i64>) -> tensor<3x6xf32>
  return
}

// -----

func.func @index_entries(%x: tensor<5x6xf32>, %i: tensor<3x2xi64>) {
  // expected-error @+2 {{has extent 2 in the last dimension of index, wanted 1, one entry per indexed dimension}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.gather %x at %i {dims = array<i64: 0>, batch_dims = array<i64>, index_batch_dims = array<i64>, at = 0} : (tensor<5x6xf32>, tensor<3x2xi64>) -> tensor<3x6xf32>
  return
}

// -----

func.func @index_unknown(%x: tensor<5x6xf32>, %i: tensor<3x?xi64>) {
  // expected-error @+2 {{has extent ? in the last dimension of index, wanted 1, one entry per indexed dimension}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.gather %x at %i {dims = array<i64: 0>, batch_dims = array<i64>, index_batch_dims = array<i64>, at = 0} : (tensor<5x6xf32>, tensor<3x?xi64>) -> tensor<3x6xf32>
  return
}

// -----

func.func @dim_beyond(%x: tensor<5x6xf32>, %i: tensor<3x1xi64>) {
  // expected-error @+2 {{has indexed or batch dimension 2, wanted 0 to 1}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.gather %x at %i {dims = array<i64: 2>, batch_dims = array<i64>, index_batch_dims = array<i64>, at = 0} : (tensor<5x6xf32>, tensor<3x1xi64>) -> tensor<3x6xf32>
  return
}

// -----

func.func @dim_negative(%x: tensor<5x6xf32>, %i: tensor<3x1xi64>) {
  // expected-error @+2 {{has indexed or batch dimension -1, wanted 0 to 1}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.gather %x at %i {dims = array<i64: -1>, batch_dims = array<i64>, index_batch_dims = array<i64>, at = 0} : (tensor<5x6xf32>, tensor<3x1xi64>) -> tensor<3x6xf32>
  return
}

// -----

func.func @dim_indexed_and_batch(%x: tensor<5x6xf32>, %i: tensor<3x1xi64>) {
  // expected-error @+2 {{has indexed or batch dimension 0 twice, wanted each at most once}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.gather %x at %i {dims = array<i64: 0>, batch_dims = array<i64: 0>, index_batch_dims = array<i64: 0>, at = 0} : (tensor<5x6xf32>, tensor<3x1xi64>) -> tensor<3x6xf32>
  return
}

// -----

func.func @batch_length(%x: tensor<5x6xf32>, %i: tensor<3x1xi64>) {
  // expected-error @+2 {{has 0 entries in index_batch_dims, wanted 1, one per batch dimension of x}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.gather %x at %i {dims = array<i64: 0>, batch_dims = array<i64: 1>, index_batch_dims = array<i64>, at = 0} : (tensor<5x6xf32>, tensor<3x1xi64>) -> tensor<3x6xf32>
  return
}

// -----

func.func @batch_of_index(%x: tensor<5x6xf32>, %i: tensor<3x1xi64>) {
  // expected-error @+2 {{has batch dimension of index 1, wanted 0 to 0}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.gather %x at %i {dims = array<i64: 0>, batch_dims = array<i64: 1>, index_batch_dims = array<i64: 1>, at = 0} : (tensor<5x6xf32>, tensor<3x1xi64>) -> tensor<3x6xf32>
  return
}

// -----

func.func @batch_extent(%x: tensor<5x6xf32>, %i: tensor<3x1xi64>) {
  // expected-error @+2 {{has extent 3 in dimension 0 of index, wanted 6}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.gather %x at %i {dims = array<i64: 0>, batch_dims = array<i64: 1>, index_batch_dims = array<i64: 0>, at = 0} : (tensor<5x6xf32>, tensor<3x1xi64>) -> tensor<3x6xf32>
  return
}

// -----

func.func @at(%x: tensor<5x6xf32>, %i: tensor<3x1xi64>) {
  // expected-error @+2 {{has at 2, wanted 0 to 1, the number of dimensions taken whole}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.gather %x at %i {dims = array<i64: 0>, batch_dims = array<i64>, index_batch_dims = array<i64>, at = 2} : (tensor<5x6xf32>, tensor<3x1xi64>) -> tensor<3x6xf32>
  return
}

// -----

func.func @at_negative(%x: tensor<5x6xf32>, %i: tensor<3x1xi64>) {
  // expected-error @+2 {{has at -1, wanted 0 to 1, the number of dimensions taken whole}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.gather %x at %i {dims = array<i64: 0>, batch_dims = array<i64>, index_batch_dims = array<i64>, at = -1} : (tensor<5x6xf32>, tensor<3x1xi64>) -> tensor<3x6xf32>
  return
}

// -----

func.func @nothing_to_take(%x: tensor<0x6xf32>, %i: tensor<3x1xi64>) {
  // expected-error @+2 {{has extent 0 in indexed dimension 0 of x, wanted an element to take}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.gather %x at %i {dims = array<i64: 0>, batch_dims = array<i64>, index_batch_dims = array<i64>, at = 0} : (tensor<0x6xf32>, tensor<3x1xi64>) -> tensor<3x6xf32>
  return
}

// -----

func.func @result(%x: tensor<5x6xf32>, %i: tensor<3x1xi64>) {
  // expected-error @+2 {{incompatible with return type}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.gather %x at %i {dims = array<i64: 0>, batch_dims = array<i64>, index_batch_dims = array<i64>, at = 0} : (tensor<5x6xf32>, tensor<3x1xi64>) -> tensor<6x3xf32>
  return
}

// -----

func.func @scatter_update(%x: tensor<5x6xf32>, %i: tensor<3x1xi64>, %u: tensor<4x6xf32>) {
  // expected-error @+2 {{has extent 4 in dimension 0 of update, wanted 3}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.scatter add %x at %i, %u {dims = array<i64: 0>, batch_dims = array<i64>, index_batch_dims = array<i64>, at = 0} : (tensor<5x6xf32>, tensor<3x1xi64>, tensor<4x6xf32>) -> tensor<5x6xf32>
  return
}

// -----

func.func @scatter_rank(%x: tensor<5x6xf32>, %i: tensor<3x1xi64>, %u: tensor<3xf32>) {
  // expected-error @+2 {{has update of rank 1, wanted 2}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.scatter add %x at %i, %u {dims = array<i64: 0>, batch_dims = array<i64>, index_batch_dims = array<i64>, at = 0} : (tensor<5x6xf32>, tensor<3x1xi64>, tensor<3xf32>) -> tensor<5x6xf32>
  return
}

// -----

func.func @scatter_type(%x: tensor<5x6xf32>, %i: tensor<3x1xi64>, %u: tensor<3x6xf64>) {
  // expected-error @+2 {{has element type 'f64' in update, wanted 'f32'}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.scatter add %x at %i, %u {dims = array<i64: 0>, batch_dims = array<i64>, index_batch_dims = array<i64>, at = 0} : (tensor<5x6xf32>, tensor<3x1xi64>, tensor<3x6xf64>) -> tensor<5x6xf32>
  return
}

// -----

func.func @scatter_at(%x: tensor<5x6xf32>, %i: tensor<3x1xi64>, %u: tensor<3x6xf32>) {
  // expected-error @+2 {{has at 5, wanted 0 to 1}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.scatter add %x at %i, %u {dims = array<i64: 0>, batch_dims = array<i64>, index_batch_dims = array<i64>, at = 5} : (tensor<5x6xf32>, tensor<3x1xi64>, tensor<3x6xf32>) -> tensor<5x6xf32>
  return
}

// -----

func.func @scatter_booleans(%x: tensor<5x6xi1>, %i: tensor<3x1xi64>, %u: tensor<3x6xi1>) {
  // expected-error @+1 {{combines 'i1' by max, wanted numbers, or kind set}}
  weft.scatter max %x at %i, %u {dims = array<i64: 0>, batch_dims = array<i64>, index_batch_dims = array<i64>, at = 0} : (tensor<5x6xi1>, tensor<3x1xi64>, tensor<3x6xi1>) -> tensor<5x6xi1>
  return
}

// -----

func.func @scatter_storage(%x: tensor<5x6xi4>, %i: tensor<3x1xi64>, %u: tensor<3x6xi4>) {
  // expected-error @+1 {{combines 'i4' by add, wanted numbers, or kind set}}
  weft.scatter add %x at %i, %u {dims = array<i64: 0>, batch_dims = array<i64>, index_batch_dims = array<i64>, at = 0} : (tensor<5x6xi4>, tensor<3x1xi64>, tensor<3x6xi4>) -> tensor<5x6xi4>
  return
}

// -----

func.func @sort_axis(%x0: tensor<2x3xf32>) {
  // expected-error @+2 {{has axis 2, wanted 0 to 1}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.sort %x0 axis 2 : (tensor<2x3xf32>) -> (tensor<2x3xf32>)
  return
}

// -----

func.func @sort_keys(%x0: tensor<2x3xf32>) {
  // expected-error @+2 {{has 2 keys, wanted 1 to 1, the number of operands}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.sort %x0 axis 1 {num_keys = 2} : (tensor<2x3xf32>) -> (tensor<2x3xf32>)
  return
}

// -----

func.func @sort_no_keys(%x0: tensor<2x3xf32>) {
  // expected-error @+2 {{has 0 keys, wanted 1 to 1, the number of operands}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.sort %x0 axis 1 {num_keys = 0} : (tensor<2x3xf32>) -> (tensor<2x3xf32>)
  return
}

// -----

func.func @sort_extents(%x0: tensor<2x3xf32>, %x1: tensor<2x4xi32>) {
  // expected-error @+2 {{has extent 4 in dimension 1 of operand #1, wanted 3}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.sort %x0, %x1 axis 1 : (tensor<2x3xf32>, tensor<2x4xi32>) -> (tensor<2x3xf32>, tensor<2x4xi32>)
  return
}

// -----

func.func @sort_ranks(%x0: tensor<2x3xf32>, %x1: tensor<2xi32>) {
  // expected-error @+2 {{has operand #1 of rank 1, wanted 2}}
  // expected-error @+1 {{failed to infer returned types}}
  weft.sort %x0, %x1 axis 1 : (tensor<2x3xf32>, tensor<2xi32>) -> (tensor<2x3xf32>, tensor<2xi32>)
  return
}

// -----

func.func @sort_nothing() {
  // expected-error @+2 {{has no operands, wanted at least one key}}
  // expected-error @+1 {{failed to infer returned types}}
  "weft.sort"() {axis = 0 : i64} : () -> ()
  return
}

// -----

func.func @top_k_axis(%x: tensor<2x5xf32>) {
  // expected-error @+1 {{has axis -1, wanted 0 to 1}}
  weft.top_k %x k [3] axis -1 : (tensor<2x5xf32>) -> (tensor<2x3xf32>, tensor<2x3xi64>)
  return
}

// -----

func.func @top_k_k(%x: tensor<2x5xf32>) {
  // expected-error @+1 {{has k 6, wanted at most 5, the extent of dimension 1}}
  weft.top_k %x k [6] axis 1 : (tensor<2x5xf32>) -> (tensor<2x3xf32>, tensor<2x3xi64>)
  return
}

// -----

func.func @top_k_two(%x: tensor<2x5xf32>) {
  // expected-error @+1 {{has 2 entries in k, wanted 1}}
  weft.top_k %x k [3, 3] axis 1 : (tensor<2x5xf32>) -> (tensor<2x3xf32>, tensor<2x3xi64>)
  return
}

// -----

func.func @top_k_none(%x: tensor<2x5xf32>) {
  // expected-error @+1 {{has 0 entries in k, wanted 1}}
  weft.top_k %x k [] axis 1 : (tensor<2x5xf32>) -> (tensor<2x3xf32>, tensor<2x3xi64>)
  return
}

// -----

func.func @top_k_negative(%x: tensor<2x5xf32>) {
  // expected-error @+1 {{has -3 at position 0 of k, wanted at least 0}}
  weft.top_k %x k [-3] axis 1 : (tensor<2x5xf32>) -> (tensor<2x3xf32>, tensor<2x3xi64>)
  return
}

// -----

func.func @top_k_values(%x: tensor<2x5xf32>) {
  // expected-error @+1 {{has extent 4 in dimension 1 of values, wanted 3}}
  weft.top_k %x k [3] axis 1 : (tensor<2x5xf32>) -> (tensor<2x4xf32>, tensor<2x3xi64>)
  return
}

// -----

func.func @top_k_indices(%x: tensor<2x5xf32>) {
  // expected-error @+1 {{has extent 4 in dimension 1 of indices, wanted 3}}
  weft.top_k %x k [3] axis 1 : (tensor<2x5xf32>) -> (tensor<2x3xf32>, tensor<2x4xi64>)
  return
}

// -----

func.func @top_k_type(%x: tensor<2x5xf32>) {
  // expected-error @+1 {{has element type 'f64' in values, wanted 'f32'}}
  weft.top_k %x k [3] axis 1 : (tensor<2x5xf32>) -> (tensor<2x3xf64>, tensor<2x3xi64>)
  return
}

// -----

func.func @non_zero_rank(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{has the result of rank 1, wanted 2}}
  weft.non_zero %x : (tensor<2x3xf32>) -> tensor<?xi64>
  return
}

// -----

func.func @non_zero_columns(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{has extent 3 in dimension 1 of the result, wanted 2}}
  weft.non_zero %x : (tensor<2x3xf32>) -> tensor<?x3xi64>
  return
}

// -----

func.func @non_zero_count(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{has 7 positions, wanted at most 6, the number of elements}}
  weft.non_zero %x : (tensor<2x3xf32>) -> tensor<7x2xi64>
  return
}
