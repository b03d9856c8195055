// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows of more than L2 holds: the loop that computes most asks for the next row (one prefetch for a line of 64 bytes), the result
// is stored past the caches, and a fence ends the kernel. A small softmax has neither.
// RUN: weft compile %s --target-cpu=skylake-avx512 --emit=asm -o %t.s && FileCheck %s --input-file=%t.s
// RUN: weft compile %s --target-cpu=haswell --emit=asm -o %t.s && FileCheck %s --input-file=%t.s --check-prefix=AVX2

// CHECK-LABEL: softmax.body:
// CHECK: vmaxps
// CHECK: prefetcht0 {{[0-9]+}}([[ROW:%r[a-z0-9]+]],[[AT:%r[a-z0-9]+]],4)
// CHECK-NEXT: vmovups {{-?[0-9]*}}([[ROW]],[[AT]],4)
// CHECK-COUNT-3: prefetcht0 {{[0-9]+}}([[ROW]],[[AT]],4)
// CHECK-NOT: prefetch
// CHECK: vmovntps
// CHECK: sfence
// CHECK: retq
// CHECK-LABEL: softmax_0.body:
// CHECK-NOT: prefetch
// CHECK-NOT: vmovntps
// CHECK-NOT: sfence
// CHECK: retq

// AVX2-LABEL: softmax.body:
// AVX2: prefetcht0
// AVX2: vmovntps %ymm
// AVX2: sfence
// AVX2: retq
func.func @main(%x: tensor<4096x1024xf32>, %y: tensor<16x1024xf32>) -> (tensor<4096x1024xf32>, tensor<16x1024xf32>) {
  %0 = weft.softmax %x axis 1 : (tensor<4096x1024xf32>) -> tensor<4096x1024xf32> loc("large")
  %1 = weft.softmax %y axis 1 : (tensor<16x1024xf32>) -> tensor<16x1024xf32> loc("small")
  return %0, %1 : tensor<4096x1024xf32>, tensor<16x1024xf32>
}
