// cp.async in two stages: a stage is read while the next is on its way. Copies land when they are waited for, not
// before, so code that waits for too little reads what is not there.
// RUN: weft emulate %s --block 32 --shared 1024 -a x=iota:f32[4x128] -a y=out:f32[4] | FileCheck %s
// RUN: weft emulate %s --block 32 --shared 1024 -a x=iota:f32[4x128] -a y=out:f32[4] --schedule lifo | FileCheck %s
// RUN: weft emulate %s --block 32 --shared 1024 -a x=iota:f32[4x128] -a y=out:f32[4] --schedule random:3 | FileCheck %s
// RUN: weft emulate %s --block 32 --shared 1024 -a x=iota:f32[4x128] -a y=out:f32[4] --checks=off | FileCheck %s
// CHECK: y: f32[4] = 8128 24512 40896 57280
//
// Waiting for one group too few.
// RUN: sed 's/wait.group 1/wait.group 2/' %s > %t.1.mlir
// RUN: not weft emulate %t.1.mlir --block 32 --shared 1024 -a x=iota:f32[4x128] -a y=out:f32[4] 2>&1 | FileCheck %s --check-prefix=WAIT
// WAIT: ASYNC RACE: thread {{[0-9]+}} of block 0 reads shared memory at offset {{[0-9]+}} (llvm.load) while an asynchronous operation from {{.*}}.1.mlir:{{[0-9]+:[0-9]+}} (nvvm.cp.async.shared.global) still writes it
//
// Groups that are never closed.
// RUN: sed '/commit.group/d' %s > %t.2.mlir
// RUN: not weft emulate %t.2.mlir --block 32 --shared 1024 -a x=iota:f32[4x128] -a y=out:f32[4] 2>&1 | FileCheck %s --check-prefix=COMMIT
// COMMIT: COPY: thread {{[0-9]+}} of block 0 ends without waiting for its copy (cp.async.wait_group)
//
// Waiting, but without the barrier that tells the other threads.
// RUN: sed '/TELL/d' %s > %t.3.mlir
// RUN: not weft emulate %t.3.mlir --block 32 --shared 1024 -a x=iota:f32[4x128] -a y=out:f32[4] 2>&1 | FileCheck %s --check-prefix=TELL
// TELL: {{(ASYNC )?}}RACE: thread {{[0-9]+}} of block 0 reads shared memory
//
// The next copy into a stage starts before all have read it.
// RUN: sed '/FREE/d' %s > %t.4.mlir
// RUN: not weft emulate %t.4.mlir --block 32 --shared 1024 -a x=iota:f32[4x128] -a y=out:f32[4] 2>&1 | FileCheck %s --check-prefix=FREE
// FREE: RACE: thread {{[0-9]+}} of block 0 writes shared memory at offset {{[0-9]+}} (nvvm.cp.async.shared.global), which thread {{[0-9]+}} of block 0 read at
//
// A stage at the wrong place.
// RUN: sed 's/constant 512 : i32/constant 520 : i32/' %s > %t.5.mlir
// RUN: not weft emulate %t.5.mlir --block 32 --shared 1024 -a x=iota:f32[4x128] -a y=out:f32[4] 2>&1 | FileCheck %s --check-prefix=PLACE
// PLACE: MISALIGNED: thread {{[0-9]+}} of block 0 copies 16 bytes between addresses that are not multiples of 16
llvm.mlir.global external @smem() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>
llvm.func @stages(%x: !llvm.ptr, %y: !llvm.ptr) attributes {nvvm.kernel} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %c4 = arith.constant 4 : i32
  %c16 = arith.constant 16 : i32
  %c128 = arith.constant 128 : i32
  %stageBytes = arith.constant 512 : i32
  %zero = arith.constant 0.0 : f32
  %tid = nvvm.read.ptx.sreg.tid.x : i32
  %shared = llvm.mlir.addressof @smem : !llvm.ptr<3>
  %xg = llvm.addrspacecast %x : !llvm.ptr to !llvm.ptr<1>
  %mine = arith.muli %tid, %c16 : i32
  // Row 0 is on its way before the loop.
  %to0 = llvm.getelementptr %shared[%mine] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
  %from0 = llvm.getelementptr %xg[%mine] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i8
  nvvm.cp.async.shared.global %to0, %from0, 16, cache = cg : !llvm.ptr<3>, !llvm.ptr<1>
  nvvm.cp.async.commit.group
  scf.for %row = %c0 to %c4 step %c1 : i32 {
    %next = arith.addi %row, %c1 : i32
    %isMore = arith.cmpi ult, %next, %c4 : i32
    scf.if %isMore {
      %slot = arith.andi %next, %c1 : i32
      %slotBytes = arith.muli %slot, %stageBytes : i32
      %at = arith.addi %slotBytes, %mine : i32
      %to = llvm.getelementptr %shared[%at] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
      %rowStart = arith.muli %next, %c128 : i32
      %fromRow = llvm.getelementptr %xg[%rowStart] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, f32
      %from = llvm.getelementptr %fromRow[%mine] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i8
      nvvm.cp.async.shared.global %to, %from, 16, cache = cg : !llvm.ptr<3>, !llvm.ptr<1>
    }
    nvvm.cp.async.commit.group
    nvvm.cp.async.wait.group 1
    nvvm.barrier0 // TELL
    %slot = arith.andi %row, %c1 : i32
    %slotBytes = arith.muli %slot, %stageBytes : i32
    %stage = llvm.getelementptr %shared[%slotBytes] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
    %isMine = arith.cmpi eq, %tid, %row : i32
    scf.if %isMine {
      %sum = scf.for %i = %c0 to %c128 step %c1 iter_args(%acc = %zero) -> (f32) : i32 {
        %at = llvm.getelementptr %stage[%i] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, f32
        %v = llvm.load %at : !llvm.ptr<3> -> f32
        %s = arith.addf %acc, %v : f32
        scf.yield %s : f32
      }
      %out = llvm.getelementptr %y[%row] : (!llvm.ptr, i32) -> !llvm.ptr, f32
      llvm.store %sum, %out : f32, !llvm.ptr
    }
    nvvm.barrier0 // FREE
  }
  nvvm.cp.async.wait.group 0
  llvm.return
}
