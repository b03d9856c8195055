#!/usr/bin/env python3
# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Small rules of the house that hold for every file.

- The licence stands in the first lines of sources, the file's own opening comment after it (C++ and .td).
- Header guards are WEFT_<ROOM>_<FILE>_H after the path.
- No notes of unfinished work, no paths of one machine, no tabs, no blanks at the ends of lines, one newline at the end.
- A unit test is <File>Test.cpp; a pass is one file named like its definition, with a test named like its flag.
- A file of more than 600 lines is told, not refused: look for the second question inside.

    house_rules.py [ROOT]    with ROOT: another tree, for the test of this script
"""

import re
import sys
from pathlib import Path

import sources

LICENCE = "Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE."
SPDX = "SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception"
LONG = 600
# Spelled apart, so that this file is not its own finding.
UNFINISHED = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" * 3 + "(?=[: ])", "HA" + "CK")) + r")\b")
MACHINE = re.compile(r"(?<![\w.$}/~*-])/(work|root|home/[a-z]+|mnt|tmp/w)(/|\b)")
TEXT = {".md", ".mlir", ".test", ".txt", ".json", ".yaml", ".toml", ".cfg", ".in", ".proto"} | sources.SOURCE
# Paths that tests make up.
MADE_UP = {"test/unit/Support/CacheDirTest.cpp": "/" + "home/u"}


def guard_of(path):
    parts = path.with_suffix("").parts
    if parts[0] == "include":
        parts = parts[2:] if parts[1] == "weft" else parts[1:]
    words = [re.sub(r"[^A-Za-z0-9]", "_", part).upper().removeprefix("WEFT_") for part in parts if part]
    return "_".join(["WEFT", *words]) + ("_TD" if path.suffix == ".td" else "_H")


def check_licence(path, text):
    head = "\n".join(text.split("\n")[:4])
    if LICENCE not in head or SPDX not in head:
        yield f"{path}:1: no licence, wanted '{LICENCE}' and '{SPDX}' in the first lines"
    elif path.suffix in (".cpp", ".h", ".td", ".c") and not path.name.endswith(".inc"):
        lines = text.split("\n")
        starts = (("//", "// "), (" *", " * "))
        if len(lines) < 4 or not any(lines[2] == blank and lines[3].startswith(start) for blank, start in starts):
            yield f"{path}:3: no opening comment after the licence, wanted '//' and the file's answer in a sentence"


def check_guard(path, text):
    found = re.search(r"^#ifndef (\w+)\n#define (\w+)", text, re.M)
    wanted = guard_of(path)
    if not found or found.group(1) != wanted or found.group(2) != wanted:
        yield f"{path}: header guard {found.group(1) if found else 'is missing'}, wanted {wanted}"


def check_lines(path, text):
    for number, line in enumerate(text.split("\n"), 1):
        if match := UNFINISHED.search(line):
            yield f"{path}:{number}: '{match.group(1)}', wanted the work done, or an issue"
        if (match := MACHINE.search(line)) and MADE_UP.get(str(path), "\0") not in line:
            yield f"{path}:{number}: '{match.group(0)}' is a path of one machine"
        if line != line.rstrip() and path.suffix not in (".md", ".test", ".mlir"):
            yield f"{path}:{number}: blanks at the end of the line"
        if "\t" in line and path.suffix in sources.SOURCE and path.suffix != ".c":
            yield f"{path}:{number}: a tab"
    if text and (not text.endswith("\n") or text.endswith("\n\n")):
        yield f"{path}: ends without a newline, or with more than one"


def check_unit_test_names(path):
    parts = path.parts
    if parts[:2] != ("test", "unit") or path.suffix != ".cpp":
        return
    text = sources.read(path)
    if re.search(r"^(TEST|TEST_P|TEST_F)\(", text, re.M) and not path.stem.endswith("Test"):
        yield f"{path}: holds tests, wanted a name that ends in Test.cpp"


def check_passes(paths):
    """One room per pass: file = definition = flag = test."""
    known = {str(path) for path in paths}
    for td in (path for path in paths if path.suffix == ".td" and path.parts[:2] == ("include", "weft")):
        for name, flag in re.findall(r'^def (\w+)Pass : Pass<"([\w-]+)"', sources.read(td), re.M):
            words = "-".join(word.lower() for word in re.findall(r"[A-Z][a-z0-9]*", name))
            # Passes over a dialect are named after it.
            prefix = "dist-" if td.parent.name == "Partition" else "tile-" if flag.startswith("tile-") else "weft-"
            if flag.removeprefix(prefix) != words:
                yield f"{td}: pass {name}Pass has the flag {flag}, wanted {words} or {prefix}{words}"
            room = td.parts[2]
            used = [p for p in known if p.startswith(f"lib/{room}/") and p.endswith(".cpp")]
            if not any(f"GEN_PASS_DEF_{name.upper()}PASS" in sources.read(p) for p in used):
                yield f"{td}: pass {name}Pass has no implementation in lib/{room}"
            tests = [p for p in known if p.startswith("test/") and p.endswith(".mlir")]
            if not any(re.search(rf"RUN:.*--?{flag}\b", sources.read(p)) for p in tests):
                yield f"{td}: no .mlir test runs --{flag}"


def main():
    if len(sys.argv) > 1:
        sources.ROOT = Path(sys.argv[1])
    paths = sources.files()
    findings, long = [], []
    for path in paths:
        if path.suffix not in TEXT and path.name != "CMakeLists.txt":
            continue
        text = sources.read(path)
        if path.suffix in sources.SOURCE or path.name == "CMakeLists.txt":
            findings += check_licence(path, text)
            if len(text.splitlines()) > LONG:
                long.append(f"{path}: {len(text.splitlines())} lines")
        if (path.suffix == ".h" and path.parts[0] != "cmake") or (path.suffix == ".td" and path.parts[0] == "include"):
            findings += check_guard(path, text)
        if "corpus" not in path.parts and "generated" not in path.parts:
            findings += check_lines(path, text)
        findings += check_unit_test_names(path)
    for told in long:
        print(f"{told}: long; is there a second question inside?")
    findings += check_passes(paths)
    sources.report(findings)


if __name__ == "__main__":
    main()
