# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# exit_codes.py CODE COMMAND...: the command ends with this code, says why on standard error, and nothing on standard
# output.
import subprocess
import sys

done = subprocess.run(sys.argv[2:], capture_output=True, text=True, timeout=120)
if done.returncode != int(sys.argv[1]) or not done.stderr.startswith("weft: error: ") or done.stdout:
    sys.exit(f"{sys.argv[2:]}: exit code {done.returncode}, wanted {sys.argv[1]}\n{done.stdout}{done.stderr}")
print(done.stderr, end="")
