// Atomics: blocks count themselves, and the last one sums what the others have left, ordered by fences.
// RUN: weft emulate %s --grid 8 --block 32 --shared 4 -a x=iota:f32[256] -a part=zeros:f32[8] -a n=zeros:i32[1] -a y=out:f32[1] | FileCheck %s
// RUN: weft emulate %s --grid 8 --block 32 --shared 4 -a x=iota:f32[256] -a part=zeros:f32[8] -a n=zeros:i32[1] -a y=out:f32[1] --schedule lifo | FileCheck %s
// RUN: weft emulate %s --grid 8 --block 32 --shared 4 -a x=iota:f32[256] -a part=zeros:f32[8] -a n=zeros:i32[1] -a y=out:f32[1] --schedule random:2 | FileCheck %s
// RUN: weft emulate %s --grid 8 --block 32 --shared 4 -a x=iota:f32[256] -a part=zeros:f32[8] -a n=zeros:i32[1] -a y=out:f32[1] --checks=off --threads 2 | FileCheck %s
// CHECK: y: f32[1] = 32640
//
// Without the fence before the count, what a block has left may not be seen by the last.
// RUN: sed '/FENCE/d' %s > %t.1.mlir
// RUN: not weft emulate %t.1.mlir --grid 8 --block 32 --shared 4 -a x=iota:f32[256] -a part=zeros:f32[8] -a n=zeros:i32[1] -a y=out:f32[1] 2>&1 | FileCheck %s --check-prefix=FENCE
// FENCE: RACE: thread 0 of block {{[0-7]}} reads 'part' at byte {{[0-9]+}} (llvm.load), which thread 0 of block {{[0-7]}} wrote at
//
// A plain read and write instead of the atomic.
// RUN: sed '/^ /s/%%old = llvm.atomicrmw.*/%%old = llvm.load %%n : !llvm.ptr -> i32\n    %%inc = llvm.add %%old, %%c1 : i32\n    llvm.store %%inc, %%n : i32, !llvm.ptr/' %s > %t.2.mlir
// RUN: not weft emulate %t.2.mlir --grid 8 --block 32 --shared 4 -a x=iota:f32[256] -a part=zeros:f32[8] -a n=zeros:i32[1] -a y=out:f32[1] 2>&1 | FileCheck %s --check-prefix=PLAIN
// PLAIN: RACE: thread 0 of block {{[1-7]}} reads 'n' at byte 0
llvm.func @last(%x: !llvm.ptr, %part: !llvm.ptr, %n: !llvm.ptr, %y: !llvm.ptr) attributes {nvvm.kernel} {
  %c0 = llvm.mlir.constant(0 : i32) : i32
  %c1 = llvm.mlir.constant(1 : i32) : i32
  %c7 = llvm.mlir.constant(7 : i32) : i32
  %c8 = llvm.mlir.constant(8 : i32) : i32
  %c32 = llvm.mlir.constant(32 : i32) : i32
  %zero = llvm.mlir.constant(0.0 : f32) : f32
  %tid = nvvm.read.ptx.sreg.tid.x : i32
  %block = nvvm.read.ptx.sreg.ctaid.x : i32
  %isFirst = llvm.icmp "eq" %tid, %c0 : i32
  scf.if %isFirst {
    %start = llvm.mul %block, %c32 : i32
    %sum = scf.for %i = %c0 to %c32 step %c1 iter_args(%acc = %zero) -> (f32) : i32 {
      %at = llvm.add %start, %i : i32
      %p = llvm.getelementptr %x[%at] : (!llvm.ptr, i32) -> !llvm.ptr, f32
      %v = llvm.load %p : !llvm.ptr -> f32
      %s = llvm.fadd %acc, %v : f32
      scf.yield %s : f32
    }
    %mine = llvm.getelementptr %part[%block] : (!llvm.ptr, i32) -> !llvm.ptr, f32
    llvm.store %sum, %mine : f32, !llvm.ptr
    nvvm.memory.barrier <gpu> // FENCE
    %old = llvm.atomicrmw add %n, %c1 syncscope("device") monotonic : !llvm.ptr, i32
    nvvm.memory.barrier <gpu>
    %isLast = llvm.icmp "eq" %old, %c7 : i32
    scf.if %isLast {
      %total = scf.for %i = %c0 to %c8 step %c1 iter_args(%acc = %zero) -> (f32) : i32 {
        %p = llvm.getelementptr %part[%i] : (!llvm.ptr, i32) -> !llvm.ptr, f32
        %v = llvm.load %p : !llvm.ptr -> f32
        %s = llvm.fadd %acc, %v : f32
        scf.yield %s : f32
      }
      llvm.store %total, %y : f32, !llvm.ptr
    }
  }
  llvm.return
}
