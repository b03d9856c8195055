# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""busy_port.py JOB: launches a job of two ranks whose coordinator is to serve at a port that this script holds."""

import socket
import subprocess
import sys

with socket.create_server(("127.0.0.1", 0)) as server:
    address = f"127.0.0.1:{server.getsockname()[1]}"
    run = ["weft", "run", sys.argv[1], "--input=random:1", "--transport=grpc"]
    launch = ["weft", "launch", "-n", "2", f"--coordinator={address}", "--", *run]
    done = subprocess.run(launch, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
print(f"{done.stdout}code {done.returncode}")
