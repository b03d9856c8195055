// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What lanes of a warp do together: exchanges of registers, votes, reductions, and the warp's barrier. The
// last lane to come does the work for all. Only the barrier orders memory.
#include "Lanes.h"

#include <cmath>
#include <cstring>

namespace weft::runtime::emulator {

static std::string maskText(uint32_t mask) {
  char text[16];
  std::snprintf(text, sizeof text, "%#x", mask);
  return text;
}

/// Does the work of a meeting and lets the others go on.
static void complete(Cluster &cluster, Warp &warp, size_t index) {
  Meeting meeting = warp.meetings[index];
  warp.meetings.erase(warp.meetings.begin() + ptrdiff_t(index));
  if (meeting.operation)
    meeting.operation(warp, meeting.arrived, meeting.site);
  if (meeting.kind == Exchange::Barrier && cluster.checks()) {
    std::vector<Clock *> clocks;
    eachLane(meeting.arrived, [&](uint32_t lane) { clocks.push_back(&warp.lanes[lane]->clock); });
    Clock::meet(clocks);
  }
  eachLane(meeting.arrived, [&](uint32_t lane) {
    if (warp.lanes[lane]->waiting == Waiting::Lanes)
      cluster.wake(*warp.lanes[lane]);
  });
}

void Cluster::completeMeetings(Warp &warp) {
  for (size_t i = warp.meetings.size(); i-- > 0;)
    if ((warp.meetings[i].arrived & warp.alive) == (warp.meetings[i].mask & warp.alive) &&
        warp.meetings[i].arrived)
      complete(*this, warp, i);
}

void Cluster::meetLanes(Thread &thread, uint32_t mask, Exchange kind, void *argument,
                        void (*operation)(Warp &, uint32_t, const char *), const char *site) {
  Warp &warp = *thread.warp;
  const uint32_t self = 1u << thread.lane;
  if (!(mask & self))
    stop(thread, ErrorKind::Divergent, site,
         concat(thread.name(), ", lane ", thread.lane, ", is not in its own mask ", maskText(mask), " (",
                siteOp(site), ")"));
  size_t index = 0;
  for (; index < warp.meetings.size(); ++index) {
    Meeting &meeting = warp.meetings[index];
    if (meeting.mask != mask && !(meeting.mask & mask))
      continue;
    uint32_t waiting = uint32_t(__builtin_ctz(meeting.arrived));
    if (meeting.mask != mask)
      stop(thread, ErrorKind::Divergent, site,
           concat(thread.name(), " comes to ", siteOp(site), " with mask ", maskText(mask), " while ",
                  warp.lanes[waiting]->name(), " waits with mask ", maskText(meeting.mask), " in ",
                  siteOp(meeting.site), " at ", siteText(meeting.site)));
    if (meeting.site != site || meeting.kind != kind)
      stop(thread, ErrorKind::Divergent, site,
           concat(thread.name(), " comes to ", siteOp(site), " while ", warp.lanes[waiting]->name(),
                  " of the same warp waits in ", siteOp(meeting.site), " at ", siteText(meeting.site)));
    break;
  }
  if (index == warp.meetings.size())
    warp.meetings.push_back({mask, 0, kind, site, operation});
  thread.argument = argument;
  Meeting &meeting = warp.meetings[index];
  meeting.arrived |= self;
  if ((meeting.arrived & warp.alive) == (mask & warp.alive)) {
    complete(*this, warp, index);
    return;
  }
  wait(thread, Waiting::Lanes, mask, site);
}

namespace {

struct ShuffleArgument {
  uint32_t kind, value, offset, maskAndClamp;
  bool isValid;
  uint32_t result;
};

void shuffleLanes(Warp &warp, uint32_t lanes, const char *site) {
  eachLane(lanes, [&](uint32_t lane) {
    auto &mine = warp.argument<ShuffleArgument>(lane);
    const int self = int(lane), clamp = int(mine.maskAndClamp & 31),
              segment = int(mine.maskAndClamp >> 8 & 31);
    const int highest = (self & segment) | (clamp & ~segment), lowest = self & segment;
    const int offset = int(mine.offset & 31);
    int source = self;
    switch (mine.kind) {
    case WEFT_SHUFFLE_UP:
      source = self - offset;
      mine.isValid = source >= highest;
      break;
    case WEFT_SHUFFLE_DOWN:
      source = self + offset;
      mine.isValid = source <= highest;
      break;
    case WEFT_SHUFFLE_BFLY:
      source = self ^ offset;
      mine.isValid = source <= highest;
      break;
    default:
      source = lowest | (offset & ~segment);
      mine.isValid = source <= highest;
      break;
    }
    if (!mine.isValid)
      source = self;
    if (!(lanes >> source & 1)) {
      Thread &thread = *warp.lanes[lane];
      thread.cluster->report(
          ErrorKind::Divergent, site,
          concat(thread.name(), " reads lane ", source, " in ", siteOp(site), ", which does not take part"));
      source = self;
    }
    mine.result = warp.argument<ShuffleArgument>(uint32_t(source)).value;
  });
}

struct VoteArgument {
  uint32_t kind, predicate, result;
};

void voteLanes(Warp &warp, uint32_t lanes, const char *) {
  uint32_t ballot = 0;
  eachLane(lanes, [&](uint32_t lane) {
    ballot |= uint32_t(warp.argument<VoteArgument>(lane).predicate != 0) << lane;
  });
  eachLane(lanes, [&](uint32_t lane) {
    auto &mine = warp.argument<VoteArgument>(lane);
    mine.result = mine.kind == WEFT_VOTE_ANY   ? ballot != 0
                  : mine.kind == WEFT_VOTE_ALL ? ballot == lanes
                  : mine.kind == WEFT_VOTE_UNI ? ballot == lanes || ballot == 0
                                               : ballot;
  });
}

struct MatchArgument {
  uint32_t kind;
  uint64_t value, result;
};

void matchLanes(Warp &warp, uint32_t lanes, const char *) {
  eachLane(lanes, [&](uint32_t lane) {
    auto &mine = warp.argument<MatchArgument>(lane);
    uint32_t equal = 0;
    eachLane(lanes, [&](uint32_t other) {
      equal |= uint32_t(warp.argument<MatchArgument>(other).value == mine.value) << other;
    });
    if (mine.kind == WEFT_MATCH_ANY)
      mine.result = equal;
    else
      mine.result = equal == lanes ? uint64_t(lanes) | uint64_t(1) << 32 : 0;
  });
}

struct ReduceArgument {
  uint32_t kind, flags, value, result;
};

float toFloat(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

uint32_t toBits(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

uint32_t combine(uint32_t kind, uint32_t flags, uint32_t a, uint32_t b) {
  switch (kind) {
  case WEFT_REDUCE_ADD:
    return a + b;
  case WEFT_REDUCE_AND:
    return a & b;
  case WEFT_REDUCE_OR:
    return a | b;
  case WEFT_REDUCE_XOR:
    return a ^ b;
  case WEFT_REDUCE_SMIN:
    return uint32_t(std::min(int32_t(a), int32_t(b)));
  case WEFT_REDUCE_SMAX:
    return uint32_t(std::max(int32_t(a), int32_t(b)));
  case WEFT_REDUCE_UMIN:
    return std::min(a, b);
  case WEFT_REDUCE_UMAX:
    return std::max(a, b);
  default: {
    float x = toFloat(a), y = toFloat(b);
    if (flags & WEFT_REDUCE_NAN && (std::isnan(x) || std::isnan(y)))
      return 0x7fffffff;
    return toBits(kind == WEFT_REDUCE_FMIN ? std::fmin(x, y) : std::fmax(x, y));
  }
  }
}

void reduceLanes(Warp &warp, uint32_t lanes, const char *) {
  const uint32_t first = uint32_t(__builtin_ctz(lanes));
  auto valueOf = [&](uint32_t lane) {
    const auto &one = warp.argument<ReduceArgument>(lane);
    return one.flags & WEFT_REDUCE_ABS ? one.value & 0x7fffffff : one.value;
  };
  const auto &shape = warp.argument<ReduceArgument>(first);
  uint32_t total = valueOf(first);
  eachLane(lanes & ~(1u << first),
           [&](uint32_t lane) { total = combine(shape.kind, shape.flags, total, valueOf(lane)); });
  eachLane(lanes, [&](uint32_t lane) { warp.argument<ReduceArgument>(lane).result = total; });
}

void electLane(Warp &warp, uint32_t lanes, const char *) {
  const uint32_t first = uint32_t(__builtin_ctz(lanes));
  eachLane(lanes, [&](uint32_t lane) { warp.argument<uint32_t>(lane) = lane == first; });
}

} // namespace

void warpBarrier(Thread &thread, uint32_t mask, const char *site) {
  thread.cluster->meetLanes(thread, mask, Exchange::Barrier, nullptr, nullptr, site);
}

uint64_t shuffle(Thread &thread, uint32_t mask, uint32_t kind, uint32_t value, uint32_t offset,
                 uint32_t maskAndClamp, const char *site) {
  ShuffleArgument argument{kind, value, offset, maskAndClamp, false, 0};
  thread.cluster->meetLanes(thread, mask, Exchange::Shuffle, &argument, shuffleLanes, site);
  return argument.result | uint64_t(argument.isValid) << 32;
}

uint32_t vote(Thread &thread, uint32_t mask, uint32_t kind, uint32_t predicate, const char *site) {
  VoteArgument argument{kind, predicate, 0};
  thread.cluster->meetLanes(thread, mask, Exchange::Vote, &argument, voteLanes, site);
  return argument.result;
}

uint64_t match(Thread &thread, uint32_t mask, uint32_t kind, uint64_t value, const char *site) {
  MatchArgument argument{kind, value, 0};
  thread.cluster->meetLanes(thread, mask, Exchange::Match, &argument, matchLanes, site);
  return argument.result;
}

uint32_t reduce(Thread &thread, uint32_t mask, uint32_t kind, uint32_t flags, uint32_t value,
                const char *site) {
  ReduceArgument argument{kind, flags, value, 0};
  thread.cluster->meetLanes(thread, mask, Exchange::Reduce, &argument, reduceLanes, site);
  return argument.result;
}

uint32_t elect(Thread &thread, uint32_t mask, const char *site) {
  uint32_t result = 0;
  thread.cluster->meetLanes(thread, mask, Exchange::Elect, &result, electLane, site);
  return result;
}

} // namespace weft::runtime::emulator
