// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An assertion that tells what it found is a kernel that fails: it names the first element at fault and the limit there.
// RUN: mkdir -p %t
// RUN: %python -c "import numpy as np; [np.save(r'%t/' + n + '.npy', np.array(v, 'i8')) for n, v in [('good', [[0, 1], [2, 0]]), ('bad', [[0, 1], [2, 3]])]]"
// RUN: weft compile %s --to=host | FileCheck %s --check-prefix=HOST
// RUN: weft compile %s -o %t/p.weft
// RUN: weft run %t/p.weft -i i=@%t/good.npy | FileCheck %s --check-prefix=GOOD
// RUN: not weft run %t/p.weft -i i=@%t/bad.npy 2>&1 | FileCheck %s --check-prefix=BAD
// HOST: host.launch @[[CHECK:.*assert]](%{{.*}}) : (tensor<2x2xi64>, tensor<1x2xi64>, tensor<2xi64>) -> ()
// HOST: host.kernel @[[CHECK]](
// HOST: weft.assert
// GOOD: j: i64[2x2] = 0 -1 -2 0
// BAD: weft: error: {{.*}}p.weft: 'check' ({{.*}}check-index.mlir:[[@LINE+5]]:3): too large: found 3 at element 3, the limit is 2
func.func @main(%i: tensor<2x2xi64> {weft.name = "i"}) -> (tensor<2x2xi64> {weft.name = "j"}) {
  %ends = weft.constant dense<[3, 2]> : tensor<2xi64>
  %wide = weft.reshape %ends sizes [1, 2] : (tensor<2xi64>) -> tensor<1x2xi64>
  %p = weft.compare lt %i, %wide : (tensor<2x2xi64>, tensor<1x2xi64>) -> tensor<2x2xi1>
  weft.assert %p, "too large" of %i, %ends : tensor<2x2xi64>, tensor<2xi64> : tensor<2x2xi1>
  %j = weft.neg %i : (tensor<2x2xi64>) -> tensor<2x2xi64>
  return %j : tensor<2x2xi64>
}
