// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The planner: no two buffers alive at once overlap, for random sets; and plans of whole programs.
#include "weft/Program/MemoryPlan.h"

#include "Program/SamplePrograms.h"
#include <gtest/gtest.h>
#include <random>

using namespace weft;
using namespace weft::program;

namespace {

void expectValid(const std::vector<PlanItem> &items, const MemoryPlan &plan) {
  int64_t peak = 0;
  for (size_t i = 0; i < items.size(); ++i) {
    ASSERT_EQ(plan.offsets[i] % arenaAlignment, 0);
    ASSERT_GE(plan.offsets[i], 0);
    ASSERT_LE(plan.offsets[i] + items[i].size, plan.peak);
    peak = std::max(peak, plan.offsets[i] + items[i].size);
    for (size_t j = 0; j < i; ++j) {
      const bool inTime = items[i].first <= items[j].last && items[j].first <= items[i].last;
      const bool inSpace = plan.offsets[i] < plan.offsets[j] + items[j].size &&
                           plan.offsets[j] < plan.offsets[i] + items[i].size;
      ASSERT_FALSE(inTime && inSpace) << i << " and " << j;
    }
  }
  ASSERT_LE(plan.lowerBound, plan.peak);
  ASSERT_LT(plan.peak - peak, arenaAlignment);
}

TEST(MemoryPlan, RandomSetsDoNotOverlap) {
  std::mt19937 random(11);
  for (int round = 0; round < 300; ++round) {
    std::vector<PlanItem> items(random() % 60);
    for (PlanItem &item : items) {
      item.size = random() % 4 ? int64_t(random() % 5000) : 0;
      item.first = uint32_t(random() % 40);
      item.last = item.first + uint32_t(random() % 10);
    }
    Result<MemoryPlan> plan = planMemory(items);
    ASSERT_TRUE(plan.isOk());
    expectValid(items, *plan);
  }
}

TEST(MemoryPlan, ChainsReachTheLowerBound) {
  std::vector<PlanItem> items; // each value dies at the next: two alive at a time
  for (uint32_t i = 0; i < 100; ++i)
    items.push_back({1000 * (1 + i % 7), i, i + 1});
  const MemoryPlan plan = *planMemory(items);
  expectValid(items, plan);
  EXPECT_LE(double(plan.peak), 1.1 * double(plan.lowerBound));
}

TEST(MemoryPlan, RefusesImpossibleSizes) {
  EXPECT_FALSE(planMemory(std::vector<PlanItem>{{-1, 0, 0}}).isOk());
  EXPECT_FALSE(planMemory(std::vector<PlanItem>{{int64_t(1) << 62, 0, 0}}).isOk());
  EXPECT_FALSE(planMemory(std::vector<PlanItem>(3, {int64_t(1) << 55, 0, 0})).isOk());
  EXPECT_EQ(planMemory({})->peak, 0);
}

TEST(MemoryPlan, LifetimesFollowAliases) {
  Program program;
  const ExprId size = program.exprs.constant(64);
  Function f;
  f.name = "main";
  const BufferId a = samples::addBuffer(f, BufferKind::Arena, size),
                 view = samples::addBuffer(f, BufferKind::Alias, size, a),
                 b = samples::addBuffer(f, BufferKind::Arena, size),
                 unused = samples::addBuffer(f, BufferKind::Arena, size);
  f.buffers[view].aliasOffset = program.exprs.constant(0);
  f.commands = {{"", "", Fill{a, 0, 1}}, {"", "", Fill{b, 0, 1}}, {"", "", Copy{b, view, size, noId, noId}}};
  const std::vector<Lifetime> lifetimes = bufferLifetimes(f);
  EXPECT_EQ(lifetimes[a].first, 0u);
  EXPECT_EQ(lifetimes[a].last, 2u);
  EXPECT_EQ(lifetimes[b].first, 1u);
  EXPECT_FALSE(lifetimes[unused].isUsed());
  EXPECT_FALSE(lifetimes[view].isUsed());
}

TEST(MemoryPlan, StaticPlansCoverCalledFunctions) {
  Program loop = samples::loopProgram(); // planned by its builder
  EXPECT_EQ(loop.functions[2].arenaSize, 64);
  EXPECT_EQ(loop.functions[0].arenaSize, 192); // temporary, flag, and the body's frame, all alive at once
  EXPECT_GE(std::get<While>(loop.functions[0].commands[0].what).frame, 0);
  EXPECT_TRUE(checkProgram(loop).isOk());
  Program dynamic = samples::dynamicProgram();
  ASSERT_TRUE(planStatically(dynamic).isOk());
  EXPECT_EQ(dynamic.functions[0].arenaSize, -1);
}

TEST(MemoryPlan, FindsRecursion) {
  Program program = samples::branchProgram();
  program.functions[1].commands = {{"again", "", Call{0, {0, 0}, {1}, -1}}};
  EXPECT_NE(calleesFirst(program).status().message().find("calls itself"), std::string::npos);
  program = samples::branchProgram();
  const std::vector<FunctionId> order = *calleesFirst(program);
  EXPECT_EQ(order.back(), 0u);
}

} // namespace
