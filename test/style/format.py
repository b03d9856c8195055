#!/usr/bin/env python3
# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""C and C++ files are as clang-format 22 writes them.

    format.py [--fix] [FILE...]    all files of the project, or those named

unformatted.txt names files that were written before this check; --fix formats them too and empties the list. No file
joins it.
"""

import argparse
import concurrent.futures
import os
import shutil
import subprocess
import sys
from pathlib import Path

import sources

LIST = Path(__file__).with_name("unformatted.txt")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fix", action="store_true")
    parser.add_argument("files", nargs="*", type=Path)
    args = parser.parse_args()
    tool = shutil.which("clang-format-22") or shutil.which("/usr/lib/llvm-22/bin/clang-format")
    if not tool:
        raise SystemExit("format.py: clang-format-22 is not installed, wanted Debian's package of that name")
    known = LIST.read_text().split() if LIST.exists() else []
    suffixes = {".cpp", ".h", ".c"}
    if wrong := [str(path) for path in args.files if path.suffix not in suffixes]:
        parser.error(f"{', '.join(wrong)}: not C or C++ (wanted {', '.join(sorted(suffixes))})")
    paths = [str(path) for path in args.files] or [str(path) for path in sources.sources(suffixes)]

    def is_formatted(path):
        command = [tool, "--dry-run", "-Werror", path]
        return subprocess.run(command, cwd=sources.ROOT, capture_output=True).returncode == 0

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        bad = [path for path, good in zip(paths, pool.map(is_formatted, paths), strict=True) if not good]
    if args.fix:
        for path in bad:
            subprocess.run([tool, "-i", path], cwd=sources.ROOT, check=True)
        print(f"formatted {len(bad)} files")
        LIST.write_text("".join(f"{path}\n" for path in known if path not in paths))
        return
    new = [
        f"{path}: not as clang-format 22 writes it: test/style/format.py --fix {path}"
        for path in bad
        if path not in known
    ]
    old = [path for path in bad if path in known]
    if old:
        print(f"{len(old)} files of unformatted.txt are still to be formatted", file=sys.stderr)
    sources.report(new)


if __name__ == "__main__":
    main()
