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
