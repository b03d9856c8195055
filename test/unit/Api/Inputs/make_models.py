# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Writes small_cnn.onnx, which BitEqualTest.cpp builds in C++ too. Weights follow a formula that both compute exactly.
import os

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def weights(shape, step):
    i = np.arange(int(np.prod(shape)), dtype=np.int64)
    return ((i * step % 64 - 32) / 64).astype(np.float32).reshape(shape)


nodes = [
    helper.make_node("Conv", ["x", "w", "b"], ["c"], kernel_shape=[3, 3], pads=[1, 1, 1, 1], name="conv"),
    helper.make_node("Relu", ["c"], ["r"], name="relu"),
    helper.make_node("MaxPool", ["r"], ["p"], kernel_shape=[2, 2], strides=[2, 2], name="pool"),
    helper.make_node("Reshape", ["p", "flat"], ["f"], name="flatten"),
    helper.make_node("MatMul", ["f", "m"], ["d"], name="matmul"),
    helper.make_node("Add", ["d", "a"], ["e"], name="add"),
    helper.make_node("Softmax", ["e"], ["y"], axis=1, name="softmax"),
]
constants = {
    "w": weights((4, 1, 3, 3), 37),
    "b": weights((4,), 11),
    "flat": np.array([2, 64], np.int64),
    "m": weights((64, 10), 29),
    "a": weights((1, 10), 7),
}
graph = helper.make_graph(
    nodes,
    "small_cnn",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 1, 8, 8])],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 10])],
    [numpy_helper.from_array(array, name) for name, array in constants.items()],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="weft-test")
onnx.checker.check_model(model)
onnx.save(model, os.path.join(os.path.dirname(os.path.abspath(__file__)), "small_cnn.onnx"))
