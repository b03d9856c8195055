# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The six networks of the benchmarks, batch 1: topologies of torchvision and of Hugging Face's models, batch norm
folded into the convolutions as exporters do."""


def resnet50(nn):
    def conv(x, channels, kernel, stride=1, relu=True, gain=1.0):
        x = nn.conv(x, channels, kernel, stride, kernel // 2, gain=gain)
        return nn.relu(x) if relu else x

    def bottleneck(x, width, stride, project):
        y = conv(conv(x, width, 1), width, 3, stride)
        y = conv(y, 4 * width, 1, relu=False, gain=0.5)
        return nn.relu(nn.add(y, conv(x, 4 * width, 1, stride, relu=False) if project else x))

    x = nn.max_pool(conv(nn.input("image", [1, 3, 224, 224]), 64, 7, 2), 3, 2, 1)
    for stage, (width, blocks) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3))):
        for block in range(blocks):
            x = bottleneck(x, width, 2 if stage > 0 and block == 0 else 1, block == 0)
    return nn.linear(nn.global_average(x), 1000)


def inception_v3(nn):
    def conv(x, channels, kernel, stride=1, pad=0):
        return nn.relu(nn.conv(x, channels, kernel, stride, pad))

    def wide(x, channels):
        return conv(x, channels, (1, 7), pad=(0, 3))

    def tall(x, channels):
        return conv(x, channels, (7, 1), pad=(3, 0))

    def pooled(x, channels):
        return conv(nn.average_pool(x, 3, 1, 1), channels, 1)

    def block_a(x, features):
        five = conv(conv(x, 48, 1), 64, 5, pad=2)
        double = conv(conv(conv(x, 64, 1), 96, 3, pad=1), 96, 3, pad=1)
        return nn.concat_channels([conv(x, 64, 1), five, double, pooled(x, features)])

    def block_b(x):
        double = conv(conv(conv(x, 64, 1), 96, 3, pad=1), 96, 3, 2)
        return nn.concat_channels([conv(x, 384, 3, 2), double, nn.max_pool(x, 3, 2, 0)])

    def block_c(x, inner):
        seven = tall(wide(conv(x, inner, 1), inner), 192)
        double = wide(tall(wide(tall(conv(x, inner, 1), inner), inner), inner), 192)
        return nn.concat_channels([conv(x, 192, 1), seven, double, pooled(x, 192)])

    def block_d(x):
        three = conv(conv(x, 192, 1), 320, 3, 2)
        seven = conv(tall(wide(conv(x, 192, 1), 192), 192), 192, 3, 2)
        return nn.concat_channels([three, seven, nn.max_pool(x, 3, 2, 0)])

    def block_e(x):
        def split(y):
            return nn.concat_channels([conv(y, 384, (1, 3), pad=(0, 1)), conv(y, 384, (3, 1), pad=(1, 0))])

        double = split(conv(conv(x, 448, 1), 384, 3, pad=1))
        return nn.concat_channels([conv(x, 320, 1), split(conv(x, 384, 1)), double, pooled(x, 192)])

    x = conv(conv(nn.input("image", [1, 3, 299, 299]), 32, 3, 2), 32, 3)
    x = nn.max_pool(conv(x, 64, 3, pad=1), 3, 2, 0)
    x = nn.max_pool(conv(conv(x, 80, 1), 192, 3), 3, 2, 0)
    for features in (32, 64, 64):
        x = block_a(x, features)
    x = block_b(x)
    for inner in (128, 160, 160, 192):
        x = block_c(x, inner)
    x = block_e(block_e(block_d(x)))
    return nn.linear(nn.global_average(x), 1000)


def mobilenet_v2(nn):
    def conv(x, channels, kernel, stride=1, groups=1):
        return nn.relu6(nn.conv(x, channels, kernel, stride, kernel // 2, groups))

    x, channels = conv(nn.input("image", [1, 3, 224, 224]), 32, 3, 2), 32
    stages = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
    for expansion, width, blocks, first_stride in stages:
        for block in range(blocks):
            stride, inner = first_stride if block == 0 else 1, channels * expansion
            y = conv(x, inner, 1) if expansion > 1 else x
            y = nn.conv(conv(y, inner, 3, stride, groups=inner), width, 1)
            x = nn.add(x, y) if stride == 1 and channels == width else y
            channels = width
    return nn.linear(nn.global_average(conv(x, 1280, 1)), 1000)


def bert_base(nn, tokens=128, layers=12, width=768, heads=12):
    ids, types = nn.input("input_ids", [1, tokens], below=30522), nn.input("token_type_ids", [1, tokens], below=2)
    mask = nn.mask_bias(nn.input("attention_mask", [1, tokens], below=2))
    x = nn.add(nn.embedding(ids, 30522, width)[0], nn.embedding(types, 2, width)[0])
    x = nn.layer_norm(nn.add(x, nn.weight([1, tokens, width], 0.02)), 1e-12)
    for _ in range(layers):
        q, k, v = (nn.linear(x, width) for _ in range(3))
        y = nn.linear(nn.attention(q, k, v, heads, mask=mask), width)
        x = nn.layer_norm(nn.add(x, y), 1e-12)
        y = nn.linear(nn.gelu(nn.linear(x, 4 * width)), width)
        x = nn.layer_norm(nn.add(x, y), 1e-12)
    return x


def gpt2(nn, tokens=128, layers=12, width=768, heads=12):
    x, table = nn.embedding(nn.input("input_ids", [1, tokens], below=50257), 50257, width)
    x = nn.add(x, nn.weight([1, tokens, width], 0.02))
    for _ in range(layers):
        q, k, v = nn.split3(nn.linear(nn.layer_norm(x, 1e-5), 3 * width))
        x = nn.add(x, nn.linear(nn.attention(q, k, v, heads, causal=True), width))
        y = nn.gelu(nn.linear(nn.layer_norm(x, 1e-5), 4 * width), tanh=True)
        x = nn.add(x, nn.linear(y, width))
    return nn.matmul(nn.layer_norm(x, 1e-5), nn.transposed(table))


def vit_b16(nn, layers=12, width=768, heads=12):
    x = nn.tokens(nn.conv(nn.input("image", [1, 3, 224, 224]), width, 16, 16))
    x = nn.add(nn.prepend(nn.weight([1, 1, width], 0.02), x), nn.weight([1, 197, width], 0.02))
    for _ in range(layers):
        q, k, v = nn.split3(nn.linear(nn.layer_norm(x, 1e-6), 3 * width))
        x = nn.add(x, nn.linear(nn.attention(q, k, v, heads), width))
        x = nn.add(x, nn.linear(nn.gelu(nn.linear(nn.layer_norm(x, 1e-6), 4 * width)), width))
    return nn.linear(nn.first_token(nn.layer_norm(x, 1e-6)), 1000)
