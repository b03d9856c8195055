#!/usr/bin/env python3
# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes the benchmarks' kernels and networks as ONNX models with seeded random weights.

    export.py OUT [ROW...]

writes OUT/<row>/model.onnx (opset 17), model.weights beside it where the weights are large, and one <input>.npy per
input. rows.py lists the rows. A row that is there is kept as it is when the scripts have not changed.
"""

import argparse
import hashlib
import math
import sys
from pathlib import Path

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

from builder import Builder
from rows import ROWS, SEEDS

EXTERNAL_BYTES = 16 << 20


class Value:
    """A name and the extents behind it."""

    def __init__(self, name, shape):
        self.name, self.shape = name, list(shape)


class OnnxBuilder(Builder):
    def __init__(self, seed):
        super().__init__(seed)
        self.nodes, self.initializers, self.graph_inputs = [], [], []

    def node(self, op, inputs, shape, **attributes):
        name = f"{op}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, [x.name for x in inputs], [name], name, **attributes))
        return Value(name, shape)

    def constant(self, values):
        name = f"c_{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(numpy.asarray(values), name))
        return Value(name, numpy.shape(values))

    def make_input(self, name, values):
        kind = TensorProto.INT64 if values.dtype == numpy.int64 else TensorProto.FLOAT
        self.graph_inputs.append(helper.make_tensor_value_info(name, kind, values.shape))
        return Value(name, values.shape)

    def make_weight(self, values, is_filter):
        return self.constant(values)

    def shape(self, x):
        return x.shape

    def channels(self, x):
        return x.shape[1]

    def slides(self, x, channels, kernel, stride, pad):
        extents = [(e + 2 * p - k) // stride + 1 for e, k, p in zip(x.shape[2:], kernel, pad, strict=True)]
        return [x.shape[0], channels, *extents]

    def conv_op(self, x, w, b, kernel, stride, pad, groups):
        shape = self.slides(x, w.shape[0], kernel, stride, pad)
        window = {"kernel_shape": kernel, "strides": [stride] * 2, "pads": [*pad, *pad]}
        return self.node("Conv", [x, w, b], shape, group=groups, **window)

    def pool(self, op, x, kernel, stride, pad, **attributes):
        shape = self.slides(x, x.shape[1], (kernel, kernel), stride, (pad, pad))
        window = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": [pad] * 4}
        return self.node(op, [x], shape, **window, **attributes)

    def max_pool(self, x, kernel, stride, pad):
        return self.pool("MaxPool", x, kernel, stride, pad)

    def average_pool(self, x, kernel, stride, pad):
        return self.pool("AveragePool", x, kernel, stride, pad, count_include_pad=1)

    def global_average(self, x):
        x = self.node("GlobalAveragePool", [x], [*x.shape[:2], 1, 1])
        return self.node("Flatten", [x], x.shape[:2])

    def concat_channels(self, values):
        shape = [values[0].shape[0], sum(x.shape[1] for x in values), *values[0].shape[2:]]
        return self.node("Concat", values, shape, axis=1)

    def relu(self, x):
        return self.node("Relu", [x], x.shape)

    def relu6(self, x):
        return self.node("Clip", [x, self.constant(numpy.float32(0)), self.constant(numpy.float32(6))], x.shape)

    def binary(self, op, a, b):
        return self.node(op, [a, b], numpy.broadcast_shapes(a.shape, b.shape))

    def add(self, a, b):
        return self.binary("Add", a, b)

    def multiply(self, a, b):
        return self.binary("Mul", a, b)

    def scaled(self, x, factor):
        return self.multiply(x, self.constant(numpy.float32(factor)))

    def matmul(self, a, b):
        batch = numpy.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        return self.node("MatMul", [a, b], [*batch, a.shape[-2], b.shape[-1]])

    def matmul_bf16(self, a, b):
        a, b = (self.node("Cast", [x], x.shape, to=TensorProto.BFLOAT16) for x in (a, b))
        y = self.matmul(a, b)
        return self.node("Cast", [y], y.shape, to=TensorProto.FLOAT)

    def matmul_bytes(self, a, codes, scale):
        names = [f"quantised_{len(self.nodes)}_{i}" for i in range(3)]
        self.nodes.append(helper.make_node("DynamicQuantizeLinear", [a.name], names))
        q, s, z = (Value(name, shape) for name, shape in zip(names, (a.shape, (), ()), strict=True))
        y = self.node("MatMulInteger", [q, codes, z], [*a.shape[:-1], codes.shape[-1]])
        y = self.node("Cast", [y], y.shape, to=TensorProto.FLOAT)
        return self.multiply(y, self.scaled(s, scale))

    def transposed(self, x, order=None):
        order = order or [*range(len(x.shape))][::-1]
        return self.node("Transpose", [x], [x.shape[i] for i in order], perm=order)

    def reshaped(self, x, shape):
        return self.node("Reshape", [x, self.constant(numpy.array(shape, numpy.int64))], shape)

    def rows(self, table, ids):
        return self.node("Gather", [table, ids], [*ids.shape, table.shape[1]], axis=0)

    def layer_norm_op(self, x, scale, bias, epsilon):
        return self.node("LayerNormalization", [x, scale, bias], x.shape, axis=-1, epsilon=epsilon)

    def softmax(self, x):
        return self.node("Softmax", [x], x.shape, axis=-1)

    def gelu(self, x, tanh=False):
        if tanh:
            cube = self.node("Pow", [x, self.constant(numpy.float32(3))], x.shape)
            inner = self.scaled(self.add(x, self.scaled(cube, 0.044715)), math.sqrt(2 / math.pi))
            curve = self.node("Tanh", [inner], x.shape)
        else:
            curve = self.node("Erf", [self.scaled(x, math.sqrt(0.5))], x.shape)
        return self.scaled(self.multiply(x, self.add(curve, self.constant(numpy.float32(1)))), 0.5)

    def mask_bias(self, mask):
        """int64 [n, s] of 0 and 1 -> float32 [n, 1, 1, s]: 0 where attended, -10000 elsewhere."""
        kept = self.node("Cast", [mask], mask.shape, to=TensorProto.FLOAT)
        kept = self.reshaped(kept, [mask.shape[0], 1, 1, mask.shape[1]])
        bias = self.add(kept, self.constant(numpy.float32(-1)))
        return self.scaled(bias, 10000.0)

    def attention(self, q, k, v, heads, causal=False, mask=None):
        n, s, width = q.shape
        depth = width // heads
        q, k, v = (self.reshaped(x, [n, s, heads, depth]) for x in (q, k, v))
        q, v = (self.transposed(x, [0, 2, 1, 3]) for x in (q, v))
        scores = self.scaled(self.matmul(q, self.transposed(k, [0, 2, 3, 1])), 1 / math.sqrt(depth))
        if causal:
            later = numpy.triu(numpy.full((s, s), -1e9, numpy.float32), 1)
            scores = self.add(scores, self.constant(later[None, None]))
        if mask is not None:
            scores = self.add(scores, mask)
        y = self.transposed(self.matmul(self.softmax(scores), v), [0, 2, 1, 3])
        return self.reshaped(y, [n, s, width])

    def split3(self, x):
        third = [*x.shape[:-1], x.shape[-1] // 3]
        names = [f"Split_{len(self.nodes)}_{part}" for part in range(3)]
        self.nodes.append(helper.make_node("Split", [x.name], names, axis=-1))
        return [Value(name, third) for name in names]

    def tokens(self, x):
        n, channels, height, width = x.shape
        return self.transposed(self.reshaped(x, [n, channels, height * width]), [0, 2, 1])

    def prepend(self, token, x):
        return self.node("Concat", [token, x], [x.shape[0], x.shape[1] + 1, x.shape[2]], axis=1)

    def first_token(self, x):
        return self.node("Gather", [x, self.constant(numpy.int64(0))], [x.shape[0], x.shape[2]], axis=1)

    def model(self, name, result):
        output = helper.make_tensor_value_info(result.name, TensorProto.FLOAT, result.shape)
        graph = helper.make_graph(self.nodes, name, self.graph_inputs, [output], self.initializers)
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="weft benchmarks")
        made.ir_version = 8
        return made


def stamp():
    sources = [path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py"))]
    return hashlib.sha256(b"\0".join([*sources, onnx.__version__.encode(), numpy.__version__.encode()])).hexdigest()


def export(row, out):
    """Writes one row below `out` unless it lies there; returns its folder."""
    folder = out / row
    mark = folder / "stamp"
    if mark.exists() and mark.read_text() == stamp():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    nn = OnnxBuilder(SEEDS[row])
    model = nn.model(row, ROWS[row][0](nn))
    onnx.save(
        model,
        folder / "model.onnx",
        save_as_external_data=sum(tensor.ByteSize() for tensor in model.graph.initializer) > EXTERNAL_BYTES,
        location="model.weights",
        size_threshold=1024,
    )
    onnx.checker.check_model(folder / "model.onnx", full_check=True)
    for name, values in nn.inputs.items():
        numpy.save(folder / f"{name}.npy", values)
    mark.write_text(stamp())
    return folder


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="folder to write")
    parser.add_argument("rows", nargs="*", help="of " + " ".join(ROWS))
    args = parser.parse_args()
    for row in args.rows or ROWS:
        if row not in ROWS:
            parser.error(f"no row {row}; there are {' '.join(ROWS)}")
        print(export(row, args.out), flush=True)


if __name__ == "__main__":
    sys.exit(main())
