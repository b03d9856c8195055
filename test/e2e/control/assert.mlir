// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A run stops at an assertion unless every element holds: exit code 1, the message and the place; in branches, too.
// RUN: mkdir -p %t
// RUN: %python -c "import numpy as np; [np.save(r'%t/' + n + '.npy', np.array(v, 'f4')) for n, v in [('good', [1, 2, 3]), ('last', [1, 2, -3]), ('first', [-1, 2, 3]), ('large', [1, 2, 300])]]"
// RUN: weft compile %s -o %t/p.weft
// RUN: weft run %t/p.weft -i x=@%t/good.npy | FileCheck %s --check-prefix=GOOD
// RUN: not weft run %t/p.weft -i x=@%t/last.npy 2>&1 | FileCheck %s --check-prefix=BAD
// RUN: not weft run %t/p.weft -i x=@%t/first.npy 2>&1 | FileCheck %s --check-prefix=BAD
// RUN: %python -c "import subprocess; assert subprocess.run(['weft', 'run', r'%t/p.weft', '-i', r'x=@%t/last.npy'], capture_output=True).returncode == 1"
// RUN: not weft run %t/p.weft -i x=@%t/large.npy 2>&1 | FileCheck %s --check-prefix=LARGE
// GOOD: y: f32[3] = -1 -2 -3
// BAD-NOT: y: f32
// BAD: weft: error: {{.*}}p.weft: 'assert' ({{.*}}assert.mlir:[[@LINE+7]]:3): x must not be negative
// BAD-NOT: y: f32
// LARGE: weft: error: {{.*}}'assert' (check_size): x must be small
func.func @main(%x: tensor<3xf32> {weft.name = "x"}) -> (tensor<3xf32> {weft.name = "y"}) {
  %zero = weft.constant dense<0.0> : tensor<1xf32>
  %most = weft.constant dense<100.0> : tensor<1xf32>
  %p = weft.compare ge %x, %zero : (tensor<3xf32>, tensor<1xf32>) -> tensor<3xi1>
  weft.assert %p, "x must not be negative" : tensor<3xi1>
  %all = weft.reduce and %p axes [0] : (tensor<3xi1>) -> tensor<i1>
  %0 = weft.if %all : (tensor<i1>) -> tensor<3xf32> {
    %s = weft.compare le %x, %most : (tensor<3xf32>, tensor<1xf32>) -> tensor<3xi1>
    weft.assert %s, "x must be small" : tensor<3xi1> loc("check_size")
    %1 = weft.neg %x : (tensor<3xf32>) -> tensor<3xf32>
    weft.yield %1 : tensor<3xf32>
  } else {
    weft.yield %x : tensor<3xf32>
  }
  return %0 : tensor<3xf32>
}
