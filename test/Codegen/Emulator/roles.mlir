// A producer warp and a consumer warp, a ring of two slots, mbarriers full and empty; and named barriers. Phases
// wrap three times.
// RUN: weft emulate %s --kernel ring --block 64 --shared 288 -a x=iota:f32[6x32] -a y=out:f32[6x32] --show 192 | FileCheck %s
// RUN: weft emulate %s --kernel ring --block 64 --shared 288 -a x=iota:f32[6x32] -a y=out:f32[6x32] --show 192 --schedule lifo | FileCheck %s
// RUN: for seed in 1 2 3 4; do weft emulate %s --kernel ring --block 64 --shared 288 -a x=iota:f32[6x32] -a y=out:f32[6x32] --show 192 --schedule random:$seed | FileCheck %s || exit 1; done
// RUN: weft emulate %s --kernel ring --block 64 --shared 288 -a x=iota:f32[6x32] -a y=out:f32[6x32] --show 192 --checks=off | FileCheck %s
// CHECK: y: f32[6x32] = 0 2 4 6 8 {{.*}} 378 380 382{{$}}
//
// A producer that does not wait for a slot to be empty.
// RUN: sed '/WAIT EMPTY/d' %s > %t.1.mlir
// RUN: not weft emulate %t.1.mlir --kernel ring --block 64 --shared 288 -a x=iota:f32[6x32] -a y=out:f32[6x32] 2>&1 | FileCheck %s --check-prefix=EMPTY
// EMPTY: {{RACE|MBARRIER|DEADLOCK}}:
//
// A consumer that waits for the wrong phase.
// RUN: sed 's/%%phase, %%ticks .*WAIT FULL/%%flipped, %%ticks : !llvm.ptr<3>, i32, i32/' %s > %t.2.mlir
// RUN: not weft emulate %t.2.mlir --kernel ring --block 64 --shared 288 -a x=iota:f32[6x32] -a y=out:f32[6x32] 2>&1 | FileCheck %s --check-prefix=PHASE
// PHASE: {{UNINITIALISED|RACE}}: thread {{[0-9]+}} of block 0 reads
//
// Too few arrivals make a slot full.
// RUN: sed 's/constant 32 : i32 \/\/ COUNT/constant 31 : i32/' %s > %t.3.mlir
// RUN: not weft emulate %t.3.mlir --kernel ring --block 64 --shared 288 -a x=iota:f32[6x32] -a y=out:f32[6x32] 2>&1 | FileCheck %s --check-prefix=COUNT
// COUNT: {{RACE|MBARRIER|DEADLOCK|UNINITIALISED}}:
//
// RUN: weft emulate %s --kernel named --block 96 --shared 128 -a y=out:i32[32] --show 32 | FileCheck %s --check-prefix=NAMED
// NAMED: y: i32[32] = 64 65 66 {{.*}} 95{{$}}
// RUN: sed 's/constant 64 : i32 \/\/ BOTH/constant 96 : i32/' %s > %t.4.mlir
// RUN: not weft emulate %t.4.mlir --kernel named --block 96 --shared 128 -a y=out:i32[32] 2>&1 | FileCheck %s --check-prefix=BOTH
// BOTH: DEADLOCK: {{.*}} for barrier 3, where 64 of 96 threads are
llvm.mlir.global external @smem() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>

llvm.func @ring(%x: !llvm.ptr, %y: !llvm.ptr) attributes {nvvm.kernel} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %c6 = arith.constant 6 : i32
  %c8 = arith.constant 8 : i32
  %c16 = arith.constant 16 : i32
  %c32 = arith.constant 32 : i32
  %count = arith.constant 32 : i32 // COUNT
  %bars = arith.constant 256 : i32
  %ticks = arith.constant 1000000 : i32
  %tid = nvvm.read.ptx.sreg.tid.x : i32
  %lane = nvvm.read.ptx.sreg.laneid : i32
  %smem = llvm.mlir.addressof @smem : !llvm.ptr<3>
  %barriers = llvm.getelementptr %smem[%bars] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
  %isFirst = arith.cmpi eq, %tid, %c0 : i32
  scf.if %isFirst {
    %c2 = arith.constant 2 : i32
    scf.for %i = %c0 to %c2 step %c1 : i32 {
      %i8 = arith.muli %i, %c8 : i32
      %full = llvm.getelementptr %barriers[%i8] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
      %empty = llvm.getelementptr %full[16] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
      nvvm.mbarrier.init %full, %count : !llvm.ptr<3>, i32
      nvvm.mbarrier.init %empty, %c32 : !llvm.ptr<3>, i32
    }
  }
  nvvm.barrier0
  %isProducer = arith.cmpi ult, %tid, %c32 : i32
  scf.for %i = %c0 to %c6 step %c1 : i32 {
    %slot = arith.andi %i, %c1 : i32
    %turn = arith.shrui %i, %c1 : i32
    %phase = arith.andi %turn, %c1 : i32
    %flipped = arith.xori %phase, %c1 : i32
    %slot8 = arith.muli %slot, %c8 : i32
    %full = llvm.getelementptr %barriers[%slot8] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
    %empty = llvm.getelementptr %full[16] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
    %slotStart = arith.muli %slot, %c32 : i32
    %inSlot = arith.addi %slotStart, %lane : i32
    %place = llvm.getelementptr %smem[%inSlot] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, f32
    %row = arith.muli %i, %c32 : i32
    %at = arith.addi %row, %lane : i32
    scf.if %isProducer {
      nvvm.mbarrier.try_wait.parity %empty, %flipped, %ticks : !llvm.ptr<3>, i32, i32 // WAIT EMPTY
      %from = llvm.getelementptr %x[%at] : (!llvm.ptr, i32) -> !llvm.ptr, f32
      %v = llvm.load %from : !llvm.ptr -> f32
      llvm.store %v, %place : f32, !llvm.ptr<3>
      %s = nvvm.mbarrier.arrive %full : !llvm.ptr<3> -> i64
    } else {
      nvvm.mbarrier.try_wait.parity %full, %phase, %ticks : !llvm.ptr<3>, i32, i32 // WAIT FULL
      %v = llvm.load %place : !llvm.ptr<3> -> f32
      %w = arith.addf %v, %v : f32
      %to = llvm.getelementptr %y[%at] : (!llvm.ptr, i32) -> !llvm.ptr, f32
      llvm.store %w, %to : f32, !llvm.ptr
      %s = nvvm.mbarrier.arrive %empty : !llvm.ptr<3> -> i64
    }
  }
  llvm.return
}

// The last warp tells the first through barrier 3; the middle one takes no part.
llvm.func @named(%y: !llvm.ptr) attributes {nvvm.kernel} {
  %c3 = arith.constant 3 : i32
  %c32 = arith.constant 32 : i32
  %c64 = arith.constant 64 : i32
  %both = arith.constant 64 : i32 // BOTH
  %tid = nvvm.read.ptx.sreg.tid.x : i32
  %lane = nvvm.read.ptx.sreg.laneid : i32
  %smem = llvm.mlir.addressof @smem : !llvm.ptr<3>
  %mine = llvm.getelementptr %smem[%lane] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
  %isLast = arith.cmpi uge, %tid, %c64 : i32
  scf.if %isLast {
    llvm.store %tid, %mine : i32, !llvm.ptr<3>
    nvvm.barrier.arrive id = %c3 number_of_threads = %both
  }
  %isFirst = arith.cmpi ult, %tid, %c32 : i32
  scf.if %isFirst {
    nvvm.barrier id = %c3 number_of_threads = %both
    %v = llvm.load %mine : !llvm.ptr<3> -> i32
    %to = llvm.getelementptr %y[%lane] : (!llvm.ptr, i32) -> !llvm.ptr, i32
    llvm.store %v, %to : i32, !llvm.ptr
  }
  llvm.return
}
