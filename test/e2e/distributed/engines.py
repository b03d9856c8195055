# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""engines.py ENGINE JOB SUM.npy: the job under Open MPI (mpirun) or Slurm (srun), with the numbers of a run alone; and
when a rank is killed, the others name it and the engine fails. Slurm is a cluster of two nodes on this host, started
here and gone afterwards. `kubernetes` plays what an indexed job sets."""

import contextlib
import getpass
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time

engine, job, expected = sys.argv[1], sys.argv[2], sys.argv[3]
RUN = ["weft", "run", job, "--input", "random:1", "--transport=grpc"]
CHECK = ["--expected", f"sum=@{expected}", "--rtol=0", "--atol=0"]


def environment(folder):
    names = {k: v for k, v in os.environ.items() if not k.startswith(("WEFT_RANK", "SLURM_", "OMPI_"))}
    names["PATH"] += os.pathsep + "/usr/sbin"
    return names | {"WEFT_COORDINATOR": f"unix:{folder}/c", "WEFT_TOKEN": secrets.token_hex(16)}


def free_ports(count):
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [server.getsockname()[1] for server in servers]


def wait_until(condition, what, seconds=30):
    begin = time.monotonic()
    while not condition():
        assert time.monotonic() - begin < seconds, what
        time.sleep(0.02)


@contextlib.contextmanager
def slurm(env):
    """A controller, two nodes and what proves to them who speaks; SLURM_CONF in `env` says where they are."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        user, host = getpass.getuser(), socket.gethostname().split(".")[0]
        controller, first, second = free_ports(3)
        with open(f"{folder}/key", "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as key:
            key.write(secrets.token_bytes(128))
        with open(f"{folder}/slurm.conf", "w") as conf:
            conf.write(f"""ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock
SlurmctldPort={controller}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
ReturnToService=2
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={first} CPUs=1
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={second} CPUs=1
PartitionName=all Nodes=ALL Default=YES State=UP
""")
        env["SLURM_CONF"] = f"{folder}/slurm.conf"
        os.mkdir(f"{folder}/state")
        log = stack.enter_context(open(f"{folder}/log", "w+"))

        def start(*command):
            process = subprocess.Popen(command, env=env, stdout=log, stderr=log)
            stack.callback(process.wait)
            stack.callback(process.terminate)

        def nodes_idle():
            told = subprocess.run(["sinfo", "-h", "-o", "%T %D"], env=env, capture_output=True, text=True)
            return told.stdout.split() == ["idle", "2"]

        start("munged", "--foreground", "--force", f"--socket={folder}/munge.sock", f"--key-file={folder}/key",
              f"--pid-file={folder}/munged.pid", f"--log-file={folder}/munged.log", f"--seed-file={folder}/seed")
        try:
            wait_until(lambda: os.path.exists(f"{folder}/munge.sock"), "munged does not listen")
            start("slurmctld", "-D")
            start("slurmd", "-D", "-N", "n1")
            start("slurmd", "-D", "-N", "n2")
            wait_until(nodes_idle, "the nodes do not come up")
        except AssertionError:
            log.seek(0)
            print(log.read())
            raise
        yield


def processes_with(variable):
    """pids whose environment has `variable`."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/environ", "rb") as environ, open(f"/proc/{pid}/comm") as comm:
                if variable.encode() in environ.read().split(b"\0") and comm.read().strip().startswith("weft"):
                    found.append(int(pid))
    return found


def under(start, rank_variable, env):
    done = subprocess.run(start + RUN + CHECK, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{engine}: {done.returncode}\n{done.stdout}{done.stderr}"
    assert "sum: agrees" in done.stdout, done.stdout
    print(f"{engine}: the same numbers")
    env = env | {"WEFT_TOKEN": secrets.token_hex(16)}
    token = f"WEFT_TOKEN={env['WEFT_TOKEN']}"
    process = subprocess.Popen(
        start + RUN + ["--steps=1000000000"], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )

    def victims():
        return [pid for pid in processes_with(f"{rank_variable}=1") if pid in processes_with(token)]

    wait_until(victims, "rank 1 does not come")
    time.sleep(1)
    os.kill(victims()[0], signal.SIGKILL)
    output = process.communicate(timeout=60)[0]
    assert process.returncode != 0, output
    # srun may end before it has passed on the last line of a task, but tells how each ended.
    assert ("error: " in output and "rank 1" in output) or "task 0: Exited with exit code 75" in output, output
    wait_until(lambda: not processes_with(token), "something is left running", 10)
    print(f"{engine}: a killed rank is named")


if engine == "mpirun":
    with tempfile.TemporaryDirectory() as folder:
        under(["mpirun", "--allow-run-as-root", "--oversubscribe", "-n", "2"], "OMPI_COMM_WORLD_RANK", environment(folder))
elif engine == "slurm":
    with tempfile.TemporaryDirectory() as folder:
        env = environment(folder)
        with slurm(env):
            under(["srun", "-N", "2", "-n", "2", "--kill-on-bad-exit=0", "--wait=10"], "SLURM_PROCID", env)
elif engine == "kubernetes":
    with tempfile.TemporaryDirectory() as folder:
        base = environment(folder) | {"WEFT_WORLD_SIZE": "2"}
        ranks = [
            subprocess.Popen(RUN + CHECK, env=base | {"JOB_COMPLETION_INDEX": str(rank)}, stdout=subprocess.PIPE, text=True)
            for rank in (0, 1)
        ]
        outputs = [rank.communicate(timeout=120)[0] for rank in ranks]
        assert [rank.returncode for rank in ranks] == [0, 0], outputs
        assert "sum: agrees" in outputs[0], outputs
        print("JOB_COMPLETION_INDEX: the same numbers")
else:
    sys.exit(f"no engine '{engine}'")
