# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# make_narrow_products.py FILE: products of 384 rows by packed weights of 768 x 256, of bf16 and of bytes of each pair
# of signs, a function each; then of bytes by weights of 7 bits, where 255 times two neighbours of K fits 16 bits, and
# by the same weights but for one pair of which it does not.
import random
import sys

ROWS, DEPTH, COLUMNS = 384, 768, 256
bits = random.Random(1)


def product(name, left, right, result, rows=ROWS, codes=None):
    width = 2 if right == "bf16" else 1
    x, w, y = (f"tensor<{m}x{n}x{t}>" for m, n, t in ((rows, DEPTH, left), (DEPTH, COLUMNS, right), (rows, COLUMNS, result)))
    data = (codes or bytes(bits.randrange(100) for _ in range(DEPTH * COLUMNS * width))).hex()
    return f"""func.func @{name}(%x: {x}) -> {y} {{
  %w = weft.constant dense<"0x{data}"> : {w}
  %0 = weft.dot_general %x, %w batch [] x [] contract [1] x [0] : ({x}, {w}) -> {y}
  return %0 : {y}
}}
"""


with open(sys.argv[1], "w") as file:
    file.write(product("bf16", "bf16", "bf16", "bf16"))
    for left in ("ui8", "i8"):
        for right in ("ui8", "i8"):
            file.write(product(f"{left}_{right}", left, right, "i32"))
    # Row 2, column 5, and the row below it. Products of as many rows share one kernel.
    codes = bytearray(bits.randrange(-64, 64) % 256 for _ in range(DEPTH * COLUMNS))
    first, second = 2 * COLUMNS + 5, 3 * COLUMNS + 5
    codes[first], codes[second] = 1, 127
    for left in ("ui8", "i8"):
        file.write(product(f"{left}_pairs", left, "i8", "i32", 390, codes))
    file.write(product("one_fits", "ui8", "i8", "i32", 408, codes))
    codes[first] = 2
    file.write(product("past_largest", "ui8", "i8", "i32", 396, codes))
    file.write(product("other_does_not", "ui8", "i8", "i32", 408, codes))
    codes[first], codes[second] = 128, 255  # -128 and -1
    file.write(product("past_least", "ui8", "i8", "i32", 402, codes))
