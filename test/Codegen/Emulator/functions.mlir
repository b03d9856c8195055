// What kernels are made of besides: device functions, local memory, tables of constants, static and dynamic shared
// arrays, copies of memory, addresses as numbers, threads that end early.
// RUN: weft emulate %s --kernel all --block 64 --shared 64 -a y=out:i32[64] --show 64 | FileCheck %s
// RUN: weft emulate %s --kernel all --block 64 --shared 64 -a y=out:i32[64] --show 64 --schedule random:4 | FileCheck %s
// RUN: weft emulate %s --kernel all --block 64 --shared 64 -a y=out:i32[64] --show 64 --checks=off | FileCheck %s
// CHECK: y: i32[64] = 1003 1015 1027 1039 1003 1015 1027 1039
//
// RUN: not weft emulate %s --block 32 2>&1 | FileCheck %s --check-prefix=TWO
// TWO: has 2 kernels (all, trap); choose one with --kernel
// RUN: not weft emulate %s --kernel trap --block 32 2>&1 | FileCheck %s --check-prefix=TRAP
// TRAP: functions.mlir:[[# @LINE + 60]]:{{[0-9]+}}: TRAP: thread 7 of block 0 traps
//
// The local array is this thread's own: no checks, no races. Bounds of shared memory count both arrays.
// RUN: not weft emulate %s --kernel all --block 64 --shared 60 -a y=out:i32[64] 2>&1 | FileCheck %s --check-prefix=SMALL
// SMALL: OUT OF BOUNDS: thread 15 of block 0 writes 4 bytes 0 bytes after the end of shared memory of 76 bytes
gpu.module @kernels {
  llvm.mlir.global internal @fixed() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<4 x i32>
  llvm.mlir.global external @smem() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<0 x i8>
  llvm.mlir.global internal constant @table(dense<[3, 15, 27, 39]> : tensor<4xi32>) {addr_space = 4 : i32} : !llvm.array<4 x i32>

  llvm.func @lookup(%i: i32) -> i32 {
    %three = llvm.mlir.constant(3 : i32) : i32
    %at = llvm.and %i, %three : i32
    %table = llvm.mlir.addressof @table : !llvm.ptr<4>
    %p = llvm.getelementptr %table[%at] : (!llvm.ptr<4>, i32) -> !llvm.ptr<4>, i32
    %v = llvm.load %p : !llvm.ptr<4> -> i32
    %one = llvm.mlir.constant(1 : i32) : i32
    %local = llvm.alloca %one x !llvm.array<4 x i32> : (i32) -> !llvm.ptr
    %zero = llvm.mlir.constant(0 : i8) : i8
    %bytes = llvm.mlir.constant(16 : i64) : i64
    "llvm.intr.memset"(%local, %zero, %bytes) <{isVolatile = false}> : (!llvm.ptr, i8, i64) -> ()
    %mine = llvm.getelementptr %local[%at] : (!llvm.ptr, i32) -> !llvm.ptr, i32
    llvm.store %v, %mine : i32, !llvm.ptr
    %r = llvm.load %mine : !llvm.ptr -> i32
    nvvm.barrier0
    llvm.return %r : i32
  }

  llvm.func @all(%y: !llvm.ptr) attributes {nvvm.kernel} {
    %c4 = llvm.mlir.constant(4 : i32) : i32
    %c16 = llvm.mlir.constant(16 : i32) : i32
    %c1000 = llvm.mlir.constant(1000 : i32) : i32
    %tid = nvvm.read.ptx.sreg.tid.x : i32
    %v = llvm.call @lookup(%tid) : (i32) -> i32
    %w = llvm.add %v, %c1000 : i32
    %inside = llvm.icmp "ult" %tid, %c16 : i32
    llvm.cond_br %inside, ^put, ^end
  ^end:
    nvvm.exit
    llvm.return
  ^put:
    %smem = llvm.mlir.addressof @smem : !llvm.ptr<3>
    %number = llvm.ptrtoint %smem : !llvm.ptr<3> to i32
    %off = llvm.mul %tid, %c4 : i32
    %sum = llvm.add %number, %off : i32
    %at = llvm.inttoptr %sum : i32 to !llvm.ptr<3>
    llvm.store %w, %at : i32, !llvm.ptr<3>
    nvvm.barrier0
    %back = llvm.load %at : !llvm.ptr<3> -> i32
    %to = llvm.getelementptr %y[%tid] : (!llvm.ptr, i32) -> !llvm.ptr, i32
    llvm.store %back, %to : i32, !llvm.ptr
    llvm.return
  }

  llvm.func @trap() attributes {nvvm.kernel} {
    %c7 = llvm.mlir.constant(7 : i32) : i32
    %tid = nvvm.read.ptx.sreg.tid.x : i32
    %is = llvm.icmp "eq" %tid, %c7 : i32
    llvm.cond_br %is, ^bad, ^end
  ^bad:
    "llvm.intr.trap"() : () -> ()
    llvm.br ^end
  ^end:
    llvm.return
  }
}
