// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Calls that GPUs have kernels for: one launch, or a chain of them. What a model calls by name stays a call.
// RUN: weft-opt %s --weft-outline-kernels --weft-outline-calls --weft-deduplicate-kernels | FileCheck %s

module attributes {weft.dims = {n = array<i64: 1, 6000>}} {

// CHECK-LABEL: func.func @short
// CHECK: host.launch @sort(%arg0, %arg1)
func.func @short(%x: tensor<3x40xf32>, %i: tensor<3x40xi64>) -> tensor<3x40xi64> {
  %0:2 = weft.sort %x, %i axis 1 : (tensor<3x40xf32>, tensor<3x40xi64>) -> (tensor<3x40xf32>, tensor<3x40xi64>)
  return %0#1 : tensor<3x40xi64>
}

// Runs of 4096, merged twice by one kernel.
// CHECK-LABEL: func.func @long
// CHECK: %[[RUNS:.*]] = host.launch @sort_runs(%arg0) : (tensor<9000xf32>) -> tensor<9000xi32>
// CHECK: %[[SMALL:.*]] = weft.constant dense<4096> : tensor<i64>
// CHECK: %[[ONCE:.*]] = host.launch @sort_merge(%arg0, %[[RUNS]], %[[SMALL]])
// CHECK: %[[LARGE:.*]] = weft.constant dense<8192> : tensor<i64>
// CHECK: %[[TWICE:.*]] = host.launch @sort_merge(%arg0, %[[ONCE]], %[[LARGE]])
// CHECK: host.launch @sort_permute(%arg0, %[[TWICE]]) : (tensor<9000xf32>, tensor<9000xi32>) -> (tensor<3xf32>, tensor<3xi64>)
func.func @long(%x: tensor<9000xf32>) -> tensor<3xi64> {
  %0:2 = weft.top_k %x k [3] axis 0 : (tensor<9000xf32>) -> (tensor<3xf32>, tensor<3xi64>)
  return %0#1 : tensor<3xi64>
}

// As many merges as the bound of a name asks for.
// CHECK-LABEL: func.func @bounded
// CHECK: host.launch @sort_runs
// CHECK-COUNT-2: host.launch @sort_merge
// CHECK-NOT: host.launch @sort_merge
// CHECK: host.launch @sort_permute
func.func @bounded(%x: tensor<?xf32, #weft.dims<[2 * n]>>) -> tensor<?xf32, #weft.dims<[2 * n]>> {
  %0 = weft.sort %x axis 0 : (tensor<?xf32, #weft.dims<[2 * n]>>) -> tensor<?xf32, #weft.dims<[2 * n]>>
  return %0 : tensor<?xf32, #weft.dims<[2 * n]>>
}

// CHECK-LABEL: func.func @unbounded
// CHECK: host.launch @sort_runs
// CHECK-COUNT-19: host.launch @sort_merge
// CHECK: host.launch @sort_permute
func.func @unbounded(%x: tensor<?xf32, #weft.dims<[m]>>) -> tensor<?xf32, #weft.dims<[m]>> {
  %0 = weft.sort %x axis 0 : (tensor<?xf32, #weft.dims<[m]>>) -> tensor<?xf32, #weft.dims<[m]>>
  return %0 : tensor<?xf32, #weft.dims<[m]>>
}

// CHECK-LABEL: func.func @rows
// CHECK: %[[COUNTS:.*]] = host.launch @non_zero_count(%arg0) : (tensor<5000xi1>) -> tensor<3xi64>
// CHECK: host.launch @non_zero(%arg0, %[[COUNTS]]) {host.counts_rows}
func.func @rows(%x: tensor<5000xi1>) -> tensor<?x1xi64> {
  %0 = weft.non_zero %x : (tensor<5000xi1>) -> tensor<?x1xi64>
  return %0 : tensor<?x1xi64>
}

// CHECK-LABEL: func.func @factors
// CHECK: host.launch @cholesky(%arg0) : (tensor<2x5x5xf16>) -> (tensor<2x5x5xf16>, tensor<2x5x5xf64>)
func.func @factors(%x: tensor<2x5x5xf16>) -> tensor<2x5x5xf16> {
  %0 = weft.cholesky %x : (tensor<2x5x5xf16>) -> tensor<2x5x5xf16>
  return %0 : tensor<2x5x5xf16>
}

// CHECK-LABEL: func.func @named
// CHECK: host.call "sort"(%arg0) {axis = 0 : i64} {host.custom}
func.func @named(%x: tensor<7xf32>) -> tensor<7xf32> {
  %0 = weft.custom_call "sort"(%x) {config = {axis = 0 : i64}} : (tensor<7xf32>) -> tensor<7xf32>
  return %0 : tensor<7xf32>
}

}

// CHECK: host.kernel @sort(
// CHECK: host.call "sort"(%arg0, %arg1) {axis = 1 : i64, descending = 0 : i64, num_keys = 1 : i64}
