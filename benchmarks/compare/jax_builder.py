# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The benchmarks' networks in JAX, for jax.jit; activations of convolutions are NHWC."""

import jax
import numpy
from jax import lax
from jax import numpy as jnp

from builder import Builder


class JaxBuilder(Builder):
    def program(self, network):
        """A function of (weights, inputs), and those two."""

        def call(weights, inputs):
            self.rewind()
            self.weights, self.given = weights, inputs
            return network(self)

        self.given = None
        with self.drawing():
            jax.eval_shape(lambda: network(self))
        weights = [jnp.asarray(w) for w in self.weights]
        return (
            call,
            weights,
            {name: jnp.asarray(x.astype("int32") if x.dtype == "int64" else x) for name, x in self.inputs.items()},
        )

    def make_input(self, name, values):
        x = jnp.asarray(values) if self.given is None else self.given[name]
        return jnp.transpose(x, (0, 2, 3, 1)) if x.ndim == 4 else x

    def make_weight(self, values, is_filter):
        return numpy.ascontiguousarray(values.transpose(2, 3, 1, 0)) if is_filter else values

    def shape(self, x):
        return x.shape

    def channels(self, x):
        return x.shape[3]

    def conv_op(self, x, w, b, kernel, stride, pad, groups):
        pads, layout = [(p, p) for p in pad], ("NHWC", "HWIO", "NHWC")
        y = lax.conv_general_dilated(x, w, (stride, stride), pads, dimension_numbers=layout, feature_group_count=groups)
        return y + b

    def pool(self, x, start, kind, kernel, stride, pad):
        pads = ((0, 0), (pad, pad), (pad, pad), (0, 0))
        return lax.reduce_window(x, start, kind, (1, kernel, kernel, 1), (1, stride, stride, 1), pads)

    def max_pool(self, x, kernel, stride, pad):
        return self.pool(x, -jnp.inf, lax.max, kernel, stride, pad)

    def average_pool(self, x, kernel, stride, pad):
        return self.pool(x, 0.0, lax.add, kernel, stride, pad) / (kernel * kernel)

    def global_average(self, x):
        return x.mean((1, 2))

    def concat_channels(self, values):
        return jnp.concatenate(values, 3)

    def relu(self, x):
        return jax.nn.relu(x)

    def relu6(self, x):
        return jax.nn.relu6(x)

    def add(self, a, b):
        return a + b

    def multiply(self, a, b):
        return a * b

    def matmul(self, a, b):
        return a @ b

    def matmul_bf16(self, a, b):
        return (a.astype(jnp.bfloat16) @ b.astype(jnp.bfloat16)).astype(jnp.float32)

    def matmul_bytes(self, a, codes, scale):
        raise NotImplementedError("JAX has no product of quantised values")

    def transposed(self, x):
        return x.T

    def rows(self, table, ids):
        return jnp.asarray(table)[ids]

    def layer_norm_op(self, x, scale, bias, epsilon):
        mean = x.mean(-1, keepdims=True)
        variance = jnp.square(x - mean).mean(-1, keepdims=True)
        return (x - mean) * lax.rsqrt(variance + epsilon) * scale + bias

    def softmax(self, x):
        return jax.nn.softmax(x)

    def gelu(self, x, tanh=False):
        return jax.nn.gelu(x, approximate=tanh)

    def mask_bias(self, mask):
        return (mask[:, None, None, :].astype(jnp.float32) - 1) * 10000

    def attention(self, q, k, v, heads, causal=False, mask=None):
        n, s, width = q.shape
        q, k, v = (x.reshape(n, s, heads, width // heads) for x in (q, k, v))
        return jax.nn.dot_product_attention(q, k, v, bias=mask, is_causal=causal).reshape(n, s, width)

    def split3(self, x):
        return jnp.split(x, 3, -1)

    def tokens(self, x):
        return x.reshape(x.shape[0], -1, x.shape[3])

    def prepend(self, token, x):
        return jnp.concatenate([token, x], 1)

    def first_token(self, x):
        return x[:, 0]

    def nchw(self, y):
        """A result in the layout of the ONNX model."""
        return y.transpose(0, 3, 1, 2) if y.ndim == 4 else y
