// A tile comes by TMA, is doubled in place, and goes back by TMA. Every step of the protocol is needed: the
// mbarrier's fence, the bytes it expects, the proxy fence before the store, the wait before the end.
// RUN: weft emulate %s --block 64 --shared 1088 -a x=iota:f32[16x32] -a y=out:f32[16x32] -a mx=map:x:8x32:128 -a my=map:y:8x32:128 --grid 2 --show 512 | FileCheck %s
// RUN: weft emulate %s --block 64 --shared 1088 -a x=iota:f32[16x32] -a y=out:f32[16x32] -a mx=map:x:8x32:128 -a my=map:y:8x32:128 --grid 2 --show 512 --schedule lifo | FileCheck %s
// RUN: weft emulate %s --block 64 --shared 1088 -a x=iota:f32[16x32] -a y=out:f32[16x32] -a mx=map:x:8x32:128 -a my=map:y:8x32:128 --grid 2 --show 512 --schedule random:5 | FileCheck %s
// RUN: weft emulate %s --block 64 --shared 1088 -a x=iota:f32[16x32] -a y=out:f32[16x32] -a mx=map:x:8x32:128 -a my=map:y:8x32:128 --grid 2 --show 512 --checks=off | FileCheck %s
// CHECK: y: f32[16x32] = 0 2 4 6 8 10 12 {{.*}} 1018 1020 1022{{$}}
//
// The mbarrier is not made known to copies.
// RUN: sed '/fence.mbarrier.init/d' %s > %t.1.mlir
// RUN: not weft emulate %t.1.mlir --block 64 --shared 1088 -a x=iota:f32[16x32] -a y=out:f32[16x32] -a mx=map:x:8x32:128 -a my=map:y:8x32:128 2>&1 | FileCheck %s --check-prefix=INIT
// INIT: PROXY: nvvm.cp.async.bulk.tensor.shared.cluster.global signals the mbarrier at offset 1024, which was initialised at {{.*}}, without a fence.mbarrier_init
//
// More bytes are expected than come.
// RUN: sed 's/constant 1024 : i32 \/\/ BYTES/constant 1040 : i32/' %s > %t.2.mlir
// RUN: not weft emulate %t.2.mlir --block 64 --shared 1088 -a x=iota:f32[16x32] -a y=out:f32[16x32] -a mx=map:x:8x32:128 -a my=map:y:8x32:128 2>&1 | FileCheck %s --check-prefix=EXPECT
// EXPECT: DEADLOCK: 64 of 64 threads cannot go on; {{.*}} wait in nvvm.mbarrier.try_wait.parity for the mbarrier at offset 1024 of shared memory, phase 0: 0 of 1 arrivals and 16 bytes of copies are missing
//
// Nobody waits for the tile.
// RUN: sed '/try_wait/d' %s > %t.3.mlir
// RUN: not weft emulate %t.3.mlir --block 64 --shared 1088 -a x=iota:f32[16x32] -a y=out:f32[16x32] -a mx=map:x:8x32:128 -a my=map:y:8x32:128 2>&1 | FileCheck %s --check-prefix=WAIT
// WAIT: ASYNC RACE: thread {{[0-9]+}} of block 0 reads shared memory {{.*}} while an asynchronous operation from
//
// Ordinary stores are not ordered before the copy out of shared memory.
// RUN: sed '/fence.proxy/d' %s > %t.4.mlir
// RUN: not weft emulate %t.4.mlir --block 64 --shared 1088 -a x=iota:f32[16x32] -a y=out:f32[16x32] -a mx=map:x:8x32:128 -a my=map:y:8x32:128 2>&1 | FileCheck %s --check-prefix=FENCE
// FENCE: PROXY: nvvm.cp.async.bulk.tensor.global.shared.cta reads shared memory at offset {{[0-9]+}}, which thread {{[0-9]+}} of block 0 wrote with an ordinary store at {{.*}}, without a fence.proxy.async between the two
//
// The block ends while its shared memory is still read.
// RUN: sed '/wait_group/d' %s > %t.5.mlir
// RUN: not weft emulate %t.5.mlir --block 64 --shared 1088 -a x=iota:f32[16x32] -a y=out:f32[16x32] -a mx=map:x:8x32:128 -a my=map:y:8x32:128 2>&1 | FileCheck %s --check-prefix=END
// END: COPY: thread 0 of block 0 ends without waiting for its copy out of shared memory
//
// The mbarrier lies in the tile.
// RUN: sed 's/%%smem\[1024\]/%%smem[512]/' %s > %t.6.mlir
// RUN: not weft emulate %t.6.mlir --block 64 --shared 1088 -a x=iota:f32[16x32] -a y=out:f32[16x32] -a mx=map:x:8x32:128 -a my=map:y:8x32:128 2>&1 | FileCheck %s --check-prefix=OVERLAP
// OVERLAP: MBARRIER: thread 0 of block 0 writes shared memory at offset 0 (nvvm.cp.async.bulk.tensor.shared.cluster.global), where an mbarrier lies
//
// The barrier that lets the first thread's mbarrier be seen is gone.
// RUN: sed '/READY/d' %s > %t.7.mlir
// RUN: not weft emulate %t.7.mlir --block 64 --shared 1088 -a x=iota:f32[16x32] -a y=out:f32[16x32] -a mx=map:x:8x32:128 -a my=map:y:8x32:128 2>&1 | FileCheck %s --check-prefix=READY
// READY: RACE: thread {{[0-9]+}} of block 0 uses the mbarrier at offset 1024
llvm.mlir.global external @smem() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>
llvm.func @double_tile(%x: !llvm.ptr, %y: !llvm.ptr,
                       %mx: !llvm.ptr {llvm.align = 64 : i64, llvm.byval = !llvm.array<128 x i8>, nvvm.grid_constant},
                       %my: !llvm.ptr {llvm.align = 64 : i64, llvm.byval = !llvm.array<128 x i8>, nvvm.grid_constant})
    attributes {nvvm.kernel} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %c4 = arith.constant 4 : i32
  %c8 = arith.constant 8 : i32
  %bytes = arith.constant 1024 : i32 // BYTES
  %ticks = arith.constant 1000000 : i32
  %tid = nvvm.read.ptx.sreg.tid.x : i32
  %block = nvvm.read.ptx.sreg.ctaid.x : i32
  %row = arith.muli %block, %c8 : i32
  %smem = llvm.mlir.addressof @smem : !llvm.ptr<3>
  %bar = llvm.getelementptr %smem[1024] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
  %tile = llvm.addrspacecast %smem : !llvm.ptr<3> to !llvm.ptr<7>
  %isFirst = arith.cmpi eq, %tid, %c0 : i32
  scf.if %isFirst {
    nvvm.mbarrier.init %bar, %c1 : !llvm.ptr<3>, i32
    nvvm.fence.mbarrier.init
    nvvm.mbarrier.arrive.expect_tx %bar, %bytes : !llvm.ptr<3>, i32
    nvvm.cp.async.bulk.tensor.shared.cluster.global %tile, %mx, %bar, box[%c0, %row] : !llvm.ptr<7>, !llvm.ptr
  }
  nvvm.barrier0 // READY
  nvvm.mbarrier.try_wait.parity %bar, %c0, %ticks : !llvm.ptr<3>, i32, i32
  // Doubling does not mind how the tile is swizzled.
  %at = arith.muli %tid, %c4 : i32
  %p = llvm.getelementptr %smem[%at] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, f32
  %v = llvm.load %p : !llvm.ptr<3> -> vector<4xf32>
  %w = arith.addf %v, %v : vector<4xf32>
  llvm.store %w, %p : vector<4xf32>, !llvm.ptr<3>
  nvvm.fence.proxy {kind = #nvvm.proxy_kind<async.shared>, space = #nvvm.shared_space<cta>}
  nvvm.barrier0
  scf.if %isFirst {
    nvvm.cp.async.bulk.tensor.global.shared.cta %my, %smem, box[%c0, %row] : !llvm.ptr, !llvm.ptr<3>
    nvvm.cp.async.bulk.commit.group
    nvvm.cp.async.bulk.wait_group 0
  }
  llvm.return
}
