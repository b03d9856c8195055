// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Extents that data tell, below and above what memory is planned for at first: each run finds out, and begins again.
// RUN: mkdir -p %t
// RUN: %python %S/data_extents.py %t
// RUN: weft compile %s --dynamic-dim=k:0:2000 -o %t/p.weft
// RUN: for n in 0 1 8 9 1000; do weft run %t/p.weft -i n=@%t/n$n.npy -i x=@%t/x$n.npy --expected count=@%t/count$n.npy \
// RUN:   --expected nz=@%t/nz$n.npy --expected slice=@%t/slice$n.npy --expected pad=@%t/pad$n.npy \
// RUN:   --expected top=@%t/top$n.npy --rtol 0 --atol 0 || exit 1; done
func.func @main(%n: tensor<i64> {weft.name = "n"}, %x: tensor<?xf32, #weft.dims<[k]>> {weft.name = "x"})
    -> (tensor<?xi64> {weft.name = "count"}, tensor<?x1xi64> {weft.name = "nz"}, tensor<?xf32> {weft.name = "slice"},
        tensor<?xf32> {weft.name = "pad"}, tensor<?xf32> {weft.name = "top"}) {
  %two = weft.constant dense<2> : tensor<1xi64>
  %0 = weft.iota axis 0 sizes [%n] : (tensor<i64>) -> tensor<?xi64>
  %1 = weft.mul %0, %two : (tensor<?xi64>, tensor<1xi64>) -> tensor<?xi64>
  %2 = weft.non_zero %x : (tensor<?xf32, #weft.dims<[k]>>) -> tensor<?x1xi64>
  %3 = weft.slice %x starts [1] sizes [%n] strides [1] : (tensor<?xf32, #weft.dims<[k]>>, tensor<i64>) -> tensor<?xf32>
  %4 = weft.neg %3 : (tensor<?xf32>) -> tensor<?xf32>
  %v = weft.constant dense<7.0> : tensor<f32>
  %5 = weft.pad constant %x, %v low [%n] high [1] interior [0] : (tensor<?xf32, #weft.dims<[k]>>, tensor<f32>, tensor<i64>) -> tensor<?xf32>
  %6, %7 = weft.top_k %5 k [%n] axis 0 : (tensor<?xf32>, tensor<i64>) -> (tensor<?xf32>, tensor<?xi64>)
  return %1, %2, %4, %5, %6 : tensor<?xi64>, tensor<?x1xi64>, tensor<?xf32>, tensor<?xf32>, tensor<?xf32>
}
