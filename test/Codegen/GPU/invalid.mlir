// What has no way to PTX is refused at the op.
// RUN: not weft-ptx %s 2>&1 | FileCheck %s
// RUN: not weft-ptx %s --target=sm_75 2>&1 | FileCheck %s --check-prefix=TARGET
// TARGET: weft-ptx: no GPU architecture 'sm_75', wanted sm_80 or sm_90a
llvm.func @k(%x: !llvm.ptr) attributes {nvvm.kernel} {
  // CHECK: invalid.mlir":[[@LINE+1]]:{{[0-9]+}}): error: {{.*}}no way from this op to PTX
  %m = memref.alloca() : memref<f32>
  %v = memref.load %m[] : memref<f32>
  llvm.store %v, %x : f32, !llvm.ptr
  llvm.return
}
