# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Inputs of scan.mlir, and what its two scans give.
import sys
from pathlib import Path

import numpy as np

out = Path(sys.argv[1])
rng = np.random.default_rng(1)
h = rng.normal(size=3).astype("f4")
w = rng.normal(size=(3, 3)).astype("f4")
np.save(out / "h.npy", h)
np.save(out / "w.npy", w)
for n in (0, 1, 2, 37):
    xs = rng.normal(size=(n, 3)).astype("f4")
    forward, everything = h, np.zeros((n, 3), "f4")
    for i in range(n):
        forward = everything[i] = np.tanh(forward @ w + xs[i])
    backward, before = h, np.zeros((n, 3), "f4")
    for i in reversed(range(n)):
        before[i] = backward
        backward = xs[i] - backward
    for name, value in dict(xs=xs, last=forward, all=everything, first=backward, back=before).items():
        np.save(out / f"{name}{n}.npy", value)
