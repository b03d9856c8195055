# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""reshards.py FOLDER JOB...: runs each job in FOLDER over all transports, twice over gRPC. Outputs that only moved have the
bits of one worker's (FOLDER/NAME.npy), sums its numbers; over all transports all have the same bits."""

import subprocess
import sys

MOVED, SUMS = ["picked", "turned", "soft"], ["product", "total"]
EXACT, CLOSE = ["--rtol=0", "--atol=0"], ["--rtol=1e-5", "--atol=1e-5"]


def run(job, *arguments):
    command = ["weft", "run", job, "--input=random:1", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}: {done.returncode}\n{done.stdout}{done.stderr}"


folder = sys.argv[1]
for job in (f"{folder}/{name}" for name in sys.argv[2:]):
    run(job, *(f"--expected={name}=@{folder}/{name}.npy" for name in SUMS), *CLOSE)
    run(job, *(f"--output={name}=@{folder}/split-{name}.npy" for name in SUMS))
    for transport in ("inprocess", "shm", "grpc", "grpc"):
        run(
            job,
            f"--transport={transport}",
            "--steps=3",
            *(f"--expected={name}=@{folder}/{name}.npy" for name in MOVED),
            *(f"--expected={name}=@{folder}/split-{name}.npy" for name in SUMS),
            *EXACT,
        )
