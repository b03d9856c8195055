# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# numerics.py MODEL FOLDER: runs the model under each --numerics; strict and default agree in every bit, and fast differs from
# them, a little, in what it may change and in nothing else.
import subprocess
import sys

import numpy as np

model, folder = sys.argv[1:]
random = np.random.default_rng(3)
inputs = {name: random.standard_normal((64, 64)).astype(np.float32) for name in "xyz"}
for name, value in inputs.items():
    np.save(f"{folder}/{name}.npy", value)
changed = {"fma": 1e-6, "third": 2e-7, "tanh": 8 * 2.0**-23}
outputs = [*changed, "sum", "exp", "product", "reduced", "softmax", "quotient"]

results = {}
for numerics in ("strict", "default", "fast"):
    command = ["weft", "run", model, f"--numerics={numerics}"]
    for name in inputs:
        command += ["-i", f"{name}=@{folder}/{name}.npy"]
    for name in outputs:
        command += ["--output", f"{name}=@{folder}/{name}.out.npy"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    results[numerics] = {name: np.load(f"{folder}/{name}.out.npy") for name in outputs}

for name in outputs:
    strict, default, fast = (results[n][name] for n in ("strict", "default", "fast"))
    assert np.array_equal(strict, default), f"{name}: strict and default differ"
    if name not in changed:
        assert np.array_equal(strict, fast), f"{name}: fast may not change it"
        continue
    assert not np.array_equal(strict, fast), f"{name}: fast changes nothing"
    error = np.abs(fast - strict).max()
    scale = np.abs(strict) if name != "fma" else np.abs(inputs["x"] * inputs["y"]) + np.abs(inputs["z"])
    assert (np.abs(fast - strict) <= changed[name] * scale).all(), f"{name}: off by {error}"
exact = inputs["x"].astype(np.float64) * inputs["y"] + inputs["z"]
assert np.abs(results["fast"]["fma"] - exact).max() <= np.abs(results["strict"]["fma"] - exact).max()
