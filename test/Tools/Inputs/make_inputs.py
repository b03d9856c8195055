# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# make_inputs.py FOLDER: small models, arrays and pictures for the tests of the driver.
import os
import struct
import sys
import zlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)


def path(name):
    return os.path.join(folder, name)


def save(name, nodes, inputs, outputs, constants=()):
    def infos(values):
        return [helper.make_tensor_value_info(n, t, s) for n, t, s in values]

    graph = helper.make_graph(nodes, "g", infos(inputs), infos(outputs), [numpy_helper.from_array(a, n) for n, a in constants])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path(name))


def png(name, pixels, alpha=False):
    height, width, channels = pixels.shape
    kind = {1: 0, 3: 2, 4: 6}[channels]
    rows = b"".join(b"\0" + row.tobytes() for row in pixels.astype(np.uint8))

    def chunk(tag, data):
        return struct.pack(">I", len(data)) + tag + data + struct.pack(">I", zlib.crc32(tag + data))

    with open(path(name), "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)))
        file.write(chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


# y = x . m, a batch of any size.
m = np.arange(12, dtype=np.float32).reshape(4, 3) - 6
f32, i64 = TensorProto.FLOAT, TensorProto.INT64
save("scores.onnx", [helper.make_node("MatMul", ["x", "m"], ["y"], name="scores")], [("x", f32, ["batch", 4])],
     [("y", f32, ["batch", 3])], [("m", m)])
x = np.array([[1, 2, 3, 4], [0, -1, 0, 1]], np.float32)
y = x @ m
np.save(path("x.npy"), x)
np.save(path("y.npy"), y)
np.save(path("near.npy"), y + np.float32(0.01))
np.save(path("x64.npy"), x.astype(np.float64))
np.save(path("wide.npy"), np.zeros((2, 5), np.float32))
np.save(path("rank1.npy"), np.zeros(4, np.float32))
np.savez(path("both.npz"), x=x, y=y)
np.savez(path("one.npz"), anything=x)

# Two models with one layer in common.
w = np.arange(64, dtype=np.float32).reshape(8, 8) / 64
layer = helper.make_node("MatMul", ["x", "w"], ["h"], name="layer")
save("mlp.onnx", [layer, helper.make_node("Relu", ["h"], ["y"], name="relu")], [("x", f32, [4, 8])], [("y", f32, [4, 8])], [("w", w)])
save("mlp2.onnx", [layer, helper.make_node("Relu", ["h"], ["r"], name="relu"),
                   helper.make_node("Softmax", ["r"], ["y"], name="soft", axis=1)],
     [("x", f32, [4, 8])], [("y", f32, [4, 8])], [("w", w)])

# A product that is worth tuning, and its answer.
big = np.random.default_rng(5).standard_normal((256, 192)).astype(np.float32)
save("product.onnx", [helper.make_node("MatMul", ["a", "big"], ["p"], name="product"), helper.make_node("Relu", ["p"], ["r"], name="relu")],
     [("a", f32, [64, 256])], [("r", f32, [64, 192])], [("big", big)])
a = np.random.default_rng(6).standard_normal((64, 256)).astype(np.float32)
np.save(path("a.npy"), a)
np.save(path("r.npy"), np.maximum(a.astype(np.float64) @ big, 0).astype(np.float32))

# A convolution of odd extents.
filters = np.random.default_rng(7).standard_normal((70, 19, 3, 3)).astype(np.float32)
save("conv.onnx", [helper.make_node("Conv", ["x", "filters"], ["c"], name="conv", strides=[2, 1], pads=[1, 1, 1, 1]),
                   helper.make_node("Relu", ["c"], ["r"], name="relu")],
     [("x", f32, [1, 19, 29, 35])], [("r", f32, [1, 70, 15, 35])], [("filters", filters)])
picture = np.random.default_rng(8).standard_normal((1, 19, 29, 35)).astype(np.float32)
np.save(path("picture.npy"), picture)
padded = np.pad(picture[0].astype(np.float64), ((0, 0), (1, 1), (1, 1)))
sums = sum(np.einsum("oi,ihw->ohw", filters[:, :, i, j], padded[:, i:i + 29:2, j:j + 35]) for i in range(3) for j in range(3))
np.save(path("conv-r.npy"), np.maximum(sums, 0)[None].astype(np.float32))

# Indices: constant ones outside, and given ones.
save("badgather.onnx", [helper.make_node("Gather", ["x", "i"], ["y"], name="pick", axis=1)], [("x", f32, [2, 4])],
     [("y", f32, [2, 2])], [("i", np.array([0, 7], np.int64))])
save("gather.onnx", [helper.make_node("Gather", ["x", "i"], ["y"], name="pick", axis=1)],
     [("x", f32, [2, 4]), ("i", i64, [3])], [("y", f32, [2, 3])])
np.save(path("inside.npy"), np.array([0, 3, -1], np.int64))
np.save(path("outside.npy"), np.array([0, 3, -5], np.int64))

# Two inputs of other types.
save("types.onnx", [helper.make_node("Add", ["a", "b"], ["sum"], name="add"), helper.make_node("Not", ["p"], ["q"], name="not")],
     [("a", i64, [3]), ("b", i64, [3]), ("p", TensorProto.BOOL, [2])], [("sum", i64, [3]), ("q", TensorProto.BOOL, [2])])
a = np.array([1, -2, 3], np.int64)
with open(path("a.pb"), "wb") as file:
    file.write(numpy_helper.from_array(a, "a").SerializeToString())
with open(path("b.pb"), "wb") as file:
    file.write(helper.make_tensor("b", i64, [3], [10, 20, -2**62]).SerializeToString())
with open(path("p.pb"), "wb") as file:
    file.write(helper.make_tensor("p", TensorProto.BOOL, [2], [1, 0]).SerializeToString())
with open(path("text.pb"), "wb") as file:
    file.write(helper.make_tensor("s", TensorProto.STRING, [1], [b"word"]).SerializeToString())
whole = numpy_helper.from_array(a, "a").SerializeToString()
with open(path("cut.pb"), "wb") as file:
    file.write(whole[:-3])
far = TensorProto(data_type=f32, dims=[2])
far.data_location = TensorProto.EXTERNAL
far.external_data.add(key="location", value="/etc/passwd")
with open(path("far.pb"), "wb") as file:
    file.write(far.SerializeToString())
with open(path("huge.pb"), "wb") as file:
    file.write(TensorProto(data_type=f32, dims=[2**40, 2**40], raw_data=b"abcd").SerializeToString())
# All the ways numbers are written, for the round trip.
for name, type_, values in [("float", f32, [1.5, -2]), ("double", TensorProto.DOUBLE, [1.5, -2]), ("int8", TensorProto.INT8, [-3, 100]),
                            ("uint16", TensorProto.UINT16, [3, 65535]), ("uint64", TensorProto.UINT64, [3, 2**63]),
                            ("uint32", TensorProto.UINT32, [3, 2**31]), ("float16", TensorProto.FLOAT16, [1.5, -2]),
                            ("bfloat16", TensorProto.BFLOAT16, [1.5, -2])]:
    np_type = helper.tensor_dtype_to_np_dtype(type_)
    save(f"same_{name}.onnx", [helper.make_node("Reshape", ["x", "s"], ["y"], name="r")], [("x", type_, [2])], [("y", type_, [1, 2])],
         [("s", np.array([1, 2], np.int64))])
    with open(path(f"{name}.pb"), "wb") as file:
        file.write(helper.make_tensor("x", type_, [2], values).SerializeToString())
    with open(path(f"{name}_wanted.pb"), "wb") as file:
        raw = np.array(values).astype(np_type).tobytes()
        file.write(TensorProto(data_type=type_, dims=[1, 2], raw_data=raw).SerializeToString())

# Pictures: y = -x, in several layouts.
for name, shape, type_ in [("nchw", [1, 3, 4, 4], f32), ("nhwc", [1, 4, 4, 3], f32), ("grey", [1, 1, 4, 4], f32), ("chw", [3, 4, 4], f32),
                           ("any", [1, 3, "h", "w"], f32), ("many", [2, 3, 4, 4], f32), ("five", [1, 5, 4, 4], f32),
                           ("half", [1, 3, 4, 4], TensorProto.FLOAT16)]:
    save(f"{name}.onnx", [helper.make_node("Neg", ["x"], ["y"], name="neg")], [("x", type_, shape)], [("y", type_, shape)])
rng = np.random.default_rng(7)
square = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
png("square.png", square)
png("grey.png", square[:, :, :1])
png("clear.png", np.concatenate([square, np.zeros((4, 4, 1), np.uint8)], axis=2))
chw = -square.astype(np.float32).transpose(2, 0, 1)[None] / np.float32(255)
np.save(path("square_nchw.npy"), chw)
np.save(path("square_nhwc.npy"), chw.transpose(0, 2, 3, 1))
np.save(path("square_chw.npy"), chw[0])
mean, std = np.array([0.5, 0.25, 0.125], np.float32), np.array([0.5, 0.25, 2], np.float32)
np.save(path("square_normalised.npy"), -((-chw - mean[:, None, None]) / std[:, None, None]))
grey = (square.astype(np.int64) @ [19595, 38470, 7471] + 0x8000) >> 16
np.save(path("square_grey.npy"), -grey[None, None].astype(np.float32) / 255)
np.save(path("square_half.npy"), chw.astype(np.float16))
np.save(path("white.npy"), np.full((1, 3, 4, 4), -1, np.float32))
# Twice and thrice as large: the triangle of bilinear shrinking, then the middle.
wide = rng.integers(0, 256, (8, 24, 3), dtype=np.uint8)
png("wide.png", wide)


def shrink(values, wanted, axis):
    size = values.shape[axis]
    scale = size / wanted
    weights = np.zeros((wanted, size))
    for i in range(wanted):
        center = (i + 0.5) * scale
        distance = np.abs(np.arange(size) + 0.5 - center) / max(scale, 1)
        weights[i] = np.maximum(0, 1 - distance)
    weights /= weights.sum(axis=1, keepdims=True)
    return np.moveaxis(np.tensordot(weights, values, (1, axis)), 0, axis)


small = shrink(shrink(wide.astype(np.float64), 12, 1), 4, 0)
np.save(path("wide_cropped.npy"), (-small[:, 4:8] / 255).transpose(2, 0, 1)[None].astype(np.float32))
small = shrink(shrink(wide.astype(np.float64), 4, 1), 4, 0)
np.save(path("wide_stretched.npy"), (-small / 255).transpose(2, 0, 1)[None].astype(np.float32))
small = shrink(shrink(wide.astype(np.float64), 18, 1), 6, 0)
np.save(path("wide_side6.npy"), (-small[1:5, 7:11] / 255).transpose(2, 0, 1)[None].astype(np.float32))
np.save(path("wide_whole.npy"), (-wide.astype(np.float32) / 255).transpose(2, 0, 1)[None])
# The committed JPEG, 16 x 8: a red half and a blue one.
halves = np.repeat(np.array([[[200.0, 40, 80]], [[20, 160, 240]]]), 8, axis=1).reshape(1, 16, 3).repeat(8, axis=0)
np.save(path("jpg_colours.npy"), (-shrink(shrink(halves, 4, 1), 4, 0) / 255).transpose(2, 0, 1)[None].astype(np.float32))
with open(path("square.png"), "rb") as file:
    data = file.read()
open(path("cut.png"), "wb").write(data[:40])
open(path("text.png"), "w").write("not a picture")
open(path("text.jpg"), "w").write("not a picture")
# A header that promises 2^31 x 2^31 pixels.
bomb = struct.pack(">IIBBBBB", 2**31 - 1, 2**31 - 1, 8, 2, 0, 0, 0)
open(path("bomb.png"), "wb").write(data[:8] + struct.pack(">I", 13) + b"IHDR" + bomb + struct.pack(">I", zlib.crc32(b"IHDR" + bomb)))

# Hostile files.
model = open(path("scores.onnx"), "rb").read()
open(path("cut.onnx"), "wb").write(model[: len(model) // 2])
open(path("noise.onnx"), "wb").write(bytes(rng.integers(0, 256, 999, dtype=np.uint8)))
open(path("empty.onnx"), "wb").close()
save("unknown.onnx", [helper.make_node("Frobnicate", ["x"], ["z"], name="first"), helper.make_node("Twiddle", ["z"], ["y"], name="second")],
     [("x", f32, [2])], [("y", f32, [2])])
array = open(path("x.npy"), "rb").read()
open(path("cut.npy"), "wb").write(array[:-5])
open(path("noise.npy"), "wb").write(bytes(rng.integers(0, 256, 200, dtype=np.uint8)))
open(path("empty.npy"), "wb").close()
header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 99999999999), }"
open(path("huge.npy"), "wb").write(b"\x93NUMPY\x01\x00" + struct.pack("<H", 118) + header.ljust(117) + b"\n")
open(path("cut.npz"), "wb").write(open(path("both.npz"), "rb").read()[:90])
open(path("labels.txt"), "w").write("cat\ndog\r\nfish\n\n")
open(path("two.txt"), "w").write("cat\ndog\n")
open(path("none.txt"), "w").close()
