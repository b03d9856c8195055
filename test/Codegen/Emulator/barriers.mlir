// Barriers with reductions, the warp's barrier, lane masks, hints and checks that change nothing; cp.async of every
// size; mbarriers by state.
// RUN: weft emulate %s --kernel reduce --block 64 --shared 256 -a y=out:i32[8] | FileCheck %s --check-prefix=REDUCE
// RUN: weft emulate %s --kernel reduce --block 64 --shared 256 -a y=out:i32[8] --schedule lifo | FileCheck %s --check-prefix=REDUCE
// RUN: weft emulate %s --kernel reduce --block 64 --shared 256 -a y=out:i32[8] --checks=off | FileCheck %s --check-prefix=REDUCE
// popc, and, or of tid < 40; the neighbour's value through the warp's barrier; masks of lane 5; 
// REDUCE: y: i32[8] = 40 0 1 4 32 31 63 -32
//
// Without the warp's barrier the neighbour's value may not be there, lockstep or not.
// RUN: sed '/^ /s/nvvm.bar.warp.sync.*//' %s > %t.1.mlir
// RUN: not weft emulate %t.1.mlir --kernel reduce --block 64 --shared 256 -a y=out:i32[8] 2>&1 | FileCheck %s --check-prefix=WARP
// WARP: {{UNINITIALISED|RACE}}: thread {{[0-9]+}} of block 0
//
// RUN: weft emulate %s --kernel copies --block 4 --shared 128 -a x=iota:i32[16] -a y=out:i32[16] --show 16 | FileCheck %s --check-prefix=COPIES
// RUN: weft emulate %s --kernel copies --block 4 --shared 128 -a x=iota:i32[16] -a y=out:i32[16] --show 16 --checks=off | FileCheck %s --check-prefix=COPIES
// COPIES: y: i32[16] = 0 4 8 12 0 1 8 0 {{.*}}
//
// RUN: weft emulate %s --kernel state --block 64 --shared 264 -a y=out:i32[64] --show 64 | FileCheck %s --check-prefix=STATE
// RUN: weft emulate %s --kernel state --block 64 --shared 264 -a y=out:i32[64] --show 64 --schedule random:2 | FileCheck %s --check-prefix=STATE
// STATE: y: i32[64] = 63 62 61 {{.*}} 2 1 0{{$}}
//
// RUN: not weft emulate %s --kernel registers --block 128 2>&1 | FileCheck %s --check-prefix=REGISTERS
// REGISTERS: USAGE: thread {{[0-9]+}} of block 0 waits for what it depends on after it launched its dependents
llvm.mlir.global external @smem() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>

llvm.func @reduce(%y: !llvm.ptr) attributes {nvvm.kernel} {
  %c0 = llvm.mlir.constant(0 : i32) : i32
  %c1 = llvm.mlir.constant(1 : i32) : i32
  %c5 = llvm.mlir.constant(5 : i32) : i32
  %c40 = llvm.mlir.constant(40 : i32) : i32
  %all = llvm.mlir.constant(-1 : i32) : i32
  %tid = nvvm.read.ptx.sreg.tid.x : i32
  %in = llvm.icmp "ult" %tid, %c40 : i32
  %p = llvm.zext %in : i1 to i32
  %count = nvvm.barrier #nvvm.reduction<popc> %p -> i32
  %and = nvvm.barrier #nvvm.reduction<and> %p -> i32
  %or = nvvm.barrier #nvvm.reduction<or> %p -> i32
  %smem = llvm.mlir.addressof @smem : !llvm.ptr<3>
  %mine = llvm.getelementptr %smem[%tid] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
  llvm.store %tid, %mine : i32, !llvm.ptr<3>
  nvvm.bar.warp.sync %all : i32
  %other = llvm.xor %tid, %c1 : i32
  %theirs = llvm.getelementptr %smem[%other] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
  %v = llvm.load %theirs : !llvm.ptr<3> -> i32
  %eq = nvvm.read.ptx.sreg.lanemask.eq : i32
  %lt = nvvm.read.ptx.sreg.lanemask.lt : i32
  %le = nvvm.read.ptx.sreg.lanemask.le : i32
  %ge = nvvm.read.ptx.sreg.lanemask.ge : i32
  %is5 = llvm.icmp "eq" %tid, %c5 : i32
  nvvm.nanosleep %c1
  scf.if %is5 {
    %values = vector.from_elements %count, %and, %or, %v, %eq, %lt, %le, %ge : vector<8xi32>
    llvm.store %values, %y {alignment = 4 : i64} : vector<8xi32>, !llvm.ptr
  }
  llvm.return
}

// 4 bytes each; then 8 bytes and 16 bytes, of which the source gives less.
llvm.func @copies(%x: !llvm.ptr, %y: !llvm.ptr) attributes {nvvm.kernel} {
  %c0 = llvm.mlir.constant(0 : i32) : i32
  %c4 = llvm.mlir.constant(4 : i32) : i32
  %c8 = llvm.mlir.constant(8 : i32) : i32
  %tid = nvvm.read.ptx.sreg.tid.x : i32
  %smem = llvm.mlir.addressof @smem : !llvm.ptr<3>
  %xg = llvm.addrspacecast %x : !llvm.ptr to !llvm.ptr<1>
  %t4 = llvm.mul %tid, %c4 : i32
  %from = llvm.getelementptr %xg[%t4] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
  %to = llvm.getelementptr %smem[%tid] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
  nvvm.cp.async.shared.global %to, %from, 4, cache = ca : !llvm.ptr<3>, !llvm.ptr<1>
  %isFirst = llvm.icmp "eq" %tid, %c0 : i32
  scf.if %isFirst {
    %to8 = llvm.getelementptr %smem[16] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
    nvvm.cp.async.shared.global %to8, %xg, 8, cache = ca : !llvm.ptr<3>, !llvm.ptr<1>
    %from4 = llvm.getelementptr %xg[8] : (!llvm.ptr<1>) -> !llvm.ptr<1>, i32
    %to8b = llvm.getelementptr %smem[24] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
    nvvm.cp.async.shared.global %to8b, %from4, 8, cache = ca, %c4 : !llvm.ptr<3>, !llvm.ptr<1>, i32
    %to16 = llvm.getelementptr %smem[32] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
    nvvm.cp.async.shared.global %to16, %xg, 16, cache = cg, %c0 : !llvm.ptr<3>, !llvm.ptr<1>, i32
    %to16b = llvm.getelementptr %smem[48] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
    nvvm.cp.async.shared.global %to16b, %xg, 16, cache = cg, %c8 : !llvm.ptr<3>, !llvm.ptr<1>, i32
  }
  nvvm.cp.async.commit.group
  nvvm.cp.async.wait.group 0
  nvvm.barrier0
  %back = llvm.getelementptr %smem[%t4] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
  %v = llvm.load %back : !llvm.ptr<3> -> vector<4xi32>
  %out = llvm.getelementptr %y[%t4] : (!llvm.ptr, i32) -> !llvm.ptr, i32
  llvm.store %v, %out : vector<4xi32>, !llvm.ptr
  llvm.return
}

// Values are exchanged over an mbarrier; who arrived asks for its state in a loop, others wait for it.
llvm.func @state(%y: !llvm.ptr) attributes {nvvm.kernel} {
  %c0 = llvm.mlir.constant(0 : i32) : i32
  %c1 = llvm.mlir.constant(1 : i32) : i32
  %c63 = llvm.mlir.constant(63 : i32) : i32
  %c64 = llvm.mlir.constant(64 : i32) : i32
  %tid = nvvm.read.ptx.sreg.tid.x : i32
  %smem = llvm.mlir.addressof @smem : !llvm.ptr<3>
  %bar = llvm.getelementptr %smem[256] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
  %isFirst = llvm.icmp "eq" %tid, %c0 : i32
  nvvm.mbarrier.init %bar, %c64, predicate = %isFirst : !llvm.ptr<3>, i32, i1
  nvvm.barrier0
  %mine = llvm.getelementptr %smem[%tid] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
  llvm.store %tid, %mine : i32, !llvm.ptr<3>
  %state = nvvm.mbarrier.arrive %bar, %c1 : !llvm.ptr<3> -> i64
  %odd = llvm.trunc %tid : i32 to i1
  llvm.cond_br %odd, ^ask, ^wait
^ask:
  %done = nvvm.mbarrier.test.wait %bar, %state : !llvm.ptr<3>, i64 -> i1
  llvm.cond_br %done, ^go, ^ask
^wait:
  %ready = nvvm.mbarrier.try_wait %bar, %state : !llvm.ptr<3>, i64 -> i1
  llvm.cond_br %ready, ^go, ^wait
^go:
  %other = llvm.sub %c63, %tid : i32
  %theirs = llvm.getelementptr %smem[%other] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
  %v = llvm.load %theirs : !llvm.ptr<3> -> i32
  %to = llvm.getelementptr %y[%tid] : (!llvm.ptr, i32) -> !llvm.ptr, i32
  llvm.store %v, %to : i32, !llvm.ptr
  nvvm.barrier0
  llvm.cond_br %isFirst, ^inval, ^end
^inval:
  nvvm.mbarrier.inval %bar : !llvm.ptr<3>
  llvm.br ^end
^end:
  llvm.return
}

llvm.func @registers() attributes {nvvm.kernel} {
  nvvm.griddepcontrol wait
  nvvm.setmaxregister decrease 40
  nvvm.setmaxregister increase 232
  nvvm.griddepcontrol launch_dependents
  nvvm.griddepcontrol wait
  llvm.return
}
