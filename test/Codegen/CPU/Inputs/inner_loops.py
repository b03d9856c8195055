# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Counts what stands in the inner loops of kernels: reads x86 assembly (weft compile --emit=asm).

    inner_loops.py FILE.s

For each function NAME.body, a line for each innermost loop that has vector arithmetic, then one for all of it:

    NAME loop: zmm fma=28 arithmetic=0 loads=30 stores=0 scalar=0 spills=0 calls=0 widening=0
    NAME kernel: scalar=0 spills=0

fma (dot products too) and arithmetic count instructions on vectors; loads and stores those of vectors that name memory; scalar floating-point
arithmetic on one element; spills accesses of vector instructions to the stack; widening what makes 32-bit or 16-bit elements of narrower ones: extensions,
shifts, masks. A scalar tail would stand behind its loop.
"""

import re
import sys

FUNCTION = re.compile(r"^([A-Za-z_][\w.]*)\.body:")
LABEL = re.compile(r"^(\.L\w+):")
JUMP = re.compile(r"^\tj[a-z]+\s+(\.L\w+)")
INSTRUCTION = re.compile(r"^\t(?:\{vex\}\s)?([a-z][a-z0-9]*)\s*(.*)$")
FMA = re.compile(r"^vf(n?m)(add|sub|addsub|subadd)\d+([ps][sdh])$")
DOT = re.compile(r"^v(dpbf16ps|pdpbusd|pmaddwd)$")
ARITHMETIC = re.compile(r"^v(add|sub|mul|div|max|min|sqrt|rcp14|rsqrt14|scalef|reduce|rndscale|round)([ps][sdh])$")
WIDENING = re.compile(r"^v(pmov[sz]x\w+|cvtph2ps|ps[lr]l[wdq]|psra[wdq]|p?and\w*)$")
STACK = re.compile(r"\(%rsp[,)]")  # kernels have no frame pointer


class Instruction:
    def __init__(self, name, operands):
        operands = operands.split("#")[0].strip()
        registers = re.findall(r"%([xyz]mm)\d", operands)
        self.width = max(registers, default="")
        self.kinds = set()
        fused = FMA.match(name)
        if arithmetic := fused or ARITHMETIC.match(name):
            is_vector = arithmetic[arithmetic.lastindex].startswith("p")
            self.kinds.add("scalar" if not is_vector else "fma" if fused else "arithmetic")
        if DOT.match(name):
            self.kinds.add("fma")
        if WIDENING.match(name):
            self.kinds.add("widening")
        if registers and "(" in operands:
            # The destination comes last.
            self.kinds.add("stores" if operands.endswith(")") else "loads")
            if STACK.search(operands):
                self.kinds.add("spills")
        if name.startswith("call"):
            self.kinds.add("calls")


def functions(lines):
    """The lines of each NAME.body: labels as text, instructions parsed."""
    name, body = None, []
    for line in lines:
        if match := FUNCTION.match(line):
            name, body = match[1], []
        elif name and line.startswith(".Lfunc_end"):
            yield name, body
            name = None
        elif name and (match := LABEL.match(line)):
            body.append(match[1])
        elif name and (match := INSTRUCTION.match(line)):
            body.append((match, line))


def loops(body):
    """Ranges of the innermost loops: from a label to the last jump back to it, with no such range inside."""
    places = {item: i for i, item in enumerate(body) if isinstance(item, str)}
    ends = {}
    for i, item in enumerate(body):
        if not isinstance(item, str) and (jump := JUMP.match(item[1])):
            start = places.get(jump[1])
            if start is not None and start < i:
                ends[start] = i
    ranges = [*ends.items()]
    return [(a, b) for a, b in ranges if not any((c, d) != (a, b) and a <= c and d <= b for c, d in ranges)]


def report(instructions, keys):
    return " ".join(f"{key}={sum(key in instruction.kinds for instruction in instructions)}" for key in keys)


def main():
    with open(sys.argv[1]) as file:
        for name, body in functions(file):
            parsed = [Instruction(*item[0].groups()) if not isinstance(item, str) else None for item in body]
            for first, last in loops(body):
                loop = [instruction for instruction in parsed[first : last + 1] if instruction]
                widths = [i.width for i in loop if i.kinds & {"fma", "arithmetic"}]
                if widths:
                    keys = ("fma", "arithmetic", "loads", "stores", "scalar", "spills", "calls", "widening")
                    print(f"{name} loop: {max(widths)} {report(loop, keys)}")
            print(f"{name} kernel: {report([i for i in parsed if i], ('scalar', 'spills'))}")


main()
