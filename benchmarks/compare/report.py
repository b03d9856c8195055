# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes the Markdown page of one run of compare.py."""

import math
from pathlib import Path

NAMES = {
    "weft": "Weft",
    "onnxruntime": "ONNX Runtime",
    "openvino": "OpenVINO",
    "torch": "PyTorch (eager)",
    "inductor": "PyTorch (Inductor)",
    "jax": "JAX",
    "iree": "IREE",
    "openblas": "OpenBLAS",
}
REASONS = {  # why a row may lose, shown when it does
    "gemm-1024": "bound by the multiply-add units, which the best libraries keep as busy; `weft profile` measures their peak",
    "gemm-4-rows": "bound by reading 64 MiB of weights, which the best libraries do as fast to within the noise of memory",
    "gemm-int8-7bit": "98 % of it is the product, bound by multiplications of bytes, in which both are as fast to within noise",
    "gelu-chain": "ahead on one thread, it gains less from a second than the best peer does; see Scaling",
}
HERE = f"{Path(__file__).resolve().parents[2]}/"  # left out of what peers say


def number(value):
    """Three digits."""
    if value >= 100 or value == 0:
        return f"{value:.0f}"
    return f"{value:.{max(0, 2 - math.floor(math.log10(value)))}f}"


def best_times(results, row, mode, clock):
    """Of those whose result is right."""
    figures = results["rows"][row][mode]["figures"]
    right = [peer for peer in results["peers"] if peer in figures and not figures[peer]["wrong"]]
    return {peer: figures[peer][f"best_{clock}_ms"] for peer in right}


def to_best_peer(best):
    """Weft's time as a part of the best peer's, None where one is missing."""
    others = [value for peer, value in best.items() if peer != "weft"]
    return best["weft"] / min(others) if "weft" in best and others else None


def geometric_mean(ratios):
    return math.exp(sum(map(math.log, ratios)) / len(ratios))


def summary(results, titles, modes):
    """All rows at a glance, and those that lose by name."""
    lines = [
        "| | rows | not slower than the best peer | geometric mean of Weft / best peer | slower |",
        "|---|---|---|---|---|",
    ]
    lost = set()
    for mode, clock, title in modes:
        ratios = {row: to_best_peer(best_times(results, row, mode, clock)) for row in results["rows"]}
        ratios = {row: ratio for row, ratio in ratios.items() if ratio is not None}
        if not ratios:
            return []
        slower = sorted((row for row in ratios if ratios[row] > 1), key=ratios.get, reverse=True)
        lost.update(slower)
        named = ", ".join(f"{titles[row]} {ratios[row]:.2f}" for row in slower) or "none"
        mean = geometric_mean(ratios.values())
        lines.append(f"| {title} | {len(ratios)} | {len(ratios) - len(slower)} | {mean:.2f} | {named} |")
    reasons = [f"- {titles[row]}: {REASONS[row]}." for row in results["rows"] if row in lost and row in REASONS]
    return ["", "## All rows", "", *lines, *([""] if reasons else []), *reasons]


def timing_table(results, titles, names, mode, clock):
    """Best (median) of every peer, the best one bold, and what Weft takes of the best peer's time."""
    peers = results["peers"]
    ratio = ["Weft / best peer"] if "weft" in peers and len(peers) > 1 else []
    lines = [
        "| | " + " | ".join([NAMES[p] for p in peers] + ratio) + " |",
        "|---|" + "---|" * (len(peers) + len(ratio)),
    ]
    ratios = []
    for row in names:
        figures = results["rows"][row][mode]["figures"]
        best = best_times(results, row, mode, clock)
        cells = []
        for peer in peers:
            if peer not in figures:
                cells.append("-")
                continue
            text = number(figures[peer][f"best_{clock}_ms"])
            text = f"**{text}**" if peer in best and best[peer] == min(best.values()) else text
            text += f" ({number(figures[peer][f'median_{clock}_ms'])})"
            cells.append(text if peer in best else f"{text}, wrong")
        if ratio:
            value = to_best_peer(best)
            ratios += [] if value is None else [value]
            cells.append("-" if value is None else f"{value:.2f}")
        lines.append(f"| {titles[row]} | " + " | ".join(cells) + " |")
    if len(ratios) > 1:
        lines.append("| geometric mean | " + " | ".join([""] * len(peers)) + f" | {geometric_mean(ratios):.2f} |")
    return lines


def scaling_table(results, titles):
    """What of Weft's work one of several threads does: its CPU time, waiting for the others included."""
    lines = ["| | one thread | the busiest of all | times faster |", "|---|---|---|---|"]
    for row, modes in results["rows"].items():
        one, every = (modes[mode]["figures"].get("weft") for mode in ("one", "all"))
        if one and every:
            best, busiest = one["best_cpu_ms"], every["busiest_ms"]
            lines.append(f"| {titles[row]} | {number(best)} | {number(busiest)} | {best / busiest:.2f} |")
    return lines


def plain_table(results, titles, names, mode, cell):
    peers = results["peers"]
    lines = ["| | " + " | ".join(NAMES[peer] for peer in peers) + " |", "|---|" + "---|" * len(peers)]
    for row in names:
        figures = results["rows"][row][mode]["figures"]
        cells = [cell(figures[peer]) if peer in figures else "-" for peer in peers]
        lines.append(f"| {titles[row]} | " + " | ".join(cells) + " |")
    return lines


def notes(results, titles):
    lines = []
    for row, modes in results["rows"].items():
        for mode, taken in modes.items():
            threads = "one thread" if mode == "one" else "all threads"
            for peer, text in taken["failures"].items():
                said = text.replace("`", "'").replace(HERE, "")
                lines.append(f"- {titles[row]}, {threads}: {NAMES[peer]} failed: `{said}`")
            for peer, figures in taken["figures"].items():
                if figures["wrong"]:
                    distance = f"{figures['distance']:.1e} of the largest element"
                    lines.append(f"- {titles[row]}, {threads}: {NAMES[peer]}'s output is wrong by {distance}")
    return lines


def markdown(results, titles, kernels):
    machine, rows = results["machine"], results["rows"]
    kernels = [row for row in rows if row in kernels]
    models = [row for row in rows if row not in kernels]
    loads = f"{results['load_before'][0]:.2f} before the run, {results['load_after'][0]:.2f} after"
    lines = [
        "# Performance with AVX-512" if results["avx512"] else "# Performance",
        "",
        "<!-- Generated by benchmarks/compare/compare.py. Do not edit. -->",
        "",
        f"Measured on {results['date']}: {machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB,",
        f"{machine['system']}; load average {loads}.",
        "float32 where a row does not say otherwise, batch 1, seeded random weights, the same in every column.",
        "Versions: " + ", ".join(f"{NAMES[p]} {version}" for p, version in results["versions"].items()) + ".",
        "",
        "Each cell is the best time and, in brackets, the median, in ms. All columns of a row ran in turn in one run,",
        "until no best time fell any more.",
        "Milliseconds are comparable along a row, not between machines. Every output was held against that of ONNX's",
        "reference evaluator; times of wrong ones are shown and do not count.",
    ]
    if results["hides"]:
        lines += ["", "As on a machine with AVX2: AVX-512, AVX-VNNI and AMX were hidden from every column (hide_avx512.c);"]
        lines += ["IREE's compiler, which cannot run so, was told x86-64-v3."]
    if results["quick"]:
        lines += ["", "**A quick run: few and short slices, not for quoting.**"]
    modes = [("one", "cpu", "One thread, CPU time"), ("all", "wall", f"All threads ({machine['cores']}), wall time")]
    lines += summary(results, titles, modes)
    parts = [(name, group) for name, group in (("Kernels", kernels), ("Networks", models)) if group]
    for mode, clock, title in modes:
        for name, group in parts:
            lines += ["", f"## {name}: {title}", "", *timing_table(results, titles, group, mode, clock)]
    if "weft" in results["peers"] and machine["cores"] > 1:
        lines += ["", f"## Scaling to {machine['cores']} threads", ""]
        lines += ["Weft's CPU time in ms: of one thread alone, and of the one that takes most when all run, waiting"]
        lines += ["for others included."]
        lines += ["", *scaling_table(results, titles)]
    lines += ["", "## Compiling, seconds", ""]
    lines += ["From the model to the first run, without any cache: CPU time on one core / wall time on all. Of networks"]
    lines += ["that compile in less than 10 s, the best of three. PyTorch and JAX have their weights in memory; the others"]
    lines += ["read them from the file, and Weft writes the program to its cache.", ""]
    merged = {row: {"both": {"figures": both(rows[row])}} for row in rows}
    view = {**results, "rows": merged}
    lines += plain_table(
        view, titles, [*rows], "both", lambda f: f"{f['compile_cpu_ms'] / 1000:.2f} / {f['compile_wall_ms'] / 1000:.2f}"
    )
    lines += ["", "## Peak memory, MiB", ""]
    lines += ["Of the process, one thread; in brackets without what Python and the library took before the model.", ""]
    lines += plain_table(results, titles, [*rows], "one", memory)
    remarks = notes(results, titles)
    if remarks:
        lines += ["", "## Remarks", "", *remarks]
    lines += [
        "",
        "How it is measured: benchmarks/compare/compare.py. One thread is process CPU time, pinned to a core; all",
        "threads are wall time. PyTorch and JAX run the same network written for them with the same weights, JAX",
        "compiled as a whole; the others read the ONNX file. Batch norm is folded into convolutions, as exporters do.",
    ]
    return "\n".join(lines) + "\n"


def both(modes):
    """CPU time to compile from the pinned run, wall time from the other."""
    one, every = modes["one"]["figures"], modes["all"]["figures"]
    return {
        peer: {"compile_cpu_ms": one[peer]["compile_cpu_ms"], "compile_wall_ms": every[peer]["compile_wall_ms"]}
        for peer in one
        if peer in every
    }


def memory(figures):
    total, own = figures["peak_rss"], figures["peak_rss"] - figures["base_rss"]
    return f"{total / 2**20:.0f}" + (f" ({own / 2**20:.0f})" if figures["base_rss"] else "")
