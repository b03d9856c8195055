// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A value that is on its way to another rank is not written over before its wait.
// RUN: weft-opt %s --weft-mark-in-place | FileCheck %s
module attributes {dist.mesh = #dist.mesh<data = 2>, dist.stage = 0 : i64, dist.stages = 2 : i64} {
  // CHECK-LABEL: func.func @main
  // CHECK: host.launch @neg(%{{.*}}) : (tensor<4xf32>)
  // CHECK: dist.done
  // CHECK: host.launch @abs(%{{.*}}) {host.in_place = 0 : i64}
  func.func @main(%x: tensor<4xf32>) {
    %0 = host.launch @exp(%x) : (tensor<4xf32>) -> tensor<4xf32>
    %t = dist.send_start %0 to 1 channel 0 : tensor<4xf32> -> !dist.token
    %1 = host.launch @neg(%0) : (tensor<4xf32>) -> tensor<4xf32>
    dist.done %t : !dist.token
    %2 = host.launch @abs(%1) : (tensor<4xf32>) -> tensor<4xf32>
    host.call "print"(%2) {} : (tensor<4xf32>) -> ()
    return
  }
  host.kernel @exp(%x: tensor<4xf32>) -> tensor<4xf32> {
    %0 = weft.exp %x : (tensor<4xf32>) -> tensor<4xf32>
    host.return %0 : tensor<4xf32>
  }
  host.kernel @neg(%x: tensor<4xf32>) -> tensor<4xf32> {
    %0 = weft.neg %x : (tensor<4xf32>) -> tensor<4xf32>
    host.return %0 : tensor<4xf32>
  }
  host.kernel @abs(%x: tensor<4xf32>) -> tensor<4xf32> {
    %0 = weft.abs %x : (tensor<4xf32>) -> tensor<4xf32>
    host.return %0 : tensor<4xf32>
  }
}
