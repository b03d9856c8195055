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

// -----

#copy = #tile.blocked<per_thread [1, 8], lanes [4, 8], warps [4, 1], order [1, 0]>
#mma = #tile.mma<warps [4, 1]>
#left = #tile.dot_operand<0, width 2, #mma>
#right = #tile.dot_operand<1, width 2, #mma>
#lines = #tile.swizzled<vector 8, phases 8>

// 64 x 64 halves among 128 threads: four copies of 16 bytes; nothing is read where the mask is false. Each warp multiplies 16
// rows: one load of the left factor's four registers, and four of the right one's, for eight products.
// CHECK-LABEL: llvm.func @matrices
// CHECK-SAME: llvm.readonly
func.func @matrices(%x: memref<64x64xf16>, %y: memref<64x64xf32>) attributes {tile.threads = 128 : i64} {
  // CHECK-COUNT-4: nvvm.cp.async.shared.global %{{.*}}, %{{.*}}, 16, cache = cg, %{{.*}} : !llvm.ptr<3>, !llvm.ptr<1>, i32
  // CHECK-NOT: nvvm.cp.async.shared.global
  // CHECK: nvvm.cp.async.commit.group
  // CHECK: nvvm.cp.async.wait.group 0
  // CHECK: nvvm.barrier0
  %s = tile.alloc_shared : !tile.shared<64x64xf16, #lines>
  %r = tile.range : tensor<64xindex, #tile.slice<1, #copy>>
  %c = tile.range : tensor<64xindex, #tile.slice<0, #copy>>
  %c64 = arith.constant 64 : index
  %k = tile.splat %c64 : tensor<64xindex, #tile.slice<1, #copy>>
  %rk = arith.muli %r, %k : tensor<64xindex, #tile.slice<1, #copy>>
  %down = tile.broadcast %rk : tensor<64xindex, #tile.slice<1, #copy>> -> tensor<64x64xindex, #copy>
  %along = tile.broadcast %c : tensor<64xindex, #tile.slice<0, #copy>> -> tensor<64x64xindex, #copy>
  %o = arith.addi %down, %along : tensor<64x64xindex, #copy>
  %c50 = arith.constant dense<3200> : tensor<64x64xindex, #copy>
  %m = arith.cmpi ult, %o, %c50 : tensor<64x64xindex, #copy>
  tile.async_copy %x[%o] mask %m to %s {contiguous = 8} : memref<64x64xf16>, tensor<64x64xindex, #copy>, tensor<64x64xi1, #copy> to !tile.shared<64x64xf16, #lines>
  tile.async_commit
  tile.async_wait 0
  tile.barrier
  // CHECK-COUNT-1: nvvm.ldmatrix %{{.*}} {eltType = #nvvm.ld_st_matrix_elt_type<b16>, layout = #nvvm.mma_layout<row>, num = 4 : i32
  // CHECK-COUNT-4: nvvm.ldmatrix %{{.*}} {eltType = #nvvm.ld_st_matrix_elt_type<b16>, layout = #nvvm.mma_layout<col>, num = 4 : i32
  // CHECK-NOT: nvvm.ldmatrix
  // CHECK-COUNT-8: nvvm.mma.sync
  // CHECK-NOT: nvvm.mma.sync
  %a = tile.local_load %s at [0, 16] : !tile.shared<64x64xf16, #lines> -> tensor<64x16xf16, #left>
  %b = tile.local_load %s at [32, 0] : !tile.shared<64x64xf16, #lines> -> tensor<16x64xf16, #right>
  %zero = arith.constant dense<0.0> : tensor<64x64xf32, #mma>
  %d = tile.mma %a, %b, %zero : tensor<64x16xf16, #left>, tensor<16x64xf16, #right>, tensor<64x64xf32, #mma>
  // CHECK: nvvm.fence.proxy
  tile.proxy_fence
  // CHECK: nvvm.wgmma.fence.aligned
  // CHECK-COUNT-4: nvvm.wgmma.mma_async {{.*}} <m = 64, n = 64, k = 16>
  // CHECK: nvvm.wgmma.commit.group.sync.aligned
  // CHECK: nvvm.wgmma.wait.group.sync.aligned 0
  // CHECK: llvm.store %{{.*}} {alignment = 8 : i64} : vector<2xf32>
  %e = tile.warpgroup_mma %s, %s, %d : !tile.shared<64x64xf16, #lines>, !tile.shared<64x64xf16, #lines>, tensor<64x64xf32, #mma>
  tile.warpgroup_wait
  %row = tile.range : tensor<64xindex, #tile.slice<1, #mma>>
  %column = tile.range : tensor<64xindex, #tile.slice<0, #mma>>
  %kk = tile.splat %c64 : tensor<64xindex, #tile.slice<1, #mma>>
  %rowk = arith.muli %row, %kk : tensor<64xindex, #tile.slice<1, #mma>>
  %p = tile.broadcast %rowk : tensor<64xindex, #tile.slice<1, #mma>> -> tensor<64x64xindex, #mma>
  %q = tile.broadcast %column : tensor<64xindex, #tile.slice<0, #mma>> -> tensor<64x64xindex, #mma>
  %to = arith.addi %p, %q : tensor<64x64xindex, #mma>
  tile.store %e, %y[%to] {contiguous = 2} : tensor<64x64xf32, #mma>, memref<64x64xf32>, tensor<64x64xindex, #mma>
  return
}
