// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rounds over all ways, then a duel of the best with the first. Least times count: disturbance only adds.
#include "PickFastest.h"

#include <algorithm>
#include <limits>

using namespace weft;

Picked weft::pickFastest(size_t ways, double margin, llvm::function_ref<double(size_t)> timeOf,
                         llvm::function_ref<bool()> mayGoOn) {
  constexpr int rounds = 12, duels = 8, firstCut = 3;
  constexpr double far = 1.15, near = 1.04; // of the least time, before and after half of the rounds
  const double never = std::numeric_limits<double>::infinity();
  llvm::SmallVector<double> least(ways, never);
  llvm::SmallVector<size_t> left;
  for (size_t i = 0; i < ways; ++i)
    left.push_back(i);
  for (int round = 0; round < rounds && mayGoOn(); ++round) {
    for (size_t i : left)
      least[i] = std::min(least[i], timeOf(i));
    if (round + 1 < firstCut)
      continue;
    const double limit = *std::min_element(least.begin(), least.end()) * (round < rounds / 2 ? far : near);
    left.erase(std::remove_if(left.begin(), left.end(), [&](size_t i) { return i != 0 && least[i] > limit; }),
               left.end());
    if (left.size() == 1)
      break;
  }
  Picked picked{0, least[0], least[0]};
  const size_t best = size_t(std::min_element(least.begin(), least.end()) - least.begin());
  if (best == 0 || least[best] > least[0] * (1 - margin))
    return picked;
  double bestMs = never, firstMs = never;
  for (int duel = 0; duel < duels; ++duel) {
    if (!mayGoOn())
      return picked;
    bestMs = std::min(bestMs, timeOf(best));
    firstMs = std::min(firstMs, timeOf(0));
  }
  if (bestMs <= firstMs * (1 - margin))
    picked = {best, bestMs, firstMs};
  return picked;
}
