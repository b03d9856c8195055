# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# check_inspect.py FILE: what weft inspect --json wrote of the Fashion-MNIST Inception agrees with itself.
import json
import sys

program = json.load(open(sys.argv[1]))
main = program["functions"][0]
assert main["name"] == "main"
assert program["dimensions"] == [{"name": "batch", "lower": 1, "upper": 8, "depends_on_data": False, "sized_at": 8}]
assert main["inputs"] == [{"name": "image", "dtype": "f32", "dims": ["batch", 1, 28, 28]}]
assert main["outputs"] == [{"name": "logits", "dtype": "f32", "dims": ["batch", 10]}]
assert 0 < main["arena_lower_bound"] <= main["arena_bytes"] <= 1.1 * main["arena_lower_bound"], main["arena_bytes"]
first = next(command for command in main["commands"] if "conv" in command["name"])
assert first["read_bytes"] == 8 * 28 * 28 * 4 and first["nodes"] == "/0/0.0/Conv, /0/0.2/Relu", first
assert main["commands"][-1]["write_bytes"] == 8 * 10 * 4
# Each convolution of the model is in one kernel: nothing is lost, nothing is done twice.
nodes = [node for command in main["commands"] if "conv" in command["name"] for node in command["nodes"].split(", ") if node.endswith("/Conv")]
assert len(nodes) == len(set(nodes)) > 20, nodes
assert program["constant_bytes"] > 500000 and program["constants"] > 20
