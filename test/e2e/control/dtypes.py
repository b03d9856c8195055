# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# One program per element type: arithmetic, extremes, comparisons and conversions over values at the edges of the type,
# against numpy.
import subprocess
import sys
from pathlib import Path

import numpy as np

np.seterr(all="ignore")
out = Path(sys.argv[1])
floats = {"f64": "f8", "f32": "f4", "f16": "f2"}
integers = {"i8": "i1", "ui8": "u1", "i64": "i8"}


def edges(numpy_type):
    if numpy_type.startswith("f"):
        info = np.finfo(numpy_type)
        values = [0, -0.0, 1, -1.5, 2.5, np.nan, np.inf, -np.inf, info.max, -info.max, info.smallest_subnormal, 3]
    else:
        info = np.iinfo(numpy_type)
        values = [0, 1, 2, 3, info.max, info.min, info.max - 1, 100, 7, 5]
    return np.array(values, numpy_type)


def run(name, text, inputs, wanted):
    (out / f"{name}.mlir").write_text(text)
    command = ["weft", "run", str(out / f"{name}.mlir"), "--rtol", "0", "--atol", "0"]
    for key, value in inputs.items():
        np.save(out / f"{name}_{key}.npy", value)
        command += ["--input", f"{key}=@{out}/{name}_{key}.npy"]
    for key, value in wanted.items():
        np.save(out / f"{name}_{key}.npy", value)
        command += ["--expected", f"{key}=@{out}/{name}_{key}.npy"]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{name}:\n{result.stdout}{result.stderr}")


def program(arguments, ops):
    """ops: (name of the result, op with operands, types of operands, type of the result)."""
    body = "".join(f"  %{n} = weft.{op} : ({', '.join(types)}) -> {to}\n" for n, op, types, to in ops)
    results = ", ".join(f'{to} {{weft.name = "{n}"}}' for n, _, _, to in ops)
    names, types = ", ".join(f"%{op[0]}" for op in ops), ", ".join(op[3] for op in ops)
    return f"func.func @main({arguments}) -> ({results}) {{\n{body}  return {names} : {types}\n}}\n"


def elementwise(name, numpy_type):
    values = edges(numpy_type)
    x, y = (part.ravel() for part in np.meshgrid(values, values, indexing="ij"))
    t, b = f"tensor<{len(x)}x{name}>", f"tensor<{len(x)}xi1>"
    ops = [(op, f"{op} %x, %y", [t, t], t) for op in ("add", "sub", "mul", "max", "min")]
    wanted = dict(add=x + y, sub=x - y, mul=x * y, max=np.maximum(x, y), min=np.minimum(x, y))
    for kind, relation in dict(lt=np.less, le=np.less_equal, eq=np.equal, ne=np.not_equal).items():
        ops.append((kind, f"compare {kind} %x, %y", [t, t], b))
        wanted[kind] = relation(x, y)
    ops.append(("neg", "neg %x", [t], t))
    wanted["neg"] = np.negative(x)
    if numpy_type.startswith("f"):
        ops += [("div", "div %x, %y", [t, t], t), ("floor", "floor %x", [t], t), ("sqrt", "sqrt %x", [t], t)]
        wanted |= dict(div=x / y, floor=np.floor(x), sqrt=np.sqrt(x))
    run(f"elementwise_{name}", program(f'%x: {t} {{weft.name = "x"}}, %y: {t} {{weft.name = "y"}}', ops),
        dict(x=x, y=y), wanted)


for name, numpy_type in (floats | integers).items():
    elementwise(name, numpy_type)

# Booleans.
p, q = np.array([0, 0, 1, 1], bool), np.array([0, 1, 0, 1], bool)
b = "tensor<4xi1>"
run("logic", program(f'%p: {b} {{weft.name = "p"}}, %q: {b} {{weft.name = "q"}}',
                     [(op, f"{op} %p, %q", [b, b], b) for op in ("and", "or", "xor")] + [("not", "not %p", [b], b)]),
    dict(p=p, q=q), {"and": p & q, "or": p | q, "xor": p ^ q, "not": ~p})

# bf16 has no numpy type: the sum is rounded to even, by hand. Halfway cases, overflow, infinities, NaN. One kernel may
# keep f32 throughout, so the sum goes through memory.
x = np.array([1, 1, 1.0078125, 3.3895314e38, np.inf, -np.inf, np.nan, -2.5], "f4")
y = np.array([2**-8, 2**-9, 2**-8, 3.3895314e38, 1, np.inf, 1, 2.5], "f4")
total = (x.astype("f8") + y).astype("f4")
bits = total.view("u4")
rounded = ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).astype("u4").view("f4")
rounded = np.where(np.isnan(total), np.float32(np.nan), rounded)
f, h = "tensor<8xf32>", "tensor<8xbf16>"
run("bf16", f"""func.func @main(%x: {f} {{weft.name = "x"}}, %y: {f} {{weft.name = "y"}}) -> ({f} {{weft.name = "z"}}) {{
  %0 = weft.convert %x : ({f}) -> {h}
  %1 = weft.convert %y : ({f}) -> {h}
  %2 = weft.add %0, %1 : ({h}, {h}) -> {h}
  %3 = weft.barrier %2 : ({h}) -> {h}
  %4 = weft.convert %3 : ({h}) -> {f}
  return %4 : {f}
}}
""", dict(x=x, y=y), dict(z=rounded))
print("all agree")
