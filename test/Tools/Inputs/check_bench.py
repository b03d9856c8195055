# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# check_bench.py FIRST SECOND THIRD: objects of weft bench --json; the second came from the cache.
import json
import sys

first, second, third = (json.load(open(name)) for name in sys.argv[1:])
for result in (first, second, third):
    assert result["runs"] >= 3
    assert 0 < result["best_cpu_ms"] <= result["median_cpu_ms"]
    # Reading the clocks takes a moment itself.
    assert 0 < result["best_cpu_ms_of_busiest_thread"] <= result["median_cpu_ms"] + 1
    assert 0 < result["best_wall_ms"] <= result["median_wall_ms"]
    assert result["compile_ms"] > 0 and result["compile_cpu_ms"] > 0 and result["constant_bytes"] > 0
    assert 1 << 20 < result["peak_rss_bytes"] < 1 << 30
assert second["from_cache"], second
assert third["threads"] == 1
# The compiler was not in this process.
assert second["peak_rss_bytes"] < 64 << 20, second
