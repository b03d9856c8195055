// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A kernel writes over the operand that it alone still reads, also with extents known at run time, in several chunks.
// RUN: mkdir -p %t
// RUN: %python -c "import numpy as np; r = np.random.default_rng(1); x = r.standard_normal((700, 333)).astype('f4'); v = np.exp(x) + 1; y = np.sort(v * v.sum(1, keepdims=True, dtype='f8'), 1); np.save(r'%t/x.npy', x); np.save(r'%t/y.npy', y.astype('f4'))"
// RUN: weft compile %s --dynamic-dim=n:1:1000 --to=host | FileCheck %s
// RUN: env WEFT_THREADS=2 weft run %s --dynamic-dim=n:1:1000 -i x=@%t/x.npy --expected y=@%t/y.npy --rtol 1e-5
// As GPU kernels too, where each thread reads before it writes.
// RUN: weft compile %s --dynamic-dim=n:1:1000 --target=cuda-emu --to=host | FileCheck %s
// RUN: for mode in fast lifo; do weft run %s --dynamic-dim=n:1:1000 --target=cuda-emu --emulator=$mode -i x=@%t/x.npy --expected y=@%t/y.npy --rtol 1e-5 || exit 1; done
// CHECK: host.launch @mul(%[[V:.*]], %{{.*}}) {host.in_place = 0 : i64}
func.func @main(%x: tensor<?x333xf32, #weft.dims<[n, _]>> {weft.name = "x"})
    -> (tensor<?x333xf32, #weft.dims<[n, _]>> {weft.name = "y"}) {
  %one = weft.constant dense<1.0> : tensor<1x1xf32>
  %0 = weft.exp %x : (tensor<?x333xf32, #weft.dims<[n, _]>>) -> tensor<?x333xf32, #weft.dims<[n, _]>>
  %v = weft.add %0, %one : (tensor<?x333xf32, #weft.dims<[n, _]>>, tensor<1x1xf32>) -> tensor<?x333xf32, #weft.dims<[n, _]>>
  %s = weft.reduce add %v axes [1] : (tensor<?x333xf32, #weft.dims<[n, _]>>) -> tensor<?xf32, #weft.dims<[n]>>
  %w = weft.reshape %s sizes [-1, 1] : (tensor<?xf32, #weft.dims<[n]>>) -> tensor<?x1xf32, #weft.dims<[n, _]>>
  %m = weft.mul %v, %w : (tensor<?x333xf32, #weft.dims<[n, _]>>, tensor<?x1xf32, #weft.dims<[n, _]>>) -> tensor<?x333xf32, #weft.dims<[n, _]>>
  %y = weft.sort %m axis 1 : (tensor<?x333xf32, #weft.dims<[n, _]>>) -> tensor<?x333xf32, #weft.dims<[n, _]>>
  return %y : tensor<?x333xf32, #weft.dims<[n, _]>>
}
