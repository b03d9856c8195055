// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A running state and its history, forward and backward, one turn and none, in named lengths.
// RUN: mkdir -p %t
// RUN: %python %S/scan.py %t
// RUN: weft compile %s --dynamic-dim=n:0:40 -o %t/p.weft
// RUN: for n in 0 1 2 37; do weft run %t/p.weft -i h=@%t/h.npy -i xs=@%t/xs$n.npy -i w=@%t/w.npy \
// RUN:   --expected last=@%t/last$n.npy --expected all=@%t/all$n.npy --expected first=@%t/first$n.npy \
// RUN:   --expected back=@%t/back$n.npy || exit 1; done
func.func @main(%h: tensor<3xf32> {weft.name = "h"}, %xs: tensor<?x3xf32, #weft.dims<[n, _]>> {weft.name = "xs"}, %w: tensor<3x3xf32> {weft.name = "w"})
    -> (tensor<3xf32> {weft.name = "last"}, tensor<?x3xf32, #weft.dims<[n, _]>> {weft.name = "all"},
        tensor<3xf32> {weft.name = "first"}, tensor<?x3xf32, #weft.dims<[n, _]>> {weft.name = "back"}) {
  %0:2 = weft.scan init(%h) over(%xs) : (tensor<3xf32>, tensor<?x3xf32, #weft.dims<[n, _]>>) -> (tensor<3xf32>, tensor<?x3xf32, #weft.dims<[n, _]>>) {
  ^bb0(%c: tensor<3xf32>, %x: tensor<3xf32>):
    %p = weft.dot_general %c, %w batch [] x [] contract [0] x [0] : (tensor<3xf32>, tensor<3x3xf32>) -> tensor<3xf32>
    %s = weft.add %p, %x : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
    %t = weft.tanh %s : (tensor<3xf32>) -> tensor<3xf32>
    weft.yield %t, %t : tensor<3xf32>, tensor<3xf32>
  }
  %1:2 = weft.scan init(%h) over(%xs) : (tensor<3xf32>, tensor<?x3xf32, #weft.dims<[n, _]>>) -> (tensor<3xf32>, tensor<?x3xf32, #weft.dims<[n, _]>>) {
  ^bb0(%c: tensor<3xf32>, %x: tensor<3xf32>):
    %s = weft.sub %x, %c : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
    weft.yield %s, %c : tensor<3xf32>, tensor<3xf32>
  } {reverse = true}
  return %0#0, %0#1, %1#0, %1#1 : tensor<3xf32>, tensor<?x3xf32, #weft.dims<[n, _]>>, tensor<3xf32>, tensor<?x3xf32, #weft.dims<[n, _]>>
}
