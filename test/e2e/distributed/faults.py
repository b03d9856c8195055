# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Seeded faults on real workers: kill -9, SIGSTOP and a cut link at random moments, over each transport, with the
timeouts that users get.

    faults.py JOB RANKS FIRST_SEED COUNT

What docs/guides/distributed.md promises is checked to the letter: every other rank says which one failed, within 1 s
of a death and 10 s of a stop or a cut; the job ends by itself with exit code 75; nothing is left running. Time that
the machine kept from this script is added to the limits.
"""

import os
import random
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time

PROMISED = {"kill": 1.0, "stop": 10.0, "cut": 10.0}
GRACE = 3.0  # of the launcher, for those that do not end by themselves
ERROR = re.compile(r"^\[(\d+)\] weft(?:-worker)?: error: (.*)")


class Stalls:
    """How long this machine keeps a process that wants to run from running."""

    def __init__(self):
        self.lost, self.is_over = 0.0, False
        self.thread = threading.Thread(target=self.measure, daemon=True)
        self.thread.start()

    def measure(self):
        while not self.is_over:
            begin = time.monotonic()
            time.sleep(0.01)
            self.lost += max(0.0, time.monotonic() - begin - 0.012)


class Relay:
    """Passes bytes on between a rank and the coordinator until the link is cut: then they are lost, both ways."""

    def __init__(self, target):
        self.target, self.is_cut, self.is_over, self.answered = target, False, False, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        other = {}
        while not self.is_over:
            for ready in select.select([self.listener, *other], [], [], 0.01)[0]:
                if ready is self.listener:
                    caller = ready.accept()[0]
                    try:
                        server = socket.create_connection(("127.0.0.1", self.target))
                    except OSError:
                        caller.close()
                        continue
                    other[caller], other[server] = server, caller
                    continue
                if ready not in other:
                    continue  # closed with the other end, just now
                try:
                    data = ready.recv(65536)
                    if data and not self.is_cut:
                        other[ready].sendall(data)
                        self.answered += len(data) if ready.getpeername()[1] == self.target else 0
                except OSError:
                    data = b""
                if not data:
                    peer = other.pop(ready)
                    other.pop(peer, None)
                    ready.close()
                    peer.close()
        for end in other:
            end.close()
        self.listener.close()


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


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def wait_until(condition, what):
    begin = time.monotonic()
    while not condition():
        assert time.monotonic() - begin < 30, what
        time.sleep(0.001)


def fault(job, num_ranks, seed):
    rng = random.Random(seed)
    how = ("kill", "stop", "kill", "cut")[seed % 4]
    transport = rng.choice(["shm", "grpc"])
    victim = rng.randrange(1 if how == "cut" else 0, num_ranks)
    # Before ranks have met, while they load, or between steps.
    delay = rng.choice([0.0, rng.uniform(0, 0.3), rng.uniform(0.3, 1.5)])
    what = f"seed {seed}: {how} of rank {victim} after {delay:.2f} s over {transport}"
    run = ["weft", "run", job, f"--transport={transport}", "--input", "random:1", "--steps=1000000000"]
    command, relay = ["weft", "launch", "-n", str(num_ranks), "--", *run], None
    if how == "cut":
        port = free_port()
        relay = Relay(port)
        script = f'test $WEFT_RANK = {victim} && export WEFT_COORDINATOR=127.0.0.1:{relay.port}; exec "$@"'
        command[4:5] = [f"--coordinator=127.0.0.1:{port}", "--", "sh", "-c", script, "sh"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    lines = []
    reader = threading.Thread(target=lambda: lines.extend((time.monotonic(), line) for line in process.stdout))
    reader.start()
    pids, problems = {}, []
    try:
        wait_until(lambda: pids.update(ranks_of(process.pid)) or len(pids) == num_ranks, f"{what}: ranks did not start")
        if relay:  # a rank that nobody has heard of is awaited for as long as --join-timeout says
            wait_until(lambda: relay.answered > 200, f"{what}: rank {victim} did not come")
        time.sleep(delay)
        stalls, begin = Stalls(), time.monotonic()
        if relay:
            relay.is_cut = True
        else:
            os.kill(pids[victim], signal.SIGKILL if how == "kill" else signal.SIGSTOP)
        process.wait(PROMISED[how] + GRACE + 30)
    except subprocess.TimeoutExpired:
        problems.append("hangs")
        for pid in ranks_of(process.pid).values():
            os.kill(pid, signal.SIGKILL)
        process.kill()
    took = time.monotonic() - begin
    stalls.is_over = True
    reader.join()
    if relay:
        relay.is_over = True
    said = {}
    for at, line in lines:
        if error := ERROR.match(line):
            said.setdefault(int(error[1]), (at - begin, error[2]))
    limit = PROMISED[how] + stalls.lost
    for rank in range(num_ranks):
        if rank == victim and how != "cut":
            continue
        at, text = said.get(rank, (None, ""))
        if at is None:
            problems.append(f"rank {rank} says nothing")
        elif at > limit:
            problems.append(f"rank {rank} says why after {at:.2f} s, promised: {limit:.2f} s")
        # One that is cut off sees the others go.
        wanted = ["rank ", "coordinator"] if rank == victim else [f"rank {victim}"] + ["coordinator"] * (victim == 0)
        if not any(name in text for name in wanted):
            problems.append(f"rank {rank} does not name rank {victim}")
    if process.returncode != 75:
        problems.append(f"exit code {process.returncode}, wanted 75")
    if took > limit + GRACE + 0.5:
        problems.append(f"the job took {took:.2f} s to end")
    if left := [pid for pid in pids.values() if os.path.exists(f"/proc/{pid}")]:
        problems.append(f"left running: {left}")
    last = max((at for at, _ in said.values()), default=0)
    print(f"{what}: all said why after {last:.2f} s, ended after {took:.2f} s (stalls: {stalls.lost:.2f} s)", flush=True)
    if problems:
        print("  FAILED: " + "; ".join(problems))
        print("".join(f"    {at - begin:6.2f} s  {line}" for at, line in lines), flush=True)
    return not problems


def main():
    job, num_ranks, first, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    results = [fault(job, num_ranks, seed) for seed in range(first, first + count)]
    print(f"{sum(results)} of {count} faults ended as they should")
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
