// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The access lint: what the accesses of warps cost on a GPU, beside what they could cost. Global memory is
// counted in sectors of 32 bytes that a warp's access touches, shared memory in waves: words of one bank that
// differ take a wave each.
#ifndef WEFT_LIB_RUNTIME_EMULATOR_LINT_H
#define WEFT_LIB_RUNTIME_EMULATOR_LINT_H

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace weft::runtime::emulator {

class Lint {
public:
  enum class Kind { GlobalLoad, GlobalStore, SharedLoad, SharedStore };
  /// What a lane contributes to an access.
  struct Lane {
    uint32_t lane;
    uintptr_t address;
    uint32_t bytes;
  };

  /// One lane's part of a warp's access. Lanes of one access are those that come to the same place the same
  /// number of times.
  void add(uint32_t thread, Kind kind, uintptr_t address, uint32_t bytes, const char *site);
  /// Accesses still open are complete: the cluster's threads have ended.
  void endCluster();

  std::string report() const;

private:
  struct Totals {
    uint64_t accesses = 0, found = 0, ideal = 0;
  };
  struct Open {
    const char *site;
    Kind kind;
    std::vector<Lane> lanes;
  };
  void close(Open &open);

  /// By place and kind; the text of a place survives its image.
  std::map<std::pair<std::string, Kind>, Totals> totals;
  std::map<std::tuple<const char *, Kind, uint32_t, uint64_t>, Open>
      open;                                                            ///< site, kind, warp, how many times
  std::map<std::tuple<const char *, Kind, uint32_t>, uint64_t> visits; ///< site, kind, thread
};

} // namespace weft::runtime::emulator

#endif // WEFT_LIB_RUNTIME_EMULATOR_LINT_H
