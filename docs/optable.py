# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The table of ops: what each room knows of each op of the weft dialect, read from where the room says so.

A cell is taken from the very line that registers, matches or tests the op, never from a list kept for the table. A
pattern that finds nothing at all is an error: then the code was rewritten, and this file must follow.
"""

import re
from collections import defaultdict

# Templates over an op that ask about one instead of making one.
ASKS = {
    "isa",
    "isa_and_nonnull",
    "isa_and_present",
    "cast",
    "dyn_cast",
    "dyn_cast_or_null",
    "getDefiningOp",
    "Case",
    "getOps",
}


class Source:
    """Texts of a set of files, without comments."""

    def __init__(self, root, *patterns):
        self.paths = sorted(path for pattern in patterns for path in root.glob(pattern))
        if not self.paths:
            raise SystemExit(f"docs/optable.py: no file matches {' '.join(patterns)}")
        self.texts = {path: re.sub(r"//[^\n]*", "", path.read_text(errors="replace")) for path in self.paths}
        self.text = "\n".join(self.texts.values())

    def matches(self, what, pattern):
        found = set(re.findall(pattern, self.text))
        if not found:
            raise SystemExit(f"docs/optable.py: found no {what}: does the code say it in another way now?")
        return found

    def names_in(self, what, pattern):
        """The op classes named in the first group of each match."""
        names = set()
        for group in self.matches(what, pattern):
            names |= set(re.findall(r"\b(\w+Op)\b", group))
        return names


def read_ops(root, families):
    """(family, mnemonic, class, is elementwise) of every op, in the order of the families' files."""
    base = (root / "include/weft/Dialect/Weft/WeftBase.td").read_text()
    ops = []
    for family in families:
        text = re.sub(r"//[^\n]*", "", (root / f"include/weft/Dialect/Weft/{family}Ops.td").read_text())
        classes = {name: body for name, body in re.findall(r"^class (\w+)<(.*?)^[}d]", text + "\ndef", re.M | re.S)}
        for match in re.finditer(r"^def Weft_(\w+Op)\s*:\s*(\w+)<\"(\w+)\"([^{;]*)", text, re.M):
            op, of, mnemonic, rest = match.groups()
            elementwise = "Weft_Elementwise" in rest or "Weft_Elementwise" in classes.get(of, "")
            ops.append((family, mnemonic, op, elementwise))
    if "Weft_Elementwise" not in base or not any(op[3] for op in ops):
        raise SystemExit("docs/optable.py: found no op with the Elementwise trait")
    return ops


def find_tests(root, mnemonics):
    """For each kind of test the ops it names."""
    kinds = {
        "syntax": ("test/Dialect/Weft/*.mlir",),
        "inference": ("test/unit/Dialect/InferenceTest.cpp",),
        "reference": ("test/unit/Reference/*Test.cpp",),
        "kernel": ("test/unit/Conversion/*Test.cpp",),
    }
    named = {}
    for kind, patterns in kinds.items():
        text = Source(root, *patterns).text
        # `weft.op` in IR; "op" or "op attribute" where a test builds the op's text from its name.
        words = set(re.findall(r"\bweft\.(\w+)", text))
        if kind != "syntax":
            words |= set(re.findall(r"\"(\w+)(?: \w+)?\"", text))
        named[kind] = words & mnemonics
    return named


def compiled_by(name, elementwise, rooms):
    """How an op becomes code, in the order in which the compiler would take it."""
    ways = []
    if name in rooms["generated"]:
        ways.append("generator")
    if elementwise or name in rooms["linalg"]:
        ways.append("linalg")
    if name in rooms["called"]:
        ways.append("runtime function")
    if name in rooms["command"]:
        ways.append("host command")
    if name in rooms["rewritten"]:
        ways.append("rewritten")
    if name in rooms["decomposed"] and not ways:
        ways.append("decomposed")
    return ", ".join(ways)


def on_gpu(name, mnemonic, way, rooms):
    """How the op becomes a GPU kernel: the general way takes all that goes through linalg."""
    ways = ["tensor cores"] if name in rooms["tensor cores"] else []
    if name in rooms["gpu ops"]:
        ways.append("kernels of its own")
    if "linalg" in way or "decomposed" in way or (name in rooms["generated"] and not ways):
        ways.append("tiles")
    if mnemonic in rooms["gpu calls"]:
        ways.append("kernels of its own")
    elif "runtime function" in way:
        ways.append("host fallback")
    ways += [word for word in ("host command", "rewritten") if word in way]
    return ", ".join(ways)


def table(root, families):
    ops = read_ops(root, families)
    mnemonics = {op[1] for op in ops}
    importer = Source(root, "lib/Import/Onnx/*.cpp", "lib/Import/Onnx/*.h")
    reference = Source(root, "lib/Reference/*.cpp")
    interpreter = Source(root, "lib/Reference/Interpreter.cpp")
    outline = Source(root, "lib/Codegen/LeaveToHost.cpp")
    host = Source(root, "lib/Codegen/Host/BuildCommands.cpp")
    rooms = {
        "imported": {
            name
            for way, name in importer.matches("op that the importer makes", r"\b(\w+)<(?:ir::)?(\w+Op)\b")
            if way not in ASKS
        }
        | importer.matches("op that the importer creates", r"\b(?:ir::)?(\w+Op)::(?:create|build)\("),
        "evaluated": reference.matches("evaluation", r"\battach<ir::(\w+Op),"),
        "interpreted": interpreter.matches("op of the interpreter", r"\bdyn_cast<ir::(\w+Op)>\(op\)"),
        "decomposed": Source(root, "lib/Transforms/Decompose/*.cpp").matches(
            "decomposition", r"\bir::(\w+Op)::attachInterface<"
        ),
        "linalg": Source(root, "lib/Conversion/WeftToLinalg/WeftToLinalg.cpp").names_in(
            "linalg lowering", r"return (isa<[^>]*>)\(op\);"
        )
        | {"ConstantOp"},
        "generated": Source(root, "lib/Pipeline/GenerateKernel.cpp").names_in(
            "generated root", r"(?:isa|dyn_cast)<(\w+Op)>\((?:parts->root|kernel\.)"
        ),
        "tensor cores": Source(root, "lib/Pipeline/GenerateGpuKernel.cpp").names_in(
            "root for tensor cores", r"isa<([^>]*)>\(parts->root\)"
        ),
        "gpu calls": {
            name
            for group in Source(root, "lib/Codegen/OutlineCalls.cpp").matches(
                "call that GPUs have kernels for", r"\.Cases?\(([^&]*), &CallOutliner"
            )
            for name in re.findall(r'"(\w+)"', group)
        },
        "gpu ops": Source(root, "lib/Pipeline/GenerateGpuOp.cpp").matches(
            "op with a GPU generator of its own", r"dyn_cast<(\w+Op)>\(op\)"
        ),
        "called": outline.names_in("op that becomes a call", r"if \(isa<([^>]*)>\(op\)\)\s*calls\.push_back"),
        "command": host.names_in("host command", r"\.Case<([\w, :]*)>\(\["),
        "split": Source(root, "lib/Partition/*Ops.cpp").matches("sharding rule", r"\battach<ir::(\w+Op),")
        | Source(root, "lib/Partition/ElementwiseOps.cpp").names_in(
            "elementwise sharding rule", r"attachElementwise<([^>]*)>\("
        ),
        "rewritten": Source(root, "lib/Transforms/LowerScan.cpp").matches("rewritten op", r"\b(ScanOp)\b"),
    }
    tests = find_tests(root, mnemonics)
    lines = [
        "What the rooms know of each op of the weft dialect, read from their sources by docs/optable.py.",
        "",
        "- importer: the ONNX importer makes it.",
        "- reference: how it is judged: *op* evaluates itself, *interpreter* where it has regions, effects or symbols.",
        "- compiled by: the ways there are on the CPU, preferred first. *generator*: C++ that writes vector code for",
        "  the cases it takes. *linalg*: WeftToLinalg, then loops. *runtime function*: a call of the runtime by name.",
        "  *host command*: the host does it: control flow, checks, views. *rewritten* in the dialect before. Empty:",
        "  refused with the op's name.",
        "- GPU: the ways there: *tensor cores* for the types and shapes these take, *kernels of its own*: written for the",
        "  op, *tiles*: WeftToLinalg, then the tile dialect. *host fallback*: only with `--allow-fallback`.",
        "- decomposition: can be written with smaller ops (`weft-opt --weft-decompose`).",
        "- sharding: the partitioner can split it over workers; without, it runs whole on each.",
        "- the last four: whether a test of syntax and refusals, of inference, of the reference and of compiled",
        "  kernels names it. Kernels are also tested whole, op by op of ONNX: see [onnx-support.md](onnx-support.md).",
        "",
        "| op | family | importer | reference | compiled by | GPU | decomposition | sharding "
        "| syntax | inference | evaluation | kernel |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    totals = defaultdict(int)
    for family, mnemonic, name, elementwise in ops:
        judged = "op" if name in rooms["evaluated"] else "interpreter" if name in rooms["interpreted"] else ""
        way = compiled_by(name, elementwise, rooms)
        cells = [
            f"[{mnemonic}](dialects/weft-{family.lower()}.md#weft{mnemonic}-weftir{name.lower()})",
            family,
            "yes" if name in rooms["imported"] else "",
            judged,
            way,
            on_gpu(name, mnemonic, way, rooms),
            "yes" if name in rooms["decomposed"] else "",
            "yes" if name in rooms["split"] else "",
        ]
        for kind in ("syntax", "inference", "reference", "kernel"):
            cells.append("yes" if mnemonic in tests[kind] else "")
        columns = ("importer", "reference", "compiled", "gpu", "decomposition", "sharding")
        for column, cell in zip(columns, cells[2:8], strict=True):
            totals[column] += bool(cell)
        lines.append("| " + " | ".join(cells) + " |")
    lines.append(
        f"\n{len(ops)} ops in {len(families)} families; {totals['importer']} made by the ONNX importer, "
        f"{totals['reference']} with a reference, {totals['compiled']} compiled, "
        f"{totals['decomposition']} with a decomposition, {totals['sharding']} with a sharding rule."
    )
    return "\n".join(lines)
