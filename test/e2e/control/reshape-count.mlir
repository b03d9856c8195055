// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Extents that cannot be proved to hold as many elements are held against each other when the program runs.
// RUN: mkdir -p %t
// RUN: %python -c "import numpy as np; [np.save(r'%t/x%d.npy' % n, np.arange(n, dtype='f4')) for n in (5, 6)]"
// RUN: weft compile %s --dynamic-dim=n --dynamic-dim=m -o %t/p.weft
// RUN: %python -c "import numpy as np; np.save(r'%t/m.npy', np.zeros(2, 'f4'))"
// RUN: weft run %t/p.weft -i x=@%t/x6.npy -i m=@%t/m.npy | FileCheck %s --check-prefix=FITS
// RUN: not weft run %t/p.weft -i x=@%t/x5.npy -i m=@%t/m.npy 2>&1 | FileCheck %s --check-prefix=BAD
// FITS: y: f32[2x3] = -0 -1 -2 -3 -4 -5
// BAD: weft: error: {{.*}}'reshape' ({{.*}}reshape-count.mlir:{{[0-9:]+}}): number of elements to reshape: found 5, wanted equal to 6
module attributes {weft.dims = {n = [1, 64], m = [1, 64]}} {
  func.func @main(%x: tensor<?xf32, #weft.dims<[n]>> {weft.name = "x"}, %m: tensor<?xf32, #weft.dims<[m]>> {weft.name = "m"})
      -> (tensor<?x3xf32, #weft.dims<[m, _]>> {weft.name = "y"}) {
    %rows = weft.dim %m, 0 : (tensor<?xf32, #weft.dims<[m]>>) -> tensor<i64>
    %0 = weft.neg %x : (tensor<?xf32, #weft.dims<[n]>>) -> tensor<?xf32, #weft.dims<[n]>>
    %1 = weft.reshape %0 sizes [%rows, 3] : (tensor<?xf32, #weft.dims<[n]>>, tensor<i64>) -> tensor<?x3xf32, #weft.dims<[m, _]>>
    return %1 : tensor<?x3xf32, #weft.dims<[m, _]>>
  }
}
