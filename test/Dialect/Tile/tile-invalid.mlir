// What the tile dialect refuses.
// RUN: weft-opt %s --split-input-file --verify-diagnostics

// expected-error@+1 {{found 3 in a blocked layout, wanted powers of two}}
#l = #tile.blocked<per_thread [3], lanes [32], warps [1], order [0]>
func.func private @f(tensor<32xf32, #l>)

// -----

// expected-error@+1 {{found 16 lanes, wanted 32}}
#l = #tile.blocked<per_thread [1], lanes [16], warps [1], order [0]>
func.func private @f(tensor<32xf32, #l>)

// -----

// expected-error@+1 {{found an order that is no permutation}}
#l = #tile.blocked<per_thread [1, 1], lanes [1, 32], warps [1, 1], order [1, 1]>
func.func private @f(tensor<32x32xf32, #l>)

// -----

#l = #tile.blocked<per_thread [1], lanes [32], warps [1], order [0]>
// expected-error@+1 {{found a tile with an extent that is no power of two}}
func.func private @f(tensor<33xf32, #l>)

// -----

#l = #tile.blocked<per_thread [1], lanes [32], warps [1], order [0]>
// expected-error@+1 {{found a tile of rank 2 with a layout of rank 1}}
func.func private @f(tensor<32x32xf32, #l>)

// -----

#l = #tile.blocked<per_thread [1], lanes [32], warps [1], order [0]>
// expected-error@+1 {{found a slice along dimension 0 of a layout of rank 1}}
func.func private @f(tensor<32xf32, #tile.slice<0, #l>>)

// -----

// expected-error@+1 {{found rows of 16 elements, wanted a multiple of vector 4 times phases 8}}
func.func private @f(!tile.shared<16x16xf32, #tile.swizzled<vector 4, phases 8>>)

// -----

#l = #tile.blocked<per_thread [1, 1], lanes [1, 32], warps [1, 1], order [1, 0]>
func.func @f(%x: tensor<4xf32, #tile.slice<0, #l>>) {
  // expected-error@+1 {{wanted one shape but for dimension 0}}
  %0 = tile.broadcast %x : tensor<4xf32, #tile.slice<0, #l>> -> tensor<4x32xf32, #l>
  return
}

// -----

#l = #tile.blocked<per_thread [1], lanes [32], warps [1], order [0]>
func.func @f(%x: memref<64xf32>, %o: tensor<32xindex, #l>) {
  // expected-error@+1 {{wanted 'tensor<32xf32}}
  %0 = tile.load %x[%o] : memref<64xf32>, tensor<32xindex, #l> -> tensor<32xi32, #l>
  return
}

// -----

#l = #tile.blocked<per_thread [1], lanes [32], warps [1], order [0]>
func.func @f(%x: memref<64xf32>, %o: tensor<32xindex, #l>) {
  // expected-error@+1 {{has groups of 3 elements, wanted a power of two}}
  %0 = tile.load %x[%o] {contiguous = 3} : memref<64xf32>, tensor<32xindex, #l> -> tensor<32xf32, #l>
  return
}

// -----

#l = #tile.blocked<per_thread [1, 1], lanes [1, 32], warps [1, 1], order [1, 0]>
func.func @f(%x: tensor<4x32xf32, #l>) {
  // expected-error@+1 {{wanted its slice along dimension 1}}
  %0 = tile.reduce %x axis 1 : (tensor<4x32xf32, #l>) -> tensor<32xf32, #tile.slice<0, #l>> {
  ^bb0(%a: f32, %b: f32):
    %c = arith.addf %a, %b : f32
    tile.yield %c : f32
  }
  return
}

// -----

#l = #tile.blocked<per_thread [1, 1], lanes [1, 32], warps [1, 1], order [1, 0]>
#plain = #tile.swizzled<vector 1, phases 1>
func.func @f(%x: tensor<4x32xf32, #l>, %a: !tile.shared<8x4xf32, #plain>, %b: !tile.shared<16x32xf32, #plain>) {
  // expected-error@+1 {{wanted f32: K x M and K x N into a blocked M x N}}
  %0 = tile.dot %a, %b, %x : !tile.shared<8x4xf32, #plain>, !tile.shared<16x32xf32, #plain>, tensor<4x32xf32, #l>
  return
}

// -----

// expected-error@+1 {{found a matrix layout of 1 numbers of warps, wanted two powers of two}}
#mma = #tile.mma<warps [4]>
func.func private @f(tensor<64x64xf32, #mma>)

// -----

#mma = #tile.mma<warps [4, 1]>
// expected-error@+1 {{found accumulators of 32 x 64, wanted 16 x 8 for each warp}}
func.func private @f(tensor<32x64xf32, #mma>)

// -----

#mma = #tile.mma<warps [4, 1]>
// expected-error@+1 {{found operand 2 of width 2, wanted 0 or 1}}
func.func private @f(tensor<64x16xf16, #tile.dot_operand<2, width 2, #mma>>)

// -----

#mma = #tile.mma<warps [4, 1]>
// expected-error@+1 {{found a factor of 32 x 16, wanted 16 rows or columns for each warp and 16 of K}}
func.func private @f(tensor<32x16xf16, #tile.dot_operand<0, width 2, #mma>>)

// -----

// expected-error@+1 {{found a swizzle of vector 8, phases 4 and rows 3, wanted powers of two}}
func.func private @f(!tile.shared<16x32xf16, #tile.swizzled<vector 8, phases 4, rows 3>>)

// -----

#lines = #tile.swizzled<vector 8, phases 8>
func.func @f(%r: !tile.shared<64x64xf16, #lines>, %i: index) {
  // expected-error@+1 {{wanted one of a ring of such buffers}}
  %0 = tile.slot %r[%i] : !tile.shared<64x64xf16, #lines> -> !tile.shared<64x64xf16, #lines>
  return
}

// -----

#copy = #tile.blocked<per_thread [1, 8], lanes [4, 8], warps [4, 1], order [1, 0]>
#lines = #tile.swizzled<vector 8, phases 8>
func.func @f(%x: memref<64x64xf32>, %o: tensor<64x64xindex, #copy>, %s: !tile.shared<64x64xf16, #lines>) {
  // expected-error@+1 {{wanted a buffer of the tile's shape and of the source's elements}}
  tile.async_copy %x[%o] to %s : memref<64x64xf32>, tensor<64x64xindex, #copy> to !tile.shared<64x64xf16, #lines>
  return
}

// -----

#mma = #tile.mma<warps [4, 1]>
#lines = #tile.swizzled<vector 4, phases 8>
func.func @f(%s: !tile.shared<64x64xf32, #lines>) {
  // expected-error@+1 {{from rows of M or N, wanted rows of K}}
  %0 = tile.local_load %s transposed : !tile.shared<64x64xf32, #lines> -> tensor<64x64xf32, #tile.dot_operand<0, width 1, #mma>>
  return
}

// -----

#mma = #tile.mma<warps [4, 1]>
#lines = #tile.swizzled<vector 8, phases 8>
func.func @f(%s: !tile.shared<64x64xf16, #lines>) {
  // expected-error@+1 {{at [0, 56] of}}
  %0 = tile.local_load %s at [0, 56] : !tile.shared<64x64xf16, #lines> -> tensor<64x16xf16, #tile.dot_operand<0, width 2, #mma>>
  return
}

// -----

#mma = #tile.mma<warps [4, 1]>
func.func @f(%a: tensor<64x16xf16, #tile.dot_operand<0, width 2, #mma>>, %c: tensor<64x64xf32, #mma>) {
  // expected-error@+1 {{wanted factors M x K and K x N of the accumulators' layout}}
  %0 = tile.mma %a, %a, %c : tensor<64x16xf16, #tile.dot_operand<0, width 2, #mma>>, tensor<64x16xf16, #tile.dot_operand<0, width 2, #mma>>, tensor<64x64xf32, #mma>
  return
}

// -----

#mma = #tile.mma<warps [2, 2]>
#lines = #tile.swizzled<vector 8, phases 8>
func.func @f(%s: !tile.shared<64x64xf16, #lines>, %c: tensor<64x64xf32, #mma>) {
  // expected-error@+1 {{wanted M x 64 and N x 64 of f16 or bf16, swizzled in lines of 128 bytes}}
  %0 = tile.warpgroup_mma %s, %s, %c : !tile.shared<64x64xf16, #lines>, !tile.shared<64x64xf16, #lines>, tensor<64x64xf32, #mma>
  return
}
