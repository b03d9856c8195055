// The access lint: what each access costs beside what it could, as text for FileCheck. A transposition through
// shared memory, with and without a padded row.
// RUN: weft emulate %s --kernel padded --block 32x8 --shared 4224 -a x=iota:f32[32x32] -a y=out:f32[32x32] --lint | FileCheck %s
// CHECK-NOT: shared
// CHECK: lint.mlir:[[# @LINE + 37]]:{{[0-9]+}}: global load: 1.00x the ideal: 128 sectors instead of 128 in 32 accesses of warps
// CHECK: lint.mlir:[[# @LINE + 40]]:{{[0-9]+}}: shared store: 1.00x the ideal: 32 bank waves instead of 32 in 32 accesses of warps
// CHECK: lint.mlir:[[# @LINE + 49]]:{{[0-9]+}}: shared load: 1.00x the ideal: 32 bank waves instead of 32 in 32 accesses of warps
// CHECK: lint.mlir:[[# @LINE + 52]]:{{[0-9]+}}: global store: 1.00x the ideal
//
// Without the padding all lanes hit one bank.
// RUN: sed 's/constant 33 : i32/constant 32 : i32/' %s > %t.1.mlir
// RUN: weft emulate %t.1.mlir --kernel padded --block 32x8 --shared 4224 -a x=iota:f32[32x32] -a y=out:f32[32x32] --lint | FileCheck %s --check-prefix=CONFLICT
// CONFLICT: shared load: 32.00x the ideal: 1024 bank waves instead of 32 in 32 accesses of warps
//
// Without shared memory the stores are scattered.
// RUN: weft emulate %s --kernel scattered --block 32x8 -a x=iota:f32[32x32] -a y=out:f32[32x32] --lint | FileCheck %s --check-prefix=SCATTER
// SCATTER: global load: 1.00x the ideal
// SCATTER: global store: 8.00x the ideal: 1024 sectors instead of 128 in 32 accesses of warps
//
// A vector that promises less alignment than its size is four accesses, of which each leaves gaps.
// RUN: weft emulate %s --kernel unaligned --block 32 -a x=iota:f32[128] -a y=out:f32[128] --lint | FileCheck %s --check-prefix=UNALIGNED
// UNALIGNED: global load: 4.00x the ideal: 64 sectors instead of 16 in 4 accesses of warps
// UNALIGNED: global store: 1.00x the ideal: 16 sectors instead of 16 in 1 accesses of warps
llvm.mlir.global external @smem() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>

llvm.func @padded(%x: !llvm.ptr, %y: !llvm.ptr) attributes {nvvm.kernel} {
  %c0 = arith.constant 0 : i32
  %c4 = arith.constant 4 : i32
  %c1 = arith.constant 1 : i32
  %c8 = arith.constant 8 : i32
  %c32 = arith.constant 32 : i32
  %pitch = arith.constant 33 : i32
  %tx = nvvm.read.ptx.sreg.tid.x : i32
  %ty = nvvm.read.ptx.sreg.tid.y : i32
  %shared = llvm.mlir.addressof @smem : !llvm.ptr<3>
  scf.for %i = %c0 to %c4 step %c1 : i32 {
    %i8 = arith.muli %i, %c8 : i32
    %row = arith.addi %i8, %ty : i32
    %r32 = arith.muli %row, %c32 : i32
    %at = arith.addi %r32, %tx : i32
    %from = llvm.getelementptr %x[%at] : (!llvm.ptr, i32) -> !llvm.ptr, f32
    %v = llvm.load %from : !llvm.ptr -> f32
    %rp = arith.muli %row, %pitch : i32
    %sp = arith.addi %rp, %tx : i32
    %to = llvm.getelementptr %shared[%sp] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, f32
    llvm.store %v, %to : f32, !llvm.ptr<3>
  }
  nvvm.barrier0
  scf.for %i = %c0 to %c4 step %c1 : i32 {
    %i8 = arith.muli %i, %c8 : i32
    %row = arith.addi %i8, %ty : i32
    // Columns become rows.
    %cp = arith.muli %tx, %pitch : i32
    %sp = arith.addi %cp, %row : i32
    %from = llvm.getelementptr %shared[%sp] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, f32
    %v = llvm.load %from : !llvm.ptr<3> -> f32
    %r32 = arith.muli %row, %c32 : i32
    %at = arith.addi %r32, %tx : i32
    %to = llvm.getelementptr %y[%at] : (!llvm.ptr, i32) -> !llvm.ptr, f32
    llvm.store %v, %to : f32, !llvm.ptr
  }
  llvm.return
}

llvm.func @scattered(%x: !llvm.ptr, %y: !llvm.ptr) attributes {nvvm.kernel} {
  %c0 = arith.constant 0 : i32
  %c4 = arith.constant 4 : i32
  %c1 = arith.constant 1 : i32
  %c8 = arith.constant 8 : i32
  %c32 = arith.constant 32 : i32
  %tx = nvvm.read.ptx.sreg.tid.x : i32
  %ty = nvvm.read.ptx.sreg.tid.y : i32
  scf.for %i = %c0 to %c4 step %c1 : i32 {
    %i8 = arith.muli %i, %c8 : i32
    %row = arith.addi %i8, %ty : i32
    %r32 = arith.muli %row, %c32 : i32
    %at = arith.addi %r32, %tx : i32
    %from = llvm.getelementptr %x[%at] : (!llvm.ptr, i32) -> !llvm.ptr, f32
    %v = llvm.load %from : !llvm.ptr -> f32
    %c = arith.muli %tx, %c32 : i32
    %put = arith.addi %c, %row : i32
    %to = llvm.getelementptr %y[%put] : (!llvm.ptr, i32) -> !llvm.ptr, f32
    llvm.store %v, %to : f32, !llvm.ptr
  }
  llvm.return
}

llvm.func @unaligned(%x: !llvm.ptr, %y: !llvm.ptr) attributes {nvvm.kernel} {
  %c4 = arith.constant 4 : i32
  %tid = nvvm.read.ptx.sreg.tid.x : i32
  %at = arith.muli %tid, %c4 : i32
  %from = llvm.getelementptr %x[%at] : (!llvm.ptr, i32) -> !llvm.ptr, f32
  %v = llvm.load %from {alignment = 4 : i64} : !llvm.ptr -> vector<4xf32>
  %to = llvm.getelementptr %y[%at] : (!llvm.ptr, i32) -> !llvm.ptr, f32
  llvm.store %v, %to : vector<4xf32>, !llvm.ptr
  llvm.return
}
