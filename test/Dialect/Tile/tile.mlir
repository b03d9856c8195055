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

#copy = #tile.blocked<per_thread [1, 8], lanes [4, 8], warps [4, 1], order [1, 0]>
#mma = #tile.mma<warps [4, 1]>
#left = #tile.dot_operand<0, width 2, #mma>
#right = #tile.dot_operand<1, width 2, #mma>
#lines = #tile.swizzled<vector 8, phases 8>
#short = #tile.swizzled<vector 8, phases 4, rows 2>

// CHECK-LABEL: func.func @matrices
func.func @matrices(%x: memref<64x64xf16>, %o: tensor<64x64xindex, #copy>, %m: tensor<64x64xi1, #copy>, %i: index, %sum: tensor<64x64xf32, #mma>, %t: !tile.shared<64x32xf16, #short>) -> tensor<64x64xf32, #mma> {
  // CHECK: tile.alloc_shared : <3x64x64xf16, #[[LINES:.*]]>
  %ring = tile.alloc_shared : !tile.shared<3x64x64xf16, #lines>
  // CHECK: tile.slot %{{.*}}[%{{.*}}] {ahead = 2 : i64} : <3x64x64xf16, #[[LINES]]> -> <64x64xf16, #[[LINES]]>
  %s = tile.slot %ring[%i] {ahead = 2} : !tile.shared<3x64x64xf16, #lines> -> !tile.shared<64x64xf16, #lines>
  // CHECK: tile.async_copy %{{.*}}[%{{.*}}] mask %{{.*}} to %{{.*}} {contiguous = 8 : i64}
  tile.async_copy %x[%o] mask %m to %s {contiguous = 8} : memref<64x64xf16>, tensor<64x64xindex, #copy>, tensor<64x64xi1, #copy> to !tile.shared<64x64xf16, #lines>
  // CHECK: tile.async_commit
  tile.async_commit
  // CHECK: tile.async_wait 1
  tile.async_wait 1
  // CHECK: tile.proxy_fence
  tile.proxy_fence
  // CHECK: tile.local_load %{{.*}} at [0, 16] : <64x64xf16, #[[LINES]]> -> tensor<64x16xf16, #[[LEFT:.*]]>
  %a = tile.local_load %s at [0, 16] : !tile.shared<64x64xf16, #lines> -> tensor<64x16xf16, #left>
  // CHECK: tile.local_load %{{.*}} at [0, 16] transposed : <64x64xf16, #[[LINES]]> -> tensor<16x64xf16, #[[RIGHT:.*]]>
  %b = tile.local_load %s at [0, 16] transposed : !tile.shared<64x64xf16, #lines> -> tensor<16x64xf16, #right>
  // CHECK: tile.mma %{{.*}} : tensor<64x16xf16, #[[LEFT]]>, tensor<16x64xf16, #[[RIGHT]]>, tensor<64x64xf32
  %0 = tile.mma %a, %b, %sum : tensor<64x16xf16, #left>, tensor<16x64xf16, #right>, tensor<64x64xf32, #mma>
  // CHECK: tile.warpgroup_mma
  %1 = tile.warpgroup_mma %s, %s, %0 : !tile.shared<64x64xf16, #lines>, !tile.shared<64x64xf16, #lines>, tensor<64x64xf32, #mma>
  // CHECK: tile.warpgroup_wait
  tile.warpgroup_wait
  return %1 : tensor<64x64xf32, #mma>
}

#sums = #tile.blocked<per_thread [1, 4], lanes [4, 8], warps [4, 1], order [1, 0]>
#eight = #tile.swizzled<vector 4, phases 8>

// CHECK-LABEL: func.func @dots
func.func @dots(%a: !tile.shared<64x32xf32, #eight>, %b: !tile.shared<32x64xf32, #eight>, %x: tensor<64x64xf32, #sums>) -> tensor<64x64xf32, #sums> {
  // CHECK: tile.dot %arg0 transposed, %arg1, %arg2
  %0 = tile.dot %a transposed, %b, %x : !tile.shared<64x32xf32, #eight>, !tile.shared<32x64xf32, #eight>, tensor<64x64xf32, #sums>
  // CHECK: tile.dot %arg1, %arg0 transposed, %{{.*}}
  %1 = tile.dot %b, %a transposed, %0 : !tile.shared<32x64xf32, #eight>, !tile.shared<64x32xf32, #eight>, tensor<64x64xf32, #sums>
  return %1 : tensor<64x64xf32, #sums>
}
