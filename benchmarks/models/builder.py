# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the benchmarks' networks are written against: one topology, built by ONNX, PyTorch or JAX.

A network is a function of a Builder. The builder draws inputs and weights, the same for every framework, and leaves the
ops to its subclass, which uses what the framework's own users would: scaled_dot_product_attention in PyTorch, for one.
Values are the framework's own; activations of convolutions are in the layout that the framework likes best.
"""

import math
import time
from contextlib import contextmanager

import numpy


class Builder:
    drawing_s = {"cpu": 0.0, "wall": 0.0}  # of all builders of this process: no framework's work
    is_drawing = False

    def __init__(self, seed=1):
        self.weight_bits = numpy.random.Generator(numpy.random.PCG64(seed))
        self.input_bits = numpy.random.Generator(numpy.random.PCG64(seed + 1000))
        self.weights, self.at = [], 0
        self.inputs = {}

    def rewind(self):
        """Before the network is called again: the same weights come again, in order."""
        self.at = 0

    @contextmanager
    def drawing(self):
        """Around what makes numbers up."""
        if self.is_drawing:
            yield
            return
        self.is_drawing = True
        cpu, wall = time.process_time(), time.perf_counter()
        yield
        self.drawing_s["cpu"] += time.process_time() - cpu
        self.drawing_s["wall"] += time.perf_counter() - wall
        self.is_drawing = False

    # Inputs and weights.
    def input(self, name, shape, below=None):
        """A float32 input, normal, or with `below` an int64 one in [0, below)."""
        if name not in self.inputs:
            if below is None:
                self.inputs[name] = self.input_bits.standard_normal(shape, numpy.float32)
            else:
                self.inputs[name] = self.input_bits.integers(0, below, shape)
        return self.make_input(name, self.inputs[name])

    def weight(self, shape, deviation, mean=0.0, is_filter=False):
        if self.at == len(self.weights):
            with self.drawing():
                values = self.weight_bits.standard_normal(shape, numpy.float32)
                values *= numpy.float32(deviation)
                values += numpy.float32(mean)
            self.weights.append(self.make_weight(values, is_filter))
        self.at += 1
        return self.weights[self.at - 1]

    def byte_weight(self, shape, bits):
        """int8 codes, of so many bits, of normal numbers, four deviations of which are the largest."""
        if self.at == len(self.weights):
            largest = 2 ** (bits - 1) - 1
            with self.drawing():
                codes = self.weight_bits.standard_normal(shape, numpy.float32) * (largest / 4)
                codes = codes.round().clip(-largest, largest).astype(numpy.int8)
            self.weights.append(self.make_weight(codes, False))
        self.at += 1
        return self.weights[self.at - 1]

    def make_input(self, name, values):
        raise NotImplementedError

    def make_weight(self, values, is_filter):
        raise NotImplementedError

    # Layers: weights and the subclass's op. `gain` scales He's deviation.
    def conv(self, x, channels, kernel, stride=1, pad=0, groups=1, gain=1.0):
        """kernel and pad: an integer or (height, width)."""
        kernel, pad = as_pair(kernel), as_pair(pad)
        inside = self.channels(x) // groups
        w = self.weight(
            [channels, inside, *kernel], gain * math.sqrt(2.0 / (inside * math.prod(kernel))), is_filter=True
        )
        return self.conv_op(x, w, self.weight([channels], 0.05), kernel, stride, pad, groups)

    def linear(self, x, width, gain=1.0):
        """x [..., k] times a [k, width] weight plus a bias."""
        k = self.shape(x)[-1]
        return self.add(self.matmul(x, self.weight([k, width], gain / math.sqrt(k))), self.weight([width], 0.02))

    def layer_norm(self, x, epsilon):
        width = self.shape(x)[-1]
        return self.layer_norm_op(x, self.weight([width], 0.1, 1.0), self.weight([width], 0.02), epsilon)

    def embedding(self, ids, count, width):
        """The rows of a table, and the table."""
        table = self.weight([count, width], 0.02)
        return self.rows(table, ids), table


def as_pair(value):
    return value if isinstance(value, tuple) else (value, value)
