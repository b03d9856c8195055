// What --tile-pipeline-copies cannot run ahead is refused.
// RUN: weft-opt %s --split-input-file --tile-pipeline-copies --verify-diagnostics

func.func @steps(%n: index) {
  %one = arith.constant 1 : index
  %zero = arith.constant 0 : index
  // expected-error@+1 {{has 3 stages, wanted two or more, and steps by 1 from 0}}
  scf.for %i = %one to %n step %one {
  } {tile.stages = 3 : i64}
  return
}

// -----

#blocked = #tile.blocked<per_thread [1, 8], lanes [4, 8], warps [4, 1], order [1, 0]>
#plain = #tile.swizzled<vector 1, phases 1>
func.func @carried(%x: memref<64x64xf16>, %o: tensor<64x64xindex, #blocked>, %n: index) {
  %one = arith.constant 1 : index
  %zero = arith.constant 0 : index
  %s = tile.alloc_shared : !tile.shared<64x64xf16, #plain>
  %r = scf.for %i = %zero to %n step %one iter_args(%at = %o) -> tensor<64x64xindex, #blocked> {
    // expected-error@+1 {{makes a copy depend on the step before it; wanted one that can run ahead}}
    tile.async_copy %x[%at] to %s : memref<64x64xf16>, tensor<64x64xindex, #blocked> to !tile.shared<64x64xf16, #plain>
    %next = arith.addi %at, %o : tensor<64x64xindex, #blocked>
    scf.yield %next : tensor<64x64xindex, #blocked>
  } {tile.stages = 3 : i64}
  return
}

// -----

#blocked = #tile.blocked<per_thread [1, 8], lanes [4, 8], warps [4, 1], order [1, 0]>
#plain = #tile.swizzled<vector 1, phases 1>
func.func @after(%x: memref<64x64xf16>, %o: tensor<64x64xindex, #blocked>, %n: index) -> tensor<64x64xf16, #blocked> {
  %one = arith.constant 1 : index
  %zero = arith.constant 0 : index
  %s = tile.alloc_shared : !tile.shared<64x64xf16, #plain>
  scf.for %i = %zero to %n step %one {
    // expected-error@+1 {{wanted a buffer of its own that only the loop uses}}
    tile.async_copy %x[%o] to %s : memref<64x64xf16>, tensor<64x64xindex, #blocked> to !tile.shared<64x64xf16, #plain>
  } {tile.stages = 3 : i64}
  %v = tile.local_load %s : !tile.shared<64x64xf16, #plain> -> tensor<64x64xf16, #blocked>
  return %v : tensor<64x64xf16, #blocked>
}
