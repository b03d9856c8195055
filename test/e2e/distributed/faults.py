# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Seeded faults on real workers: kill -9 and SIGSTOP at random moments, over each transport.

    faults.py JOB RANKS FIRST_SEED COUNT

Each time the job must end by itself with exit code 75, in time (1 s after a death, 10 s after a stop, and some for
the machine), every rank that lives must name the one that does not, and nothing may be left running.
"""

import os
import random
import re
import signal
import subprocess
import sys
import time

SLACK = 5.0  # a busy machine


def ranks_of(launcher):
    """pid by rank, of the launcher's children."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as stat:
                if int(stat.read().rsplit(")", 1)[1].split()[1]) != launcher:
                    continue
            with open(f"/proc/{pid}/environ", "rb") as environ:
                for variable in environ.read().split(b"\0"):
                    if variable.startswith(b"WEFT_RANK="):
                        found[int(variable[10:])] = int(pid)
        except (OSError, ValueError):
            continue
    return found


def fault(job, num_ranks, seed):
    rng = random.Random(seed)
    transport = rng.choice(["shm", "grpc"])
    how = rng.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGSTOP])
    victim = rng.randrange(num_ranks)
    delay = rng.choice([rng.uniform(0, 0.3), rng.uniform(0.3, 1.5)])  # while loading, or between steps
    command = ["weft", "launch", "-n", str(num_ranks), "--", "weft", "run", job, f"--transport={transport}"]
    command += ["--input", "random:1", "--steps=100000000", "--heartbeat=0.2", "--dead-after=2", "--join-timeout=8"]
    what = f"seed {seed}: {how.name} of rank {victim} after {delay:.2f} s over {transport}"
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        begin = time.monotonic()
        pids = {}
        while len(pids) < num_ranks:
            pids = ranks_of(process.pid)
            assert time.monotonic() - begin < 30, f"{what}: the ranks did not start"
        time.sleep(delay)
        os.kill(pids[victim], how)
        begin = time.monotonic()
        limit = (1 + 3 if how == signal.SIGKILL else 10 + 3) + SLACK  # the launcher's grace is 3 s
        output, _ = process.communicate(timeout=limit)
        took = time.monotonic() - begin
    except subprocess.TimeoutExpired:
        print(f"{what}: hangs")
        for pid in ranks_of(process.pid).values():
            os.kill(pid, signal.SIGKILL)
        process.kill()
        print(process.communicate()[0])
        return False
    left = [pid for pid in pids.values() if os.path.exists(f"/proc/{pid}")]
    errors = [line for line in output.splitlines() if re.search(r"^\[\d+\] weft(-worker)?: error: ", line)]
    names = sum(f"rank {victim}" in line or "coordinator" in line for line in errors)
    good = process.returncode == 75 and not left and (names >= 1 or victim == 0 or delay < 0.3)
    print(f"{what}: exit code {process.returncode} after {took:.1f} s, {len(errors)} ranks said why")
    if not good:
        print(output, "left running:", left)
    return good


def main():
    job, num_ranks, first, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    results = [fault(job, num_ranks, seed) for seed in range(first, first + count)]
    print(f"{sum(results)} of {count} faults ended as they should")
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
