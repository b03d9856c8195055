# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A model cut into two stages before each of its nodes: every cut gives the bits of one worker.

    cuts.py FOLDER [MODEL INPUT SHAPE]

INPUT is what weft run takes: NAME=@FILE; SHAPE are its extents: NAME=2x24. Without a model one is made, which has
what layouts, folding and fusion treat differently when they see a part of it only: two batch norms in a row, a
residual, pools that add, a convolution by channel, one of single elements, and square dense layers.
"""

import re
import subprocess
import sys

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

RNG = numpy.random.default_rng(1)


def build(path):
    nodes, weights = [], []

    def weight(*shape, positive=False):
        value = RNG.standard_normal(shape) / numpy.sqrt(max(1, numpy.prod(shape[1:])))
        value = numpy.abs(value) + 0.5 if positive else value
        weights.append(numpy_helper.from_array(value.astype(numpy.float32), f"w{len(weights)}"))
        return weights[-1].name

    def node(kind, *inputs, **attributes):
        name = f"{kind.lower()}{len(nodes)}"
        nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def norm(x, channels):
        return node("BatchNormalization", x, *(weight(channels, positive=True) for _ in range(4)))

    x = node("Conv", "x", weight(16, 3, 3, 3), pads=[1, 1, 1, 1], strides=[2, 2])
    x = node("Relu", norm(norm(x, 16), 16))
    y = node("Conv", x, weight(16, 1, 3, 3), weight(16), pads=[1, 1, 1, 1], group=16)
    y = node("Relu", norm(node("Conv", y, weight(16, 16, 1, 1)), 16))
    x = node("Relu", node("Add", x, y))
    y = node("AveragePool", x, kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[1, 1])
    x = node("Concat", node("Conv", x, weight(16, 16, 3, 3), pads=[1, 1, 1, 1]), y, axis=1)
    x = node("Relu", node("LRN", x, size=5))
    x = node("GlobalAveragePool", x)
    x = node("Flatten", x)
    for _ in range(2):
        x = node("Relu", node("Gemm", x, weight(32, 32), weight(32), transB=1))
    node("Softmax", node("Gemm", x, weight(32, 10), weight(10)))
    nodes[-1].output[0] = "y"
    values = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("x", [1, 3, 32, 32]), ("y", [1, 10]))
    ]
    graph = helper.make_graph(nodes, "cuts", values[:1], values[1:], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def weft(*arguments):
    done = subprocess.run(["weft", *arguments], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def main():
    folder = sys.argv[1]
    model, given, shapes = f"{folder}/model.onnx", "--input=random:1", []
    if len(sys.argv) > 2:
        model, given, shapes = sys.argv[2], f"--input={sys.argv[3]}", [f"--shape={text}" for text in sys.argv[4:]]
    else:
        build(model)
    code, told = weft("partition", model, "--mesh=model:1", *shapes, "--explain")
    assert code == 0, told
    nodes = list(dict.fromkeys(re.findall(r"^  op \S+ '([^']+)'", told, re.MULTILINE)))
    files = [f"{name}=@{folder}/{name}.npy" for name in re.findall(r"^  output (\S+):", told, re.MULTILINE)]
    code, told = weft("run", model, *shapes, given, *(f"--output={file}" for file in files))
    assert code == 0, told
    job, failed = f"{folder}/cut.weftjob", []
    for name in nodes[1:]:
        code, told = weft("compile", model, "--mesh=model:1", *shapes, f"--cut={name}", "-o", job)
        if code == 0:
            code, told = weft("run", job, given, *(f"--expected={file}" for file in files), "--rtol=0", "--atol=0")
        if code:
            failed.append(f"{name}: {told}")
    print(f"{len(nodes) - 1 - len(failed)} of {len(nodes) - 1} cuts give the same bits", *failed, sep="\n")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
