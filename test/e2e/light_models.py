#!/usr/bin/env python3
# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Prepares one of the nine light models of the wheel `onnx` for a test: as shipped, and with random weights.

    light_models.py MODEL OUT

The shipped files have true topologies, but every weight in them is 0.02. OUT gets

    shipped.onnx                 the file as it is
    shipped_input.npy            the input that onnx's own tests make
    shipped_output.npy           the result stored beside the model
    random.onnx, random.weights  the same graph with seeded random weights; the pre-softmax values are an output too
    random_input.npy             a seeded input
    random_output.npy, random_logits.npy   ONNX Runtime's results, from expected/MODEL.npz

Random weights are He-scaled, batch norms near the identity. They are sums of integers from numpy's PCG64 bit stream,
scaled once: every numpy and every processor makes the same bits, which the digest in expected/MODEL.npz checks.
"""

import argparse
import fcntl
import hashlib
import importlib.metadata
import math
import sys
from pathlib import Path

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = Path(__file__).resolve().parent
SHIPPED = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
MODELS = (
    *("bvlc_alexnet", "densenet121", "inception_v1", "inception_v2", "resnet50"),
    *("shufflenet", "squeezenet", "vgg19", "zfnet512"),
)
EXTERNAL_BYTES = 16 << 20  # models with more weights than this keep them in a file of their own
# What the last layer's weights are multiplied by, so that the values before the softmax have a deviation of about 2:
# a softmax of larger ones is 0 and 1, of smaller ones constant, and neither proves much.
LAST_GAIN = {
    "bvlc_alexnet": 0.4,
    "inception_v1": 11.0,
    "inception_v2": 0.5,
    "resnet50": 0.6,
    "shufflenet": 0.016,
    "vgg19": 0.4,
}


class Normal:
    """Near-normal float32 numbers of unit variance: sums of four 16-bit uniforms."""

    def __init__(self, seed):
        self.bits = numpy.random.PCG64(seed)

    def draw(self, count):
        values = numpy.empty(count, numpy.float32)
        for at in range(0, count, 1 << 20):
            part = values[at : at + (1 << 20)]
            words = self.bits.random_raw(part.size).astype("<u8").view("<u2").reshape(-1, 4)
            part[:] = words.sum(axis=1, dtype=numpy.int32) - numpy.int32(2 * 65535)
        return values * numpy.float32(math.sqrt(3.0) / 65536.0)

    def array(self, shape, mean=0.0, deviation=1.0):
        values = self.draw(math.prod(shape)).reshape(shape)
        return numpy.float32(mean) + values * numpy.float32(deviation)


def seed_of(name):
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")


def data_input(graph):
    """The one input that is not a weight."""
    weights = {tensor.name for tensor in graph.initializer}
    (value,) = (value for value in graph.input if value.name not in weights)
    return value.name, [dim.dim_value for dim in value.type.tensor_type.shape.dim]


def softmax_input(graph):
    """The name of the values before the softmax; DenseNet-121 has none and gives those values themselves."""
    return next((node.input[0] for node in graph.node if node.op_type == "Softmax"), graph.output[0].name)


class Fill:
    """Replaces the constant weights of a graph."""

    def __init__(self, graph, last_gain):
        self.last_gain = last_gain
        self.tensors = {tensor.name: tensor for tensor in graph.initializer}
        self.producer = {name: node for node in graph.node for name in node.output}
        self.consumers = {}
        for node in graph.node:
            for index, name in enumerate(node.input):
                self.consumers.setdefault(name, []).append((node, index))
        self.last = self.producer[softmax_input(graph)]
        while self.last.op_type not in ("Conv", "Gemm"):
            self.last = self.producer[self.last.input[0]]

    def shape(self, name):
        """The extents of a weight, or None for a value that is not one."""
        if name in self.tensors:
            tensor = self.tensors[name]
            return list(tensor.dims) if tensor.data_type == TensorProto.FLOAT else None
        node = self.producer.get(name)
        if node is not None and node.op_type == "ConstantOfShape":
            return [int(extent) for extent in numpy_helper.to_array(self.tensors[node.input[0]])]
        return None

    def role(self, name):
        """What a weight is for: the op that uses it, the operand's position and that op's result."""
        node, index = self.consumers[name][0]
        while node.op_type in ("Reshape", "Unsqueeze"):
            node, index = self.consumers[node.output[0]][0]
        return node.op_type, index, node.output[0]

    def values(self, name, shape, normal):
        op, index, result = self.role(name)
        if op in ("Conv", "Gemm") and index == 1:
            gain = self.last_gain if result == self.last.output[0] else 1.0
            return normal.array(shape, 0.0, gain * math.sqrt(2.0 / math.prod(shape[1:])))
        if op == "BatchNormalization" and index == 4:  # the variance, in about 0.65..1.35
            return normal.array(shape, 1.0, 0.1)
        if op == "BatchNormalization" and index == 1:  # the ends of residual branches are damped, or sums would grow
            residual = any(node.op_type == "Sum" for node, _ in self.consumers[result])
            return normal.array(shape, 0.5 if residual else 1.0, 0.1)
        if op == "Mul":
            return normal.array(shape, 1.0, 0.1)
        return normal.array(shape, 0.0, 0.1)  # biases and means


def randomize(model, name):
    """The model with random weights as initializers and the input of its softmax as a second output, and the digest of
    the weights."""
    graph, digest = model.graph, hashlib.sha256()
    fill = Fill(graph, LAST_GAIN.get(name, 1.0))
    made, dropped = {}, []
    for weight in [*fill.tensors, *fill.producer]:
        shape = fill.shape(weight)
        if shape is None or weight not in fill.consumers:
            continue
        values = fill.values(weight, shape, Normal(seed_of(f"{name}/{weight}")))
        digest.update(values.astype("<f4").data)
        made[weight] = numpy_helper.from_array(values, weight)
        if weight in fill.producer:
            dropped.append(fill.producer[weight])
    shapes = {node.input[0] for node in dropped}
    kept = [tensor for tensor in graph.initializer if tensor.name not in made and tensor.name not in shapes]
    used = {name for node in graph.node if node not in dropped for name in node.input}
    input_name, _ = data_input(graph)
    value = next(value for value in graph.input if value.name == input_name)
    del graph.input[:]
    graph.input.append(value)
    del graph.initializer[:]
    graph.initializer.extend([tensor for tensor in kept if tensor.name in used] + [*made.values()])
    for node in dropped:
        graph.node.remove(node)
    logits = softmax_input(graph)
    if logits != graph.output[0].name:
        graph.output.append(helper.make_tensor_value_info(logits, TensorProto.FLOAT, None))
        graph.output[1].type.CopyFrom(graph.output[0].type)
    model.ir_version = 8  # from 4 on, weights need not be inputs
    return digest.hexdigest()


def random_input(name, shape):
    return Normal(seed_of(f"{name}/input")).array(shape)


def random_model(name):
    """The model with random weights, the name and value of its input and the digest of its weights."""
    model = onnx.load(SHIPPED / f"light_{name}.onnx")
    input_name, shape = data_input(model.graph)
    digest = randomize(model, name)
    return model, input_name, random_input(name, shape), digest


def save(model, folder):
    total = sum(tensor.ByteSize() for tensor in model.graph.initializer)
    external = total > EXTERNAL_BYTES
    (folder / "random.weights").unlink(missing_ok=True)  # onnx would append to it
    onnx.save(
        model,
        folder / "random.onnx",
        save_as_external_data=external,
        location="random.weights",
        size_threshold=1024,
    )


def stamp(name):
    parts = [importlib.metadata.version("onnx").encode()]
    parts += [path.read_bytes() for path in (Path(__file__), HERE / "expected" / f"{name}.npz")]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def prepare(name, out):
    stored = numpy.load(HERE / "expected" / f"{name}.npz")
    model = onnx.load(SHIPPED / f"light_{name}.onnx")
    _, shape = data_input(model.graph)
    count = math.prod(shape)
    (out / "shipped.onnx").write_bytes((SHIPPED / f"light_{name}.onnx").read_bytes())
    numpy.save(out / "shipped_input.npy", (numpy.arange(count).reshape(shape) / count).astype(numpy.float32))
    shipped = TensorProto.FromString((SHIPPED / f"light_{name}_output_0.pb").read_bytes())
    numpy.save(out / "shipped_output.npy", numpy_helper.to_array(shipped))

    model, _, data, digest = random_model(name)
    if digest != str(stored["weights_sha256"]):
        raise SystemExit(
            f"light_models.py: {name}: the random weights have digest {digest[:16]}, the stored results are for "
            f"{str(stored['weights_sha256'])[:16]}: run make_expected.py, or find what changed the generator"
        )
    save(model, out)
    numpy.save(out / "random_input.npy", data)
    numpy.save(out / "random_output.npy", stored["output"])
    numpy.save(out / "random_logits.npy", stored["logits"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("out", type=Path, help="folder to write")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    with open(args.out / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        mark, wanted = args.out / ".stamp", stamp(args.model)
        if not mark.exists() or mark.read_text() != wanted:
            mark.unlink(missing_ok=True)
            prepare(args.model, args.out)
            mark.write_text(wanted)


if __name__ == "__main__":
    sys.exit(main())
