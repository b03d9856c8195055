# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The lit suite of Weft: FileCheck tests, driver tests and scripts. GoogleTests have their own suite in unit/.
import os
import shutil

import lit.formats

config.name = "weft"
config.test_format = lit.formats.ShTest(True)
config.suffixes = [".mlir", ".test"]
config.excludes = ["unit", "CMakeLists.txt", "Inputs", "lit.cfg.py"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = config.weft_obj_root

path = [config.weft_tools_dir, os.path.join(config.weft_build_root, "test", "bin"), config.llvm_tools_dir]
config.environment["PATH"] = os.pathsep.join(path + [os.environ.get("PATH", "")])
# Tests never touch the user's cache, and use one thread unless threads are their subject.
config.environment["WEFT_CACHE_DIR"] = os.path.join(config.weft_obj_root, "cache")
config.environment["WEFT_THREADS"] = os.environ.get("WEFT_THREADS", "1")
config.environment["ASAN_OPTIONS"] = "allow_user_poisoning=0:detect_leaks=0"

config.substitutions.append(("%python", '"' + config.weft_python + '"'))
config.substitutions.append(("%src", config.weft_src_root))
config.substitutions.append(("%build", config.weft_build_root))

if config.weft_runtime_only:
    config.available_features.add("runtime-only")
    config.excludes += [
        "Dialect",
        "Transforms",
        "Partition",
        "Conversion",
        "Codegen",
        "Pipeline",
        "Tools",
        "Import",
        "conformance",
        "e2e",
        "CAPI",
        "Api",
        "style",
        "docs",
    ]
else:
    config.available_features.add("compiler")
# NVIDIA's assembler checks generated PTX where it is installed.
ptxas = shutil.which("ptxas") or shutil.which("/usr/local/cuda/bin/ptxas")
if ptxas:
    config.available_features.add("ptxas")
    config.substitutions.append(("%ptxas", ptxas))
if os.path.exists(os.path.join(config.weft_build_root, "lib", "libWeftGrpc.so")):
    config.available_features.add("grpc")
# What starts ranks: tested where it is installed (CONTRIBUTING.md).
for feature, programs in {
    "mpirun": ["mpirun"],
    "slurm": ["srun", "sinfo", "slurmctld", "slurmd", "munged"],
}.items():
    missing = [name for name in programs if not shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin")]
    if not missing:
        config.available_features.add(feature)
    elif not config.weft_runtime_only:
        lit_config.note(f"e2e/distributed/{feature}.test is skipped: not installed: {', '.join(missing)}")
if os.path.isdir("/usr/share/datasets/fashion-mnist"):
    config.available_features.add("fashion-mnist")
# Tests that take minutes each run when asked for, as do more seeds of unit tests.
if os.environ.get("WEFT_NIGHTLY"):
    config.available_features.add("nightly")
