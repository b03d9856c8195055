#!/usr/bin/env python3
# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The source files that the style checks read, and how a finding is told."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = {".cpp", ".h", ".c", ".td", ".proto", ".py", ".cmake"}
BINARY = {".onnx", ".npy", ".npz", ".png", ".jpg", ".weft", ".pb"}


def files():
    """Paths of the files of the project, relative to its root: what git knows, else all but build folders."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        text=True,
    )
    if listed.returncode == 0 and listed.stdout:
        paths = {Path(name) for name in listed.stdout.split("\0") if name}
    else:  # an unpacked archive, or a tree that a test made
        paths = {path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file()}
        paths = {path for path in paths if not path.parts[0].startswith("build") and path.parts[0] != ".git"}
    return sorted(path for path in paths if (ROOT / path).is_file() and path.parts[0] != "shared")


def sources(suffixes=SOURCE):
    return [path for path in files() if path.suffix in suffixes]


def read(path):
    return (ROOT / path).read_text(errors="replace")


def report(findings):
    """Prints the findings, one a line, and ends the script: 1 when there are any."""
    for finding in findings:
        print(finding)
    if findings:
        print(f"{len(findings)} found, wanted none", file=sys.stderr)
    sys.exit(1 if findings else 0)
