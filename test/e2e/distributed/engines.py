# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""engines.py JOB SUM.npy: the job under mpirun and srun, with the numbers of a run alone. What is not installed is
skipped, and said so."""

import os
import secrets
import shutil
import subprocess
import sys
import tempfile

job, expected = sys.argv[1], sys.argv[2]
RUN = ["weft", "run", job, "--input", "random:1", "--transport=grpc", "--expected", f"sum=@{expected}", "--rtol=0", "--atol=0"]


def environment(folder):
    names = {k: v for k, v in os.environ.items() if not k.startswith(("WEFT_RANK", "SLURM_", "OMPI_"))}
    return names | {"WEFT_COORDINATOR": f"unix:{folder}/c", "WEFT_TOKEN": secrets.token_hex(16)}


def under(name, start):
    if not shutil.which(start[0]):
        print(f"SKIPPED: {name}: {start[0]} is not installed")
        return
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(start + RUN, env=environment(folder), capture_output=True, text=True, timeout=120)
    if name == "Slurm" and "Unable to contact slurm controller" in done.stderr:
        print("SKIPPED: Slurm: no controller runs here")
        return
    assert done.returncode == 0, f"{name}: {done.returncode}\n{done.stdout}{done.stderr}"
    assert "sum: agrees" in done.stdout, done.stdout
    print(f"{name}: the same numbers")


under("Open MPI", ["mpirun", "--allow-run-as-root", "--oversubscribe", "-n", "2"])
under("Slurm", ["srun", "-n", "2", "--overcommit"])
# Kubernetes' indexed jobs set one variable; what it does is played here.
with tempfile.TemporaryDirectory() as folder:
    base = environment(folder) | {"WEFT_WORLD_SIZE": "2"}
    ranks = [subprocess.Popen(RUN, env=base | {"JOB_COMPLETION_INDEX": str(rank)}, stdout=subprocess.PIPE, text=True) for rank in (0, 1)]
    outputs = [rank.communicate(timeout=120)[0] for rank in ranks]
    assert [rank.returncode for rank in ranks] == [0, 0], outputs
    assert "sum: agrees" in outputs[0], outputs
    print("JOB_COMPLETION_INDEX: the same numbers")
