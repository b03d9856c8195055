# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One model split in many ways: every split gives the numbers of one worker, and one set of bits over all transports and
when it is started again.

    breadth.py MODEL.onnx FOLDER INPUT SPLIT...

INPUT is what weft run takes: random:1 or NAME=@FILE. A SPLIT is "MESH [--stages=K] [SHAPE]": "data:2 x=2x3x224x224",
"model:2 --stages=2".
"""

import json
import subprocess
import sys
import time

TOLERANCE = ["--rtol=1e-3", "--atol=1e-3"]  # of sums that are split
EXACT = ["--rtol=0", "--atol=0"]


def weft(*arguments):
    done = subprocess.run(["weft", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, f"weft {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def check(model, folder, given, split):
    begin = time.monotonic()
    mesh, *rest = split.split()
    stages = [word for word in rest if word.startswith("--")]
    shapes = [f"--shape={word}" for word in rest if not word.startswith("--")]
    job = f"{folder}/split.weftjob"
    weft("compile", model, f"--mesh={mesh}", *stages, *shapes, "-o", job)
    about = json.loads(weft("inspect", job, "--json"))
    names = [value["name"] for value in about["outputs"]]

    def save(prefix):
        return [f"--output={name}=@{folder}/{prefix}{i}.npy" for i, name in enumerate(names)]

    def same(prefix):
        return [f"--expected={name}=@{folder}/{prefix}{i}.npy" for i, name in enumerate(names)]

    weft("run", model, *shapes, f"--input={given}", *save("one"))
    told = weft("run", job, f"--input={given}", *same("one"), *TOLERANCE)
    weft("run", job, f"--input={given}", *save("split"))
    for transport in ("inprocess", "shm", "grpc", "grpc"):
        weft("run", job, f"--input={given}", f"--transport={transport}", "--steps=2", *same("split"), *EXACT)
    print(f"{split}: {about['ranks']} ranks, {time.monotonic() - begin:.0f} s; {told.strip()}", flush=True)


for split in sys.argv[4:]:
    check(*sys.argv[1:4], split)
