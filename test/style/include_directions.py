#!/usr/bin/env python3
# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which way includes point: every room includes only what stands below it, and foreign headers have one home.

The rooms, from the bottom. A room may include itself and what MAY says; nothing else.

    tools                                                       weft: Api, Distributed; weft-worker: Distributed;
                                                                weft-opt, weft-lsp-server: Pipeline
    CAPI
    Api                                                         both halves meet here, and only as data and as a C table
    Pipeline > Import Reference Transforms Partition Conversion Codegen > Dialect
                                                                the compiler half, with MLIR and LLVM
    Distributed > Runtime                                       the half without
    Program
    Support

    include_directions.py [ROOT]    with ROOT: another tree, for the test of this script
"""

import re
import sys
from pathlib import Path

import sources

COMPILER_ROOMS = {"Import", "Reference", "Transforms", "Partition", "Conversion", "Codegen"}
BASE = {"Support"}
PROGRAM = BASE | {"Program"}
MAY = {
    "Support": set(),
    "Program": BASE,
    "Runtime": PROGRAM,
    "Distributed": PROGRAM | {"Runtime"},
    "Distributed/Grpc": PROGRAM | {"Runtime", "Distributed"},
    "Dialect": PROGRAM,
    **{room: PROGRAM | {"Dialect"} for room in COMPILER_ROOMS},
    "Pipeline": PROGRAM | {"Dialect"} | COMPILER_ROOMS,
    "Api": PROGRAM | {"Runtime"},
    "CAPI": PROGRAM | {"Runtime", "Api", "Weft.h"},
    "PCH": set(),
    # The public header, and the tools.
    "Weft.h": PROGRAM | {"Runtime", "Api"},
    "tools/weft": PROGRAM | {"Runtime", "Distributed", "Api", "Weft.h", "CAPI"},
    "tools/weft-worker": PROGRAM | {"Runtime", "Distributed"},
    "tools/weft-opt": {"Pipeline"},
    "tools/weft-lsp-server": {"Pipeline"},
}
COMPILER_HALF = COMPILER_ROOMS | {"Dialect", "Pipeline", "PCH", "tools/weft-opt", "tools/weft-lsp-server"}

# Includes against the rule, with the reason. One that is not there any more is an error too.
EXCEPTIONS = {
    (
        "include/weft/Conversion/LinalgToLoops.h",
        "weft/Codegen/CPU/ChunkCount.h",
    ): "into how many chunks a kernel is cut: made by the loops, read by code generation and the plan",
    ("lib/Conversion/LinalgToLoops/Kernel.h", "weft/Codegen/CPU/ChunkCount.h"): "the same",
    ("include/weft/Conversion/LinalgToTile.h", "weft/Codegen/CPU/ChunkCount.h"): "the same, of blocks",
}

# Foreign headers, and who may see them.
FOREIGN = [
    (r"(mlir|llvm|llvm-c|clang|lld)/", "MLIR and LLVM", COMPILER_HALF),
    (r"google/protobuf/|.*\.pb\.h$", "protobuf", {"Program", "Import", "Distributed"}),
    (r"grpc(pp)?/", "gRPC", {"Distributed/Grpc"}),
    (r"(cuda|cuda_runtime|nvrtc)\.h$", "CUDA", set()),
    (r"CLI/", "CLI11", {"tools/weft", "tools/weft-worker"}),
    (r"nlohmann/", "nlohmann-json", {"tools/weft", "Api", "Runtime"}),
    (r"spdlog/", "spdlog", {"Support"}),
    (r"(png|jpeglib|jerror)\.h$", "libpng and libjpeg", {"tools/weft", "Support"}),
    (r"zlib\.h$", "zlib", {"Support"}),
]

INCLUDE = re.compile(r"^\s*#?\s*include\s*([<\"])([^>\"]+)[>\"]", re.M)


def room_of(path):
    """The room of a file, or None where the rule does not reach: tests, benchmarks, examples, cmake."""
    parts = path.parts
    if parts[:3] == ("lib", "Distributed", "Grpc"):
        return "Distributed/Grpc"
    if parts[0] == "lib" and len(parts) > 2:
        return parts[1]
    if parts[:2] == ("include", "weft"):
        return parts[2] if len(parts) > 2 else None
    if parts[:2] == ("include", "weft-c"):
        return "CAPI"
    if parts[0] == "tools" and len(parts) > 2:
        return f"tools/{parts[1]}"
    return None


def included_room(header):
    """The room that a header of the project belongs to, or None for others'."""
    parts = Path(header).parts
    if parts[0] == "weft-c":
        return "CAPI"
    return parts[1] if parts[0] == "weft" and len(parts) > 1 else None


def check(root, paths):
    findings, used = [], set()
    for path in paths:
        room = room_of(path)
        if room is None:
            continue
        if room not in MAY:
            findings.append(f"{path}: room '{room}' has no place among the layers: add it to {Path(__file__).name}")
            continue
        for mark, header in INCLUDE.findall((root / path).read_text(errors="replace")):
            target = included_room(header)
            if target is not None:
                if mark == "<":
                    findings.append(f'{path}: <{header}>, wanted "{header}": it is the project\'s own')
                if (str(path), header) in EXCEPTIONS:
                    used.add((str(path), header))
                elif target != room and target not in MAY[room]:
                    allowed = ", ".join(sorted(MAY[room])) or "nothing"
                    findings.append(f"{path}: includes {header}, but {room} may include only {allowed}")
                continue
            if header.startswith(".."):
                findings.append(f"{path}: includes {header}, wanted a header of its folder or of include/weft")
            for pattern, what, homes in FOREIGN:
                if re.match(pattern, header) and room not in homes:
                    where = ", ".join(sorted(homes)) or "no room yet"
                    findings.append(f"{path}: includes {header}: {what} belongs to {where}")
    return findings, used


def main():
    if len(sys.argv) > 1:
        root = Path(sys.argv[1])
        paths = sorted(path.relative_to(root) for path in root.rglob("*") if path.is_file())
        sources.report(check(root, paths)[0])
    findings, used = check(sources.ROOT, sources.sources({".cpp", ".h", ".c", ".td"}))
    for path, header in sorted(set(EXCEPTIONS) - used):
        findings.append(f"{path}: does not include {header} any more: drop the exception")
    sources.report(findings)


if __name__ == "__main__":
    main()
