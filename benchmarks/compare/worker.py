#!/usr/bin/env python3
# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One peer in a process of its own: loads one row's model and times it whenever compare.py asks.

    worker.py PEER ROW FOLDER THREADS

Requests are JSON lines on standard input, answers JSON lines on standard output:
    at start                 {"compile_wall_ms", "compile_cpu_ms", "base_rss"}, after one run that is not timed
    {"run": SECONDS}         {"best_cpu_ms", "median_cpu_ms", "best_wall_ms", "median_wall_ms", "runs"}
    {"save": FILE.npy}       {"peak_rss"}: the first output saved, and the process's peak memory
"""

import atexit
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "models"))

import numpy  # noqa: E402

from builder import Builder  # noqa: E402


def read_inputs(folder):
    return {path.stem: numpy.load(path) for path in sorted(folder.glob("*.npy"))}


# Each peer: (imports, then) a function of (row, folder, threads) that compiles the model and returns a function that
# runs it once and returns its output, still in the peer's own form, and one that makes a NumPy array of that.
def onnxruntime_peer():
    import onnxruntime

    def load(row, folder, threads):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(folder / "model.onnx", options, providers=["CPUExecutionProvider"])
        binding = session.io_binding()
        kept = {name: onnxruntime.OrtValue.ortvalue_from_numpy(x) for name, x in read_inputs(folder).items()}
        for name, value in kept.items():
            binding.bind_ortvalue_input(name, value)
        binding.bind_output(session.get_outputs()[0].name)

        def run(kept=kept):
            session.run_with_iobinding(binding)
            return binding

        return run, lambda result: result.copy_outputs_to_cpu()[0]

    return load


def openvino_peer():
    import openvino

    def load(row, folder, threads):
        settings = {
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "INFERENCE_PRECISION_HINT": "f32",
            "PERFORMANCE_HINT": "LATENCY",
        }
        request = openvino.Core().compile_model(folder / "model.onnx", "CPU", settings).create_infer_request()
        kept = read_inputs(folder)
        for name, values in kept.items():
            request.set_tensor(name, openvino.Tensor(values, shared_memory=True))

        def run(kept=kept):
            request.infer()
            return request

        return run, lambda result: result.get_output_tensor(0).data.copy()

    return load


def torch_peer():
    import torch
    from torch_builder import TorchBuilder

    from rows import ROWS, SEEDS

    def load(row, folder, threads):
        torch.set_num_threads(threads)
        torch.set_grad_enabled(False)
        nn, network = TorchBuilder(SEEDS[row]), ROWS[row][0]
        network(nn)
        nn.freeze_inputs()

        def run():
            nn.rewind()
            return network(nn)

        return run, lambda result: result.contiguous().numpy()

    return load


def inductor_peer():
    threads = sys.argv[4]
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = tempfile.mkdtemp()  # cold
    os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = threads
    atexit.register(shutil.rmtree, os.environ["TORCHINDUCTOR_CACHE_DIR"], ignore_errors=True)
    import torch
    import torch._inductor.config
    from torch_builder import Network, TorchBuilder

    from rows import ROWS, SEEDS

    def load(row, folder, threads):
        torch.set_num_threads(threads)
        torch.set_grad_enabled(False)
        torch._inductor.config.freezing = True  # weights are constants: packed, and folded into what they meet
        network = Network(TorchBuilder(SEEDS[row]), ROWS[row][0])
        compiled, inputs = torch.compile(network), network.inputs()
        compiled(inputs)
        return lambda: compiled(inputs), lambda result: result.contiguous().numpy()

    return load


def jax_peer():
    threads = int(sys.argv[4])
    os.environ["JAX_PLATFORMS"] = "cpu"
    os.environ["JAX_TRACEBACK_FILTERING"] = "off"  # it would end error messages with a line about itself
    if threads == 1:  # XLA has no setting for its threads; it makes as many as it may use processors
        os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    import jax
    from jax_builder import JaxBuilder

    from rows import ROWS, SEEDS

    def load(row, folder, threads):
        nn = JaxBuilder(SEEDS[row])
        call, weights, inputs = nn.program(ROWS[row][0])
        compiled = jax.jit(call).lower(weights, inputs).compile()
        return lambda: compiled(weights, inputs).block_until_ready(), lambda result: nn.nchw(numpy.asarray(result))

    return load


def iree_peer():
    # The compiler takes the signal that hide_avx512.c needs: it is told what the others find.
    hidden = os.environ.pop("LD_PRELOAD", None)
    import iree.compiler.tools
    import iree.runtime
    import onnx

    def load(row, folder, threads):
        imported = folder / f"iree-{threads}.mlir"
        importer = [sys.executable, "-m", "iree.compiler.tools.import_onnx", folder / "model.onnx", "-o", imported]
        subprocess.run(importer, check=True, stdout=sys.stderr)
        flags = ["--iree-hal-target-device=local", "--iree-hal-local-target-device-backends=llvm-cpu"]
        flags += ["--iree-opt-level=O3", "--iree-opt-data-tiling"]
        flags += [f"--iree-llvmcpu-target-cpu={'x86-64-v3' if hidden else 'host'}", "--iree-llvmcpu-enable-ukernels=all"]
        program = iree.compiler.tools.compile_file(str(imported), input_type="auto", extra_args=flags)
        imported.unlink()
        driver = "local-sync" if threads == 1 else "local-task"
        config = iree.runtime.Config(driver)
        module = iree.runtime.VmModule.copy_buffer(config.vm_instance, program)
        functions = iree.runtime.load_vm_module(module, config)
        (name,) = (name for name in functions.vm_module.function_names if name[0] != "_" and "$" not in name)
        function = functions[name]
        order = [x.name for x in onnx.load(folder / "model.onnx", load_external_data=False).graph.input]
        values = read_inputs(folder)
        inputs = [iree.runtime.asdevicearray(config.device, values[name]) for name in order]
        return lambda: function(*inputs), lambda result: numpy.asarray(result.to_host())

    return load


def numpy_peer():
    threads = sys.argv[4]
    os.environ["OPENBLAS_NUM_THREADS"] = threads  # read when OpenBLAS is loaded: compare.py sets it as well

    def load(row, folder, threads):
        import onnx
        from onnx import numpy_helper

        if not row.startswith("gemm"):
            raise NotImplementedError("OpenBLAS computes the GEMM rows only")
        model = onnx.load(folder / "model.onnx")
        values = {x.name: numpy_helper.to_array(x) for x in model.graph.initializer} | read_inputs(folder)
        left, right = (values[name] for name in model.graph.node[0].input)
        result = numpy.empty((left.shape[0], right.shape[1]), numpy.float32)
        return lambda: numpy.matmul(left, right, out=result), lambda result: result

    return load


PEERS = {
    "onnxruntime": onnxruntime_peer,
    "openvino": openvino_peer,
    "torch": torch_peer,
    "inductor": inductor_peer,
    "jax": jax_peer,
    "iree": iree_peer,
    "openblas": numpy_peer,
}


def peak_rss():
    """The peak of this program; ru_maxrss would count the parent's memory from before exec."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def cpu_ms():
    """CPU time of all threads of this process and of the children it waited for."""
    return (time.process_time() + sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])) * 1000


def timed(run, seconds):
    cpu, wall, end = [], [], time.perf_counter() + seconds
    while not wall or time.perf_counter() < end:
        cpu_0, wall_0 = time.process_time_ns(), time.perf_counter_ns()
        run()
        cpu.append((time.process_time_ns() - cpu_0) / 1e6)
        wall.append((time.perf_counter_ns() - wall_0) / 1e6)
    return {
        **{"best_cpu_ms": min(cpu), "median_cpu_ms": statistics.median(cpu)},
        **{"best_wall_ms": min(wall), "median_wall_ms": statistics.median(wall), "runs": len(wall)},
    }


def main():
    peer, row, folder, threads = sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print goes to standard error

    def answer(**values):
        print(json.dumps(values), file=answers, flush=True)

    load = PEERS[peer]()
    base = peak_rss()
    wall_0, cpu_0 = time.perf_counter(), cpu_ms()
    run, to_numpy = load(row, folder, threads)
    compile_wall = (time.perf_counter() - wall_0 - Builder.drawing_s["wall"]) * 1000
    compile_cpu = cpu_ms() - cpu_0 - Builder.drawing_s["cpu"] * 1000
    result = run()
    answer(compile_wall_ms=compile_wall, compile_cpu_ms=compile_cpu, base_rss=base)
    for line in sys.stdin:
        request = json.loads(line)
        if "run" in request:
            answer(**timed(run, request["run"]))
        else:
            result = run()
            peak = peak_rss()
            numpy.save(request["save"], to_numpy(result))
            answer(peak_rss=peak)


if __name__ == "__main__":
    sys.exit(main())
