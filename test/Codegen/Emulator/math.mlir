// Functions of numbers that no instruction of the host computes: llvm's and nvvm's, libdevice's, inline PTX; bf16
// and f16; conversions.
// RUN: weft emulate %s --block 1 -a x=f32:0.5 -a y=out:f32[25] --show 25 | FileCheck %s
// exp2, log2, exp, log, sin, cos, tanh, pow, the remainder of -7.5
// CHECK: y: f32[25] = 1.41421 -1 1.64872 -0.693147 0.479426 0.877583 0.462117 0.353553 -0.5
// ex2.approx, lg2.approx, rsqrt.approx, sqrt.approx; tanh by PTX, twice; rcp
// CHECK-SAME: 1.41421 -1 1.41421 0.707107 0.462117 0.462117 2
// A bf16 and an f16 sum with 1/256; rounding to tf32 of 1 + 2^-11: away from zero, to even
// CHECK-SAME: 0.503906 0.503906 1.00098 1
// f32 pairs to f16x2, bf16x2, e4m3x2 (as bits); expf and fmaf of libdevice
// CHECK-SAME: 1.00665e+09 1.06537e+09 14384 1.64872 0.75
llvm.func @__nv_expf(f32) -> f32
llvm.func @__nv_fmaf(f32, f32, f32) -> f32
llvm.func @math(%x: f32, %y: !llvm.ptr) attributes {nvvm.kernel} {
  %0 = llvm.intr.exp2(%x) : (f32) -> f32
  %1 = llvm.intr.log2(%x) : (f32) -> f32
  %2 = llvm.intr.exp(%x) : (f32) -> f32
  %3 = llvm.intr.log(%x) : (f32) -> f32
  %4 = llvm.intr.sin(%x) : (f32) -> f32
  %5 = llvm.intr.cos(%x) : (f32) -> f32
  %6 = "llvm.intr.tanh"(%x) : (f32) -> f32
  %c15 = llvm.mlir.constant(1.5 : f32) : f32
  %7 = llvm.intr.pow(%x, %c15) : (f32, f32) -> f32
  %cm = llvm.mlir.constant(-7.5 : f32) : f32
  %c1f = llvm.mlir.constant(1.0 : f32) : f32
  %8 = llvm.frem %cm, %c1f : f32
  %9 = llvm.call_intrinsic "llvm.nvvm.ex2.approx.f"(%x) : (f32) -> f32
  %10 = llvm.call_intrinsic "llvm.nvvm.lg2.approx.ftz.f"(%x) : (f32) -> f32
  %11 = llvm.call_intrinsic "llvm.nvvm.rsqrt.approx.f"(%x) : (f32) -> f32
  %12 = llvm.call_intrinsic "llvm.nvvm.sqrt.approx.f"(%x) : (f32) -> f32
  %13 = llvm.inline_asm "tanh.approx.f32 $0, $1;", "=f,f" %x : (f32) -> f32
  %14 = nvvm.inline_ptx "tanh.approx.f32 $0, $1;" ro(%x : f32) -> f32
  %15 = nvvm.rcp.approx.ftz.f %x : f32
  %tiny = llvm.mlir.constant(0.00390625 : f32) : f32
  %xb = llvm.fptrunc %x : f32 to bf16
  %tb = llvm.fptrunc %tiny : f32 to bf16
  %sb = llvm.fadd %xb, %tb : bf16
  %16 = llvm.fpext %sb : bf16 to f32
  %xh = llvm.fptrunc %x : f32 to f16
  %th = llvm.fptrunc %tiny : f32 to f16
  %sh = llvm.fadd %xh, %th : f16
  %17 = llvm.fpext %sh : f16 to f32
  %near = llvm.mlir.constant(1.00048828125 : f32) : f32
  %rna = nvvm.convert.float.to.tf32 %near {rnd = #nvvm.fp_rnd_mode<rna>}
  %18 = llvm.bitcast %rna : i32 to f32
  %rn = nvvm.convert.float.to.tf32 %near {rnd = #nvvm.fp_rnd_mode<rn>}
  %19 = llvm.bitcast %rn : i32 to f32
  %h2 = nvvm.convert.f32x2.to.f16x2 %c1f, %x {rnd = #nvvm.fp_rnd_mode<rn>} : vector<2xf16>
  %h2i = llvm.bitcast %h2 : vector<2xf16> to i32
  %20 = llvm.sitofp %h2i : i32 to f32
  %b2 = nvvm.convert.f32x2.to.bf16x2 %c1f, %x {rnd = #nvvm.fp_rnd_mode<rn>} : vector<2xbf16>
  %b2i = llvm.bitcast %b2 : vector<2xbf16> to i32
  %21 = llvm.sitofp %b2i : i32 to f32
  %e2 = nvvm.convert.f32x2.to.f8x2 %c1f, %x {rnd = #nvvm.fp_rnd_mode<rn>, sat = #nvvm.sat_mode<satfinite>} : i16 (f8E4M3FN)
  %22 = llvm.uitofp %e2 : i16 to f32
  %23 = llvm.call @__nv_expf(%x) : (f32) -> f32
  %24 = llvm.call @__nv_fmaf(%x, %x, %x) : (f32, f32, f32) -> f32
  %values = vector.from_elements %0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, %22, %23, %24 : vector<25xf32>
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %n = arith.constant 25 : i32
  scf.for %i = %c0 to %n step %c1 : i32 {
    %v = llvm.extractelement %values[%i : i32] : vector<25xf32>
    %to = llvm.getelementptr %y[%i] : (!llvm.ptr, i32) -> !llvm.ptr, f32
    llvm.store %v, %to : f32, !llvm.ptr
  }
  llvm.return
}
