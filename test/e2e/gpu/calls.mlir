// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What numpy has no type for, and extents that are known at run time only: sorts, selections and factors of bf16, as the CPU does
// them. ptxas takes each kernel.
// RUN: mkdir -p %t
// RUN: %python -c "import numpy as np; np.save(r'%t/x.npy', np.random.default_rng(1).integers(-4, 4, (37, 9)).astype('f4'))"
// RUN: weft run %s --dynamic-dim=n:1:100 -i x=@%t/x.npy --output s=@%t/s.npy --output v=@%t/v.npy --output p=@%t/p.npy --output r=@%t/r.npy --output c=@%t/c.npy
// RUN: for mode in fifo random:3; do weft run %s --dynamic-dim=n:1:100 --target=cuda-emu --emulator=$mode -i x=@%t/x.npy --expected s=@%t/s.npy --expected v=@%t/v.npy --expected p=@%t/p.npy --expected r=@%t/r.npy --expected c=@%t/c.npy || exit 1; done
func.func @main(%x: tensor<?x9xf32, #weft.dims<[n, _]>> {weft.name = "x"})
    -> (tensor<?x9xf32, #weft.dims<[n, _]>> {weft.name = "s"}, tensor<?x2xf32, #weft.dims<[n, _]>> {weft.name = "v"},
        tensor<?x2xi64, #weft.dims<[n, _]>> {weft.name = "p"}, tensor<?x2xi64> {weft.name = "r"}, tensor<9x9xf32> {weft.name = "c"}) {
  %b = weft.convert %x : (tensor<?x9xf32, #weft.dims<[n, _]>>) -> tensor<?x9xbf16, #weft.dims<[n, _]>>
  %s = weft.sort %b axis 0 : (tensor<?x9xbf16, #weft.dims<[n, _]>>) -> tensor<?x9xbf16, #weft.dims<[n, _]>>
  %sf = weft.convert %s : (tensor<?x9xbf16, #weft.dims<[n, _]>>) -> tensor<?x9xf32, #weft.dims<[n, _]>>
  %v, %p = weft.top_k %x k [2] axis 1 : (tensor<?x9xf32, #weft.dims<[n, _]>>) -> (tensor<?x2xf32, #weft.dims<[n, _]>>, tensor<?x2xi64, #weft.dims<[n, _]>>)
  %r = weft.non_zero %b : (tensor<?x9xbf16, #weft.dims<[n, _]>>) -> tensor<?x2xi64>
  %g = weft.dot_general %x, %x batch [] x [] contract [0] x [0] : (tensor<?x9xf32, #weft.dims<[n, _]>>, tensor<?x9xf32, #weft.dims<[n, _]>>) -> tensor<9x9xf32>
  %gb = weft.convert %g : (tensor<9x9xf32>) -> tensor<9x9xbf16>
  %c = weft.cholesky %gb : (tensor<9x9xbf16>) -> tensor<9x9xbf16>
  %cf = weft.convert %c : (tensor<9x9xbf16>) -> tensor<9x9xf32>
  return %sf, %v, %p, %r, %cf : tensor<?x9xf32, #weft.dims<[n, _]>>, tensor<?x2xf32, #weft.dims<[n, _]>>, tensor<?x2xi64, #weft.dims<[n, _]>>, tensor<?x2xi64>, tensor<9x9xf32>
}
