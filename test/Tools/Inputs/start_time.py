# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# start_time.py MS COMMAND...: the command, run once before, takes at most so many milliseconds of CPU time (the best of
# ten). Builds with sanitizers are not held to it.
import resource
import shutil
import subprocess
import sys

command = sys.argv[2:]


def run():
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1e3 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


run()
best = min(run() for _ in range(10))
print(f"{best:.1f} ms of CPU time")
with open(shutil.which(command[0]), "rb") as program:
    sanitized = b"__asan_init" in program.read()
sys.exit(best > float(sys.argv[1]) and not sanitized)
