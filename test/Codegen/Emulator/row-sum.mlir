// Sums of rows: shuffles inside a warp, shared memory and barriers between warps. The same bits under every
// schedule; each barrier is needed, and the emulator says so when it is gone.
// RUN: weft emulate %s --grid 2 --block 128 --shared 16 -a x=iota:f32[2x256] -a y=out:f32[2] | FileCheck %s
// RUN: weft emulate %s --grid 2 --block 128 --shared 16 -a x=iota:f32[2x256] -a y=out:f32[2] --schedule lifo | FileCheck %s
// RUN: for seed in 1 2 3; do weft emulate %s --grid 2 --block 128 --shared 16 -a x=iota:f32[2x256] -a y=out:f32[2] --schedule random:$seed | FileCheck %s || exit 1; done
// RUN: weft emulate %s --grid 2 --block 128 --shared 16 -a x=iota:f32[2x256] -a y=out:f32[2] --checks=off | FileCheck %s
// CHECK: y: f32[2] = 32640 98176
//
// Without the first barrier a thread reads what another has not written, or may not have.
// RUN: sed '/BARRIER 1/d' %s > %t.1.mlir
// RUN: not weft emulate %t.1.mlir --grid 2 --block 128 --shared 16 -a x=iota:f32[2x256] -a y=out:f32[2] 2>&1 | FileCheck %s --check-prefix=FIRST
// FIRST: weft: error: kernel 'row_sum':
// FIRST-NEXT: {{.*}}.1.mlir:{{[0-9]+:[0-9]+}}: {{UNINITIALISED|RACE}}: thread {{[0-9]+}} of block {{[01]}} reads
// FIRST: RACE
//
// Without the second, a fast warp overwrites what a slow one has yet to read; the numbers may well be right.
// RUN: sed '/BARRIER 2/d' %s > %t.2.mlir
// RUN: not weft emulate %t.2.mlir --grid 2 --block 128 --shared 16 -a x=iota:f32[2x256] -a y=out:f32[2] 2>&1 | FileCheck %s --check-prefix=SECOND
// SECOND: {{.*}}.2.mlir:{{[0-9]+:[0-9]+}}: RACE: thread {{[0-9]+}} of block 0 writes shared memory at offset {{[0-9]+}} (llvm.store), which thread {{[0-9]+}} of block 0 read at {{.*}}.2.mlir:{{[0-9]+:[0-9]+}} (llvm.load), and nothing orders the two
//
// One element too far.
// RUN: sed '/^ /s/%%at = arith.addi %%place, %%start/%%at0 = arith.addi %%place, %%start : i32\n    %%at = arith.addi %%at0, %%c1/' %s > %t.3.mlir
// RUN: not weft emulate %t.3.mlir --grid 2 --block 128 --shared 16 -a x=iota:f32[2x256] -a y=out:f32[2] 2>&1 | FileCheck %s --check-prefix=OFFSET
// OFFSET: OUT OF BOUNDS: thread 127 of block 1 reads 4 bytes 0 bytes after the end of 'x' of 2048 bytes
llvm.mlir.global external @smem() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>
llvm.func @row_sum(%x: !llvm.ptr, %y: !llvm.ptr) attributes {nvvm.kernel, nvvm.maxntid = array<i32: 128>} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %c2 = arith.constant 2 : i32
  %c5 = arith.constant 5 : i32
  %c16 = arith.constant 16 : i32
  %c31 = arith.constant 31 : i32
  %step = arith.constant 128 : i32
  %n = arith.constant 256 : i32
  %all = arith.constant -1 : i32
  %zero = arith.constant 0.0 : f32
  %tid = nvvm.read.ptx.sreg.tid.x : i32
  %block = nvvm.read.ptx.sreg.ctaid.x : i32
  %lane = nvvm.read.ptx.sreg.laneid : i32
  %warp = arith.shrui %tid, %c5 : i32
  %row = arith.muli %block, %n : i32
  %shared = llvm.mlir.addressof @smem : !llvm.ptr<3>
  %mine = llvm.getelementptr %shared[%warp] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, f32
  %isFirst = arith.cmpi eq, %lane, %c0 : i32
  // Two halves of a row, one after the other through the same shared memory.
  %sum = scf.for %half = %c0 to %c2 step %c1 iter_args(%acc = %zero) -> (f32) : i32 {
    %start = arith.muli %half, %step : i32
    %place = arith.addi %row, %tid : i32
    %at = arith.addi %place, %start : i32
    %from = llvm.getelementptr %x[%at] : (!llvm.ptr, i32) -> !llvm.ptr, f32
    %v = llvm.load %from : !llvm.ptr -> f32
    %w:2 = scf.while (%o = %c16, %a = %v) : (i32, f32) -> (i32, f32) {
      %more = arith.cmpi ne, %o, %c0 : i32
      scf.condition(%more) %o, %a : i32, f32
    } do {
    ^bb0(%o: i32, %a: f32):
      %b = nvvm.shfl.sync bfly %all, %a, %o, %c31 : f32 -> f32
      %ab = arith.addf %a, %b : f32
      %next = arith.shrui %o, %c1 : i32
      scf.yield %next, %ab : i32, f32
    }
    scf.if %isFirst {
      llvm.store %w#1, %mine : f32, !llvm.ptr<3>
    }
    nvvm.barrier0 // BARRIER 1
    %four = llvm.load %shared {alignment = 16 : i64} : !llvm.ptr<3> -> vector<4xf32>
    %part = vector.reduction <add>, %four, %acc : vector<4xf32> into f32
    nvvm.barrier0 // BARRIER 2
    scf.yield %part : f32
  }
  %isZero = arith.cmpi eq, %tid, %c0 : i32
  scf.if %isZero {
    %to = llvm.getelementptr %y[%block] : (!llvm.ptr, i32) -> !llvm.ptr, f32
    llvm.store %sum, %to : f32, !llvm.ptr
  }
  llvm.return
}
