// Elementary functions, remainders and narrow floats become instructions: PTX refers to nothing outside, and sqrt
// and division are the rounded ones. f16 and bf16 are converted by the hardware.
// RUN: weft-ptx %s > %t.ptx
// RUN: FileCheck %s < %t.ptx
// RUN: weft-ptx %s > %t.again.ptx
// RUN: cmp %t.ptx %t.again.ptx
// RUN: weft-ptx %s --target=sm_90a > %t.90a.ptx
// RUN: FileCheck %s < %t.90a.ptx
// CHECK-NOT: .extern .func
// CHECK-NOT: sqrt.approx
// CHECK-NOT: div.approx
// CHECK-NOT: div.full

// CHECK-LABEL: .entry math_f32(
// CHECK-DAG: sqrt.rn.f32
// CHECK-DAG: div.rn.f32
llvm.func @math_f32(%x: !llvm.ptr, %y: !llvm.ptr) attributes {nvvm.kernel} {
  %v0 = llvm.load %x : !llvm.ptr -> f32
  %z = llvm.load %y : !llvm.ptr -> f32
  %v1 = math.exp %v0 : f32
  %v2 = math.exp2 %v1 : f32
  %v3 = math.expm1 %v2 : f32
  %v4 = math.log %v3 : f32
  %v5 = math.log2 %v4 : f32
  %v6 = math.log10 %v5 : f32
  %v7 = math.log1p %v6 : f32
  %v8 = math.sqrt %v7 : f32
  %v9 = math.rsqrt %v8 : f32
  %v10 = math.cbrt %v9 : f32
  %v11 = math.sin %v10 : f32
  %v12 = math.cos %v11 : f32
  %v13 = math.tan %v12 : f32
  %v14 = math.asin %v13 : f32
  %v15 = math.acos %v14 : f32
  %v16 = math.atan %v15 : f32
  %v17 = math.sinh %v16 : f32
  %v18 = math.cosh %v17 : f32
  %v19 = math.tanh %v18 : f32
  %v20 = math.asinh %v19 : f32
  %v21 = math.acosh %v20 : f32
  %v22 = math.atanh %v21 : f32
  %v23 = math.erf %v22 : f32
  %v24 = math.erfc %v23 : f32
  %v25 = math.absf %v24 : f32
  %v26 = math.ceil %v25 : f32
  %v27 = math.floor %v26 : f32
  %v28 = math.round %v27 : f32
  %v29 = math.roundeven %v28 : f32
  %v30 = math.trunc %v29 : f32
  %v31 = math.powf %v30, %z : f32
  %v32 = math.atan2 %v31, %z : f32
  %v33 = math.copysign %v32, %z : f32
  %v34 = arith.remf %v33, %z : f32
  %v35 = arith.divf %v34, %z : f32
  %v36 = arith.maximumf %v35, %z : f32
  %v37 = arith.minimumf %v36, %z : f32
  %v38 = arith.maxnumf %v37, %z : f32
  %v39 = arith.minnumf %v38, %z : f32
  llvm.store %v39, %y : f32, !llvm.ptr
  llvm.return
}

// CHECK-LABEL: .entry math_f64(
// CHECK-DAG: sqrt.rn.f64
// CHECK-DAG: div.rn.f64
llvm.func @math_f64(%x: !llvm.ptr, %y: !llvm.ptr) attributes {nvvm.kernel} {
  %v0 = llvm.load %x : !llvm.ptr -> f64
  %z = llvm.load %y : !llvm.ptr -> f64
  %v1 = math.exp %v0 : f64
  %v2 = math.exp2 %v1 : f64
  %v3 = math.expm1 %v2 : f64
  %v4 = math.log %v3 : f64
  %v5 = math.log2 %v4 : f64
  %v6 = math.log10 %v5 : f64
  %v7 = math.log1p %v6 : f64
  %v8 = math.sqrt %v7 : f64
  %v9 = math.rsqrt %v8 : f64
  %v10 = math.cbrt %v9 : f64
  %v11 = math.sin %v10 : f64
  %v12 = math.cos %v11 : f64
  %v13 = math.tan %v12 : f64
  %v14 = math.asin %v13 : f64
  %v15 = math.acos %v14 : f64
  %v16 = math.atan %v15 : f64
  %v17 = math.sinh %v16 : f64
  %v18 = math.cosh %v17 : f64
  %v19 = math.tanh %v18 : f64
  %v20 = math.asinh %v19 : f64
  %v21 = math.acosh %v20 : f64
  %v22 = math.atanh %v21 : f64
  %v23 = math.erf %v22 : f64
  %v24 = math.erfc %v23 : f64
  %v25 = math.absf %v24 : f64
  %v26 = math.ceil %v25 : f64
  %v27 = math.floor %v26 : f64
  %v28 = math.round %v27 : f64
  %v29 = math.roundeven %v28 : f64
  %v30 = math.trunc %v29 : f64
  %v31 = math.powf %v30, %z : f64
  %v32 = math.atan2 %v31, %z : f64
  %v33 = math.copysign %v32, %z : f64
  %v34 = arith.remf %v33, %z : f64
  %v35 = arith.divf %v34, %z : f64
  %v36 = arith.maximumf %v35, %z : f64
  %v37 = arith.minimumf %v36, %z : f64
  %v38 = arith.maxnumf %v37, %z : f64
  %v39 = arith.minnumf %v38, %z : f64
  llvm.store %v39, %y : f64, !llvm.ptr
  llvm.return
}

// CHECK-LABEL: .entry narrow(
// CHECK-DAG: cvt.f32.f16
// CHECK-DAG: cvt.rn.f16.f32
// CHECK-DAG: cvt.rn.bf16{{(x2)?}}.f32
// CHECK-DAG: cvt.rn.f16.f64
llvm.func @narrow(%x: !llvm.ptr, %y: !llvm.ptr, %z: !llvm.ptr) attributes {nvvm.kernel} {
  %h = llvm.load %x : !llvm.ptr -> f16
  %b = llvm.load %y : !llvm.ptr -> bf16
  %d = llvm.load %z : !llvm.ptr -> f64
  %eh = math.exp %h : f16
  %sh = arith.addf %eh, %h : f16
  %eb = math.tanh %b : bf16
  %sb = arith.mulf %eb, %b : bf16
  %single = arith.truncf %d : f64 to f32
  %half = arith.truncf %single : f32 to f16
  %brain = arith.truncf %d : f64 to bf16
  %r0 = arith.addf %sh, %half : f16
  %r1 = arith.addf %sb, %brain : bf16
  llvm.store %r0, %x : f16, !llvm.ptr
  llvm.store %r1, %y : bf16, !llvm.ptr
  llvm.return
}

// CHECK-LABEL: .entry integers(
// CHECK: popc.b32
// CHECK: clz.b32
llvm.func @integers(%x: !llvm.ptr, %n: i64) attributes {nvvm.kernel} {
  %a = llvm.load %x : !llvm.ptr -> i64
  %q = arith.divsi %a, %n : i64
  %r = arith.remui %q, %n : i64
  %c = arith.ceildivsi %r, %n : i64
  %f = arith.floordivsi %c, %n : i64
  %p = math.ipowi %f, %n : i64
  %i = arith.trunci %p : i64 to i32
  %o = math.ctpop %i : i32
  %l = math.ctlz %o : i32
  llvm.store %l, %x : i32, !llvm.ptr
  llvm.return
}

// CHECK-LABEL: .entry loops(
// CHECK: fma.rn.f32
llvm.func @loops(%x: !llvm.ptr, %n: i64) attributes {nvvm.kernel, nvvm.maxntid = array<i32: 128>} {
  %c0 = arith.constant 0 : i64
  %c1 = arith.constant 1 : i64
  %zero = arith.constant dense<0.0> : vector<4xf32>
  %sum = scf.for %i = %c0 to %n step %c1 iter_args(%acc = %zero) -> (vector<4xf32>) : i64 {
    %p = llvm.getelementptr %x[%i] : (!llvm.ptr, i64) -> !llvm.ptr, vector<4xf32>
    %v = llvm.load %p {alignment = 16 : i64} : !llvm.ptr -> vector<4xf32>
    %next = math.fma %v, %v, %acc : vector<4xf32>
    scf.yield %next : vector<4xf32>
  }
  llvm.store %sum, %x {alignment = 16 : i64} : vector<4xf32>, !llvm.ptr
  llvm.return
}
