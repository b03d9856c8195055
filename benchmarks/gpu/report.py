#!/usr/bin/env python3
# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Puts what run.sh left in a folder into result.json and result.md.

    report.py FOLDER
"""

import json
import platform
import sys
from pathlib import Path


NUMBERS = {True: "right", False: "WRONG", None: "-"}


def read(path):
    return path.read_text().strip() if path.exists() else ""


def device_times(path):
    """Milliseconds of the kernels of one run, by the device's own clock."""
    if not path.exists():
        return None
    events = json.loads(path.read_text())["traceEvents"]
    there = [event for event in events if event.get("tid") == 2]
    return sum(event["dur"] for event in there) / 1e3 if there else None


def load_json(path):
    text = read(path)
    try:
        return json.loads(text) if text else {}
    except json.JSONDecodeError:
        return {}


def gather(folder):
    programs = {}
    names = {path.name.split(".correct.txt")[0] for path in folder.glob("*.correct.txt")}
    names |= {path.name.split(".bench.json")[0] for path in folder.glob("*.bench.json")}
    for name in sorted(names):
        checked = folder / f"{name}.correct.txt"
        text = read(checked)
        # None: for times alone.
        right = None
        if checked.exists():
            right = bool(text) and all(": agrees" in line for line in text.splitlines() if not line.startswith("weft: "))
        bench = load_json(folder / f"{name}.bench.json")
        programs[name] = {
            "right": right,
            "says": text,
            "run_ms": bench.get("median_wall_ms"),
            "kernels_ms": device_times(folder / f"{name}.trace.json"),
        }
    return {
        "machine": platform.node(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "device": read(folder / "device.txt") or "none",
        "no_gpu": read(folder / "no-gpu.txt"),
        "programs": programs,
        "peers": load_json(folder / "peers.json"),
    }


def milliseconds(value):
    return f"{value:.3f}" if value is not None else "not measured"


def markdown(result):
    lines = [
        "# Weft on a device",
        "",
        f"Machine: {result['machine']} ({result['system']}). Device: {result['device']}.",
        result["no_gpu"],
        "",
        "| program | numbers | kernels, ms | whole run, ms | torch, ms | cuBLASLt, ms |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in result["programs"].items():
        peers = [result["peers"].get(peer, {}).get(name.removesuffix(".sm_90a")) for peer in ("torch", "cublaslt")]
        cells = [milliseconds(value) for value in (row["kernels_ms"], row["run_ms"], *peers)]
        lines.append(f"| {name} | {NUMBERS[row['right']]} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main():
    folder = Path(sys.argv[1])
    result = gather(folder)
    Path("result.json").write_text(json.dumps(result, indent=1) + "\n")
    text = markdown(result)
    Path("result.md").write_text(text)
    print(text, end="")
    return 0 if result["programs"] and all(row["right"] is not False for row in result["programs"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
