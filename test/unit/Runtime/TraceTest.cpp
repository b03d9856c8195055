// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The trace ring, its summary and its JSON.
#include "weft/Runtime/Trace.h"

#include <gtest/gtest.h>

using namespace weft::runtime;

namespace {

const std::string conv = "conv \"1\"\n", relu = "relu", where = "m.onnx:3", main_ = "main";

TEST(Trace, KeepsTheLast) {
  Trace trace(3);
  for (int64_t i = 0; i < 5; ++i)
    trace.record({&conv, &where, "launch", i, i + 1});
  const std::vector<TraceEvent> events = trace.events();
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[0].start, 2);
  EXPECT_EQ(events[2].start, 4);
  EXPECT_EQ(trace.numDropped(), 2u);
  trace.clear();
  EXPECT_TRUE(trace.empty());
}

TEST(Trace, SumsByName) {
  Trace trace;
  trace.record({&relu, &where, "launch", 0, 10});
  trace.record({&conv, &where, "launch", 10, 100});
  trace.record({&relu, &where, "launch", 100, 130});
  trace.record({&main_, nullptr, "run", 0, 130});
  const std::vector<TraceSummary> rows = trace.summary();
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].name, conv);
  EXPECT_EQ(rows[1].count, 2);
  EXPECT_EQ(rows[1].nanoseconds, 40);
}

TEST(Trace, WritesChromeJson) {
  Trace trace;
  trace.record({&conv, &where, "launch", 5000, 7500});
  trace.record({&main_, nullptr, "run", 4000, 9000});
  trace.record({&relu, nullptr, "launch", 8000, 9000, 12, 96});
  EXPECT_EQ(trace.toChromeJson(), "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n"
                                  "{\"ph\":\"X\",\"pid\":1,\"tid\":1,\"name\":\"conv "
                                  "\\\"1\\\"\\u000a\",\"cat\":\"launch\",\"ts\":1.000,\"dur\":2.500,"
                                  "\"args\":{\"location\":\"m.onnx:3\"}},\n"
                                  "{\"ph\":\"X\",\"pid\":1,\"tid\":1,\"name\":\"main\",\"cat\":\"run\","
                                  "\"ts\":0.000,\"dur\":5.000},\n"
                                  "{\"ph\":\"X\",\"pid\":1,\"tid\":1,\"name\":\"relu\",\"cat\":\"launch\","
                                  "\"ts\":4.000,\"dur\":1.000,\"args\":{\"flops\":12,\"bytes\":96}}\n]}\n");
}

} // namespace
