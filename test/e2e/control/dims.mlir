// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Named extents within their bounds and outside; extents that must agree; and no elements at all.
// RUN: mkdir -p %t
// RUN: %python -c "import numpy as np; [(np.save(r'%t/x{}.npy'.format(n), np.ones((n, 3), 'f4')), np.save(r'%t/s{}.npy'.format(n), np.full(3, n, 'f4')), np.save(r'%t/d{}.npy'.format(n), np.full((2 * n, 3), 1, 'f4'))) for n in (0, 1, 5, 64, 65)]"
// RUN: weft compile %s --dynamic-dim=n:1:64 -o %t/p.weft
// RUN: for n in 1 5 64; do weft run %t/p.weft -i x=@%t/x$n.npy -i y=@%t/x$n.npy --expected sum=@%t/s$n.npy --expected both=@%t/d$n.npy || exit 1; done
// RUN: not weft run %t/p.weft -i x=@%t/x65.npy -i y=@%t/x65.npy 2>&1 | FileCheck %s --check-prefix=ABOVE
// RUN: not weft run %t/p.weft -i x=@%t/x0.npy -i y=@%t/x0.npy 2>&1 | FileCheck %s --check-prefix=BELOW
// RUN: not weft run %t/p.weft -i x=@%t/x5.npy -i y=@%t/x1.npy 2>&1 | FileCheck %s --check-prefix=DIFFER
// ABOVE: input 'x': dimension 0 ('n') has extent 65, wanted from 1 to 64
// BELOW: input 'x': dimension 0 ('n') has extent 0, wanted from 1 to 64
// DIFFER: input 'y': dimension 0 ('n') has extent 1, wanted 5 as before
//
// RUN: weft compile %s --dynamic-dim=n:0:64 -o %t/zero.weft
// RUN: weft run %t/zero.weft -i x=@%t/x0.npy -i y=@%t/x0.npy --expected sum=@%t/s0.npy --expected both=@%t/d0.npy
//
// RUN: not weft compile %s -o %t/none.weft 2>&1 | FileCheck %s --check-prefix=UNBOUNDED
// UNBOUNDED: found no bounds for 'n'; add --dynamic-dim=n:1:64
// RUN: not weft compile %s --dynamic-dim=m:1:64 -o %t/none.weft 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// UNKNOWN: found no dimension 'm' {{.*}} wanted one of: n
// RUN: not weft compile %s --dynamic-dim=n:9:3 -o %t/none.weft 2>&1 | FileCheck %s --check-prefix=ORDER
// ORDER: weft: error: {{.*}}n:9:3
// RUN: not test -e %t/none.weft
func.func @main(%x: tensor<?x3xf32, #weft.dims<[n, _]>> {weft.name = "x"}, %y: tensor<?x3xf32, #weft.dims<[n, _]>> {weft.name = "y"})
    -> (tensor<3xf32> {weft.name = "sum"}, tensor<?x3xf32> {weft.name = "both"}) {
  %0 = weft.mul %x, %y : (tensor<?x3xf32, #weft.dims<[n, _]>>, tensor<?x3xf32, #weft.dims<[n, _]>>) -> tensor<?x3xf32>
  %1 = weft.reduce add %0 axes [0] : (tensor<?x3xf32>) -> tensor<3xf32>
  %2 = weft.concat %x, %0 axis 0 : (tensor<?x3xf32, #weft.dims<[n, _]>>, tensor<?x3xf32>) -> tensor<?x3xf32>
  return %1, %2 : tensor<3xf32>, tensor<?x3xf32>
}
