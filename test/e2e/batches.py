#!/usr/bin/env python3
# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes inputs and wanted outputs of a small transformer for the batch sizes 1 to 8.

    batches.py MODEL OUT        reads models/MODEL_{ids,y}.npy, writes OUT/{ids,y}_<size>.npy

The stored pair has two sequences and PyTorch's outputs. A sequence's output does not depend on its neighbours, so
batches are made of those two in an order without a period: a kernel that takes a wrong row gets a wrong result.
"""

import argparse
import sys
from pathlib import Path

import numpy

MODELS = Path(__file__).resolve().parent / "models"
ORDER = [0, 1, 1, 0, 1, 0, 0, 1]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", choices=("tiny_bert", "tiny_gpt"))
    parser.add_argument("out", type=Path, help="folder to write")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for size in range(1, len(ORDER) + 1):
        for value in ("ids", "y"):
            stored = numpy.load(MODELS / f"{args.model}_{value}.npy")
            numpy.save(args.out / f"{value}_{size}.npy", stored[ORDER[:size]])


if __name__ == "__main__":
    sys.exit(main())
