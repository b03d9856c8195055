// Reductions over warps and changes of layout go through shared memory, with barriers where threads meet there.
// RUN: weft-opt %s --tile-expand-exchanges | FileCheck %s --check-prefixes=CHECK,PLAIN
// RUN: weft-opt %s --tile-expand-exchanges --tile-insert-barriers | FileCheck %s --check-prefixes=CHECK,WAIT

#blocked = #tile.blocked<per_thread [1, 1], lanes [1, 32], warps [1, 4], order [1, 0]>
#other = #tile.blocked<per_thread [1, 4], lanes [1, 32], warps [1, 4], order [1, 0]>
#rows = #tile.slice<1, #blocked>

// CHECK-LABEL: func.func @reduce
func.func @reduce(%v: tensor<1x128xf32, #blocked>) -> tensor<1xf32, #rows> {
  // CHECK: %[[S:.*]] = tile.alloc_shared : <1x4xf32
  // CHECK: tile.store_partials %{{.*}}, %[[S]] axis 1
  // PLAIN-NOT: tile.barrier
  // WAIT: tile.barrier
  // CHECK: tile.combine_partials %[[S]]
  %0 = tile.reduce %v axis 1 : (tensor<1x128xf32, #blocked>) -> tensor<1xf32, #rows> {
  ^bb0(%a: f32, %b: f32):
    %d = arith.addf %a, %b : f32
    tile.yield %d : f32
  }
  return %0 : tensor<1xf32, #rows>
}

// An iteration writes what the one before may still be reading.
// CHECK-LABEL: func.func @loop
func.func @loop(%v: tensor<1x128xf32, #blocked>, %n: index) -> tensor<1x128xf32, #other> {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %init = tile.convert_layout %v : tensor<1x128xf32, #blocked> -> tensor<1x128xf32, #other>
  // WAIT: tile.local_store
  // WAIT-NEXT: tile.barrier
  // WAIT-NEXT: tile.local_load
  // WAIT: scf.for
  // WAIT-NEXT: tile.barrier
  // WAIT-NEXT: tile.local_store
  // WAIT-NEXT: tile.barrier
  // WAIT-NEXT: tile.local_load
  // WAIT-NEXT: scf.yield
  %r = scf.for %i = %zero to %n step %one iter_args(%x = %init) -> tensor<1x128xf32, #other> {
    %w = tile.convert_layout %v : tensor<1x128xf32, #blocked> -> tensor<1x128xf32, #other>
    scf.yield %w : tensor<1x128xf32, #other>
  }
  return %r : tensor<1x128xf32, #other>
}

#mma = #tile.mma<warps [4, 1]>
#left = #tile.dot_operand<0, width 2, #mma>

// Every thread keeps its elements: nothing is exchanged.
// CHECK-LABEL: func.func @registers
func.func @registers(%v: tensor<64x16xf16, #mma>) -> tensor<64x16xf16, #left> {
  // CHECK-NEXT: tile.convert_layout
  // CHECK-NEXT: return
  %w = tile.convert_layout %v : tensor<64x16xf16, #mma> -> tensor<64x16xf16, #left>
  return %w : tensor<64x16xf16, #left>
}
