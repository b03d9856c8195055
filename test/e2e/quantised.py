# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# quantised.py FOLDER: writes a model of layers quantised in each of ONNX's forms, its input, and what its outputs are by NumPy:
# at run time, with weights that have a zero point; by QLinearMatMul, zero points and scales of rows and columns; between
# DequantizeLinear and QuantizeLinear, two layers.
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

random = np.random.default_rng(7)
rows, depth, width = 19, 70, 53
constants, nodes, outputs, expected = [], [], [], {}


def constant(name, value):
    constants.append(numpy_helper.from_array(np.asarray(value), name))
    return name


def node(op, inputs, *results, **attributes):
    nodes.append(helper.make_node(op, inputs, list(results), name=results[0] + ".node", **attributes))
    return results[0]


def output(name, kind, value):
    outputs.append(helper.make_tensor_value_info(name, kind, value.shape))
    expected[name] = value


def saturated(x, scale, zero, kind):
    limits = np.iinfo(kind)
    return np.clip(np.rint(x / np.float32(scale)) + np.float64(zero), limits.min, limits.max).astype(kind)


x = random.standard_normal((rows, depth)).astype(np.float32)

# At run time; u8 weights around 128.
w = random.integers(0, 256, (depth, width)).astype(np.uint8)
low, high = min(x.min(), 0), max(x.max(), 0)
scale = np.float32((high - low) / np.float32(255))
zero = np.uint8(np.clip(np.rint((0 - low) / scale), 0, 255))
q = saturated(x, scale, zero, np.uint8)
node("DynamicQuantizeLinear", ["x"], "q", "q.scale", "q.zero")
node("MatMulInteger", ["q", constant("w.u8", w), "q.zero", constant("w.zero", np.uint8(128))], "sums")
node("Cast", ["sums"], "sums.f32", to=TensorProto.FLOAT)
node("Mul", ["q.scale", constant("w.scale", np.float32(0.01))], "sums.scale")
node("Mul", ["sums.f32", "sums.scale"], "dynamic")
sums = (q.astype(np.int64) - zero) @ (w.astype(np.int64) - 128)
output("dynamic", TensorProto.FLOAT, (sums * np.float64(scale) * np.float64(np.float32(0.01))).astype(np.float32))

# By QLinearMatMul; s8 by s8, whose weights' zero points do not vanish.
a = random.integers(-128, 128, (rows, depth)).astype(np.int8)
b = random.integers(-128, 128, (depth, width)).astype(np.int8)
b_zero = random.integers(-9, 9, width).astype(np.int8)
b_scale = random.uniform(0.005, 0.02, width).astype(np.float32)
inputs = ["a", constant("a.scale", np.float32(0.03)), constant("a.zero", np.int8(-5))]
inputs += [constant("b", b), constant("b.scale", b_scale), constant("b.zero", b_zero)]
node("QLinearMatMul", [*inputs, constant("l.scale", np.float32(0.7)), constant("l.zero", np.int8(11))], "linear")
sums = (a.astype(np.int64) + 5) @ (b.astype(np.int64) - b_zero)
output("linear", TensorProto.INT8, saturated(sums * (np.float32(0.03) * b_scale), 0.7, 11, np.int8))

# A convolution, padded unevenly, by weights of every sign; the zero points are what is padded and 131.
image = random.integers(0, 256, (2, 5, 11, 13)).astype(np.uint8)
filters = random.integers(0, 256, (9, 5, 3, 2)).astype(np.uint8)
scales = random.uniform(0.001, 0.004, 9).astype(np.float32)
bias = random.integers(-999, 999, 9).astype(np.int32)
inputs = ["image", constant("c.scale", np.float32(0.02)), constant("c.zero", np.uint8(120)), constant("f", filters)]
inputs += [constant("f.scale", scales), constant("f.zero", np.full(9, 131, np.uint8))]
inputs += [constant("o.scale", np.float32(0.3)), constant("o.zero", np.uint8(7)), constant("f.bias", bias)]
node("QLinearConv", inputs, "conv", pads=[1, 0, 2, 1], strides=[2, 1], dilations=[1, 2])
padded = np.pad(image.astype(np.int64) - 120, ((0, 0), (0, 0), (1, 2), (0, 1)))
sums = np.zeros((2, 9, 6, 12), np.int64) + bias[:, None, None]
for i in range(3):
    for j in range(2):
        window = padded[:, :, i : i + 11 : 2, 2 * j : 2 * j + 12]
        sums += np.einsum("nchw,oc->nohw", window, filters[:, :, i, j].astype(np.int64) - 131)
output("conv", TensorProto.UINT8, saturated(sums * (np.float32(0.02) * scales)[:, None, None], 0.3, 7, np.uint8))

# Two layers between DequantizeLinear and QuantizeLinear.
value, exact = "x", x
for layer, outside in ((1, width), (2, 33)):
    codes = random.integers(-127, 128, (exact.shape[1], outside)).astype(np.int8)
    scales = random.uniform(0.001, 0.004, outside).astype(np.float32)
    bias = random.standard_normal(outside).astype(np.float32)
    scale = constant(f"{layer}.scale", np.float32(0.03))
    zero = constant(f"{layer}.zero", np.uint8(120))
    node("QuantizeLinear", [value, scale, zero], f"{layer}.q")
    node("DequantizeLinear", [f"{layer}.q", scale, zero], f"{layer}.x")
    weights = [constant(f"{layer}.codes", codes), constant(f"{layer}.scales", scales)]
    node("DequantizeLinear", [*weights, constant(f"{layer}.zeros", np.zeros(outside, np.int8))], f"{layer}.w", axis=1)
    node("MatMul", [f"{layer}.x", f"{layer}.w"], f"{layer}.product")
    node("Add", [f"{layer}.product", constant(f"{layer}.bias", bias)], f"{layer}.sum")
    value = node("Relu", [f"{layer}.sum"], f"layer{layer}")
    exact = (saturated(exact, 0.03, 120, np.uint8).astype(np.float64) - 120) * np.float64(np.float32(0.03))
    exact = np.maximum(exact @ (codes * scales.astype(np.float64)) + bias, 0)
    output(value, TensorProto.FLOAT, exact.astype(np.float32))

# Two convolutions between them, padded with what stands for 0.
value = "picture"
exact = picture = random.standard_normal((1, 8, 9, 10)).astype(np.float32)
for number, outside in ((1, 16), (2, 11)):
    inside = exact.shape[1]
    codes = random.integers(-127, 128, (outside, inside, 3, 3)).astype(np.int8)
    scales = random.uniform(0.001, 0.004, outside).astype(np.float32)
    scale, zero = constant(f"v{number}.scale", np.float32(0.04)), constant(f"v{number}.zero", np.uint8(90))
    node("QuantizeLinear", [value, scale, zero], f"v{number}.q")
    node("DequantizeLinear", [f"v{number}.q", scale, zero], f"v{number}.x")
    weights = [constant(f"v{number}.codes", codes), constant(f"v{number}.scales", scales)]
    node("DequantizeLinear", [*weights, constant(f"v{number}.zeros", np.zeros(outside, np.int8))], f"v{number}.w", axis=0)
    value = node("Conv", [f"v{number}.x", f"v{number}.w"], f"conv{number}", pads=[1, 1, 1, 1])
    real = (saturated(exact, 0.04, 90, np.uint8).astype(np.float64) - 90) * np.float64(np.float32(0.04))
    padded = np.pad(real, ((0, 0), (0, 0), (1, 1), (1, 1)))
    exact = np.zeros((1, outside, 9, 10))
    for i in range(3):
        for j in range(3):
            weight = codes[:, :, i, j] * scales[:, None].astype(np.float64)
            exact += np.einsum("nchw,oc->nohw", padded[:, :, i : i + 9, j : j + 10], weight)
    exact = exact.astype(np.float32)
    output(value, TensorProto.FLOAT, exact)

folder = sys.argv[1]
graph_inputs = [
    helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape),
    helper.make_tensor_value_info("a", TensorProto.INT8, a.shape),
    helper.make_tensor_value_info("image", TensorProto.UINT8, image.shape),
    helper.make_tensor_value_info("picture", TensorProto.FLOAT, picture.shape),
]
graph = helper.make_graph(nodes, "quantised", graph_inputs, outputs, constants)
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), f"{folder}/m.onnx")
np.save(f"{folder}/x.npy", x)
np.save(f"{folder}/a.npy", a)
np.save(f"{folder}/image.npy", image)
np.save(f"{folder}/picture.npy", picture)
for name, value in expected.items():
    np.save(f"{folder}/{name}.npy", value)
