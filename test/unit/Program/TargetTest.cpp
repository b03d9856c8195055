// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What --target may say.
#include "weft/Program/Target.h"

#include <gtest/gtest.h>

using namespace weft;
using namespace weft::program;

namespace {

TEST(Target, ReadsDevicesAndArchitecture) {
  EXPECT_FALSE(parseTarget("cpu")->isForGpu());
  EXPECT_EQ(parseTarget("cuda")->architecture, "");
  EXPECT_EQ(parseTarget("cuda-emu:sm_90a")->architecture, "sm_90a");
  const Target both = *parseTarget("cuda-emu,cuda:sm_80");
  EXPECT_EQ(both.devices, (std::vector<std::string>{"cuda-emu", "cuda"}));
  EXPECT_EQ(both.architecture, "sm_80");
  EXPECT_TRUE(both.isForGpu());
  EXPECT_TRUE(both.has("cuda"));
  EXPECT_FALSE(both.has("cpu"));
}

TEST(Target, RefusesWithWhatIsWanted) {
  for (const char *text : {"", "tpu", "cpu:sm_80", "cpu,cuda", "cuda,cuda", "cuda,", ",cuda",
                           "cuda:", "cuda:80", "cuda;cuda-emu"}) {
    const Status status = parseTarget(text).status();
    EXPECT_EQ(status.code(), Code::InvalidArgument) << text;
    EXPECT_NE(status.message().find(concat("target '", text, "', wanted cpu, cuda or cuda-emu")),
              std::string::npos)
        << status;
  }
}

} // namespace
