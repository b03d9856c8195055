# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The benchmarks' networks in PyTorch, op by op (eager), convolutions channels-last."""

import torch
from torch.nn import functional

from builder import Builder


class TorchBuilder(Builder):
    def make_input(self, name, values):
        return (
            self.input_tensors[name] if hasattr(self, "input_tensors") else self.make_weight(values, values.ndim == 4)
        )

    def make_weight(self, values, is_filter):
        tensor = torch.from_numpy(values)
        return tensor.contiguous(memory_format=torch.channels_last) if is_filter else tensor

    def freeze_inputs(self):
        """Keeps the inputs as tensors, so that calling the network again converts nothing."""
        self.input_tensors = {name: self.make_weight(x, x.ndim == 4) for name, x in self.inputs.items()}

    def shape(self, x):
        return x.shape

    def channels(self, x):
        return x.shape[1]

    def conv_op(self, x, w, b, kernel, stride, pad, groups):
        return functional.conv2d(x, w, b, stride, pad, 1, groups)

    def max_pool(self, x, kernel, stride, pad):
        return functional.max_pool2d(x, kernel, stride, pad)

    def average_pool(self, x, kernel, stride, pad):
        return functional.avg_pool2d(x, kernel, stride, pad)

    def global_average(self, x):
        return functional.adaptive_avg_pool2d(x, 1).flatten(1)

    def concat_channels(self, values):
        return torch.cat(values, 1)

    def relu(self, x):
        return functional.relu(x)

    def relu6(self, x):
        return functional.relu6(x)

    def add(self, a, b):
        return a + b

    def multiply(self, a, b):
        return a * b

    def matmul(self, a, b):
        return a @ b

    def matmul_bf16(self, a, b):
        if not hasattr(self, "narrow"):
            self.narrow = b.bfloat16()
        return (a.bfloat16() @ self.narrow).float()

    def matmul_bytes(self, a, codes, scale):
        if not hasattr(self, "packed"):
            if "onednn" in torch.backends.quantized.supported_engines:
                torch.backends.quantized.engine = "onednn"  # the fastest
            weight = torch._make_per_tensor_quantized_tensor(codes.T.contiguous(), scale, 0)
            self.packed = torch.ops.quantized.linear_prepack(weight, None)
        return torch.ops.quantized.linear_dynamic(a, self.packed)

    def transposed(self, x):
        return x.T

    def rows(self, table, ids):
        return functional.embedding(ids, table)

    def layer_norm_op(self, x, scale, bias, epsilon):
        return functional.layer_norm(x, x.shape[-1:], scale, bias, epsilon)

    def softmax(self, x):
        return functional.softmax(x, -1)

    def gelu(self, x, tanh=False):
        return functional.gelu(x, approximate="tanh" if tanh else "none")

    def mask_bias(self, mask):
        return (mask[:, None, None, :].float() - 1) * 10000

    def attention(self, q, k, v, heads, causal=False, mask=None):
        n, s, width = q.shape
        q, k, v = (x.view(n, s, heads, width // heads).transpose(1, 2) for x in (q, k, v))
        y = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal)
        return y.transpose(1, 2).reshape(n, s, width)

    def split3(self, x):
        return x.chunk(3, -1)

    def tokens(self, x):
        return x.flatten(2).transpose(1, 2)

    def prepend(self, token, x):
        return torch.cat([token, x], 1)

    def first_token(self, x):
        return x[:, 0]


class Network(torch.nn.Module):
    """A network as torch.compile wants it: a module whose parameters are the weights, called with the inputs."""

    def __init__(self, builder, network):
        super().__init__()
        network(builder)  # draws weights and inputs
        builder.freeze_inputs()
        self.builder, self.network = builder, network
        self.parameters_in_order = torch.nn.ParameterList(
            torch.nn.Parameter(weight, requires_grad=False) for weight in builder.weights
        )

    def inputs(self):
        return dict(self.builder.input_tensors)

    def forward(self, inputs):
        self.builder.rewind()
        self.builder.weights = self.parameters_in_order
        self.builder.input_tensors = inputs
        return self.network(self.builder)
