// Copies into shared memory run ahead of the steps that use them; barriers, fences and waits for products come after.
// RUN: weft-opt %s --split-input-file --tile-pipeline-copies | FileCheck %s --check-prefixes=CHECK,PLAIN
// RUN: weft-opt %s --split-input-file --tile-pipeline-copies --tile-insert-barriers | FileCheck %s --check-prefixes=CHECK,WAIT

#blocked = #tile.blocked<per_thread [1, 8], lanes [4, 8], warps [4, 1], order [1, 0]>
#columns = #tile.slice<0, #blocked>
#mma = #tile.mma<warps [4, 1]>
#swizzled = #tile.swizzled<vector 8, phases 8>

// Two steps are begun before the loop. In it one barrier is enough: it also says that the slot of the step before is free.
// CHECK-LABEL: func.func @loop
func.func @loop(%x: memref<64x512xf16>, %o: tensor<64x64xindex, #blocked>, %a: tensor<64x64xf32, #mma>) -> tensor<64x64xf32, #mma> attributes {tile.threads = 128 : i64} {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %n = arith.constant 8 : index
  %k = arith.constant 64 : index
  // CHECK: %[[RING:.*]] = tile.alloc_shared : <3x64x64xf16
  %s = tile.alloc_shared : !tile.shared<64x64xf16, #swizzled>
  // CHECK: scf.if
  // CHECK: tile.slot %[[RING]][%{{.*}}] :
  // CHECK: tile.async_copy
  // CHECK: tile.async_commit
  // CHECK: scf.if
  // CHECK: tile.async_copy
  // CHECK: tile.async_commit
  // CHECK: scf.for %[[I:[a-z0-9]+]] =
  %r = scf.for %i = %zero to %n step %one iter_args(%sum = %a) -> tensor<64x64xf32, #mma> {
    // CHECK: tile.async_wait 1
    // WAIT-NEXT: tile.barrier
    // CHECK-NEXT: scf.if
    // WAIT-NOT: tile.barrier
    %first = arith.muli %i, %k : index
    %splat = tile.splat %first : tensor<64x64xindex, #blocked>
    %at = arith.addi %o, %splat : tensor<64x64xindex, #blocked>
    // CHECK: %[[FILL:.*]] = tile.slot %[[RING]][%[[I]]] {ahead = 2 : i64}
    // CHECK: arith.muli
    // CHECK: tile.async_copy %{{.*}} to %[[FILL]] {contiguous = 8 : i64}
    // CHECK: tile.async_commit
    tile.async_copy %x[%at] to %s {contiguous = 8} : memref<64x512xf16>, tensor<64x64xindex, #blocked> to !tile.shared<64x64xf16, #swizzled>
    // CHECK: %[[USE:.*]] = tile.slot %[[RING]][%[[I]]] :
    // CHECK: tile.local_load %[[USE]]
    %f = tile.local_load %s at [0, 16] : !tile.shared<64x64xf16, #swizzled> -> tensor<64x16xf16, #tile.dot_operand<0, width 2, #mma>>
    %g = tile.local_load %s at [0, 16] transposed : !tile.shared<64x64xf16, #swizzled> -> tensor<16x64xf16, #tile.dot_operand<1, width 2, #mma>>
    %d = tile.mma %f, %g, %sum : tensor<64x16xf16, #tile.dot_operand<0, width 2, #mma>>, tensor<16x64xf16, #tile.dot_operand<1, width 2, #mma>>, tensor<64x64xf32, #mma>
    scf.yield %d : tensor<64x64xf32, #mma>
  } {tile.stages = 3 : i64}
  return %r : tensor<64x64xf32, #mma>
}

// -----

#blocked = #tile.blocked<per_thread [1, 8], lanes [4, 8], warps [4, 1], order [1, 0]>
#mma = #tile.mma<warps [4, 1]>
#swizzled = #tile.swizzled<vector 8, phases 8>

// Products of warpgroups read by themselves: at the barrier they are done, and what threads wrote is made known to them.
// CHECK-LABEL: func.func @warpgroups
func.func @warpgroups(%x: memref<64x512xf16>, %o: tensor<64x64xindex, #blocked>, %a: tensor<64x64xf32, #mma>) -> tensor<64x64xf32, #mma> attributes {tile.threads = 128 : i64} {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %n = arith.constant 8 : index
  %s = tile.alloc_shared : !tile.shared<64x64xf16, #swizzled>
  // CHECK: scf.for
  %r = scf.for %i = %zero to %n step %one iter_args(%sum = %a) -> tensor<64x64xf32, #mma> {
    // CHECK: tile.async_wait 2
    // WAIT-NEXT: tile.warpgroup_wait
    // WAIT-NEXT: tile.proxy_fence
    // WAIT-NEXT: tile.barrier
    // PLAIN-NOT: tile.barrier
    %splat = tile.splat %i : tensor<64x64xindex, #blocked>
    %at = arith.addi %o, %splat : tensor<64x64xindex, #blocked>
    tile.async_copy %x[%at] to %s : memref<64x512xf16>, tensor<64x64xindex, #blocked> to !tile.shared<64x64xf16, #swizzled>
    // CHECK: tile.warpgroup_mma
    // WAIT-NOT: tile.warpgroup_wait
    // CHECK: scf.yield
    %d = tile.warpgroup_mma %s, %s, %sum : !tile.shared<64x64xf16, #swizzled>, !tile.shared<64x64xf16, #swizzled>, tensor<64x64xf32, #mma>
    scf.yield %d : tensor<64x64xf32, #mma>
  } {tile.stages = 4 : i64}
  // WAIT: tile.warpgroup_wait
  // CHECK: arith.addf
  %t = arith.addf %r, %a : tensor<64x64xf32, #mma>
  return %t : tensor<64x64xf32, #mma>
}

// -----

#blocked = #tile.blocked<per_thread [1, 8], lanes [4, 8], warps [4, 1], order [1, 0]>
#swizzled = #tile.swizzled<vector 8, phases 8>

// What no loop runs ahead is awaited at once.
// CHECK-LABEL: func.func @once
func.func @once(%x: memref<64x512xf16>, %o: tensor<64x64xindex, #blocked>) -> tensor<64x64xf16, #blocked> attributes {tile.threads = 128 : i64} {
  %s = tile.alloc_shared : !tile.shared<64x64xf16, #swizzled>
  %t = tile.alloc_shared : !tile.shared<64x64xf16, #swizzled>
  // CHECK: tile.async_copy
  // CHECK-NEXT: tile.async_copy
  // CHECK-NEXT: tile.async_commit
  // CHECK-NEXT: tile.async_wait 0
  // WAIT-NEXT: tile.barrier
  // CHECK-NEXT: tile.local_load
  tile.async_copy %x[%o] to %s : memref<64x512xf16>, tensor<64x64xindex, #blocked> to !tile.shared<64x64xf16, #swizzled>
  tile.async_copy %x[%o] to %t : memref<64x512xf16>, tensor<64x64xindex, #blocked> to !tile.shared<64x64xf16, #swizzled>
  %v = tile.local_load %s : !tile.shared<64x64xf16, #swizzled> -> tensor<64x64xf16, #blocked>
  return %v : tensor<64x64xf16, #blocked>
}
