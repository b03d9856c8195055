// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The arena planner. Greedy by size came within 6% of the lower bound on every model measured, and was the
// bound itself on most; it is quadratic in the number of values alive at once, which is milliseconds for
// thousands.
#include "weft/Program/MemoryPlan.h"

#include "weft/Program/Visit.h"

#include <algorithm>
#include <numeric>
#include <unordered_map>

namespace weft::program {

Result<MemoryPlan> planMemory(std::span<const PlanItem> items, int64_t alignment) {
  constexpr int64_t limit = int64_t(1) << 56;
  MemoryPlan plan;
  plan.offsets.assign(items.size(), 0);
  std::vector<int64_t> sizes(items.size());
  int64_t sum = 0;
  for (size_t i = 0; i < items.size(); ++i) {
    if (items[i].size < 0 || items[i].size > limit || items[i].first > items[i].last)
      return invalidArgument("cannot plan a buffer of ", items[i].size, " bytes");
    sizes[i] = (items[i].size + alignment - 1) / alignment * alignment;
    sum += sizes[i];
    if (sum > limit)
      return resourceExhausted("temporary memory of more than ", limit, " bytes");
  }

  // Lower bound: walk over the points where buffers begin and end.
  std::vector<std::pair<uint64_t, int64_t>> events;
  for (size_t i = 0; i < items.size(); ++i) {
    events.emplace_back(items[i].first, sizes[i]);
    events.emplace_back(uint64_t(items[i].last) + 1, -sizes[i]);
  }
  std::sort(events.begin(), events.end()); // at one step, ends (negative) come first
  int64_t alive = 0;
  for (const auto &[step, change] : events)
    plan.lowerBound = std::max(plan.lowerBound, alive += change);

  std::vector<size_t> order(items.size());
  std::iota(order.begin(), order.end(), size_t(0));
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return sizes[a] != sizes[b] ? sizes[a] > sizes[b] : items[a].first < items[b].first;
  });
  std::vector<size_t> placed; // by offset
  placed.reserve(items.size());
  for (size_t i : order) {
    if (sizes[i] == 0)
      continue;
    // The smallest gap between neighbours in time that is large enough, else behind them all.
    int64_t end = 0, best = -1, bestGap = 0;
    for (size_t other : placed) {
      if (items[other].first > items[i].last || items[i].first > items[other].last)
        continue;
      const int64_t gap = plan.offsets[other] - end;
      if (gap >= sizes[i] && (best < 0 || gap < bestGap)) {
        best = end;
        bestGap = gap;
      }
      end = std::max(end, plan.offsets[other] + sizes[other]);
    }
    plan.offsets[i] = best < 0 ? end : best;
    plan.peak = std::max(plan.peak, plan.offsets[i] + sizes[i]);
    placed.insert(std::upper_bound(placed.begin(), placed.end(), i,
                                   [&](size_t a, size_t b) { return plan.offsets[a] < plan.offsets[b]; }),
                  i);
  }
  return plan;
}

std::vector<Lifetime> bufferLifetimes(const Function &function) {
  std::vector<Lifetime> lifetimes(function.buffers.size());
  std::unordered_multimap<uint32_t, size_t> started; // by channel
  for (size_t c = 0; c < function.commands.size(); ++c) {
    const auto use = [&](BufferId buffer, bool) {
      Lifetime &life = lifetimes[rootOf(function, buffer)];
      life.first = std::min(life.first, uint32_t(c));
      life.last = uint32_t(c);
    };
    forEachBuffer(function.commands[c], use);
    if (const uint32_t channel = startedChannel(function.commands[c]); channel != noId)
      started.emplace(channel, c);
    // What a transfer was started with is in use until it has been waited for.
    if (const auto *wait = std::get_if<Wait>(&function.commands[c].what))
      for (auto [at, end] = started.equal_range(wait->channel); at != end; ++at)
        forEachBuffer(function.commands[at->second], use);
  }
  return lifetimes;
}

Result<std::vector<FunctionId>> calleesFirst(const Program &program) {
  enum : uint8_t { New, Open, Done };
  std::vector<uint8_t> state(program.functions.size(), New);
  std::vector<FunctionId> order;
  struct Visit {
    FunctionId function;
    std::vector<FunctionId> callees;
  };
  std::vector<Visit> stack; // explicit: a hostile file may nest deeper than the machine's stack
  const auto enter = [&](FunctionId function) {
    state[function] = Open;
    Visit visit{function, {}};
    for (const Command &command : program.functions[function].commands)
      forEachCallee(command, [&](FunctionId callee) { visit.callees.push_back(callee); });
    stack.push_back(std::move(visit));
  };
  for (FunctionId f = 0; f < program.functions.size(); ++f) {
    if (state[f] == New)
      enter(f);
    while (!stack.empty()) {
      Visit &visit = stack.back();
      if (visit.callees.empty()) {
        state[visit.function] = Done;
        order.push_back(visit.function);
        stack.pop_back();
        continue;
      }
      const FunctionId callee = visit.callees.back();
      visit.callees.pop_back();
      if (state[callee] == Open)
        return invalidArgument("function '", program.functions[callee].name, "' calls itself");
      if (state[callee] == New)
        enter(callee);
    }
  }
  return order;
}

Result<std::vector<FunctionPlan>> planArenas(const Program &program, std::span<const int64_t> sizes) {
  std::vector<FunctionPlan> plans(program.functions.size());
  WEFT_ASSIGN_OR_RETURN(const std::vector<FunctionId> order, calleesFirst(program));
  for (FunctionId f : order) {
    const Function &function = program.functions[f];
    FunctionPlan &plan = plans[f];
    plan.offsets.assign(function.buffers.size(), -1);
    plan.frames.assign(function.commands.size(), -1);
    if (function.arenaSize >= 0) {
      plan.size = plan.lowerBound = function.arenaSize;
      for (size_t b = 0; b < function.buffers.size(); ++b)
        plan.offsets[b] = function.buffers[b].kind == BufferKind::Arena ? function.buffers[b].offset : -1;
      for (size_t c = 0; c < function.commands.size(); ++c)
        if (const int64_t *frame = frameOf(function.commands[c]))
          plan.frames[c] = *frame;
      continue;
    }
    const std::vector<Lifetime> lifetimes = bufferLifetimes(function);
    std::vector<PlanItem> items;
    std::vector<int64_t *> results;
    bool isKnown = true;
    const auto add = [&](int64_t size, Lifetime life, int64_t &result) {
      isKnown &= size != noValue;
      items.push_back({size, life.first, life.last});
      results.push_back(&result);
    };
    for (size_t b = 0; b < function.buffers.size(); ++b)
      if (function.buffers[b].kind == BufferKind::Arena) {
        if (lifetimes[b].isUsed())
          add(sizes[function.buffers[b].size], lifetimes[b], plan.offsets[b]);
        else
          plan.offsets[b] = 0;
      }
    for (size_t c = 0; c < function.commands.size(); ++c) {
      if (!frameOf(function.commands[c]))
        continue;
      int64_t size = 0;
      forEachCallee(function.commands[c], [&](FunctionId callee) {
        size = plans[callee].size < 0 ? noValue : size == noValue ? size : std::max(size, plans[callee].size);
      });
      add(size, {uint32_t(c), uint32_t(c)}, plan.frames[c]);
    }
    if (!isKnown) {
      plan.size = plan.lowerBound = -1;
      continue;
    }
    WEFT_ASSIGN_OR_RETURN(const MemoryPlan memory,
                          planMemory(items).context(concat("function '", function.name, "'")));
    for (size_t i = 0; i < results.size(); ++i)
      *results[i] = memory.offsets[i];
    plan.size = memory.peak;
    plan.lowerBound = memory.lowerBound;
  }
  return plans;
}

Status planStatically(Program &program) {
  std::vector<int64_t> sizes(program.exprs.size());
  for (ExprId e = 0; e < sizes.size(); ++e)
    sizes[e] = program.exprs.constantOr(e, noValue);
  WEFT_ASSIGN_OR_RETURN(const std::vector<FunctionPlan> plans, planArenas(program, sizes));
  for (FunctionId f = 0; f < plans.size(); ++f) {
    Function &function = program.functions[f];
    if (plans[f].size < 0)
      continue;
    function.arenaSize = plans[f].size;
    for (size_t b = 0; b < function.buffers.size(); ++b)
      function.buffers[b].offset = plans[f].offsets[b];
    for (size_t c = 0; c < function.commands.size(); ++c)
      if (int64_t *frame = frameOf(function.commands[c]))
        *frame = plans[f].frames[c];
  }
  return Status::ok();
}

} // namespace weft::program
