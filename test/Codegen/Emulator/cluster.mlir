// Blocks of a cluster write into each other's shared memory, between two barriers of the cluster.
// RUN: weft emulate %s --grid 4 --cluster 2 --block 32 --shared 128 -a y=out:i32[4x32] --show 128 | FileCheck %s
// RUN: weft emulate %s --grid 4 --cluster 2 --block 32 --shared 128 -a y=out:i32[4x32] --show 128 --schedule lifo | FileCheck %s
// RUN: weft emulate %s --grid 4 --cluster 2 --block 32 --shared 128 -a y=out:i32[4x32] --show 128 --schedule random:9 | FileCheck %s
// RUN: weft emulate %s --grid 4 --cluster 2 --block 32 --shared 128 -a y=out:i32[4x32] --show 128 --checks=off | FileCheck %s
// CHECK: y: i32[4x32] = 100 101 {{.*}} 131 0 1 2 {{.*}} 31 300 301 {{.*}} 331 200 201 {{.*}} 231{{$}}
//
// Without the barrier a block reads what the other has not written.
// RUN: sed '/SEEN/d' %s > %t.1.mlir
// RUN: not weft emulate %t.1.mlir --grid 4 --cluster 2 --block 32 --shared 128 -a y=out:i32[4x32] 2>&1 | FileCheck %s --check-prefix=SEEN
// SEEN: {{UNINITIALISED|RACE}}: thread {{[0-9]+}} of block {{[0-3]}} {{reads|writes}}
//
// There is no third block.
// RUN: sed 's/arith.xori %%rank, %%c1/arith.addi %%rank, %%c2/' %s > %t.2.mlir
// RUN: not weft emulate %t.2.mlir --grid 4 --cluster 2 --block 32 --shared 128 -a y=out:i32[4x32] 2>&1 | FileCheck %s --check-prefix=RANK
// RANK: USAGE: thread {{[0-9]+}} of block {{[0-3]}} maps an address to block {{[23]}} of a cluster of 2 (nvvm.mapa)
llvm.mlir.global external @smem() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>
llvm.func @swap(%y: !llvm.ptr) attributes {nvvm.kernel} {
  %c1 = arith.constant 1 : i32
  %c2 = arith.constant 2 : i32
  %c32 = arith.constant 32 : i32
  %c100 = arith.constant 100 : i32
  %lane = nvvm.read.ptx.sreg.laneid : i32
  %block = nvvm.read.ptx.sreg.ctaid.x : i32
  %rank = nvvm.read.ptx.sreg.cluster.ctarank : i32
  %smem = llvm.mlir.addressof @smem : !llvm.ptr<3>
  %mine = llvm.getelementptr %smem[%lane] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
  %other = arith.xori %rank, %c1 : i32
  %theirs = nvvm.mapa %mine, %other : !llvm.ptr<3> -> !llvm.ptr<7>
  %b100 = arith.muli %block, %c100 : i32
  %v = arith.addi %b100, %lane : i32
  llvm.store %v, %theirs : i32, !llvm.ptr<7>
  nvvm.cluster.arrive // SEEN
  nvvm.cluster.wait // SEEN
  %got = llvm.load %mine : !llvm.ptr<3> -> i32
  %row = arith.muli %block, %c32 : i32
  %at = arith.addi %row, %lane : i32
  %to = llvm.getelementptr %y[%at] : (!llvm.ptr, i32) -> !llvm.ptr, i32
  llvm.store %got, %to : i32, !llvm.ptr
  llvm.return
}
