// Exchanges between lanes: every mode of shfl, votes, matches, reductions, election.
// RUN: weft emulate %s --block 32 -a y=out:i32[16x32] --show 512 | FileCheck %s
// RUN: weft emulate %s --block 32 -a y=out:i32[16x32] --show 512 --schedule random:7 | FileCheck %s
// RUN: weft emulate %s --block 32 -a y=out:i32[16x32] --show 512 --checks=off | FileCheck %s
// bfly 1, up 2 in halves (lanes 0, 1, 16, 17 keep theirs), down 3, idx 5 of segments of 8.
// CHECK: y: i32[16x32] = 1 0 3 2 5 4 7 6 9 8 11 10 13 12 15 14 17 16 19 18 21 20 23 22 25 24 27 26 29 28 31 30
// CHECK-SAME: {{^}} 0 1 0 1 2 3 4 5 6 7 8 9 10 11 12 13 16 17 16 17 18 19 20 21 22 23 24 25 26 27 28 29
// CHECK-SAME: {{^}} 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 29 30 31
// CHECK-SAME: {{^}} 5 5 5 5 5 5 5 5 13 13 13 13 13 13 13 13 21 21 21 21 21 21 21 21 29 29 29 29 29 29 29 29
// Whether the source of down 3 was there.
// CHECK-SAME: {{^}} 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 0 0 0
// ballot of odd lanes; any; all; uni of the same predicate.
// CHECK-SAME: {{^(( -1431655766){32})}}
// CHECK-SAME: {{^(( 1){32})}}
// CHECK-SAME: {{^(( 0){32})}}
// CHECK-SAME: {{^(( 0){32})}}
// Lanes with the same remainder by 4; all lanes the same: not so.
// CHECK-SAME: {{^}} 286331153 572662306 1145324612 -2004318072 286331153
// CHECK-SAME: -2004318072{{(( 0){32})}}
// add, max, and of the lanes; the elected lane.
// CHECK-SAME: {{^(( 496){32})}}
// CHECK-SAME: {{^(( 31){32})}}
// CHECK-SAME: {{^(( 0){32})}}
// CHECK-SAME: {{^}} 1{{(( 0){31})}}
// A reduction of the upper half alone.
// CHECK-SAME: {{^(( 0){16}( 16){16})$}}
llvm.func @lanes(%y: !llvm.ptr) attributes {nvvm.kernel} {
  %lane = nvvm.read.ptx.sreg.laneid : i32
  %all = arith.constant -1 : i32
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %c2 = arith.constant 2 : i32
  %c3 = arith.constant 3 : i32
  %c5 = arith.constant 5 : i32
  %c31 = arith.constant 31 : i32
  %c32 = arith.constant 32 : i32
  // Segments of 16 with a clamp of 0, of 8 with a clamp of 31.
  %halves = arith.constant 4096 : i32
  %eighths = arith.constant 6175 : i32
  %a = nvvm.shfl.sync bfly %all, %lane, %c1, %c31 : i32 -> i32
  %b = nvvm.shfl.sync up %all, %lane, %c2, %halves : i32 -> i32
  %cp = nvvm.shfl.sync down %all, %lane, %c3, %c31 {return_value_and_is_valid} : i32 -> !llvm.struct<(i32, i1)>
  %c = llvm.extractvalue %cp[0] : !llvm.struct<(i32, i1)>
  %p = llvm.extractvalue %cp[1] : !llvm.struct<(i32, i1)>
  %pi = arith.extui %p : i1 to i32
  %d = nvvm.shfl.sync idx %all, %lane, %c5, %eighths : i32 -> i32
  %odd = arith.trunci %lane : i32 to i1
  %ballot = nvvm.vote.sync ballot %all, %odd -> i32
  %any1 = nvvm.vote.sync any %all, %odd -> i1
  %any = arith.extui %any1 : i1 to i32
  %all1 = nvvm.vote.sync all %all, %odd -> i1
  %every = arith.extui %all1 : i1 to i32
  %uni1 = nvvm.vote.sync uni %all, %odd -> i1
  %uni = arith.extui %uni1 : i1 to i32
  %rest = arith.andi %lane, %c3 : i32
  %same = nvvm.match.sync any %all, %rest : i32 -> i32
  %mp = nvvm.match.sync all %all, %lane : i32 -> !llvm.struct<(i32, i1)>
  %m = llvm.extractvalue %mp[0] : !llvm.struct<(i32, i1)>
  %sum = nvvm.redux.sync add %lane, %all : i32 -> i32
  %max = nvvm.redux.sync max %lane, %all : i32 -> i32
  %and = nvvm.redux.sync and %lane, %all : i32 -> i32
  %e1 = nvvm.elect.sync -> i1
  %e = arith.extui %e1 : i1 to i32
  %high = arith.constant -65536 : i32
  %low = arith.constant 65535 : i32
  %c16 = arith.constant 16 : i32
  %isHigh = arith.cmpi uge, %lane, %c16 : i32
  %mask = arith.select %isHigh, %high, %low : i32
  %half = nvvm.redux.sync umin %lane, %mask : i32 -> i32
  %values = vector.from_elements %a, %b, %c, %d, %pi, %ballot, %any, %every, %uni, %same, %m, %sum, %max, %and, %e, %half : vector<16xi32>
  %n = arith.constant 16 : i32
  scf.for %i = %c0 to %n step %c1 : i32 {
    %v = llvm.extractelement %values[%i : i32] : vector<16xi32>
    %row = arith.muli %i, %c32 : i32
    %at = arith.addi %row, %lane : i32
    %to = llvm.getelementptr %y[%at] : (!llvm.ptr, i32) -> !llvm.ptr, i32
    llvm.store %v, %to : i32, !llvm.ptr
  }
  llvm.return
}
