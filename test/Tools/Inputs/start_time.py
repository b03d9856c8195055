# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# start_time.py MS COMMAND...: the command, run once before, takes at most so many milliseconds of CPU time (the best of
# ten). Builds with sanitizers are not timed.
import os
import subprocess
import sys

command = sys.argv[2:]
subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
best = float("inf")
for _ in range(10):
    before = os.times()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    best = min(best, 1e3 * (after.children_user + after.children_system - before.children_user - before.children_system))
# os.times counts in ticks of 10 ms.
print(f"{best:.0f} ms of CPU time")
sys.exit(best > float(sys.argv[1]) and "-fsanitize" not in os.environ.get("WEFT_FLAGS", ""))
