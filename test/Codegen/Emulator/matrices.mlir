// ldmatrix and stmatrix move 8x8 matrices of 16 bits between shared memory and fragments; with trans they are
// transposed on the way.
// RUN: weft emulate %s --kernel there --block 32 --shared 512 -a x=iota:i16[16x8] -a y=out:i16[16x8] --show 128 | FileCheck %s --check-prefix=SAME
// RUN: weft emulate %s --kernel there --block 32 --shared 512 -a x=iota:i16[16x8] -a y=out:i16[16x8] --show 128 --checks=off | FileCheck %s --check-prefix=SAME
// SAME: y: i16[16x8] = 0 1 2 3 4 5 6 7 8 9 {{.*}} 63 64 65 {{.*}} 126 127{{$}}
// RUN: sed '/^ /s/mma_layout<row>/mma_layout<col>/' %s > %t.1.mlir
// RUN: weft emulate %t.1.mlir --kernel there --block 32 --shared 512 -a x=iota:i16[16x8] -a y=out:i16[16x8] --show 128 | FileCheck %s --check-prefix=TURNED
// TURNED: y: i16[16x8] = 0 8 16 24 32 40 48 56 1 9 {{.*}} 55 63 64 72 {{.*}} 119 127{{$}}
llvm.mlir.global external @smem() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>
llvm.func @there(%x: !llvm.ptr, %y: !llvm.ptr) attributes {nvvm.kernel} {
  %c4 = llvm.mlir.constant(4 : i32) : i32
  %c15 = llvm.mlir.constant(15 : i32) : i32
  %c8 = llvm.mlir.constant(8 : i32) : i32
  %lane = nvvm.read.ptx.sreg.laneid : i32
  %smem = llvm.mlir.addressof @smem : !llvm.ptr<3>
  %at = llvm.mul %lane, %c4 : i32
  %from = llvm.getelementptr %x[%at] : (!llvm.ptr, i32) -> !llvm.ptr, i16
  %v = llvm.load %from : !llvm.ptr -> vector<4xi16>
  %in = llvm.getelementptr %smem[%at] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i16
  llvm.store %v, %in : vector<4xi16>, !llvm.ptr<3>
  nvvm.barrier0
  // Lanes 0 to 15 point at the rows of two matrices.
  %row = llvm.and %lane, %c15 : i32
  %rowAt = llvm.mul %row, %c8 : i32
  %p = llvm.getelementptr %smem[%rowAt] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i16
  %f = nvvm.ldmatrix %p {num = 2 : i32, layout = #nvvm.mma_layout<row>, shape = #nvvm.ld_st_matrix_shape<m = 8, n = 8>, eltType = #nvvm.ld_st_matrix_elt_type<b16>} : (!llvm.ptr<3>) -> !llvm.struct<(i32, i32)>
  %f0 = llvm.extractvalue %f[0] : !llvm.struct<(i32, i32)>
  %f1 = llvm.extractvalue %f[1] : !llvm.struct<(i32, i32)>
  %q = llvm.getelementptr %p[128] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i16
  nvvm.stmatrix %q, %f0, %f1 {layout = #nvvm.mma_layout< row>, shape = #nvvm.ld_st_matrix_shape<m = 8, n = 8>, eltType = #nvvm.ld_st_matrix_elt_type<b16>} : !llvm.ptr<3>, i32, i32
  nvvm.barrier0
  %out = llvm.getelementptr %in[128] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i16
  %w = llvm.load %out : !llvm.ptr<3> -> vector<4xi16>
  %to = llvm.getelementptr %y[%at] : (!llvm.ptr, i32) -> !llvm.ptr, i16
  llvm.store %w, %to : vector<4xi16>, !llvm.ptr
  llvm.return
}
