#!/usr/bin/env python3
# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs what a page of the documentation shows.

    run_commands.py PAGE --work DIR [--bin DIR]... [--compile COMMAND]

The blocks of a page run in order, in one fresh folder that has links to examples/ and test/ of the project:

    ```sh         commands, run by bash -euo pipefail
    ```console    the same behind "$ "; the lines between are what they print, with "..." for anything
    ```mlir, ```cpp, ... after a line <!-- file: NAME -->    written to NAME; a .cpp is also compiled (by
                  COMMAND, with {source} and {program} filled in, where it is given) and run

A line <!-- not run: REASON --> before a block of commands keeps it from running, and is printed. Every other block of
commands runs; so no command is shown that nobody tried.
"""

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LINKED = ("examples", "test", "include", "docs")
FENCE = re.compile(r"^```(\w*)\s*$")
MARK = re.compile(r"^<!-- (not run|file): (.+?) -->$")


class Block:
    def __init__(self, language, line, mark):
        self.language, self.line, self.mark, self.lines = language, line, mark, []


def blocks_of(text):
    blocks, open_block, mark = [], None, None
    for number, line in enumerate(text.splitlines(), 1):
        fence = FENCE.match(line)
        if open_block:
            if fence and not fence.group(1):
                blocks.append(open_block)
                open_block = None
            else:
                open_block.lines.append(line)
        elif fence:
            open_block, mark = Block(fence.group(1), number, mark), None
        elif found := MARK.match(line):
            mark = found.groups()
        elif line.strip():
            mark = None
    if open_block:
        raise SystemExit(f"line {open_block.line}: block without an end")
    return blocks


def matches(found, wanted):
    """Whether printed text is what the page shows: '...' stands for any text, on a line or for lines."""
    pattern = re.escape("\n".join(line.rstrip() for line in wanted).strip()).replace(r"\.\.\.", ".*?")
    text = "\n".join(line.rstrip() for line in found.splitlines()).strip()
    return re.fullmatch(pattern, text, re.S) is not None


def steps_of(block):
    """(script, wanted output or None) of a block of commands."""
    if block.language == "sh":
        return [("\n".join(block.lines), None)]
    steps = []
    for line in block.lines:
        if line.startswith("$ "):
            steps.append([line[2:], []])
        elif steps and steps[-1][0].endswith("\\") and not steps[-1][1]:
            steps[-1][0] += "\n" + line.removeprefix("> ")
        elif steps:
            steps[-1][1].append(line)
        else:
            raise SystemExit(f"line {block.line}: output before a command")
    return [tuple(step) for step in steps]


class Runner:
    def __init__(self, page, args):
        self.page, self.compile = page, args.compile
        self.folder = args.work / page.stem
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        for name in LINKED:
            (self.folder / name).symlink_to(ROOT / name)
        self.environment = dict(os.environ)
        self.environment["PATH"] = os.pathsep.join([*map(str, args.bin), os.environ.get("PATH", "")])
        self.run_count = self.left_count = 0

    def fail(self, block, message):
        raise SystemExit(f"{self.page}:{block.line}: {message}")

    def call(self, block, script):
        command = ["bash", "-euo", "pipefail", "-c", script]
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        if done.returncode:
            self.fail(block, f"this ended with status {done.returncode}:\n{script}\n{done.stdout}")
        self.run_count += 1
        return done.stdout

    def take(self, block):
        kind, what = block.mark or (None, None)
        if kind == "file":
            (self.folder / what).write_text("\n".join(block.lines) + "\n")
            if what.endswith(".cpp") and self.compile:
                program = Path(what).stem
                self.call(block, self.compile.format(source=shlex.quote(what), program=shlex.quote(program)))
                self.call(block, f"./{shlex.quote(program)}")
            return
        if block.language not in ("sh", "console"):
            return
        if kind == "not run":
            print(f"{self.page.name}:{block.line}: not run: {what}")
            self.left_count += 1
            return
        for script, wanted in steps_of(block):
            found = self.call(block, script)
            if wanted and not matches(found, wanted):
                self.fail(block, f"{script}\nprinted\n{found}\nwanted\n" + "\n".join(wanted))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("page", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--bin", type=Path, action="append", default=[])
    parser.add_argument("--compile")
    args = parser.parse_args()
    runner = Runner(args.page, args)
    for block in blocks_of(args.page.read_text()):
        runner.take(block)
    print(f"{args.page.name}: {runner.run_count} run, {runner.left_count} not run")


if __name__ == "__main__":
    sys.exit(main())
