#!/usr/bin/env python3
# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Rewrites expected.json and docs/generated/onnx-support.md from the results of the last run of the lit tests in onnx/.

    update_expected.py [--build build]

Backends and modes without results keep what is listed; a half-run one is refused.
"""

import argparse
import json
import re
import sys
from collections import Counter, defaultdict
from pathlib import Path

import make_table

import dump_onnx_cases
from run_shard import HERE, MODES


def gather(folder):
    """The results by (backend, mode), whole ones only; and what is wrong with the rest."""
    shares, problems = defaultdict(dict), []
    for path in sorted(folder.glob("*.json")):
        backend, mode, index, count = re.fullmatch(r"([\w-]+)-(\w+)-(\d+)-of-(\d+)", path.stem).groups()
        share = json.loads(path.read_text())
        if share["stamp"] != dump_onnx_cases.stamp():
            problems.append(f"{path} is of other cases: run its test again")
            continue
        shares[backend, mode, int(count)][int(index)] = share["results"]
    results = {}
    for (backend, mode, count), by_index in shares.items():
        if len(by_index) == count:
            results[backend, mode] = {k: v for share in by_index.values() for k, v in share.items()}
    # A sample of another division is no matter beside a whole run.
    for (backend, mode, count), by_index in shares.items():
        if (backend, mode) not in results:
            problems.append(f"{backend} {mode}: {len(by_index)} of {count} shares have results: run the others too")
    return results, problems


def write(path, onnx_version, cases):
    """One line per case, so that a diff shows what changed."""
    blocks = []
    for backend in sorted(cases):
        lines = [f"  {json.dumps(n)}: {json.dumps(modes)}" for n, modes in sorted(cases[backend].items()) if modes]
        blocks.append(f'"{backend}": {{\n' + ",\n".join(lines) + "\n}")
    path.write_text(f'{{"onnx": {json.dumps(onnx_version)},\n"cases": {{\n' + ",\n".join(blocks) + "\n}}\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=HERE.parents[1] / "build")
    args = parser.parse_args()
    folder = args.build / "test" / "conformance"
    results, problems = gather(folder / "results")
    for problem in problems:
        print(f"update_expected.py: {problem}", file=sys.stderr)
    if problems or not results:
        print(f"update_expected.py: expected.json is unchanged ({len(results)} whole runs found)", file=sys.stderr)
        return 1
    path = HERE / "expected.json"
    cases = json.loads(path.read_text())["cases"]
    bad = 0
    for (backend, mode), statuses in results.items():
        listed = cases.setdefault(backend, {})
        for name in [*listed]:
            listed[name] = [m for m in listed[name] if m != mode]
        for name, (status, detail) in statuses.items():
            if status == "PASS":
                listed[name] = [m for m in MODES if m == mode or m in listed.get(name, ())]
            elif status in ("WRONG", "CRASH"):
                bad += 1
                print(f"{backend} {mode} {status} {name}: {detail}")
        counts = Counter(status for status, _ in statuses.values())
        print(f"{backend} {mode}: " + ", ".join(f"{n} {status}" for status, n in sorted(counts.items())))
    cases_json = dump_onnx_cases.ensure(folder / "cases")
    write(path, json.loads(cases_json.read_text())["onnx"], cases)
    make_table.write(cases_json)
    if bad:
        print(f"{bad} cases are wrong or crash: no expectation excuses them, their tests go on failing")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
