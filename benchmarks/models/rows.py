# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The rows of the benchmarks: kernels by themselves, then whole networks. Each is a function of a Builder."""

import networks


def gemm(m, k, n, constant):
    """A matrix product; `constant`: the right factor is a weight, which may be packed ahead."""

    def row(nn):
        right = nn.weight([k, n], 0.02) if constant else nn.input("b", [k, n])
        return nn.matmul(nn.input("a", [m, k]), right)

    return row


def gemm_bytes(bits):
    """As a dynamically quantised layer has it: values become u8 by their range, weights are i8 of so many bits."""
    scale = 0.02 * 4 / (2 ** (bits - 1) - 1)
    return lambda nn: nn.matmul_bytes(nn.input("a", [128, 768]), nn.byte_weight([768, 3072], bits), scale)


def conv(height, channels, filters, kernel, groups=1):
    return lambda nn: nn.conv(nn.input("x", [1, channels, height, height]), filters, kernel, 1, kernel // 2, groups)


def gelu_chain(nn):
    x = nn.input("x", [4096, 1024])
    return nn.add(nn.gelu(nn.add(nn.multiply(x, nn.weight([1024], 1.0)), nn.weight([1024], 1.0))), x)


def attention(nn):
    q, k, v = (nn.input(name, [1, 512, 768]) for name in "qkv")
    return nn.attention(q, k, v, 12)


KERNELS = {
    "gemm-1024": (gemm(1024, 1024, 1024, False), "GEMM 1024x1024x1024, two inputs"),
    "gemm-skinny": (gemm(128, 768, 3072, True), "GEMM 128x768x3072, constant weight"),
    "gemm-4-rows": (gemm(4, 4096, 4096, True), "GEMM 4x4096x4096, constant weight"),
    "gemm-bf16": (
        lambda nn: nn.matmul_bf16(nn.input("a", [128, 768]), nn.weight([768, 3072], 0.02)),
        "GEMM 128x768x3072 in bf16, constant weight",
    ),
    "gemm-int8": (gemm_bytes(8), "GEMM 128x768x3072 in int8, quantised at run time, constant weight"),
    "gemm-int8-7bit": (gemm_bytes(7), "GEMM 128x768x3072 in int8, weights of 7 bits"),
    "conv-3x3": (conv(56, 64, 64, 3), "conv 3x3, 56x56x64 to 64"),
    "conv-1x1": (conv(56, 64, 256, 1), "conv 1x1, 56x56x64 to 256"),
    "conv-depthwise": (conv(56, 144, 144, 3, 144), "conv 3x3 depthwise, 56x56x144"),
    "softmax": (lambda nn: nn.softmax(nn.input("x", [4096, 1024])), "softmax 4096x1024"),
    "layer-norm": (lambda nn: nn.layer_norm(nn.input("x", [4096, 1024]), 1e-5), "layer norm 4096x1024"),
    "gelu-chain": (gelu_chain, "GELU(x*w+b)+x 4096x1024"),
    "attention": (attention, "attention, 12 heads, 512x64"),
}
MODELS = {
    "resnet50": (networks.resnet50, "ResNet-50, 224"),
    "inception-v3": (networks.inception_v3, "Inception v3, 299"),
    "mobilenet-v2": (networks.mobilenet_v2, "MobileNet v2, 224"),
    "bert-base": (networks.bert_base, "BERT-base, 128 tokens"),
    "gpt2": (networks.gpt2, "GPT-2 small, 128 tokens, logits"),
    "vit-b16": (networks.vit_b16, "ViT-B/16, 224"),
}
ROWS = {**KERNELS, **MODELS}
SEEDS = {name: 1 + index for index, name in enumerate(ROWS)}
# How far from the reference evaluator's an output may be, as a fraction of its largest element, before it counts as wrong.
TOLERANCES = {name: 1e-2 if name == "gemm-bf16" else 1e-3 for name in ROWS}
