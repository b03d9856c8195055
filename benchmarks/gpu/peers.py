#!/usr/bin/env python3
# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Times what others do with the shapes of kernels/*.mlir on the GPU here: cuBLASLt, opened by name, and torch where it is
installed. Prints one JSON object {peer: {kernel: milliseconds}}; a peer that is not there has no entry, and says why on
standard error.
"""

import ctypes
import json
import sys

# name: (m, n, k, element type). As in kernels/.
PRODUCTS = {
    "matmul": (256, 192, 128, "f32"),
    "matmul-f16": (256, 192, 128, "f16"),
    "matmul-large": (2048, 2048, 2048, "f32"),
    "matmul-f16-large": (2048, 2048, 2048, "f16"),
}
ROUNDS = 20


def open_library(*names):
    for name in names:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    raise OSError(f"none of {', '.join(names)} is here")


class Cuda:
    """The little of the driver that timing takes."""

    def __init__(self):
        self.driver = open_library("libcuda.so.1")
        self.call("cuInit", 0)
        device, self.context = ctypes.c_int(), ctypes.c_void_p()
        self.call("cuDeviceGet", ctypes.byref(device), 0)
        self.call("cuDevicePrimaryCtxRetain", ctypes.byref(self.context), device)
        self.call("cuCtxSetCurrent", self.context)

    def call(self, name, *arguments):
        code = getattr(self.driver, name)(*arguments)
        if code != 0:
            raise OSError(f"{name} gave {code}")

    def allocate(self, size):
        memory = ctypes.c_uint64()
        self.call("cuMemAlloc_v2", ctypes.byref(memory), ctypes.c_size_t(size))
        self.call("cuMemsetD8_v2", memory, ctypes.c_ubyte(0), ctypes.c_size_t(size))
        return ctypes.c_void_p(memory.value)

    def milliseconds(self, work):
        """The median over rounds, after a warm-up."""
        start, end, took = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_float()
        for event in (start, end):
            self.call("cuEventCreate", ctypes.byref(event), 0)
        times = []
        for round_number in range(ROUNDS + 3):
            self.call("cuEventRecord", start, None)
            work()
            self.call("cuEventRecord", end, None)
            self.call("cuEventSynchronize", end)
            self.call("cuEventElapsedTime", ctypes.byref(took), start, end)
            if round_number >= 3:
                times.append(took.value)
        return sorted(times)[len(times) // 2]


def cublaslt():
    cuda = Cuda()
    library = open_library("libcublasLt.so.13", "libcublasLt.so.12")

    def call(name, *arguments):
        code = getattr(library, name)(*arguments)
        if code != 0:
            raise OSError(f"{name} gave {code}")

    handle = ctypes.c_void_p()
    call("cublasLtCreate", ctypes.byref(handle))
    workspace_size = 32 << 20
    workspace = cuda.allocate(workspace_size)
    compute_f32, real_f32, real_f16 = 68, 0, 2  # CUBLAS_COMPUTE_32F, CUDA_R_32F, CUDA_R_16F
    times = {}
    for name, (m, n, k, element) in PRODUCTS.items():
        data_type, width = (real_f16, 2) if element == "f16" else (real_f32, 4)
        description, preference = ctypes.c_void_p(), ctypes.c_void_p()
        call("cublasLtMatmulDescCreate", ctypes.byref(description), compute_f32, real_f32)
        layouts = []
        # Column-major: the row-major product is that of the transposed operands, in the other order.
        for kind, rows, columns in ((data_type, n, k), (data_type, k, m), (real_f32, n, m)):
            layout = ctypes.c_void_p()
            call(
                *("cublasLtMatrixLayoutCreate", ctypes.byref(layout), kind),
                *(ctypes.c_uint64(rows), ctypes.c_uint64(columns), ctypes.c_int64(rows)),
            )
            layouts.append(layout)
        call("cublasLtMatmulPreferenceCreate", ctypes.byref(preference))
        size = ctypes.c_uint64(workspace_size)
        call("cublasLtMatmulPreferenceSetAttribute", preference, 1, ctypes.byref(size), ctypes.c_size_t(8))
        heuristic, found = (ctypes.c_ubyte * 256)(), ctypes.c_int()
        call(
            *("cublasLtMatmulAlgoGetHeuristic", handle, description, *layouts, layouts[2], preference, 1),
            *(ctypes.byref(heuristic), ctypes.byref(found)),
        )
        a, b, c = cuda.allocate(n * k * width), cuda.allocate(k * m * width), cuda.allocate(n * m * 4)
        alpha, beta = ctypes.c_float(1), ctypes.c_float(0)

        def product(description=description, layouts=layouts, heuristic=heuristic, a=a, b=b, c=c):
            call(
                *("cublasLtMatmul", handle, description, ctypes.byref(alpha), a, layouts[0], b, layouts[1]),
                *(ctypes.byref(beta), c, layouts[2], c, layouts[2], ctypes.byref(heuristic)),
                *(workspace, ctypes.c_size_t(workspace_size), None),
            )

        times[name] = cuda.milliseconds(product)
    return times


def with_torch():
    import torch

    if not torch.cuda.is_available():
        raise OSError("torch finds no GPU")
    torch.backends.cuda.matmul.allow_tf32 = False

    def milliseconds(work):
        times = []
        for round_number in range(ROUNDS + 3):
            start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            start.record()
            work()
            end.record()
            torch.cuda.synchronize()
            if round_number >= 3:
                times.append(start.elapsed_time(end))
        return sorted(times)[len(times) // 2]

    times = {}
    for name, (m, n, k, element) in PRODUCTS.items():
        kind = torch.float16 if element == "f16" else torch.float32
        a, b = torch.randn(m, k, device="cuda", dtype=kind), torch.randn(k, n, device="cuda", dtype=kind)
        times[name] = milliseconds(lambda a=a, b=b: a @ b)
    for name, rows, columns in (("softmax", 64, 1000), ("softmax-large", 4096, 4096)):
        x = torch.randn(rows, columns, device="cuda")
        times[name] = milliseconds(lambda x=x: torch.softmax(x, -1))
    for name, count in (("add", 1 << 16), ("add-large", 1 << 24)):
        x = torch.randn(count, device="cuda")
        times[name] = milliseconds(lambda x=x: x + x)
    return times


def main():
    results = {}
    for name, measure in (("cublaslt", cublaslt), ("torch", with_torch)):
        try:
            results[name] = measure()
        except (OSError, ImportError, AttributeError) as error:
            print(f"{name}: not measured: {error}", file=sys.stderr)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
