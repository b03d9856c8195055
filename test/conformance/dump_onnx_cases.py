#!/usr/bin/env python3
# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes the ONNX backend node tests as files that weft-conformance reads.

    dump_onnx_cases.py OUT

writes OUT/<case>/{model.onnx, model.dynamic.onnx, model.constant.onnx, test_data_set_0/{input,output}_<i>.pb} and the
list of all cases, OUT/cases.json. README.md beside this file says what stands in it. The wheel `onnx` makes the cases
in Python; it carries no files of them. Nothing is done when OUT is up to date; the same wheel gives the same bytes.
"""

import argparse
import fcntl
import hashlib
import importlib.metadata
import json
import re
import shutil
import sys
import warnings
from pathlib import Path

# The tolerances of onnx's own runner: rtol 1e-3 and atol 1e-7, and two units in the last place for the narrow floats
# (its runner does so for bfloat16 alone; float16's unit is just under rtol, so one correctly rounded result beside one
# rounded twice would already differ).
RTOL, ATOL = 1e-3, 1e-7
NARROW_RTOL = {"BFLOAT16": 2.0**-6, "FLOAT16": 2.0**-9}

# Ops whose results are sums with terms of both signs. Where those cancel, a correct float32 result is off by a fraction
# of the terms, not of the result, so atol is a fraction of the case's largest result instead.
CANCELLING_ATOL = 2.0**-20
CANCELLING_OPS = {
    *("AffineGrid", "Attention", "BatchNormalization", "CausalConvWithState", "Col2Im", "Conv", "ConvTranspose"),
    *("CumSum", "DFT", "DeformConv", "Det", "Einsum", "GRU", "Gemm", "GridSample", "GroupNormalization"),
    *("InstanceNormalization", "LSTM", "LayerNormalization", "LinearAttention", "MatMul", "MeanVarianceNormalization"),
    *("NegativeLogLikelihoodLoss", "RNN", "ReduceLogSum", "ReduceLogSumExp", "ReduceMean", "ReduceSum", "Resize"),
    *("RoiAlign", "RotaryEmbedding", "STFT", "SoftmaxCrossEntropyLoss"),
}

# Cases that draw random numbers: only shape and type of their results can be compared.
RANDOM_CASES = re.compile(r"test_(bernoulli.*|training_dropout(_default)?(_mask)?)")

# Operands whose extent decides a rank or a number of results, not an extent: they keep their extents in the dynamic
# variant. Scalars have none and are not listed.
EXTENT_IS_RANK = {
    "AffineGrid": {1},
    "CenterCropPad": {1},
    "Col2Im": {1, 2},
    "ConstantOfShape": {0},
    "Expand": {1},
    "GatherND": {1},
    "MaxUnpool": {2},
    "NonMaxSuppression": {2, 3, 4},
    "Pad": {1, 3},
    "Reshape": {1},
    "Resize": {1, 2, 3},
    "ScatterND": {1},
    "Slice": {1, 2, 3, 4},
    "Split": {1},
    "SplitToSequence": {1},
    "Squeeze": {1},
    "Tile": {1},
    "TopK": {1},
    "Unsqueeze": {1},
    "Upsample": {1},
    **{
        "Reduce" + kind: {1}
        for kind in ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare")
    },
}

STORAGE_TYPES = {
    *("FLOAT8E4M3FN", "FLOAT8E4M3FNUZ", "FLOAT8E5M2", "FLOAT8E5M2FNUZ", "FLOAT8E8M0", "FLOAT4E2M1"),
    *("INT4", "UINT4", "INT2", "UINT2"),
}


def stamp():
    """What the files depend on: the wheels and this script."""
    try:
        versions = [f"{name} {importlib.metadata.version(name)}" for name in ("onnx", "numpy", "ml_dtypes")]
    except importlib.metadata.PackageNotFoundError as missing:
        complaint = f"{sys.executable} has no package {missing.name}: ./bootstrap build makes build/venv, which has it"
        raise SystemExit(f"dump_onnx_cases.py: {complaint}") from None
    script = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]
    return ", ".join(versions) + ", script " + script


def is_up_to_date(out):
    wanted = stamp()
    try:
        return json.loads((out / "cases.json").read_text())["stamp"] == wanted
    except (OSError, ValueError, KeyError):
        return False


def ensure(out, log=lambda text: None):
    """Writes the cases into `out` unless they lie there; safe when several processes ask at once."""
    out = Path(out)
    if is_up_to_date(out):
        return out / "cases.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{out}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_up_to_date(out):
            fresh = out.with_name(out.name + ".new")
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir()
            count = dump(fresh)
            shutil.rmtree(out, ignore_errors=True)
            fresh.rename(out)
            log(f"{count} cases written to {out}")
    return out / "cases.json"


def walk(graph):
    """Every node of a graph and of its subgraphs."""
    import onnx

    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from walk(attribute.g)


def qualified(node):
    return node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op_type}"


def type_names(values):
    """Names of the element types of inputs and outputs; "sequence" and "optional" for those."""
    import onnx

    names = set()
    for value in values:
        kind = value.type.WhichOneof("value")
        if kind == "tensor_type":
            names.add(onnx.TensorProto.DataType.Name(value.type.tensor_type.elem_type))
        else:
            names.add(kind.removesuffix("_type"))
    return names


def category(model, expanded):
    domains = {node.domain for node in walk(model.graph)} - {"", "ai.onnx"}
    types = type_names([*model.graph.input, *model.graph.output])
    ops = {node.op_type for node in walk(model.graph)}
    if domains:
        return "ml/preview"
    if "STRING" in types:
        return "string"
    if types & {"sequence", "optional", "map"} or any("Sequence" in op and op != "ReverseSequence" for op in ops):
        return "sequence/optional"
    if types & STORAGE_TYPES:
        return "storage-types"
    return "core-expanded" if expanded else "core-plain"


def serialize(value, info):
    """The bytes of one input or output, in the proto that the model's type asks for."""
    import numpy
    from onnx import TensorProto, numpy_helper

    kind = info.type.WhichOneof("value")
    if kind == "tensor_type":
        if isinstance(value, TensorProto):
            proto = TensorProto()
            proto.CopyFrom(value)
            proto.name = info.name
        else:
            proto = numpy_helper.from_array(numpy.asarray(value), info.name)
    elif kind == "sequence_type":
        proto = numpy_helper.from_list(value, info.name)
    elif kind == "optional_type":
        proto = numpy_helper.from_optional(value, info.name)
    else:
        proto = numpy_helper.from_dict(value, info.name)
    return proto


def rank_inputs(model):
    """Names of the graph inputs whose extents are ranks."""
    names = set()
    for node in walk(model.graph):
        kept = EXTENT_IS_RANK.get(node.op_type, ()) if node.domain in ("", "ai.onnx") else ()
        names |= {name for index, name in enumerate(node.input) if index in kept}
    return names


def dynamic_variant(model, kept):
    """The model with every extent of its inputs a symbol of its own and unknown extents in its outputs, or None when
    nothing changes."""
    import onnx

    variant = onnx.ModelProto()
    variant.CopyFrom(model)
    changed = False
    for value in variant.graph.input:
        if value.type.WhichOneof("value") != "tensor_type" or value.name in kept:
            continue
        for index, dim in enumerate(value.type.tensor_type.shape.dim):
            dim.Clear()
            dim.dim_param = f"{value.name}_{index}"
            changed = True
    for value in variant.graph.output:
        if value.type.WhichOneof("value") == "tensor_type":
            for dim in value.type.tensor_type.shape.dim:
                dim.Clear()
    return variant if changed else None


def constant_variant(model, inputs):
    """The model with its inputs as initializers, or None when it has none or they are not tensors."""
    import onnx

    if not inputs or any(value.type.WhichOneof("value") != "tensor_type" for value in model.graph.input):
        return None
    variant = onnx.ModelProto()
    variant.CopyFrom(model)
    variant.graph.ClearField("input")
    variant.graph.initializer.extend(inputs)
    variant.ir_version = max(variant.ir_version, 4)  # before 4 an initializer had to be an input too
    return variant


def cancelling_atol(op, outputs):
    """The absolute error that cancellation excuses in the results of one case."""
    import numpy
    from onnx import TensorProto, numpy_helper

    if op not in CANCELLING_OPS or any(not isinstance(proto, TensorProto) for proto in outputs):
        return 0.0
    results = [numpy_helper.to_array(proto).astype(numpy.float64) for proto in outputs]
    largest = max([abs(r[numpy.isfinite(r)]).max(initial=0.0) for r in results], default=0.0)
    return float(f"{CANCELLING_ATOL * largest:.2g}")


def dump(out):
    """Writes every case below the empty folder `out`; returns their number."""
    import numpy

    warnings.simplefilter("ignore")  # the cases overflow and divide by zero on purpose
    numpy.random.seed(0)  # some cases draw inputs without seeding
    with numpy.errstate(all="ignore"):
        from onnx.backend.test.case.node import collect_testcases

        cases = collect_testcases(None)
    by_name = {case.name: case for case in cases}
    listed = []
    for case in sorted(cases, key=lambda case: case.name):
        match = re.fullmatch(r"(.*)_expanded(_ver\d+)?", case.name)
        parent = by_name[match[1]] if match else case
        (values, results), model = case.data_sets[0], case.model
        folder = out / case.name
        data = folder / "test_data_set_0"
        data.mkdir(parents=True)
        inputs = [serialize(*pair) for pair in zip(values, model.graph.input, strict=True)]
        outputs = [serialize(*pair) for pair in zip(results, model.graph.output, strict=True)]
        for kind, protos in (("input", inputs), ("output", outputs)):
            for index, proto in enumerate(protos):
                (data / f"{kind}_{index}.pb").write_bytes(proto.SerializeToString(deterministic=True))
        variants = {
            "static": model,
            "dynamic": dynamic_variant(model, rank_inputs(parent.model)),
            "constant": constant_variant(model, inputs),
        }
        variants = {mode: variant for mode, variant in variants.items() if variant is not None}
        for mode, variant in variants.items():
            path = folder / ("model.onnx" if mode == "static" else f"model.{mode}.onnx")
            path.write_bytes(variant.SerializeToString(deterministic=True))
        narrow = [NARROW_RTOL[name] for name in type_names(model.graph.output) if name in NARROW_RTOL]
        listed.append(
            {
                "name": case.name,
                "op": qualified(parent.model.graph.node[0]),
                "ops": sorted({qualified(node) for node in walk(model.graph)}),
                "opset": max((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), default=0),
                "category": category(model, match is not None),
                "variants": list(variants),
                "inputs": [value.name for value in model.graph.input],
                "outputs": [value.name for value in model.graph.output],
                "compare": "shape" if RANDOM_CASES.fullmatch(parent.name) else "values",
                "rtol": max([case.rtol, *narrow]),
                "atol": max(case.atol, cancelling_atol(parent.model.graph.node[0].op_type, outputs)),
            }
        )
    lines = ",\n".join(json.dumps(case) for case in listed)
    text = f'{{"stamp": {json.dumps(stamp())},\n"onnx": {json.dumps(importlib.metadata.version("onnx"))},\n'
    (out / "cases.json").write_text(text + f'"cases": [\n{lines}\n]}}\n')
    return len(listed)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="folder to write")
    ensure(parser.parse_args().out, log=print)


if __name__ == "__main__":
    sys.exit(main())
