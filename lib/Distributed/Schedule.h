// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A collective as one rank does it: rounds of transfers between this rank and others, and what is copied or
// combined before each. Made when the collective starts; GroupCommunicator carries it out.
//
// Floating-point sums depend on their order, and results must not depend on the algorithm. So no partial sums
// travel: each part of an all-reduce is combined by one member, from all members' values in group order. That
// moves as many bytes as a ring of partial sums does; then the parts are gathered, in a ring, or by doubling
// distances where there are many members or few bytes.
#ifndef WEFT_LIB_DISTRIBUTED_SCHEDULE_H
#define WEFT_LIB_DISTRIBUTED_SCHEDULE_H

#include "weft/Distributed/GroupCommunicator.h"
#include "weft/Runtime/Communicator.h"

#include <vector>

namespace weft::distributed {

/// Combines `count` elements of all sources, in order, into `to`, which may be one of them.
Status combine(std::byte *to, std::span<const std::byte *const> sources, int64_t count, DType dtype,
               program::Combine how);

struct Schedule {
  struct Transfer {
    uint32_t peer = 0; ///< rank
    uint16_t part = 0; ///< which transfer between the two
    std::byte *memory = nullptr;
    size_t size = 0;
  };
  struct Copy {
    std::byte *to = nullptr;
    const std::byte *from = nullptr;
    size_t size = 0;
  };
  struct Round {
    // Before the transfers of the round: copies, then at most one combination.
    std::vector<Copy> copies;
    std::byte *combineTo = nullptr;
    std::vector<const std::byte *> sources;
    int64_t count = 0;
    std::vector<Transfer> sends, receives;
  };
  std::vector<Round> rounds;
  std::vector<std::byte> room; ///< for what is not kept

  /// Fails when this rank is not in the group.
  static Result<Schedule> make(const runtime::CollectiveCall &call, uint32_t rank, Algorithm algorithm);
};

} // namespace weft::distributed

#endif // WEFT_LIB_DISTRIBUTED_SCHEDULE_H
