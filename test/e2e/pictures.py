#!/usr/bin/env python3
# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes the first pictures of Fashion-MNIST's test set as an array for the demo's model.

    pictures.py COUNT OUT.npy
"""

import argparse
import gzip
from pathlib import Path

import numpy

TEST_SET = Path("/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", type=int)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    with gzip.open(TEST_SET) as file:
        data = file.read(16 + 784 * args.count)
    pictures = numpy.frombuffer(data, numpy.uint8, 784 * args.count, 16).reshape(-1, 1, 28, 28)
    numpy.save(args.out, pictures.astype(numpy.float32) / numpy.float32(255))


if __name__ == "__main__":
    main()
