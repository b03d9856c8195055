# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Inputs of data-extents.mlir, and what it gives.
import sys
from pathlib import Path

import numpy as np

out = Path(sys.argv[1])
for n in (0, 1, 8, 9, 1000):
    x = (np.arange(n + 3) % 5).astype("f4")
    padded = np.concatenate([np.full(n, 7, "f4"), x, np.full(1, 7, "f4")])
    # A slice is moved so that it fits: n of the n + 3 elements, from 1.
    values = dict(n=np.int64(n), x=x, count=np.arange(n) * 2, nz=np.argwhere(x), slice=-x[1 : 1 + n], pad=padded,
                  top=np.sort(padded)[::-1][:n])
    for name, value in values.items():
        np.save(out / f"{name}{n}.npy", value)
