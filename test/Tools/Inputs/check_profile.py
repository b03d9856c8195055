# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# check_profile.py SCORES TWO PROFILED FILES...: three objects of weft profile --json, then Chrome traces and pictures.
import json
import sys
import xml.dom.minidom

scores, two, profiled = (json.load(open(name)) for name in sys.argv[1:4])
for result in (scores, two, profiled):
    assert result["runs"] >= 4 and 0 < result["best_ms"] <= result["ms"] * 1.0001, result
    assert result["runs_counted"] == (result["runs"] + 1) // 2
    rows = result["rows"]
    assert abs(sum(row["share_percent"] for row in rows) - 100) < 1e-6
    assert abs(sum(row["ms"] for row in rows) - result["ms"]) < 1e-6 * result["ms"]
    assert rows[-1]["kind"] == "runtime" and rows[-1]["bound"] is None
    times = [row["ms"] for row in rows[:-1]]
    assert times == sorted(times, reverse=True)
    peak = result["peak"]
    assert peak["gflop_per_s"] > 0 and len(peak["memory"]) > 3
    for row in rows[:-1]:
        assert row["nodes"] and row["calls"] > 0
        if row["flops"] is not None and row["ms"] > 0:
            assert abs(row["gflop_per_s"] * row["ms"] * 1e6 - row["flops"]) <= 1e-6 * row["flops"]
            assert abs(row["gb_per_s"] * row["ms"] * 1e6 - row["bytes"]) <= 1e-6 * row["bytes"]
            assert row["bound"] in ("memory", "compute") and row["of_peak_percent"] > 0


def row(result, name):
    return next(row for row in result["rows"] if row["name"].startswith(name))


# A product of 64x4 and 4x3, and with the two rows of x.npy in a program for any number of them. The weight may be
# padded where it is packed.
assert row(scores, "dot_general")["flops"] == 2 * 64 * 4 * 3
assert row(two, "dot_general")["flops"] == 2 * 2 * 4 * 3
assert row(scores, "dot_general")["bytes"] - row(two, "dot_general")["bytes"] == 62 * (4 + 3) * 4
assert row(scores, "dot_general")["nodes"] == ["scores"]
# Rows of a table are read, not the table; they are written, and indices are read.
gather = row(profiled, "gather")
assert gather["flops"] == 0 and gather["bytes"] == 2 * 6 * 8 * 4 + 6 * 8, gather
# The loop ran three times.
assert any(row["calls"] == 3 and row["flops"] == 3 * 4 * 8 for row in profiled["rows"]), profiled
sort = row(profiled, "sort")
assert sort["kind"] == "command" and sort["bytes"] == 2 * 100 * 8 * 4 and sort["bound"] == "memory"

for name in sys.argv[4:]:
    if name.endswith(".svg"):
        xml.dom.minidom.parse(name)
        continue
    events = json.load(open(name))["traceEvents"]
    assert sum(event["cat"] == "run" for event in events) == 1, "one run"
    launches = [event for event in events if event["cat"] == "launch"]
    assert launches and all(event["args"]["bytes"] > 0 and event["args"]["flops"] >= 0 for event in launches)
