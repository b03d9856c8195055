// Ops, layouts and memory types round-trip.
// RUN: weft-opt %s | weft-opt | FileCheck %s

#blocked = #tile.blocked<per_thread [1, 4], lanes [4, 8], warps [2, 1], order [1, 0]>
#rows = #tile.slice<1, #blocked>
#plain = #tile.swizzled<vector 1, phases 1>
#swizzled = #tile.swizzled<vector 4, phases 8>

// CHECK: #[[BLOCKED:.*]] = #tile.blocked<per_thread[1, 4], lanes[4, 8], warps[2, 1], order[1, 0]>
// CHECK: #[[ROWS:.*]] = #tile.slice<1, #[[BLOCKED]]>

// CHECK-LABEL: func.func @access
func.func @access(%x: memref<100x64xf32>, %y: memref<100x64xf32>) attributes {tile.threads = 64 : i64} {
  // CHECK: tile.program_id
  %p = tile.program_id
  // CHECK: tile.num_programs
  %n = tile.num_programs
  // CHECK: tile.range : tensor<8xindex, #[[ROWS]]>
  %r = tile.range : tensor<8xindex, #rows>
  // CHECK: tile.broadcast %{{.*}} : tensor<8xindex, #[[ROWS]]> -> tensor<8x32xindex, #[[BLOCKED]]>
  %o = tile.broadcast %r : tensor<8xindex, #rows> -> tensor<8x32xindex, #blocked>
  %c = arith.constant true
  // CHECK: tile.splat %{{.*}} : tensor<8x32xi1, #[[BLOCKED]]>
  %m = tile.splat %c : tensor<8x32xi1, #blocked>
  // CHECK: tile.load %{{.*}}[%{{.*}}] mask %{{.*}} {contiguous = 4 : i64} : memref<100x64xf32>
  %v = tile.load %x[%o] mask %m {contiguous = 4} : memref<100x64xf32>, tensor<8x32xindex, #blocked>, tensor<8x32xi1, #blocked> -> tensor<8x32xf32, #blocked>
  // CHECK: tile.load %{{.*}}[%{{.*}}] mask %{{.*}} else %{{.*}} : memref<100x64xf32>
  %w = tile.load %x[%o] mask %m else %v : memref<100x64xf32>, tensor<8x32xindex, #blocked>, tensor<8x32xi1, #blocked> -> tensor<8x32xf32, #blocked> else tensor<8x32xf32, #blocked>
  // CHECK: tile.load %{{.*}}[%{{.*}}] : memref<100x64xf32>, index -> f32
  %s = tile.load %x[%p] : memref<100x64xf32>, index -> f32
  // CHECK: arith.addf %{{.*}} : tensor<8x32xf32, #[[BLOCKED]]>
  %sum = arith.addf %v, %w : tensor<8x32xf32, #blocked>
  // CHECK: tile.store
  tile.store %sum, %y[%o] mask %m {contiguous = 4} : tensor<8x32xf32, #blocked>, memref<100x64xf32>, tensor<8x32xindex, #blocked>, tensor<8x32xi1, #blocked>
  return
}

// CHECK-LABEL: func.func @compute
func.func @compute(%v: tensor<8x32xf32, #blocked>) -> tensor<8xf32, #rows> {
  // CHECK: tile.map
  %0 = tile.map %v : (tensor<8x32xf32, #blocked>) -> tensor<8x32xf32, #blocked> {
  ^bb0(%x: f32):
    %y = arith.mulf %x, %x : f32
    tile.yield %y : f32
  }
  // CHECK: tile.reduce %{{.*}} axis 1 : (tensor<8x32xf32, #[[BLOCKED]]>) -> tensor<8xf32, #[[ROWS]]>
  %1 = tile.reduce %0 axis 1 : (tensor<8x32xf32, #blocked>) -> tensor<8xf32, #rows> {
  ^bb0(%x: f32, %y: f32):
    %z = arith.addf %x, %y : f32
    tile.yield %z : f32
  }
  return %1 : tensor<8xf32, #rows>
}

// CHECK-LABEL: func.func @memory
func.func @memory(%v: tensor<8x32xf32, #blocked>, %i: index) -> tensor<8x32xf32, #blocked> {
  // CHECK: tile.alloc_shared : <8x32xf32, #{{.*}}>
  %s = tile.alloc_shared : !tile.shared<8x32xf32, #swizzled>
  // CHECK: tile.local_store %{{.*}}, %{{.*}} row %{{.*}} :
  tile.local_store %v, %s row %i : tensor<8x32xf32, #blocked>, !tile.shared<8x32xf32, #swizzled>
  // CHECK: tile.barrier
  tile.barrier
  // CHECK: tile.local_load
  %0 = tile.local_load %s : !tile.shared<8x32xf32, #swizzled> -> tensor<8x32xf32, #blocked>
  // CHECK: tile.alloc_private : <16 x tensor<8x32xf32, #[[BLOCKED]]>>
  %p = tile.alloc_private : !tile.private<16 x tensor<8x32xf32, #blocked>>
  // CHECK: tile.private_store
  tile.private_store %0, %p[%i] : !tile.private<16 x tensor<8x32xf32, #blocked>>, index
  // CHECK: tile.private_load
  %1 = tile.private_load %p[%i] : !tile.private<16 x tensor<8x32xf32, #blocked>>, index
  return %1 : tensor<8x32xf32, #blocked>
}
