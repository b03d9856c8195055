#!/usr/bin/env python3
# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes expected/<model>.npz: what ONNX Runtime computes from the light models with random weights.

    pip install onnxruntime && make_expected.py [MODEL...]

Only for changing the models: tests read the stored files and need no ONNX Runtime. Each file holds `output` and
`logits` (the values before the softmax) for one seeded input, the digest of the weights, and the versions used. The
printed distance is the largest between ONNX Runtime's fused and unfused runs: what float32 alone makes of the model.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import light_models
import numpy
import onnxruntime


def run(path, feed, level):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return session.run(None, feed)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", help=" ".join(light_models.MODELS))
    args = parser.parse_args()
    for name in args.models or light_models.MODELS:
        model, input_name, data, digest = light_models.random_model(name)
        with tempfile.TemporaryDirectory() as folder:
            light_models.save(model, Path(folder))
            path = str(Path(folder, "random.onnx"))
            levels = onnxruntime.GraphOptimizationLevel
            plain = run(path, {input_name: data}, levels.ORT_DISABLE_ALL)
            fused = run(path, {input_name: data}, levels.ORT_ENABLE_ALL)
        numpy.savez(
            light_models.HERE / "expected" / f"{name}.npz",
            output=plain[0],
            logits=plain[-1],
            weights_sha256=digest,
            made_by=f"onnxruntime {onnxruntime.__version__}, unoptimised graph",
        )
        distance = abs(plain[-1] - fused[-1]).max()
        print(f"{name}: logits of deviation {plain[-1].std():.2f}, distance {distance:.1e}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
