// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the IR has become after each stage: which ops are there, and which are gone.
// RUN: weft compile %s --to=import | FileCheck %s --check-prefix=IMPORT
// RUN: weft compile %s --to=graph | FileCheck %s --check-prefix=GRAPH
// RUN: weft compile %s --emit=weft | FileCheck %s --check-prefix=GRAPH
// RUN: weft compile %s --to=host | FileCheck %s --check-prefix=HOST
// RUN: weft compile %s --to=host | FileCheck %s --check-prefix=FUNCTION
// RUN: weft compile %s --to=kernel -o %t.kernel.mlir && FileCheck %s --check-prefix=KERNEL --input-file %t.kernel.mlir
// RUN: weft compile %s --emit=linalg -o %t.linalg.mlir && FileCheck %s --check-prefix=LINALG --input-file %t.linalg.mlir
// RUN: weft compile %s --emit=llvm --target-cpu=x86-64-v3 -o %t.ll && FileCheck %s --check-prefix=LLVM --input-file %t.ll
// RUN: weft compile %s --emit=asm --target-cpu=x86-64-v3 -o %t.s && FileCheck %s --check-prefix=ASM --input-file %t.s
//
// A stage starts where the one before it ended.
// RUN: weft compile %s --to=graph -o %t.graph.mlir
// RUN: weft compile %t.graph.mlir --from=graph --to=host | FileCheck %s --check-prefix=HOST

// The import of text is the text.
// IMPORT: x_dims = array<i64: 0, 1, 2, 3>
// IMPORT: weft.mul
// IMPORT: weft.scan
// IMPORT: -> tensor<?xf32>{{$}}

// Shapes, constants, layouts; still weft ops alone.
// GRAPH-NOT: host.
// GRAPH: -> (tensor<1x4x4x4xf32> {{.*}}, tensor<?xf32, #weft.dims<[n]>>
// GRAPH: weft.conv {{.*}}x_dims = array<i64: 0, 3, 1, 2>
// GRAPH-NOT: weft.mul
// GRAPH: weft.scan
// GRAPH-NOT: host.

// Launches, calls and loops; weft ops in kernels, and views.
// HOST-LABEL: func.func @main(
// HOST: host.launch @conv_relu
// HOST: weft.while
// HOST: host.call "sort"
// HOST: host.kernel @conv_relu(
// HOST: weft.conv
// FUNCTION-NOT: = weft.{{scan|conv|relu|exp|sort|add|compare|slice|update_slice|dim}}
// FUNCTION: return

// Kernels alone, in loops over buffers: nothing of weft is left, extents' names neither.
// KERNEL-NOT: weft
// KERNEL-NOT: host.
// KERNEL-NOT: linalg.
// KERNEL-NOT: tensor<
// KERNEL: func.func @conv_relu({{.*}}memref<
// KERNEL-NOT: weft
// KERNEL-NOT: linalg.
// KERNEL-NOT: tensor<
// KERNEL: scf.for

// Kernels that no generator made, on tensors.
// LINALG-NOT: weft
// LINALG: linalg.
// LINALG-NOT: weft

// LLVM: define {{.*}} @conv_relu
// LLVM: <8 x float>
// ASM: conv_relu
// ASM: vfmadd

module attributes {weft.dims = {n = array<i64: 1, 64>}} {
func.func @main(%x: tensor<1x2x6x6xf32> {weft.name = "x"}, %xs: tensor<?xf32, #weft.dims<[n]>> {weft.name = "xs"}) -> (tensor<1x4x4x4xf32> {weft.name = "y"}, tensor<?xf32> {weft.name = "ys"}) {
  %w = weft.constant dense<0.5> : tensor<4x2x3x3xf32>
  %s = weft.constant dense<[[[[1.0]], [[2.0]], [[3.0]], [[4.0]]]]> : tensor<1x4x1x1xf32>
  %0 = weft.conv %x, %w {x_dims = array<i64: 0, 1, 2, 3>, w_dims = array<i64: 0, 1, 2, 3>, y_dims = array<i64: 0, 1, 2, 3>,
    strides = array<i64: 1, 1>, padding_low = array<i64: 0, 0>, padding_high = array<i64: 0, 0>,
    input_dilation = array<i64: 1, 1>, kernel_dilation = array<i64: 1, 1>} : (tensor<1x2x6x6xf32>, tensor<4x2x3x3xf32>) -> tensor<1x4x4x4xf32>
  %1 = weft.mul %0, %s : (tensor<1x4x4x4xf32>, tensor<1x4x1x1xf32>) -> tensor<1x4x4x4xf32>
  %2 = weft.relu %1 : (tensor<1x4x4x4xf32>) -> tensor<1x4x4x4xf32>
  %3 = weft.scan over(%xs) : (tensor<?xf32, #weft.dims<[n]>>) -> tensor<?xf32, #weft.dims<[n]>> {
  ^bb0(%e: tensor<f32>):
    %4 = weft.exp %e : (tensor<f32>) -> tensor<f32>
    weft.yield %4 : tensor<f32>
  }
  %5 = weft.sort %3 axis 0 : (tensor<?xf32, #weft.dims<[n]>>) -> tensor<?xf32, #weft.dims<[n]>>
  %6 = weft.exp %5 : (tensor<?xf32, #weft.dims<[n]>>) -> tensor<?xf32>
  return %2, %6 : tensor<1x4x4x4xf32>, tensor<?xf32>
}
}
