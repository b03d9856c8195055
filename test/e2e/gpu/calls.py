# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Ops that have GPU kernels of their own on the emulator, against numpy: sorts, selections, factorisations, transposes,
running and arg reductions, scatters.

    calls.py sort|top_k|non_zero|factor|transpose|cumulative|arg_reduce|scatter DIR
    calls.py --text DIR     writes the programs only, as DIR/FAMILY.mlir

Each family is one program of all its cases, run with all checks in three orders of threads: the bits must be equal,
and be numpy's (of sums and factors: close, and the matrix again when they are multiplied).
"""

import subprocess
import sys
from pathlib import Path

import numpy as np

FLOATS = {"f4": "f32", "f8": "f64", "f2": "f16"}
TYPES = FLOATS | {"i8": "i64", "i4": "i32", "i1": "i8", "u1": "ui8", "u4": "ui32", "?": "i1"}
SIZES = (0, 1, 3, 31, 33, 127, 1023, 2049)
random = np.random.default_rng(1)


def tensor(array, dims=None):
    element = TYPES[array.dtype.str[1:].replace("b1", "?")]
    return "tensor<" + "".join(f"{d}x" for d in (dims or array.shape)) + element + ">"


def keys(shape, dtype="f4"):
    """Numbers with many equal ones; of floats some are NaN of either sign, infinite, or -0."""
    x = random.integers(0, 2, shape) == 1 if dtype == "?" else random.integers(-9 if dtype[0] != "u" else 0, 9, shape)
    x = x.astype(dtype)
    if dtype[0] == "f":
        for value in (np.nan, -np.nan, -0.0, 0.0, np.inf, -np.inf):
            x[random.random(shape) < 0.05] = value
    return x


def ordered(x):
    """Numbers whose order is that of the sort: NaN last, -0 equal to 0."""
    if x.dtype.kind != "f":
        return x.astype("f8")
    x = x.astype("f8") + 0.0
    rank = np.where(np.isposinf(x), 1e300, np.where(np.isneginf(x), -1e300, x))
    return np.where(np.isnan(x), 2e300, rank)


def positions(columns, axis, descending):
    """The stable order by several columns, the first one first."""
    shape = columns[0].shape
    order = np.arange(shape[axis]).reshape([-1 if d == axis else 1 for d in range(len(shape))])
    order = np.broadcast_to(order, shape)
    for column in reversed(columns):
        rank = ordered(column) * (-1 if descending else 1)
        order = np.take_along_axis(order, np.argsort(np.take_along_axis(rank, order, axis), axis, kind="stable"), axis)
    return order


class Program:
    def __init__(self):
        self.inputs, self.lines, self.results, self.wanted = {}, [], [], {}

    def input(self, array):
        name = f"x{len(self.inputs)}"
        self.inputs[name] = array
        return name

    def op(self, text, operands, results, dims=None):
        """An op over arrays; `results` are the wanted arrays, or functions that judge."""
        names = [self.input(array) for array in operands]
        out = [f"r{len(self.results) + i}" for i in range(len(results))]
        types = [tensor(r, dims) if isinstance(r, np.ndarray) else r[0] for r in results]
        left = ", ".join(f"%{name}" for name in out)
        signature = f"({', '.join(map(tensor, operands))}) -> ({', '.join(types)})"
        self.lines.append(f"  {left} = {text.format(*(f'%{n}' for n in names))} : {signature}")
        for name, kind, result in zip(out, types, results, strict=True):
            self.results.append((name, kind))
            self.wanted[name] = result if isinstance(result, np.ndarray) else result[1]
        return out

    def text(self):
        arguments = ", ".join(f'%{n}: {tensor(a)} {{weft.name = "{n}"}}' for n, a in self.inputs.items())
        returned = ", ".join(f'{kind} {{weft.name = "{name}"}}' for name, kind in self.results)
        names = ", ".join(f"%{name}" for name, _ in self.results)
        text = f"func.func @main({arguments}) -> ({returned}) {{\n" + "\n".join(self.lines)
        return text + f"\n  return {names} : {', '.join(kind for _, kind in self.results)}\n}}\n"

    def run(self, folder):
        model = folder / "model.mlir"
        model.write_text(self.text())
        command = ["weft", "run", str(folder / "model.weft")]
        for name, array in self.inputs.items():
            np.save(folder / f"{name}.npy", array)
            command += ["--input", f"{name}=@{folder / name}.npy"]
        compile_it = ["weft", "compile", str(model), "--target=cuda-emu", "-o", str(folder / "model.weft")]
        subprocess.run(compile_it, check=True)
        first = {}
        for order in ("fifo", "lifo", "random:7"):
            for name, _ in self.results:
                command += ["--output", f"{name}=@{folder / name}.npy"]
            subprocess.run([*command, f"--emulator={order}"], check=True, stdout=subprocess.DEVNULL)
            for name, _ in self.results:
                found = np.load(folder / f"{name}.npy")
                if first.setdefault(name, found.tobytes()) != found.tobytes():
                    sys.exit(f"{name}: other bits with --emulator={order}")
        found = {name: np.load(folder / f"{name}.npy") for name, _ in self.results}
        for name, wanted in self.wanted.items():
            if callable(wanted):
                wanted(found, name)
            elif found[name].shape != wanted.shape or found[name].tobytes() != wanted.tobytes():
                sys.exit(f"{name} of {self.lines}: found {found[name]}, wanted {wanted}")
        print(f"{len(self.lines)} ops, {len(self.results)} results agree")


def sort(program):
    def add(columns, payloads, axis, descending=False):
        order = positions(columns, axis, descending)
        operands = [*columns, *payloads]
        attributes = ("num_keys = %d : i64, " % len(columns)) + f"descending = {'true' if descending else 'false'}"
        text = f"weft.sort {', '.join(f'{{{i}}}' for i in range(len(operands)))} axis {axis} {{{{{attributes}}}}}"
        program.op(text, operands, [np.take_along_axis(x, order, axis) for x in operands])

    for n in SIZES:
        add([keys((2, n))], [random.integers(0, 1 << 40, (2, n))], 1, descending=n % 2 == 1)
    for dtype in TYPES:
        add([keys((5, 40), dtype)], [], 0)
        add([keys((5, 40), dtype)], [], 1, descending=True)
    add([keys((300, 5, 3))], [], 1)  # many short rows to a block
    add([keys((64, 50), "i1"), keys((64, 50), "f8"), keys((64, 50))], [keys((64, 50), "?")], 0)
    add([keys(9001)], [np.arange(9001)], 0)  # merged twice
    add([keys((2, 2050, 2), "f8"), keys((2, 2050, 2), "i8")], [], 1, descending=True)


def top_k(program):
    def add(x, k, axis, largest=True):
        order = np.take(positions([x], axis, largest), range(k), axis)
        text = f"weft.top_k {{}} k [{k}] axis {axis} {{{{largest = {'true' if largest else 'false'}}}}}"
        program.op(text, [x], [np.take_along_axis(x, order, axis), order.astype("i8")])

    for n in SIZES:
        add(keys((2, n)), min(n, 5), 1)
        add(keys((n, 3), "i4"), n // 2, 0, largest=False)
    add(keys(5000), 11, 0)
    add(keys((2, 4100, 2), "f2"), 3, 1, largest=False)


def non_zero(program):
    def add(x):
        rows = np.argwhere(x).astype("i8")
        program.op("weft.non_zero {}", [x], [rows], dims=("?", x.ndim))

    for n in SIZES:
        add(keys(n))
        add(keys((3, n, 2), "?"))
    for dtype in TYPES:
        add(keys((7, 9), dtype))
    add(np.zeros((40, 20), "f4"))
    add(np.ones(70000, "i1"))


def close(wanted, tolerance):
    def judge(found, name):
        if not np.allclose(found[name], wanted, tolerance, tolerance, equal_nan=True):
            sys.exit(f"{name}: found {found[name]}, wanted {wanted}")

    return judge


def judged_there(found, name):
    """Pivots and orders are looked at with the factors that they belong to."""


def factor(program):
    for n, dtype, tolerance in ((1, "f4", 1e-5), (3, "f2", 4e-3), (31, "f8", 1e-10), (33, "f4", 1e-5)):
        square = random.standard_normal((2, n, n))
        a = (square @ square.transpose(0, 2, 1) + n * np.eye(n)).astype(dtype)
        root = np.linalg.cholesky(a.astype("f8"))
        program.op("weft.cholesky {}", [a], [(tensor(a), close(root, tolerance))])
        program.op("weft.cholesky {} {{lower = false}}", [a], [(tensor(a), close(root.transpose(0, 2, 1), tolerance))])
        sides = random.standard_normal((2, n, 70)).astype(dtype)
        for left in (True, False):
            for lower in (True, False):
                for transpose in (True, False):
                    unit = lower != transpose
                    matrix = np.tril(root) if lower else np.triu(root.transpose(0, 2, 1))
                    matrix = matrix.astype(dtype).astype("f8")
                    full = matrix + (np.eye(n) - matrix * np.eye(n) if unit else 0)
                    full = full.transpose(0, 2, 1) if transpose else full
                    b = sides if left else np.ascontiguousarray(sides.transpose(0, 2, 1))
                    x = np.linalg.solve(full if left else full.transpose(0, 2, 1), sides.astype("f8"))
                    x = x if left else x.transpose(0, 2, 1)
                    flags = f"left = {left}, lower = {lower}, transpose = {transpose}, unit_diagonal = {unit}".lower()
                    if dtype == "f4" or n == 3:
                        judge = close(x, 50 * tolerance * max(1, np.abs(x).max()))
                        text = f"weft.triangular_solve {{}}, {{}} {{{{{flags}}}}}"
                        program.op(text, [matrix.astype(dtype), b], [(tensor(b), judge)])
    indefinite = -np.eye(3, dtype="f4")
    program.op("weft.cholesky {}", [indefinite], [(tensor(indefinite), close(np.tril(np.full((3, 3), np.nan)), 0))])
    for m, n in ((1, 1), (3, 5), (31, 7), (33, 33), (0, 2)):
        a = random.standard_normal((2, m, n)).astype("f4")
        steps = min(m, n)

        def again(found, name, a=a, m=m, n=n, steps=steps):
            number = int(name[1:])
            f, pivots, order = (found[f"r{number + i}"] for i in range(3))
            for b in range(2):
                lower = np.tril(f[b, :, :steps], -1) + np.eye(m, steps)
                product = lower @ np.triu(f[b, :steps])
                if np.abs(lower).max(initial=0) > 1 or not np.allclose(product, a[b][order[b]], 1e-4, 1e-5):
                    sys.exit(f"{name}: factors {f[b]} of {a[b]}")
                rows = list(range(m))
                for step, pivot in enumerate(pivots[b]):
                    rows[step], rows[pivot] = rows[pivot], rows[step]
                if rows != list(order[b]):
                    sys.exit(f"{name}: pivots {pivots[b]} do not lead to {order[b]}")

        results = [(tensor(a), again), (f"tensor<2x{steps}xi32>", judged_there), (f"tensor<2x{m}xi32>", judged_there)]
        program.op("weft.lu {}", [a], results)


def transpose(program):
    def add(x, permutation):
        program.op(f"weft.transpose {{}} by {list(permutation)}", [x], [np.ascontiguousarray(x.transpose(permutation))])

    for n in SIZES[2:-1]:
        add(keys((33, n)), (1, 0))
    for dtype in TYPES:
        add(keys((40, 70), dtype), (1, 0))
    add(keys((2, 33, 3, 40)), (0, 2, 3, 1))
    add(keys((2, 33, 3, 40)), (3, 2, 1, 0))
    add(keys((9, 1, 35, 1, 2)), (2, 3, 4, 1, 0))
    add(keys((65, 8, 9)), (1, 2, 0))


def cumulative(program):
    def add(x, axis, kind="add", reverse=False, exclusive=False):
        run = {"add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum}[kind]
        wide = x.astype("f8") if x.dtype.kind == "f" else x
        along = np.flip(wide, axis) if reverse else wide
        with np.errstate(all="ignore"):
            wanted = run.accumulate(along, axis)
        if exclusive:
            first = {"add": 0, "mul": 1, "max": -np.inf, "min": np.inf}[kind]
            start = np.full_like(np.take(wanted, [0], axis), first)
            wanted = np.concatenate([start, np.delete(wanted, -1, axis)], axis)
        wanted = (np.flip(wanted, axis) if reverse else wanted).astype(x.dtype)
        flags = f"reverse = {str(reverse).lower()}, exclusive = {str(exclusive).lower()}"
        exact = x.dtype.kind != "f" or kind in ("max", "min")
        judge = wanted if exact else close(wanted, {"f2": 2e-3, "f4": 1e-4, "f8": 1e-10}[x.dtype.str[1:]])
        result = (tensor(x), judge) if callable(judge) else judge
        program.op(f"weft.cumulative {kind} {{}} axis {axis} {{{{{flags}}}}}", [x], [result])

    for n in SIZES[1:]:
        add(random.standard_normal((2, n)).astype("f4"), 1, reverse=n % 2 == 0, exclusive=n % 3 == 0)
    for dtype in ("f2", "f8", "i4", "i8", "i1", "u4"):
        add(random.integers(-3 if dtype[0] != "u" else 0, 4, (3, 300)).astype(dtype), 1)
    add(random.standard_normal((3, 300, 2)).astype("f4"), 1, "max", reverse=True)
    add(random.standard_normal((3, 300)).astype("f8"), 1, "min", exclusive=True)
    add(random.integers(1, 3, (3, 300)).astype("i8"), 1, "mul", exclusive=True)
    add(random.uniform(0.9, 1.1, (3, 300)).astype("f4"), 1, "mul")
    add(random.standard_normal((300, 40)).astype("f4"), 0)


def arg_reduce(program):
    def add(x, axis, kind="max", last=False):
        find = np.argmax if kind == "max" else np.argmin
        place = find(x, axis)
        if last:
            end = x.shape[axis] - 1 - find(np.flip(x, axis), axis)
            place = np.where(np.isnan(x).any(axis), place, end)
        tie = " tie last" if last else ""
        program.op(f"weft.arg_reduce {kind} {{}} axis {axis}{tie}", [x], [place.astype("i8")])

    for n in SIZES[1:]:
        x = random.integers(-9, 9, (5, n)).astype("f4")
        x[1, n // 2 :: 7] = np.nan
        for kind in ("max", "min"):
            for last in (False, True):
                add(x, 1, kind, last)
    for dtype in TYPES:
        x = random.integers(0, 2 if dtype == "?" else 9, (3, 100)).astype(dtype)
        add(x, 1, last=True)
        add(x, 0, "min")
    add(np.full((2, 50), -np.inf, "f4"), 1)
    add(np.full((2, 50), -np.inf, "f4"), 1, last=True)


def scatter(program):
    def add(x, index, update, kind, wanted, dims, batch=(), index_batch=(), at=0):
        run = {"add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum}
        for place, source in wanted:
            with np.errstate(all="ignore"):
                x[1][place] = update[source] if kind == "set" else run[kind](x[1][place], update[source])
        lists = [f"{name} = array<i64{': ' * bool(v)}{', '.join(map(str, v))}>"
                 for name, v in (("dims", dims), ("batch_dims", batch), ("index_batch_dims", index_batch))]
        text = f"weft.scatter {kind} {{}} at {{}}, {{}} {{{{{', '.join(lists)}, at = {at}}}}}"
        program.op(text, [x[0], index, update], [x[1]])

    for n in (1, 31, 127, 600):
        for kind in ("set", "add", "max"):  # rows, many of them several times, some outside
            x = random.standard_normal((40, 5)).astype("f4")
            index = random.integers(-3, 43, (n, 1)).astype("i4" if n == 31 else "i8")
            update = random.standard_normal((n, 5)).astype("f4")
            inside = [(int(row), i) for i, row in enumerate(index[:, 0]) if 0 <= row < 40]
            add((x, x.copy()), index, update, kind, inside, [0])
    for dtype, kind in (("i1", "add"), ("u1", "max"), ("i8", "min"), ("f8", "mul"), ("f2", "add"), ("?", "set")):
        x, update = keys((6, 7), dtype), keys(50, dtype)
        if dtype[0] == "f":
            x, update = np.nan_to_num(x, posinf=2, neginf=-2), np.nan_to_num(update, posinf=2, neginf=-2)
        index = random.integers(0, 6, (50, 2)).astype("i8")
        add((x, x.copy()), index, update, kind, [(tuple(p), i) for i, p in enumerate(index)], [0, 1])
    # A batch, and what is not indexed on both sides of the indices.
    x = random.standard_normal((3, 4, 9, 2)).astype("f4")
    index, update = random.integers(0, 9, (3, 8, 1)), random.standard_normal((4, 3, 8, 2)).astype("f4")
    places = [((b, slice(None), int(index[b, j, 0])), (slice(None), b, j)) for b in range(3) for j in range(8)]
    add((x, x.copy()), index, update, "add", places, [2], [0], [0], at=1)


def main():
    folder = Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    families = {"sort": sort, "top_k": top_k, "non_zero": non_zero, "factor": factor}
    families |= {"transpose": transpose, "cumulative": cumulative, "arg_reduce": arg_reduce}
    families["scatter"] = scatter
    for name in families if sys.argv[1] == "--text" else sys.argv[1:2]:
        program = Program()
        families[name](program)
        if sys.argv[1] == "--text":
            (folder / f"{name}.mlir").write_text(program.text())
        else:
            program.run(folder)


if __name__ == "__main__":
    main()
