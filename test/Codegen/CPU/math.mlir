// Scalar loops become vector loops, and max is one instruction where an operand is not NaN.
// RUN: weft-kernel %s --pipeline=loops --target-cpu=x86-64-v3 | FileCheck %s
// With AVX-512 the scaling of an exponential is one instruction, fed with the exponent as a float.
// RUN: weft-kernel %s --pipeline=loops --target-cpu=x86-64-v4 | FileCheck %s --check-prefix=V4
// V4-LABEL: k.body:
// V4-NOT:     vcvtdq2ps
// V4:         vscalefps {{.*}}zmm
// V4-NOT:     vpslld
// V4:         vmovups %zmm
// CHECK-LABEL: k.body:
// CHECK:         vmaxps
// CHECK-NOT:     vcmpunord
// CHECK:         vfmadd{{[0-9]+}}ps {{.*}}ymm
// CHECK-NOT:     call
// CHECK:         vmovups %ymm
func.func @k(%a: memref<1024xf32>, %y: memref<1024xf32>, %s: memref<?xi8>, %lo: index, %hi: index) {
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  scf.for %i = %lo to %hi step %c1 {
    %x = memref.load %a[%i] : memref<1024xf32>
    %r = arith.maximumf %x, %zero : f32
    %e = math.exp %r : f32
    memref.store %e, %y[%i] : memref<1024xf32>
  }
  return
}
