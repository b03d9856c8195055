# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# make_narrow_products.py FILE: products of 384 rows by packed weights of 768 x 256, of bf16 and of bytes of each pair
# of signs, a function each.
import random
import sys

ROWS, DEPTH, COLUMNS = 384, 768, 256
bits = random.Random(1)


def product(name, left, right, result):
    width = 2 if right == "bf16" else 1
    x, w, y = (f"tensor<{m}x{n}x{t}>" for m, n, t in ((ROWS, DEPTH, left), (DEPTH, COLUMNS, right), (ROWS, COLUMNS, result)))
    data = bytes(bits.randrange(100) for _ in range(DEPTH * COLUMNS * width)).hex()
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
