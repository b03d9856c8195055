// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The rounds of each collective, for members numbered 0 .. n-1 by their place in the group.
#include "Schedule.h"

#include <algorithm>
#include <cstring>

namespace weft::distributed {
namespace {

using program::Collective;

class Maker {
public:
  Maker(const runtime::CollectiveCall &call, size_t me, Algorithm algorithm, Schedule &schedule)
      : call(call), me(me), n(call.group.size()), width(size_t(byteWidth(call.dtype))),
        bytes(size_t(call.count) * width), schedule(schedule) {
    constexpr size_t fewBytes = size_t(16) << 10, manyMembers = 16;
    isSmall = bytes <= fewBytes;
    doubling = algorithm == Algorithm::Doubling ||
               (algorithm == Algorithm::Automatic && (isSmall || n > manyMembers));
  }

  void make() {
    switch (call.kind) {
    case Collective::AllReduce:
      return doubling && isSmall ? gatherAndReduce() : reduceAndGather();
    case Collective::AllGather: {
      schedule.rounds.resize(1);
      copy(call.to + me * bytes, call.from, bytes);
      return gather([&](size_t member) { return std::pair(member * bytes, bytes); });
    }
    case Collective::ReduceScatter:
      exchangeForReduction([&](size_t member) { return std::pair(member * bytes / n, bytes / n); }, call.to);
      return;
    case Collective::AllToAll: {
      schedule.rounds.resize(1);
      const size_t part = bytes / n;
      copy(call.to + me * part, call.from + me * part, part);
      forOthers([&](size_t member) {
        send(member, 0, call.from + member * part, part);
        receive(member, 0, call.to + member * part, part);
      });
      return;
    }
    case Collective::Broadcast:
      return broadcast();
    }
  }

private:
  Schedule::Round &last() { return schedule.rounds.back(); }
  void copy(std::byte *to, const std::byte *from, size_t size) {
    if (to != from && size > 0)
      last().copies.push_back({to, from, size});
  }
  void send(size_t member, size_t part, const std::byte *from, size_t size) {
    last().sends.push_back({call.group[member], uint16_t(part), const_cast<std::byte *>(from), size});
  }
  void receive(size_t member, size_t part, std::byte *to, size_t size) {
    last().receives.push_back({call.group[member], uint16_t(part), to, size});
  }
  /// Calls visit for all other members, each starting with the next one: no member is everybody's first.
  template <class V> void forOthers(V &&visit) {
    for (size_t distance = 1; distance < n; ++distance)
      visit((me + distance) % n);
  }

  /// Sends each member its part, `partOf(member)` = offset and size, and combines all values of this member's
  /// own part into `to`. Leaves a round open whose transfers follow the combination.
  template <class P> void exchangeForReduction(P partOf, std::byte *to) {
    schedule.rounds.resize(1);
    const auto [mine, size] = partOf(me);
    schedule.room.resize(size * (n - 1));
    std::vector<const std::byte *> sources(n);
    size_t slot = 0;
    for (size_t member = 0; member < n; ++member)
      sources[member] = member == me ? call.from + mine : schedule.room.data() + size * slot++;
    forOthers([&](size_t member) {
      const auto [offset, length] = partOf(member);
      send(member, 0, call.from + offset, length);
      receive(member, 0, const_cast<std::byte *>(sources[member]), size);
    });
    schedule.rounds.emplace_back();
    last().combineTo = to;
    last().sources = std::move(sources);
    last().count = int64_t(size / width);
  }

  void reduceAndGather() {
    const auto partOf = [this](size_t member) {
      const size_t begin = size_t(call.count) * member / n * width,
                   end = size_t(call.count) * (member + 1) / n * width;
      return std::pair(begin, end - begin);
    };
    exchangeForReduction(partOf, call.to + partOf(me).first);
    gather(partOf);
  }

  /// Everybody gets everything; for few bytes.
  void gatherAndReduce() {
    schedule.rounds.resize(1);
    schedule.room.resize(bytes * n);
    std::byte *room = schedule.room.data();
    copy(room + me * bytes, call.from, bytes);
    gatherInto(room, [&](size_t member) { return std::pair(member * bytes, bytes); });
    schedule.rounds.emplace_back();
    last().combineTo = call.to;
    for (size_t member = 0; member < n; ++member)
      last().sources.push_back(room + member * bytes);
    last().count = call.count;
  }

  template <class P> void gather(P partOf) { gatherInto(call.to, partOf); }
  template <class P> void gatherInto(std::byte *to, P partOf) {
    return doubling ? gatherByDoubling(to, partOf) : gatherInRing(to, partOf);
  }

  /// n - 1 rounds; in each a part goes on to the next member.
  template <class P> void gatherInRing(std::byte *to, P partOf) {
    for (size_t round = 0; round + 1 < n; ++round) {
      if (round > 0)
        schedule.rounds.emplace_back();
      const auto [outAt, outSize] = partOf((me + n - round) % n);
      const auto [inAt, inSize] = partOf((me + 2 * n - round - 1) % n);
      send((me + 1) % n, 1 + round, to + outAt, outSize);
      receive((me + n - 1) % n, 1 + round, to + inAt, inSize);
    }
  }

  /// Rounds with distances 1, 2, 4 ...: each member has the parts of the `distance` members from itself on,
  /// and gets those of as many more.
  template <class P> void gatherByDoubling(std::byte *to, P partOf) {
    size_t part = 1;
    for (size_t distance = 1; distance < n; distance *= 2) {
      if (distance > 1)
        schedule.rounds.emplace_back();
      const size_t count = std::min(distance, n - distance);
      const size_t source = (me + distance) % n, target = (me + n - distance) % n;
      // Parts that wrap around are two pieces of memory.
      const auto pieces = [&](size_t first, auto &&visit) {
        const size_t straight = std::min(count, n - first);
        const auto piece = [&](size_t from, size_t members, size_t which) {
          const size_t begin = partOf(from).first,
                       end = partOf(from + members - 1).first + partOf(from + members - 1).second;
          visit(part + which, to + begin, end - begin);
        };
        piece(first, straight, 0);
        if (straight < count)
          piece(0, count - straight, 1);
      };
      pieces(me, [&](size_t which, std::byte *memory, size_t size) { send(target, which, memory, size); });
      pieces(source,
             [&](size_t which, std::byte *memory, size_t size) { receive(source, which, memory, size); });
      part += 2;
    }
  }

  /// A binomial tree: who has the value passes it on, over half of the distance each time.
  void broadcast() {
    schedule.rounds.resize(1);
    size_t distance = 1;
    if (me > 0) {
      while (distance * 2 <= me)
        distance *= 2;
      receive(me - distance, 0, call.to, bytes);
      schedule.rounds.emplace_back();
      distance *= 2;
    } else {
      copy(call.to, call.from, bytes);
    }
    for (; me + distance < n; distance *= 2)
      send(me + distance, 0, me == 0 ? call.from : call.to, bytes);
  }

  const runtime::CollectiveCall &call;
  const size_t me, n, width, bytes;
  Schedule &schedule;
  bool isSmall = false, doubling = false;
};

} // namespace

Result<Schedule> Schedule::make(const runtime::CollectiveCall &call, uint32_t rank, Algorithm algorithm) {
  const auto it = std::find(call.group.begin(), call.group.end(), rank);
  if (it == call.group.end())
    return failedPrecondition("rank ", rank, " has no part in the group");
  Schedule schedule;
  Maker(call, size_t(it - call.group.begin()), algorithm, schedule).make();
  return schedule;
}

} // namespace weft::distributed
