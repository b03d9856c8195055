#!/usr/bin/env python3
# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Times Weft and its peers on the same models and prints one table: the judge of every claim of speed.

    compare.py [--quick] [--avx2] [--rows gemm-1024,resnet50] [--peers weft,onnxruntime] [--weft build/bin/weft] [--out FILE]

Sets up build/benchmarks/venv with the peers from PyPI, writes the models, then takes row by row: every peer in a
process of its own, all of them loaded, timed in turn in short slices while the others are stopped, until no best time
falls any more. One thread is measured in CPU time, pinned to one core; all threads in wall time. Every output is held
against that of ONNX's reference evaluator; the time of a wrong one does not count. A full run writes
docs/performance.md; with AVX-512, docs/performance-avx512.md.
"""

import argparse
import json
import os
import re
import select
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
WORK = ROOT / "build" / "benchmarks"
VENV = WORK / "venv"
ALWAYS = ("numpy", "onnx")
PACKAGES = {
    "weft": [],
    "onnxruntime": ["onnxruntime"],
    "openvino": ["openvino"],
    "torch": ["torch"],
    "inductor": ["torch"],
    "jax": ["jax"],
    "iree": ["iree-base-compiler", "iree-base-runtime"],
    "openblas": [],
}
OPENBLAS_ROWS = ("gemm-1024", "gemm-skinny", "gemm-4-rows")
LAST_ROUNDS = 4  # in which no best time may fall, for a row to be done
START_S = 900  # a peer may take so long to compile one model
STARTS, SHORT_START_S = 3, 10  # what compiles a network in less is started so often

sys.path.insert(0, str(HERE.parent / "models"))


def run_in_venv(peers):
    """Makes the venv, installs what the peers need and goes on inside it."""
    python = VENV / "bin" / "python"
    if Path(sys.prefix) == VENV:
        return
    if not python.exists():
        print(f"making {VENV}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
    wanted = {*ALWAYS, *(package for peer in peers for package in PACKAGES[peer])}
    lines = [line for line in (HERE / "requirements.txt").read_text().splitlines() if line and line[0] != "#"]
    lines = [line for line in lines if re.split(r"[\[=]", line)[0] in wanted]
    mark = VENV / "installed.txt"
    installed = mark.read_text().splitlines() if mark.exists() else []
    for line in lines:
        if line not in installed:
            print(f"installing {line}", flush=True)
            if subprocess.run([python, "-m", "pip", "install", "-q", line]).returncode == 0:
                installed.append(line)
                mark.write_text("\n".join(installed) + "\n")
            elif line.startswith(ALWAYS):
                raise SystemExit(f"compare.py: {line} cannot be installed")
    os.execv(python, [python, *sys.argv])


class Failure(Exception):
    """A peer that cannot run a row; the text goes below the table."""


def cpu_flags():
    flags = re.search(r"flags\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return flags[1].split() if flags else []


def hide_avx512():
    """From what is started from here on, and says whether that works: see hide_avx512.c."""
    library = WORK / "hide_avx512.so"
    source = HERE / "hide_avx512.c"
    WORK.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", library, source], check=True)
    os.environ["LD_PRELOAD"] = str(library)
    return subprocess.run(["true"]).returncode == 0


class Worker:
    """A peer of worker.py, stopped except while it is asked something."""

    def __init__(self, peer, row, folder, threads, cores, log):
        self.log, self.peer = log, peer
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": str(threads), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, HERE / "worker.py", peer, row, folder, str(threads)]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=open(log, "w"),
            text=True,
            env=environment,
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
        )
        self.figures = self.receive(START_S)

    def receive(self, seconds):
        ready, _, _ = select.select([self.process.stdout], [], [], seconds)
        line = self.process.stdout.readline() if ready else ""
        if not line:
            self.close()
            if not ready:
                raise Failure(f"nothing in {seconds:.0f} s")
            said = [text.strip() for text in self.log.read_text(errors="replace").splitlines() if text.strip()]
            errors = [text for text in said if "error:" in text or "Error:" in text or "command line" in text]
            raise Failure((errors or said or ["ended without a word"])[-1][:200])
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGSTOP)
        return json.loads(line)

    def ask(self, **request):
        self.process.send_signal(signal.SIGCONT)
        print(json.dumps(request), file=self.process.stdin, flush=True)
        return self.receive(START_S)

    def run(self, seconds):
        return self.ask(run=seconds)

    def save(self, path):
        return self.ask(save=str(path))["peak_rss"]

    def close(self):
        self.process.kill()
        self.process.wait()


class Weft:
    """The driver: one call of `weft bench` a slice. The first finds an empty cache and compiles."""

    def __init__(self, program, folder, threads, cores, cache):
        self.cores, self.folder, self.cache = cores, folder, cache
        self.environment = {**os.environ, "WEFT_CACHE_DIR": str(cache)}
        self.inputs = []
        for path in sorted(folder.glob("*.npy")):
            self.inputs += ["--input", f"{path.stem}=@{path}"]
        self.program, self.threads = program, ["--threads", str(threads)]
        first = self.bench(0.01)
        self.figures = {"compile_wall_ms": first["compile_ms"], "compile_cpu_ms": first["compile_cpu_ms"], "base_rss": 0}
        self.peak = 0

    def call(self, *arguments):
        # By way of a shell that forks: Linux counts what a process was before exec into its peak memory, and a child of
        # this process would begin with what Python takes.
        command = ["/bin/sh", "-c", '"$0" "$@"; exit $?', self.program, *arguments]
        try:
            result = subprocess.run(
                command,
                capture_output=True,
                text=True,
                timeout=START_S,
                env=self.environment,
                preexec_fn=lambda: os.sched_setaffinity(0, self.cores),
            )
        except subprocess.TimeoutExpired:
            raise Failure(f"nothing in {START_S} s") from None
        if result.returncode != 0:
            said = (result.stderr.strip() or result.stdout.strip() or "no message").splitlines()
            raise Failure(f"exit status {result.returncode}: {said[-1][:200]}")
        return result.stdout

    def bench(self, seconds):
        model = str(self.folder / "model.onnx")
        text = self.call("bench", model, *self.threads, *self.inputs, "--min-time", str(seconds), "--json")
        return json.loads(text)

    def run(self, seconds):
        figures = self.bench(seconds)
        self.peak = figures["peak_rss_bytes"]  # of a run from the cache, not of compiling
        return figures

    def save(self, path):
        import onnx

        model = str(self.folder / "model.onnx")
        output = onnx.load(model, load_external_data=False).graph.output[0].name
        self.call("run", model, *self.threads, *self.inputs, "--output", f"{output}=@{path}")
        return self.peak

    def close(self):
        # Its pages are free for the next compilation, as the memory of a peer's process is.
        shutil.rmtree(self.cache)


def expected_output(folder):
    """What ONNX's reference evaluator makes of the row's model: slow, so kept beside the model."""
    import numpy
    import onnx
    from onnx.reference import ReferenceEvaluator

    model, kept = folder / "model.onnx", folder.with_suffix(".expected.npy")
    if not kept.exists() or kept.stat().st_mtime < model.stat().st_mtime:
        inputs = {path.stem: numpy.load(path) for path in sorted(folder.glob("*.npy"))}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a NumPy to come
            numpy.save(kept, ReferenceEvaluator(onnx.load(model)).run(None, inputs)[0])
    return numpy.load(kept)


def is_settled(slices, clock, rounds):
    """Whether the last rounds found no peer's best time to be lower: every one has had its quiet moment."""
    taken = len(next(iter(slices.values()), []))
    if taken < rounds[0]:
        return False
    best = {peer: [part[f"best_{clock}_ms"] for part in parts] for peer, parts in slices.items()}
    return taken >= rounds[1] or all(min(times) > 0.995 * min(times[:-LAST_ROUNDS]) for times in best.values())


def start(peer, row, folder, threads, cores, scratch, program, starts):
    """The peer, ready to run; its figures are of the shortest of several compilations, each without any cache."""

    def once():
        if peer == "weft":
            return Weft(program, folder, threads, cores, Path(tempfile.mkdtemp(dir=scratch)))
        return Worker(peer, row, folder, threads, cores, scratch / f"{peer}.log")

    process = once()
    for _ in range(starts - 1):
        if process.figures["compile_wall_ms"] > SHORT_START_S * 1000:
            break
        process.close()
        known, process = process.figures, once()
        for name in ("compile_cpu_ms", "compile_wall_ms"):
            process.figures[name] = min(process.figures[name], known[name])
    return process


def measure(row, folder, peers, threads, cores, clock, rounds, seconds, program, starts):
    """The figures of every peer on one row, and why some have none."""
    from rows import TOLERANCES

    expected = expected_output(folder)
    running, figures, failures = {}, {}, {}
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        try:
            for peer in peers:
                try:
                    running[peer] = start(peer, row, folder, threads, cores, scratch, program, starts)
                except Failure as failure:
                    failures[peer] = str(failure)
            slices = {peer: [] for peer in running}
            while running and not is_settled(slices, clock, rounds):
                for peer in [*running]:
                    try:
                        slices[peer].append(running[peer].run(seconds))
                    except Failure as failure:
                        failures[peer] = str(failure)
                        running.pop(peer).close()
                        del slices[peer]
            for peer, process in running.items():
                try:
                    peak = process.save(scratch / f"{peer}.npy")
                except Failure as failure:
                    failures[peer] = str(failure)
                    continue
                distance = distance_from(expected, scratch / f"{peer}.npy")
                best = min(part[f"best_{clock}_ms"] for part in slices[peer])
                median = statistics.median(part[f"median_{clock}_ms"] for part in slices[peer])
                figures[peer] = {
                    **{**process.figures, "peak_rss": peak, "rounds": len(slices[peer])},
                    **{"distance": distance, "wrong": not distance <= TOLERANCES[row]},
                    **{f"best_{clock}_ms": best, f"median_{clock}_ms": median},
                }
                if peer == "weft":
                    figures[peer]["busiest_ms"] = min(part["best_cpu_ms_of_busiest_thread"] for part in slices[peer])
        finally:
            for process in running.values():
                process.close()
    return {"figures": figures, "failures": failures}


def distance_from(expected, path):
    """The largest difference of the output saved there, as a fraction of the largest element."""
    import numpy

    output = numpy.load(path)
    if output.shape != expected.shape:
        return numpy.inf
    return float(abs(output - expected).max() / abs(expected).max())


def machine(avx2):
    """What the figures are of; `avx2`: with the rest hidden."""
    info = Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*: (.*)", info)
    have = cpu_flags()
    shown = ["avx2", "fma"] + ["avx512f", "avx512_vnni", "avx512_bf16", "amx_tile"] * (not avx2)
    shown = [flag for flag in shown if flag in have]
    memory = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())
    cores = len(os.sched_getaffinity(0))
    return {
        "cpu": f"{model[1] if model else 'unknown'} ({', '.join(shown)})",
        "cores": cores,
        "memory_gib": round(int(memory[1]) / 2**20) if memory else 0,
        "system": f"{os.uname().sysname} {os.uname().release}",
    }


def revision():
    result = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True)
    return result.stdout.strip() or "unknown"


def versions(peers):
    from importlib import metadata

    found = {}
    for peer in peers:
        for package in PACKAGES[peer][:1]:
            try:
                found[peer] = metadata.version(package)
            except metadata.PackageNotFoundError:
                found[peer] = "not installed"
    if "openblas" in peers:
        found["openblas"] = f"in numpy {metadata.version('numpy')}"
    if "weft" in peers:
        found["weft"] = revision()
    return found


def listed(text, known, parser, what):
    names = text.split(",") if text else [*known]
    for name in names:
        if name not in known:
            parser.error(f"no {what} {name}; there are {', '.join(known)}")
    return names


def main():
    import report
    from rows import KERNELS, ROWS

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few short slices: a look, not a measurement")
    parser.add_argument("--avx2", action="store_true", help="without AVX-512 and AMX: hidden where a CPU has them (Intel, Linux)")
    parser.add_argument("--rows", help="comma-separated: " + ", ".join(ROWS))
    parser.add_argument("--peers", help="comma-separated: " + ", ".join(PACKAGES))
    parser.add_argument("--weft", default=str(ROOT / "build" / "bin" / "weft"), help="the driver (%(default)s)")
    parser.add_argument("--out", type=Path, help="Markdown file to write (docs/performance.md, with AVX-512 performance-avx512.md, for a full run)")
    args = parser.parse_args()
    rows = listed(args.rows, ROWS, parser, "row")
    peers = listed(args.peers, PACKAGES, parser, "peer")
    if "weft" in peers and not shutil.which(args.weft):
        if args.peers:
            parser.error(f"no program {args.weft}: build it with ./bootstrap build, or say --weft=PATH")
        print(f"no program {args.weft}: measuring the peers alone", flush=True)
        peers.remove("weft")
    run_in_venv(peers)

    models = WORK / "models"
    export = [sys.executable, HERE.parent / "models" / "export.py", models, *rows]
    subprocess.run(export, check=True, stdout=subprocess.DEVNULL)
    hides = args.avx2 and any(flag.startswith(("avx512", "avx_vnni", "amx")) for flag in cpu_flags())
    if hides and not hide_avx512():
        raise SystemExit("compare.py: --avx2 wants a CPU whose CPUID can be made to fault")
    available = os.sched_getaffinity(0)
    modes = {"one": (1, {max(available)}), "all": (len(available), available)}
    rounds, seconds = ((2, 2), 0.2) if args.quick else ((9, 27), 0.3)
    avx512 = "avx512f" in cpu_flags() and not args.avx2
    results = {"machine": machine(args.avx2), "avx512": avx512, "hides": hides, "quick": args.quick}
    results |= {"versions": versions(peers), "peers": peers, "rows": {}}
    results |= {"date": time.strftime("%Y-%m-%d"), "load_before": os.getloadavg()}
    for row in rows:
        results["rows"][row] = {}
        for mode, (threads, cores) in modes.items():
            able = [peer for peer in peers if peer != "openblas" or row in OPENBLAS_ROWS]
            clock = "cpu" if mode == "one" else "wall"
            starts = 1 if row in KERNELS or args.quick else STARTS
            taken = measure(row, models / row, able, threads, cores, clock, rounds, seconds, args.weft, starts)
            results["rows"][row][mode] = {**taken, "load": os.getloadavg()[0]}
            shown = [f"{p} {report.number(f[f'best_{clock}_ms'])}" for p, f in taken["figures"].items()]
            shown += [f"{peer} failed: {text}" for peer, text in taken["failures"].items()]
            print(f"{row}, {threads} thread{'s' * (threads > 1)}, {clock} ms: " + ", ".join(shown), flush=True)
    results["load_after"] = os.getloadavg()
    (WORK / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    text = report.markdown(results, {name: title for name, (_, title) in ROWS.items()}, [*KERNELS])
    full = not (args.quick or args.rows or args.peers) and "weft" in peers
    out = args.out or (ROOT / "docs" / ("performance-avx512.md" if avx512 else "performance.md") if full else None)
    if out:
        out.write_text(text)
        print(f"wrote {out}")
    else:
        print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
