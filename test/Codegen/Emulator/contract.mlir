// RUN: weft-opt %s --weft-emulate-nvvm | FileCheck %s
// Products and sums that may be contracted are fused once for both bodies, so both give the same bits; nothing else
// may be contracted later.
// CHECK-LABEL: llvm.func internal @k.fast(
// CHECK:         %[[A:.*]] = llvm.intr.fma(%arg2, %arg3, %arg4)
// CHECK:         %[[N:.*]] = llvm.fneg %arg2
// CHECK:         %[[B:.*]] = llvm.intr.fma(%[[N]], %arg3, %[[A]])
// CHECK:         %[[P:.*]] = llvm.fmul %[[B]], %arg3 : f32
// CHECK:         llvm.fadd %[[P]], %arg4 : f32
// CHECK-NOT:     contract
llvm.func @k(%y: !llvm.ptr, %a: f32, %b: f32, %c: f32) attributes {nvvm.kernel} {
  %0 = llvm.fmul %a, %b {fastmathFlags = #llvm.fastmath<contract>} : f32
  %1 = llvm.fadd %0, %c {fastmathFlags = #llvm.fastmath<contract>} : f32
  %2 = llvm.fmul %a, %b {fastmathFlags = #llvm.fastmath<contract>} : f32
  %3 = llvm.fsub %1, %2 {fastmathFlags = #llvm.fastmath<contract>} : f32
  // Not fused: the product is not allowed to be.
  %4 = llvm.fmul %3, %b : f32
  %5 = llvm.fadd %4, %c {fastmathFlags = #llvm.fastmath<contract>} : f32
  llvm.store %5, %y : f32, !llvm.ptr
  llvm.return
}
