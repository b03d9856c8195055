#!/usr/bin/env python3
# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs one share of the ONNX node tests and holds it against expected.json. README.md says when that fails.

The results are kept in RESULTS/<backend>-<mode>-<I>-of-<N>.json for update_expected.py.
"""

import argparse
import json
import queue
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import dump_onnx_cases

HERE = Path(__file__).resolve().parent
MODES = ("static", "dynamic", "constant")
LINE = re.compile(r"(PASS|UNSUPPORTED|WRONG|ERROR|CRASH) ([^\s:]+)(?::? (.*))?")
SILENCE_S = 300  # a case that prints nothing for so long hangs


def run_process(command, log):
    """Runs the command; yields (status, name, detail) per line of result. The last item is how the process ended."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, errors="replace")
    lines = queue.Queue()

    def read():
        for line in process.stdout:
            lines.put(line.rstrip("\n"))
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    while True:
        try:
            line = lines.get(timeout=SILENCE_S)
        except queue.Empty:
            process.kill()
            process.wait()
            yield None, None, f"hung: killed after {SILENCE_S} s without a line"
            return
        if line is None:
            break
        match = LINE.fullmatch(line)
        if match:
            yield match[1], match[2], match[3] or ""
    code = process.wait()
    yield None, None, "" if code == 0 else f"signal {-code}" if code < 0 else f"exit status {code}"


def run_cases(runner, cases_json, mode, backend, shard, names):
    """The (status, detail) of every named case. One that ends the process is CRASH; the rest run in a new one."""
    results, command = {}, [runner, f"--cases={cases_json}", f"--mode={mode}", f"--backend={backend}"]
    selection = f"--shard={shard}"
    with tempfile.TemporaryDirectory() as folder:
        while True:
            log_path = Path(folder, "stderr")
            with open(log_path, "w") as log:
                for status, name, detail in run_process([*command, selection], log):
                    if name in names and name not in results:
                        results[name] = (status, detail)
            missing = [name for name in names if name not in results]
            if not missing:
                return results
            said = " / ".join(log_path.read_text(errors="replace").strip().splitlines()[-3:])
            results[missing[0]] = ("CRASH", ", ".join(text for text in (detail, said) if text) or "no result printed")
            if len(missing) == 1:
                return results
            if sum(status == "CRASH" for status, _ in results.values()) >= 25:
                results |= {name: ("CRASH", "not run: 25 cases before it ended the process") for name in missing[1:]}
                return results
            rest = Path(folder, "rest")
            rest.write_text("\n".join(missing[1:]) + "\n")
            selection = f"--only={rest}"


def judge(results, expected, mode):
    """The complaints about a share: lines of text, empty when all is as expected."""
    complaints, new = [], []
    for name, (status, detail) in results.items():
        listed = mode in expected.get(name, ())
        if status in ("WRONG", "CRASH"):
            complaints.append(f"{status} {name}: {detail}")
        elif listed and status != "PASS":
            complaints.append(f"NO LONGER PASSES {name}: {status} {detail}")
        elif not listed and status == "PASS":
            new.append(name)
    if new:
        names = ", ".join(new[:10]) + (", ..." if len(new) > 10 else "")
        complaints.append(f"NEWLY PASS {len(new)}: run test/conformance/update_expected.py ({names})")
    return complaints


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runner", default="weft-conformance")
    parser.add_argument("--cases", type=Path, required=True, help="folder of the cases, written when not up to date")
    parser.add_argument("--results", type=Path, required=True, help="folder for the results")
    parser.add_argument("--expected", type=Path, default=HERE / "expected.json")
    parser.add_argument("--mode", choices=MODES, required=True)
    parser.add_argument("--backend", choices=("cpu", "reference", "cuda-emu"), required=True)
    parser.add_argument("--shard", default="0/1", help="I/N")
    args = parser.parse_args()

    cases_json = dump_onnx_cases.ensure(args.cases)
    index, count = map(int, args.shard.split("/"))
    cases = [case for case in json.loads(cases_json.read_text())["cases"] if args.mode in case["variants"]]
    names = [case["name"] for case in cases][index::count]
    start = time.monotonic()
    results = run_cases(args.runner, cases_json, args.mode, args.backend, args.shard, names)
    seconds = time.monotonic() - start

    args.results.mkdir(parents=True, exist_ok=True)
    path = args.results / f"{args.backend}-{args.mode}-{index}-of-{count}.json"
    path.write_text(json.dumps({"stamp": dump_onnx_cases.stamp(), "results": results}, indent=0) + "\n")

    counts = Counter(status for status, _ in results.values())
    summary = ", ".join(f"{counts[status]} {status}" for status in sorted(counts))
    print(f"{args.backend} {args.mode} {args.shard}: {len(results)} cases in {seconds:.1f} s: {summary}")
    complaints = judge(results, json.loads(args.expected.read_text())["cases"].get(args.backend, {}), args.mode)
    for complaint in complaints:
        print(complaint)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
