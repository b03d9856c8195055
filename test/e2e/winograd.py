# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# winograd.py FILE: writes a model of two 3x3 convolutions, one whose plane asks for tiles of 4 x 4 and one for 2 x 2.
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

random = np.random.default_rng(5)
constants, nodes, inputs, outputs = [], [], [], []
for name, channels, height, width in (("large", 48, 29, 31), ("small", 128, 14, 14)):
    weights = random.standard_normal((64, channels, 3, 3)).astype(np.float32) / np.sqrt(9 * channels)
    constants.append(numpy_helper.from_array(weights.astype(np.float32), f"{name}.w"))
    nodes.append(helper.make_node("Conv", [f"{name}.x", f"{name}.w"], [f"{name}.y"], name=name, pads=[1, 1, 1, 1]))
    inputs.append(helper.make_tensor_value_info(f"{name}.x", TensorProto.FLOAT, [2, channels, height, width]))
    outputs.append(helper.make_tensor_value_info(f"{name}.y", TensorProto.FLOAT, [2, 64, height, width]))
graph = helper.make_graph(nodes, "winograd", inputs, outputs, constants)
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), sys.argv[1])
