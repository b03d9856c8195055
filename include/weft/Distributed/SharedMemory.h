// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ranks as processes of one host: a ring of shared memory for each direction of each pair. The rings are
// memfds, passed over Unix sockets in a private folder; the sockets stay open and tell when a process dies. A
// peer must belong to the same user and know the job's token.
#ifndef WEFT_DISTRIBUTED_SHAREDMEMORY_H
#define WEFT_DISTRIBUTED_SHAREDMEMORY_H

#include "weft/Distributed/Transport.h"

namespace weft::distributed {

using Token = std::array<uint8_t, 16>;

struct SharedMemoryOptions {
  uint32_t rank = 0, numRanks = 1;
  /// A folder that only this user may enter; rank r listens in it as "r.sock".
  std::string directory;
  Token token{};
  size_t ringBytes = size_t(4) << 20; ///< a power of two, at least 1 MiB
};

/// Connects when it is opened.
Result<std::unique_ptr<Transport>> makeSharedMemoryTransport(const SharedMemoryOptions &options);

} // namespace weft::distributed

#endif // WEFT_DISTRIBUTED_SHAREDMEMORY_H
