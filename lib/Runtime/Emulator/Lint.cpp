// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Counts sectors and bank waves.
#include "Lint.h"

#include <algorithm>
#include <cstdio>
#include <set>

namespace weft::runtime::emulator {

static constexpr uintptr_t sectorBytes = 32, bankBytes = 4, numBanks = 32, warpLanes = 32;

using Lanes = std::vector<Lint::Lane>;

static uint64_t countSectors(const Lanes &lanes) {
  std::set<uintptr_t> sectors;
  for (auto [lane, address, bytes] : lanes)
    for (uintptr_t sector = address / sectorBytes; sector <= (address + bytes - 1) / sectorBytes; ++sector)
      sectors.insert(sector);
  return sectors.size();
}

/// Sectors that the bytes would take if they lay side by side; bytes that lanes share count once.
static uint64_t idealSectors(const Lanes &lanes) {
  std::set<std::pair<uintptr_t, uint32_t>> distinct;
  for (const Lint::Lane &lane : lanes)
    distinct.emplace(lane.address, lane.bytes);
  uint64_t bytes = 0;
  for (const auto &[address, size] : distinct)
    bytes += size;
  return (bytes + sectorBytes - 1) / sectorBytes;
}

/// Accesses of 8 bytes go in two halves of a warp, of 16 bytes in four quarters.
static uint64_t countWaves(const Lanes &lanes) {
  uint64_t waves = 0;
  const uint32_t together = uint32_t(warpLanes) / std::max<uint32_t>(1, lanes.front().bytes / bankBytes);
  for (uint32_t first = 0; first < warpLanes; first += together) {
    std::set<uintptr_t> words;
    for (auto [lane, address, bytes] : lanes)
      if (lane >= first && lane < first + together)
        for (uintptr_t word = address / bankBytes; word <= (address + bytes - 1) / bankBytes; ++word)
          words.insert(word);
    uint64_t perBank[numBanks] = {};
    for (uintptr_t word : words)
      ++perBank[word % numBanks];
    waves += *std::max_element(perBank, perBank + numBanks);
  }
  return waves;
}

static uint64_t idealWaves(const Lanes &lanes) {
  std::set<uintptr_t> words;
  for (auto [lane, address, bytes] : lanes)
    for (uintptr_t word = address / bankBytes; word <= (address + bytes - 1) / bankBytes; ++word)
      words.insert(word);
  return (words.size() + numBanks - 1) / numBanks;
}

void Lint::add(uint32_t thread, Kind kind, uintptr_t address, uint32_t bytes, const char *site) {
  uint64_t visit = visits[{site, kind, thread}]++;
  auto key = std::make_tuple(site, kind, thread / uint32_t(warpLanes), visit);
  Open &access = open[key];
  access.site = site;
  access.kind = kind;
  access.lanes.push_back({uint32_t(thread % warpLanes), address, bytes});
  if (access.lanes.size() == warpLanes) {
    close(access);
    open.erase(key);
  }
}

void Lint::close(Open &access) {
  Totals &total = totals[{access.site, access.kind}];
  ++total.accesses;
  bool isGlobal = access.kind == Kind::GlobalLoad || access.kind == Kind::GlobalStore;
  total.found += isGlobal ? countSectors(access.lanes) : countWaves(access.lanes);
  total.ideal += isGlobal ? idealSectors(access.lanes) : idealWaves(access.lanes);
}

void Lint::endCluster() {
  for (auto &[key, access] : open)
    close(access);
  open.clear();
  visits.clear();
}

std::string Lint::report() const {
  static constexpr const char *names[] = {"global load", "global store", "shared load", "shared store"};
  std::string text;
  for (const auto &[place, total] : totals) {
    bool isGlobal = place.second == Kind::GlobalLoad || place.second == Kind::GlobalStore;
    char ratio[32];
    std::snprintf(ratio, sizeof ratio, "%.2f", total.ideal ? double(total.found) / double(total.ideal) : 1.0);
    text += place.first + ": " + names[int(place.second)] + ": " + ratio +
            "x the ideal: " + std::to_string(total.found) + (isGlobal ? " sectors" : " bank waves") +
            " instead of " + std::to_string(total.ideal) + " in " + std::to_string(total.accesses) +
            " accesses of warps\n";
  }
  return text;
}

} // namespace weft::runtime::emulator
