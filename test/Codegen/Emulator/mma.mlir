// mma.sync of every element type, with fragments loaded by hand (f64, tf32, s8) and by ldmatrix (f16), against
// numbers that are exact. A is [m, k], B is [n, k], both 0, 1, 2, ...
// RUN: weft emulate %s --kernel f16 --block 32 --shared 1024 -a a=iota:f16[16x16] -a b=iota:f16[8x16] -a y=out:f32[16x8] --show 128 | FileCheck %s --check-prefix=F16
// F16: y: f32[16x8] = 1240 3160 5080 7000 8920 10840 12760 14680 3160 9176 {{.*}} 410200 473560{{$}}
// RUN: weft emulate %s --kernel tf32 --block 32 -a a=iota:f32[16x8] -a b=iota:f32[8x8] -a y=out:f32[16x8] --show 128 | FileCheck %s --check-prefix=TF32
// TF32: y: f32[16x8] = 140 364 588 812 1036 1260 1484 1708 364 1100 {{.*}} 50924 58828{{$}}
// RUN: weft emulate %s --kernel s8 --block 32 -a a=iota:i8[16x32] -a b=iota:i8[8x32] -a y=out:i32[16x8] --show 128 | FileCheck %s --check-prefix=S8
// S8: y: i32[16x8] = 10416 26288 42160 58032 -53072 -37200 -21328 -5456 26288 74928 123568 172208 {{.*}} 45232 28336 11440{{$}}
// RUN: weft emulate %s --kernel f64 --block 32 -a a=iota:f64[8x4] -a b=iota:f64[8x4] -a y=out:f64[8x8] --show 64 | FileCheck %s --check-prefix=F64
// F64: y: f64[8x8] = 14 38 62 86 110 134 158 182 38 126 {{.*}} 3014 3486{{$}}
//
// Part of a warp cannot multiply.
// RUN: not weft emulate %s --kernel f64 --block 16 -a a=iota:f64[8x4] -a b=iota:f64[8x4] -a y=out:f64[8x8] 2>&1 | FileCheck %s --check-prefix=PART
// PART: DIVERGENT: nvvm.mma.sync needs all 32 lanes of the warp of thread 0 of block 0; 16 are there
//
// A row pitch that is no multiple of 16 bytes.
// RUN: sed 's/constant 32 : i32 \/\/ PITCH/constant 36 : i32/' %s > %t.1.mlir
// RUN: not weft emulate %t.1.mlir --kernel f16 --block 32 --shared 1024 -a a=iota:f16[16x16] -a b=iota:f16[8x16] -a y=out:f32[16x8] 2>&1 | FileCheck %s --check-prefix=PITCH
// PITCH: MISALIGNED: thread {{[0-9]+}} of block 0 reads 16 bytes at an address that is {{4|8|12}} more than a multiple of 16 (nvvm.ldmatrix)
llvm.mlir.global external @smem() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>

// Copies A and B to shared memory as they are, 16 bytes a thread, then ldmatrix.
llvm.func @f16(%a: !llvm.ptr, %b: !llvm.ptr, %y: !llvm.ptr) attributes {nvvm.kernel} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %c2 = arith.constant 2 : i32
  %c4 = arith.constant 4 : i32
  %c7 = arith.constant 7 : i32
  %c8 = arith.constant 8 : i32
  %c15 = arith.constant 15 : i32
  %c16 = arith.constant 16 : i32
  %pitch = arith.constant 32 : i32 // PITCH
  %bAt = arith.constant 512 : i32
  %lane = nvvm.read.ptx.sreg.laneid : i32
  %sa = llvm.mlir.addressof @smem : !llvm.ptr<3>
  %sb = llvm.getelementptr %sa[%bAt] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
  %mine = arith.muli %lane, %c16 : i32
  %fa = llvm.getelementptr %a[%mine] : (!llvm.ptr, i32) -> !llvm.ptr, i8
  %va = llvm.load %fa : !llvm.ptr -> vector<8xf16>
  %ta = llvm.getelementptr %sa[%mine] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
  llvm.store %va, %ta : vector<8xf16>, !llvm.ptr<3>
  %isLow = arith.cmpi ult, %lane, %c16 : i32
  scf.if %isLow {
    %fb = llvm.getelementptr %b[%mine] : (!llvm.ptr, i32) -> !llvm.ptr, i8
    %vb = llvm.load %fb : !llvm.ptr -> vector<8xf16>
    %tb = llvm.getelementptr %sb[%mine] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
    llvm.store %vb, %tb : vector<8xf16>, !llvm.ptr<3>
  }
  nvvm.barrier0
  // Lanes 0-15 point at rows, 16-31 at their right halves.
  %row = arith.andi %lane, %c15 : i32
  %right = arith.shrui %lane, %c4 : i32
  %rowAt = arith.muli %row, %pitch : i32
  %rightAt = arith.muli %right, %c16 : i32
  %pa = arith.addi %rowAt, %rightAt : i32
  %ra = llvm.getelementptr %sa[%pa] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
  %fragA = nvvm.ldmatrix %ra {num = 4 : i32, layout = #nvvm.mma_layout<row>, shape = #nvvm.ld_st_matrix_shape<m = 8, n = 8>, eltType = #nvvm.ld_st_matrix_elt_type<b16>} : (!llvm.ptr<3>) -> !llvm.struct<(i32, i32, i32, i32)>
  %rowB = arith.andi %lane, %c7 : i32
  %halfB0 = arith.shrui %lane, %c2 : i32
  %three = arith.constant 3 : i32
  %halfB1 = arith.shrui %lane, %three : i32
  %halfB = arith.andi %halfB1, %c1 : i32
  %rowBAt = arith.muli %rowB, %pitch : i32
  %halfBAt = arith.muli %halfB, %c16 : i32
  %pb = arith.addi %rowBAt, %halfBAt : i32
  %rb = llvm.getelementptr %sb[%pb] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
  %fragB = nvvm.ldmatrix %rb {num = 2 : i32, layout = #nvvm.mma_layout<row>, shape = #nvvm.ld_st_matrix_shape<m = 8, n = 8>, eltType = #nvvm.ld_st_matrix_elt_type<b16>} : (!llvm.ptr<3>) -> !llvm.struct<(i32, i32)>
  %a0i = llvm.extractvalue %fragA[0] : !llvm.struct<(i32, i32, i32, i32)>
  %a1i = llvm.extractvalue %fragA[1] : !llvm.struct<(i32, i32, i32, i32)>
  %a2i = llvm.extractvalue %fragA[2] : !llvm.struct<(i32, i32, i32, i32)>
  %a3i = llvm.extractvalue %fragA[3] : !llvm.struct<(i32, i32, i32, i32)>
  %a0 = llvm.bitcast %a0i : i32 to vector<2xf16>
  %a1 = llvm.bitcast %a1i : i32 to vector<2xf16>
  %a2 = llvm.bitcast %a2i : i32 to vector<2xf16>
  %a3 = llvm.bitcast %a3i : i32 to vector<2xf16>
  %b0i = llvm.extractvalue %fragB[0] : !llvm.struct<(i32, i32)>
  %b1i = llvm.extractvalue %fragB[1] : !llvm.struct<(i32, i32)>
  %b0 = llvm.bitcast %b0i : i32 to vector<2xf16>
  %b1 = llvm.bitcast %b1i : i32 to vector<2xf16>
  %z = arith.constant 0.0 : f32
  %d = nvvm.mma.sync A[%a0, %a1, %a2, %a3] B[%b0, %b1] C[%z, %z, %z, %z] {layoutA = #nvvm.mma_layout<row>, layoutB = #nvvm.mma_layout<col>, shape = #nvvm.shape<m = 16, n = 8, k = 16>} : (vector<2xf16>, vector<2xf16>, f32) -> !llvm.struct<(f32, f32, f32, f32)>
  %d0 = llvm.extractvalue %d[0] : !llvm.struct<(f32, f32, f32, f32)>
  %d1 = llvm.extractvalue %d[1] : !llvm.struct<(f32, f32, f32, f32)>
  %d2 = llvm.extractvalue %d[2] : !llvm.struct<(f32, f32, f32, f32)>
  %d3 = llvm.extractvalue %d[3] : !llvm.struct<(f32, f32, f32, f32)>
  %low = vector.from_elements %d0, %d1 : vector<2xf32>
  %high = vector.from_elements %d2, %d3 : vector<2xf32>
  %twice = arith.muli %lane, %c2 : i32
  %to0 = llvm.getelementptr %y[%twice] : (!llvm.ptr, i32) -> !llvm.ptr, f32
  llvm.store %low, %to0 : vector<2xf32>, !llvm.ptr
  %to1 = llvm.getelementptr %to0[64] : (!llvm.ptr) -> !llvm.ptr, f32
  llvm.store %high, %to1 : vector<2xf32>, !llvm.ptr
  llvm.return
}

llvm.func @tf32(%a: !llvm.ptr, %b: !llvm.ptr, %y: !llvm.ptr) attributes {nvvm.kernel} {
  %c2 = arith.constant 2 : i32
  %c3 = arith.constant 3 : i32
  %c8 = arith.constant 8 : i32
  %lane = nvvm.read.ptx.sreg.laneid : i32
  %g = arith.shrui %lane, %c2 : i32
  %t = arith.andi %lane, %c3 : i32
  %row = arith.muli %g, %c8 : i32
  %at = arith.addi %row, %t : i32
  %pa = llvm.getelementptr %a[%at] : (!llvm.ptr, i32) -> !llvm.ptr, i32
  %pa1 = llvm.getelementptr %pa[64] : (!llvm.ptr) -> !llvm.ptr, i32
  %pa2 = llvm.getelementptr %pa[4] : (!llvm.ptr) -> !llvm.ptr, i32
  %pa3 = llvm.getelementptr %pa[68] : (!llvm.ptr) -> !llvm.ptr, i32
  %a0 = llvm.load %pa : !llvm.ptr -> i32
  %a1 = llvm.load %pa1 : !llvm.ptr -> i32
  %a2 = llvm.load %pa2 : !llvm.ptr -> i32
  %a3 = llvm.load %pa3 : !llvm.ptr -> i32
  %pb = llvm.getelementptr %b[%at] : (!llvm.ptr, i32) -> !llvm.ptr, i32
  %pb1 = llvm.getelementptr %pb[4] : (!llvm.ptr) -> !llvm.ptr, i32
  %b0 = llvm.load %pb : !llvm.ptr -> i32
  %b1 = llvm.load %pb1 : !llvm.ptr -> i32
  %z = arith.constant 0.0 : f32
  %d = nvvm.mma.sync A[%a0, %a1, %a2, %a3] B[%b0, %b1] C[%z, %z, %z, %z] {layoutA = #nvvm.mma_layout<row>, layoutB = #nvvm.mma_layout<col>, multiplicandAPtxType = #nvvm.mma_type<tf32>, multiplicandBPtxType = #nvvm.mma_type<tf32>, shape = #nvvm.shape<m = 16, n = 8, k = 8>} : (i32, i32, f32) -> !llvm.struct<(f32, f32, f32, f32)>
  %d0 = llvm.extractvalue %d[0] : !llvm.struct<(f32, f32, f32, f32)>
  %d1 = llvm.extractvalue %d[1] : !llvm.struct<(f32, f32, f32, f32)>
  %d2 = llvm.extractvalue %d[2] : !llvm.struct<(f32, f32, f32, f32)>
  %d3 = llvm.extractvalue %d[3] : !llvm.struct<(f32, f32, f32, f32)>
  %low = vector.from_elements %d0, %d1 : vector<2xf32>
  %high = vector.from_elements %d2, %d3 : vector<2xf32>
  %twice = arith.muli %lane, %c2 : i32
  %to0 = llvm.getelementptr %y[%twice] : (!llvm.ptr, i32) -> !llvm.ptr, f32
  llvm.store %low, %to0 : vector<2xf32>, !llvm.ptr
  %to1 = llvm.getelementptr %to0[64] : (!llvm.ptr) -> !llvm.ptr, f32
  llvm.store %high, %to1 : vector<2xf32>, !llvm.ptr
  llvm.return
}

llvm.func @s8(%a: !llvm.ptr, %b: !llvm.ptr, %y: !llvm.ptr) attributes {nvvm.kernel} {
  %c2 = arith.constant 2 : i32
  %c3 = arith.constant 3 : i32
  %c8 = arith.constant 8 : i32
  %lane = nvvm.read.ptx.sreg.laneid : i32
  %g = arith.shrui %lane, %c2 : i32
  %t = arith.andi %lane, %c3 : i32
  %row = arith.muli %g, %c8 : i32
  %at = arith.addi %row, %t : i32
  %pa = llvm.getelementptr %a[%at] : (!llvm.ptr, i32) -> !llvm.ptr, i32
  %pa1 = llvm.getelementptr %pa[64] : (!llvm.ptr) -> !llvm.ptr, i32
  %pa2 = llvm.getelementptr %pa[4] : (!llvm.ptr) -> !llvm.ptr, i32
  %pa3 = llvm.getelementptr %pa[68] : (!llvm.ptr) -> !llvm.ptr, i32
  %a0 = llvm.load %pa : !llvm.ptr -> i32
  %a1 = llvm.load %pa1 : !llvm.ptr -> i32
  %a2 = llvm.load %pa2 : !llvm.ptr -> i32
  %a3 = llvm.load %pa3 : !llvm.ptr -> i32
  %pb = llvm.getelementptr %b[%at] : (!llvm.ptr, i32) -> !llvm.ptr, i32
  %pb1 = llvm.getelementptr %pb[4] : (!llvm.ptr) -> !llvm.ptr, i32
  %b0 = llvm.load %pb : !llvm.ptr -> i32
  %b1 = llvm.load %pb1 : !llvm.ptr -> i32
  %z = arith.constant 0 : i32
  %d = nvvm.mma.sync A[%a0, %a1, %a2, %a3] B[%b0, %b1] C[%z, %z, %z, %z] {intOverflowBehavior = #nvvm.mma_int_overflow<wrapped>, layoutA = #nvvm.mma_layout<row>, layoutB = #nvvm.mma_layout<col>, multiplicandAPtxType = #nvvm.mma_type<s8>, multiplicandBPtxType = #nvvm.mma_type<s8>, shape = #nvvm.shape<m = 16, n = 8, k = 32>} : (i32, i32, i32) -> !llvm.struct<(i32, i32, i32, i32)>
  %d0 = llvm.extractvalue %d[0] : !llvm.struct<(i32, i32, i32, i32)>
  %d1 = llvm.extractvalue %d[1] : !llvm.struct<(i32, i32, i32, i32)>
  %d2 = llvm.extractvalue %d[2] : !llvm.struct<(i32, i32, i32, i32)>
  %d3 = llvm.extractvalue %d[3] : !llvm.struct<(i32, i32, i32, i32)>
  %low = vector.from_elements %d0, %d1 : vector<2xi32>
  %high = vector.from_elements %d2, %d3 : vector<2xi32>
  %twice = arith.muli %lane, %c2 : i32
  %to0 = llvm.getelementptr %y[%twice] : (!llvm.ptr, i32) -> !llvm.ptr, i32
  llvm.store %low, %to0 : vector<2xi32>, !llvm.ptr
  %to1 = llvm.getelementptr %to0[64] : (!llvm.ptr) -> !llvm.ptr, i32
  llvm.store %high, %to1 : vector<2xi32>, !llvm.ptr
  llvm.return
}

llvm.func @f64(%a: !llvm.ptr, %b: !llvm.ptr, %y: !llvm.ptr) attributes {nvvm.kernel} {
  %c2 = arith.constant 2 : i32
  %lane = nvvm.read.ptx.sreg.laneid : i32
  %pa = llvm.getelementptr %a[%lane] : (!llvm.ptr, i32) -> !llvm.ptr, f64
  %va = llvm.load %pa : !llvm.ptr -> f64
  %pb = llvm.getelementptr %b[%lane] : (!llvm.ptr, i32) -> !llvm.ptr, f64
  %vb = llvm.load %pb : !llvm.ptr -> f64
  %z = arith.constant 0.0 : f64
  %d = nvvm.mma.sync A[%va] B[%vb] C[%z, %z] {layoutA = #nvvm.mma_layout<row>, layoutB = #nvvm.mma_layout<col>, multiplicandAPtxType = #nvvm.mma_type<f64>, multiplicandBPtxType = #nvvm.mma_type<f64>, shape = #nvvm.shape<m = 8, n = 8, k = 4>} : (f64, f64, f64) -> !llvm.struct<(f64, f64)>
  %d0 = llvm.extractvalue %d[0] : !llvm.struct<(f64, f64)>
  %d1 = llvm.extractvalue %d[1] : !llvm.struct<(f64, f64)>
  %low = vector.from_elements %d0, %d1 : vector<2xf64>
  %twice = arith.muli %lane, %c2 : i32
  %to0 = llvm.getelementptr %y[%twice] : (!llvm.ptr, i32) -> !llvm.ptr, f64
  llvm.store %low, %to0 : vector<2xf64>, !llvm.ptr
  llvm.return
}
