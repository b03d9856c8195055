// Tiles become the registers of a thread.
// RUN: weft-opt %s --split-input-file --convert-tile-to-nvvm --canonicalize --cse | FileCheck %s

#blocked = #tile.blocked<per_thread [4], lanes [32], warps [1], order [0]>

// Four neighbours are one access.
// CHECK-LABEL: llvm.func @copy
// CHECK-SAME: %arg0: !llvm.ptr {llvm.align = 64 : i64, llvm.noalias, llvm.readonly}
// CHECK-SAME: nvvm.kernel
// CHECK-SAME: nvvm.maxntid = array<i32: 32>
func.func @copy(%x: memref<128xf32>, %y: memref<128xf32>) attributes {tile.threads = 32 : i64} {
  // CHECK: nvvm.read.ptx.sreg.tid.x
  // CHECK: llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr -> vector<4xf32>
  // CHECK-COUNT-4: arith.addf
  // CHECK: llvm.store %{{.*}} {alignment = 16 : i64} : vector<4xf32>
  %r = tile.range : tensor<128xindex, #blocked>
  %v = tile.load %x[%r] {contiguous = 4} : memref<128xf32>, tensor<128xindex, #blocked> -> tensor<128xf32, #blocked>
  %w = arith.addf %v, %v : tensor<128xf32, #blocked>
  tile.store %w, %y[%r] {contiguous = 4} : tensor<128xf32, #blocked>, memref<128xf32>, tensor<128xindex, #blocked>
  return
}

// -----

#blocked = #tile.blocked<per_thread [1, 2], lanes [8, 4], warps [1, 1], order [1, 0]>
#rows = #tile.slice<1, #blocked>

// Registers first, then the four lanes of a row; one of them stores.
// CHECK-LABEL: llvm.func @reduce
func.func @reduce(%x: memref<8x8xf32>, %y: memref<8xf32>) attributes {tile.threads = 32 : i64} {
  // CHECK-DAG: %[[ONE:.*]] = llvm.mlir.constant(1 : i32)
  // CHECK-DAG: %[[TWO:.*]] = llvm.mlir.constant(2 : i32)
  // CHECK: arith.addf
  // CHECK: nvvm.shfl.sync bfly %{{.*}}, %{{.*}}, %[[ONE]]
  // CHECK: arith.addf
  // CHECK: nvvm.shfl.sync bfly %{{.*}}, %{{.*}}, %[[TWO]]
  // CHECK: arith.addf
  // CHECK-NOT: shfl
  // CHECK: scf.if
  // CHECK: llvm.store
  %r = tile.range : tensor<8xindex, #rows>
  %c8 = arith.constant 8 : index
  %s = tile.splat %c8 : tensor<8xindex, #rows>
  %m = arith.muli %r, %s : tensor<8xindex, #rows>
  %c = tile.range : tensor<8xindex, #tile.slice<0, #blocked>>
  %o = tile.broadcast %m : tensor<8xindex, #rows> -> tensor<8x8xindex, #blocked>
  %p = tile.broadcast %c : tensor<8xindex, #tile.slice<0, #blocked>> -> tensor<8x8xindex, #blocked>
  %q = arith.addi %o, %p : tensor<8x8xindex, #blocked>
  %v = tile.load %x[%q] {contiguous = 2} : memref<8x8xf32>, tensor<8x8xindex, #blocked> -> tensor<8x8xf32, #blocked>
  %t = tile.reduce %v axis 1 : (tensor<8x8xf32, #blocked>) -> tensor<8xf32, #rows> {
  ^bb0(%a: f32, %b: f32):
    %d = arith.addf %a, %b : f32
    tile.yield %d : f32
  }
  tile.store %t, %y[%r] : tensor<8xf32, #rows>, memref<8xf32>, tensor<8xindex, #rows>
  return
}
