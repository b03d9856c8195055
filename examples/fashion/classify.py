#!/usr/bin/env python3
# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Classifies Fashion-MNIST's 10,000 test pictures with a trained Inception, compiled by weft.

Compiles the ONNX model once, for batches of any size up to --batch, runs the program over the pictures, counts the
right answers and draws 60 of the pictures with the names it gave them. With --elsewhere it goes on: 20 of the pictures on
two workers over gRPC, and on an emulated GPU, whose numbers must be the CPU's. `./bootstrap demo` runs this.
"""

import argparse
import gzip
import shutil
import statistics
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy

from sheet import sheet_html, sheet_png

HERE = Path(__file__).resolve().parent
BUILD = HERE.parents[1] / "build"
CLASSES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
SHOWN = 60
ELSEWHERE = 20
# Of logits, against the CPU's: other kernels sum in another order.
TOLERANCE = 1e-3


def read_idx(path):
    """The uint8 array of a gzipped IDX file."""
    with gzip.open(path) as file:
        data = file.read()
    zero, kind, rank = struct.unpack_from(">HBB", data)
    if zero != 0 or kind != 8:
        raise SystemExit(f"classify.py: {path}: not an IDX file of bytes")
    extents = struct.unpack_from(f">{rank}I", data, 4)
    return numpy.frombuffer(data, numpy.uint8, offset=4 + 4 * rank).reshape(extents)


def find_weft():
    built = BUILD / "bin" / "weft"
    return str(built) if built.exists() else shutil.which("weft") or "weft"


def call(command):
    """Runs a command; its complaint becomes ours."""
    try:
        result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    except FileNotFoundError:
        complaint = f"classify.py: no program {command[0]}: build it with ./bootstrap build, or say --weft=PATH"
        raise SystemExit(complaint) from None
    if result.returncode != 0:
        shown = " ".join(map(str, command))
        raise SystemExit(f"classify.py: this failed with status {result.returncode}:\n  {shown}\n{result.stdout}")


class Progress:
    """A line that moves on a terminal; elsewhere a plain line at every tenth."""

    def __init__(self, total):
        self.total, self.shown, self.moving = total, 0, sys.stdout.isatty()

    def show(self, done, right):
        text = f"{done} of {self.total} pictures, {100 * right / done:.1f}% right so far"
        if self.moving:
            print(f"\r\033[K{text}", end="", flush=True)
        elif done * 10 // self.total > self.shown * 10 // self.total:
            print(text, flush=True)
        self.shown = done

    def end(self):
        if self.moving:
            print("\r\033[K", end="")


def run_elsewhere(args, pictures):
    """The same pictures on two workers over gRPC and on an emulated GPU; whether their numbers are the CPU's."""
    batch, shape = args.out / "some.npy", f"--shape=image={ELSEWHERE}x1x28x28"
    numpy.save(batch, (pictures[:ELSEWHERE, None] / 255).astype(numpy.float32))
    ways = {
        "one CPU": [],
        "two workers over gRPC": ["--mesh=data:2", "--transport=grpc"],
        "an emulated GPU (sm_80)": ["--target=cuda-emu:sm_80"],
    }
    results, good = {}, True
    for way, flags in ways.items():
        logits = args.out / "some-logits.npy"
        logits.unlink(missing_ok=True)
        start = time.monotonic()
        call([args.weft, "run", args.model, shape, "--input", f"image=@{batch}", f"--output=logits=@{logits}", *flags])
        results[way] = numpy.load(logits)
        wanted, found = results["one CPU"], results[way]
        same = int((found.argmax(axis=1) == wanted.argmax(axis=1)).sum())
        error = float(abs(found - wanted).max())
        agrees = same == ELSEWHERE and error <= TOLERANCE
        good &= agrees
        text = f"{ELSEWHERE} pictures on {way}: {time.monotonic() - start:.1f} s with compiling"
        if way != "one CPU":
            bits = "the same bits" if numpy.array_equal(found, wanted) else f"logits differ by {error:.1e} at most"
            text += f"; {same} of {ELSEWHERE} classes the same, {bits}" + ("" if agrees else ": TOO MUCH")
        print(text, flush=True)
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weft", default=find_weft(), help="the weft program (default: %(default)s)")
    parser.add_argument("--model", type=Path, default=HERE / "fashion_inception.onnx")
    parser.add_argument("--data", type=Path, default=Path("/usr/share/datasets/fashion-mnist"), help="IDX files")
    parser.add_argument("--out", type=Path, default=BUILD / "demo", help="where to write (default: %(default)s)")
    parser.add_argument("--batch", type=int, default=100, help="pictures a run (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=0, help="threads of a run (default: weft's own)")
    parser.add_argument("--expect-right", type=int, metavar="N", help="fail unless N answers are right")
    parser.add_argument("--within", type=int, default=0, metavar="K", help="give or take K")
    parser.add_argument("--elsewhere", action="store_true", help="then on two gRPC workers and on an emulated GPU")
    args = parser.parse_args()

    try:
        pictures = read_idx(args.data / "t10k-images-idx3-ubyte.gz")
        labels = read_idx(args.data / "t10k-labels-idx1-ubyte.gz")
    except OSError as error:
        complaint = f"classify.py: {error}: install the Debian package dataset-fashion-mnist, or say --data=DIR"
        raise SystemExit(complaint) from None
    args.out.mkdir(parents=True, exist_ok=True)

    program = args.out / "fashion_inception.weft"
    print(f"compiling {args.model.name} for batches of 1 to {args.batch} pictures", flush=True)
    start = time.monotonic()
    call([args.weft, "compile", args.model, f"--dynamic-dim=batch:1:{args.batch}", "-o", program])
    compile_s = time.monotonic() - start

    batch_file, logits_file = args.out / "batch.npy", args.out / "logits.npy"
    command = [args.weft, "run", program, "--input", f"image=@{batch_file}", "--output", f"logits=@{logits_file}"]
    command += ["--threads", str(args.threads)] if args.threads else []
    predicted, seconds, progress = numpy.empty(len(pictures), numpy.int64), [], Progress(len(pictures))
    for at in range(0, len(pictures), args.batch):
        batch = pictures[at : at + args.batch]
        numpy.save(batch_file, (batch[:, None] / 255).astype(numpy.float32))
        logits_file.unlink(missing_ok=True)
        start = time.monotonic()
        call(command)
        seconds.append(time.monotonic() - start)
        predicted[at : at + len(batch)] = numpy.load(logits_file).argmax(axis=1)
        done = at + len(batch)
        progress.show(done, int((predicted[:done] == labels[:done]).sum()))
    progress.end()

    right = int((predicted == labels).sum())
    lines = [
        f"right: {right} of {len(labels)} ({100 * right / len(labels):.2f}%)",
        f"compile: {compile_s:.2f} s, once",
        f"run: {sum(seconds):.2f} s for {len(seconds)} runs of {args.batch} pictures, "
        f"{len(labels) / sum(seconds):.0f} pictures a second; one run takes {1000 * statistics.median(seconds):.1f} ms "
        f"(median; best {1000 * min(seconds):.1f} ms) with starting the program and its files",
    ]
    print("\n".join(lines))
    cards = [(pictures[i], CLASSES[predicted[i]], CLASSES[labels[i]]) for i in range(SHOWN)]
    title = f"Fashion-MNIST: {right} of {len(labels)} right"
    (args.out / "sheet.png").write_bytes(sheet_png(title, cards))
    (args.out / "sheet.html").write_text(sheet_html(title, lines, cards))
    print(f"{SHOWN} pictures with their predicted classes, wrong ones in red:")
    for name in ("sheet.html", "sheet.png"):
        print(f"  {args.out / name}")
    if args.expect_right is not None and abs(right - args.expect_right) > args.within:
        print(f"classify.py: {right} right, wanted {args.expect_right} give or take {args.within}", file=sys.stderr)
        return 1
    if args.elsewhere and not run_elsewhere(args, pictures):
        print("classify.py: numbers differ by more than summing in another order explains", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
