// RUN: weft-opt %s --weft-emulate-nvvm | FileCheck %s
// A kernel becomes an entry, what it says of itself, and two bodies: one asks before each access, one does not.
// CHECK-DAG: llvm.mlir.global private constant @{{.*}}("{{.*}}emulate-nvvm.mlir:[[# @LINE + 28]]:5\00llvm.store\00")
// CHECK-LABEL: llvm.func @copy(%arg0: !llvm.ptr, %arg1: !llvm.ptr)
// CHECK:         llvm.call @copy.checked(%arg0,
// CHECK:         llvm.call @copy.fast(%arg0,
// CHECK:       llvm.mlir.global external constant @copy.info({{.*}}pl
// CHECK-LABEL: llvm.func internal @copy.fast(
// CHECK-NOT:     nvvm.
// CHECK-NOT:     !llvm.ptr<
// The id is a field of the thread; the barrier is a call through the table.
// CHECK:         %[[TID:.*]] = llvm.load %{{.*}} invariant : !llvm.ptr -> i32
// CHECK:         llvm.call %{{.*}}(%arg0, %{{.*}}, %{{.*}}, %{{.*}}) : !llvm.ptr, (!llvm.ptr, i32, i32, !llvm.ptr) -> ()
// CHECK:         llvm.load %{{[0-9]+}} : !llvm.ptr -> f32
// CHECK-LABEL: llvm.func internal @copy.checked(
// An access asks with its size, the alignment it promises, and what it is.
// CHECK:         %[[FROM:.*]] = llvm.call %{{.*}}(%arg0, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}) : !llvm.ptr, (!llvm.ptr, !llvm.ptr, i32, i32, i32, !llvm.ptr) -> !llvm.ptr
// CHECK:         llvm.load %[[FROM]] : !llvm.ptr -> f32
// CHECK-NOT:   @copy(
gpu.module @kernels {
  llvm.mlir.global external @smem() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>
  llvm.func @copy(%p: !llvm.ptr, %n: i64) attributes {nvvm.kernel} {
    %tid = nvvm.read.ptx.sreg.tid.x : i32
    %shared = llvm.mlir.addressof @smem : !llvm.ptr<3>
    %at = llvm.getelementptr %shared[%tid] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, f32
    nvvm.barrier0
    %v = llvm.load %at : !llvm.ptr<3> -> f32
    llvm.br ^end
  ^end:
    %to = llvm.getelementptr %p[%tid] : (!llvm.ptr, i32) -> !llvm.ptr, f32
    llvm.store %v, %to : f32, !llvm.ptr
    llvm.return
  }
}
