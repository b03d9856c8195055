// wgmma on tiles that TMA has brought, swizzled by 128 bytes, against plain loops; and register accumulators over
// four steps in flight.
// RUN: weft emulate %s --kernel plain --grid 64 --block 8 -a a=random:1:f16[64x64] -a b=random:2:f16[8x64] -a y=out:f32[64x8] --output y=@%t.npy
// RUN: weft emulate %s --kernel tensor --block 128 --shared 9224 -a a=random:1:f16[64x64] -a b=random:2:f16[8x64] -a ma=map:a:64x64:128 -a mb=map:b:8x64:128 -a y=out:f32[64x8] --expected y=@%t.npy --atol 1e-5 | FileCheck %s
// RUN: weft emulate %s --kernel tensor --block 128 --shared 9224 -a a=random:1:f16[64x64] -a b=random:2:f16[8x64] -a ma=map:a:64x64:128 -a mb=map:b:8x64:128 -a y=out:f32[64x8] --expected y=@%t.npy --atol 1e-5 --schedule lifo | FileCheck %s
// RUN: weft emulate %s --kernel tensor --block 128 --shared 9224 -a a=random:1:f16[64x64] -a b=random:2:f16[8x64] -a ma=map:a:64x64:128 -a mb=map:b:8x64:128 -a y=out:f32[64x8] --expected y=@%t.npy --atol 1e-5 --checks=off | FileCheck %s
// CHECK: y: agrees
//
// A descriptor that skips the wrong number of rows: wrong numbers, or memory that nobody wrote.
// RUN: sed 's/constant 4611686293305360384 : i64/constant 4611687117939081216 : i64/' %s > %t.1.mlir
// RUN: not weft emulate %t.1.mlir --kernel tensor --block 128 --shared 9224 -a a=random:1:f16[64x64] -a b=random:2:f16[8x64] -a ma=map:a:64x64:128 -a mb=map:b:8x64:128 -a y=out:f32[64x8] --expected y=@%t.npy --atol 1e-5 2>&1 | FileCheck %s --check-prefix=DESCRIPTOR
// DESCRIPTOR: OUT OF BOUNDS: nvvm.wgmma.mma_async reads offset {{[0-9]+}} of 9224 bytes of shared memory: its descriptor is wrong
//
// The operands are overwritten while wgmma may still read them.
// RUN: sed 's/wait.group.sync.aligned 0/wait.group.sync.aligned 1/' %s > %t.2.mlir
// RUN: not weft emulate %t.2.mlir --kernel tensor --block 128 --shared 9224 -a a=random:1:f16[64x64] -a b=random:2:f16[8x64] -a ma=map:a:64x64:128 -a mb=map:b:8x64:128 -a y=out:f32[64x8] 2>&1 | FileCheck %s --check-prefix=WAIT
// WAIT: ASYNC RACE: thread {{[0-9]+}} of block 0 writes shared memory at offset {{[0-9]+}} (llvm.store) while an asynchronous operation from {{.*}} (nvvm.wgmma.mma_async) still reads it
//
// No fence before the first wgmma.
// RUN: sed '/wgmma.fence/d' %s > %t.3.mlir
// RUN: not weft emulate %t.3.mlir --kernel tensor --block 128 --shared 9224 -a a=random:1:f16[64x64] -a b=random:2:f16[8x64] -a ma=map:a:64x64:128 -a mb=map:b:8x64:128 -a y=out:f32[64x8] 2>&1 | FileCheck %s --check-prefix=FENCE
// FENCE: MATRIX: nvvm.wgmma.mma_async comes without a wgmma.fence before it
llvm.mlir.global external @smem() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>

llvm.func @plain(%a: !llvm.ptr, %b: !llvm.ptr, %y: !llvm.ptr) attributes {nvvm.kernel} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %c8 = arith.constant 8 : i32
  %c64 = arith.constant 64 : i32
  %zero = arith.constant 0.0 : f32
  %row = nvvm.read.ptx.sreg.ctaid.x : i32
  %column = nvvm.read.ptx.sreg.tid.x : i32
  %ra = arith.muli %row, %c64 : i32
  %rb = arith.muli %column, %c64 : i32
  %sum = scf.for %k = %c0 to %c64 step %c1 iter_args(%acc = %zero) -> (f32) : i32 {
    %ia = arith.addi %ra, %k : i32
    %ib = arith.addi %rb, %k : i32
    %pa = llvm.getelementptr %a[%ia] : (!llvm.ptr, i32) -> !llvm.ptr, f16
    %pb = llvm.getelementptr %b[%ib] : (!llvm.ptr, i32) -> !llvm.ptr, f16
    %va = llvm.load %pa : !llvm.ptr -> f16
    %vb = llvm.load %pb : !llvm.ptr -> f16
    %wa = arith.extf %va : f16 to f32
    %wb = arith.extf %vb : f16 to f32
    %p = arith.mulf %wa, %wb : f32
    %s = arith.addf %acc, %p : f32
    scf.yield %s : f32
  }
  %ry = arith.muli %row, %c8 : i32
  %iy = arith.addi %ry, %column : i32
  %py = llvm.getelementptr %y[%iy] : (!llvm.ptr, i32) -> !llvm.ptr, f32
  llvm.store %sum, %py : f32, !llvm.ptr
  llvm.return
}

llvm.func @tensor(%a: !llvm.ptr, %b: !llvm.ptr,
                  %ma: !llvm.ptr {llvm.align = 64 : i64, llvm.byval = !llvm.array<128 x i8>, nvvm.grid_constant},
                  %mb: !llvm.ptr {llvm.align = 64 : i64, llvm.byval = !llvm.array<128 x i8>, nvvm.grid_constant},
                  %y: !llvm.ptr) attributes {nvvm.kernel, nvvm.maxntid = array<i32: 128>} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %c2 = arith.constant 2 : i32
  %c3 = arith.constant 3 : i32
  %c4 = arith.constant 4 : i32
  %c5 = arith.constant 5 : i32
  %c8 = arith.constant 8 : i32
  %c16 = arith.constant 16 : i32
  %bytes = arith.constant 9216 : i32
  %ticks = arith.constant 1000000 : i32
  %bAt = arith.constant 8192 : i32
  %barAt = arith.constant 9216 : i32
  %tid = nvvm.read.ptx.sreg.tid.x : i32
  %smem = llvm.mlir.addressof @smem : !llvm.ptr<3>
  %sb = llvm.getelementptr %smem[%bAt] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
  %bar = llvm.getelementptr %smem[%barAt] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
  %ta = llvm.addrspacecast %smem : !llvm.ptr<3> to !llvm.ptr<7>
  %tb = llvm.addrspacecast %sb : !llvm.ptr<3> to !llvm.ptr<7>
  %isFirst = arith.cmpi eq, %tid, %c0 : i32
  scf.if %isFirst {
    nvvm.mbarrier.init %bar, %c1 : !llvm.ptr<3>, i32
    nvvm.fence.mbarrier.init
    nvvm.mbarrier.arrive.expect_tx %bar, %bytes : !llvm.ptr<3>, i32
    nvvm.cp.async.bulk.tensor.shared.cluster.global %ta, %ma, %bar, box[%c0, %c0] : !llvm.ptr<7>, !llvm.ptr
    nvvm.cp.async.bulk.tensor.shared.cluster.global %tb, %mb, %bar, box[%c0, %c0] : !llvm.ptr<7>, !llvm.ptr
  }
  nvvm.barrier0
  nvvm.mbarrier.try_wait.parity %bar, %c0, %ticks : !llvm.ptr<3>, i32, i32
  // Swizzle of 128 bytes, 1024 bytes from 8 rows to the next.
  %kind = arith.constant 4611686293305360384 : i64
  %start = llvm.ptrtoint %smem : !llvm.ptr<3> to i64
  %startB = llvm.ptrtoint %sb : !llvm.ptr<3> to i64
  %four = arith.constant 4 : i64
  %unitA = arith.shrui %start, %four : i64
  %unitB = arith.shrui %startB, %four : i64
  %da = arith.addi %kind, %unitA : i64
  %db = arith.addi %kind, %unitB : i64
  %z = arith.constant 0.0 : f32
  %u0 = llvm.mlir.poison : !llvm.struct<(f32, f32, f32, f32)>
  %u1 = llvm.insertvalue %z, %u0[0] : !llvm.struct<(f32, f32, f32, f32)>
  %u2 = llvm.insertvalue %z, %u1[1] : !llvm.struct<(f32, f32, f32, f32)>
  %u3 = llvm.insertvalue %z, %u2[2] : !llvm.struct<(f32, f32, f32, f32)>
  %u4 = llvm.insertvalue %z, %u3[3] : !llvm.struct<(f32, f32, f32, f32)>
  %d = scf.for %k = %c0 to %c4 step %c1 iter_args(%acc = %u4) -> (!llvm.struct<(f32, f32, f32, f32)>) : i32 {
    // 16 elements of 2 bytes further: 2 units.
    %step = arith.muli %k, %c2 : i32
    %step64 = arith.extui %step : i32 to i64
    %dak = arith.addi %da, %step64 : i64
    %dbk = arith.addi %db, %step64 : i64
    nvvm.wgmma.fence.aligned
    %w = nvvm.wgmma.mma_async %dak, %dbk, %acc, <m = 64, n = 8, k = 16>, D[<f32>, <one>, <wrapped>], A[<f16>, <one>, <row>], B[<f16>, <one>, <col>] : !llvm.struct<(f32, f32, f32, f32)> -> !llvm.struct<(f32, f32, f32, f32)>
    nvvm.wgmma.commit.group.sync.aligned
    scf.yield %w : !llvm.struct<(f32, f32, f32, f32)>
  }
  nvvm.wgmma.wait.group.sync.aligned 0
  // The tiles are free for something else now.
  %mine = llvm.getelementptr %smem[%tid] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
  llvm.store %tid, %mine : i32, !llvm.ptr<3>
  %d0 = llvm.extractvalue %d[0] : !llvm.struct<(f32, f32, f32, f32)>
  %d1 = llvm.extractvalue %d[1] : !llvm.struct<(f32, f32, f32, f32)>
  %d2 = llvm.extractvalue %d[2] : !llvm.struct<(f32, f32, f32, f32)>
  %d3 = llvm.extractvalue %d[3] : !llvm.struct<(f32, f32, f32, f32)>
  %low = vector.from_elements %d0, %d1 : vector<2xf32>
  %high = vector.from_elements %d2, %d3 : vector<2xf32>
  %lane = nvvm.read.ptx.sreg.laneid : i32
  %warp = arith.shrui %tid, %c5 : i32
  %g = arith.shrui %lane, %c2 : i32
  %t = arith.andi %lane, %c3 : i32
  %warpRow = arith.muli %warp, %c16 : i32
  %row = arith.addi %warpRow, %g : i32
  %rowAt = arith.muli %row, %c8 : i32
  %columnAt = arith.muli %t, %c2 : i32
  %at = arith.addi %rowAt, %columnAt : i32
  %to0 = llvm.getelementptr %y[%at] : (!llvm.ptr, i32) -> !llvm.ptr, f32
  llvm.store %low, %to0 : vector<2xf32>, !llvm.ptr
  %to1 = llvm.getelementptr %to0[64] : (!llvm.ptr) -> !llvm.ptr, f32
  llvm.store %high, %to1 : vector<2xf32>, !llvm.ptr
  llvm.return
}
