# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# damage.py PROGRAM FOLDER: cut, changed and random .weft files, none of which may load.
import os
import random
import sys

data = open(sys.argv[1], "rb").read()
os.makedirs(sys.argv[2], exist_ok=True)


def write(name, contents):
    with open(os.path.join(sys.argv[2], name + ".weft"), "wb") as file:
        file.write(contents)


random.seed(5)
write("empty", b"")
write("noise", random.randbytes(5000))
write("magic", data[:8])
write("longer", data + b"\0")
for part in (0.1, 0.5, 0.9):
    write(f"cut{part}", data[: int(len(data) * part)])
for i in range(8):
    changed = bytearray(data)
    changed[random.randrange(64, 600)] ^= 1 << random.randrange(8)  # inside the manifest
    write(f"changed{i}", bytes(changed))
