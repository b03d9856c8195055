// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Asynchronous copies and mbarriers, as the table of functions calls them.
#ifndef WEFT_LIB_RUNTIME_EMULATOR_COPIES_H
#define WEFT_LIB_RUNTIME_EMULATOR_COPIES_H

#include "Machine.h"

namespace weft::runtime::emulator {

// cp.async (ThreadCopies.cpp).
void copyAsync(Thread &, void *to, const void *from, uint32_t size, uint32_t sourceSize, const char *site);
void commitCopies(Thread &, const char *site);
void waitCopies(Thread &, uint32_t pending, const char *site);
void arriveAfterCopies(Thread &, void *mbarrier, uint32_t noIncrement, const char *site);

// Mbarriers.cpp.
void initMbarrier(Thread &, void *address, uint32_t count, const char *site);
void invalidateMbarrier(Thread &, void *address, const char *site);
void expectBytes(Thread &, void *address, uint32_t bytes, const char *site);
void completeBytes(Thread &, void *address, uint32_t bytes, const char *site);
uint64_t arriveMbarrier(Thread &, void *address, uint32_t count, uint32_t bytes, uint32_t flags,
                        const char *site);
uint32_t waitMbarrier(Thread &, void *address, uint64_t stateOrParity, uint32_t flags, const char *site);
/// Copies may signal the mbarriers that this thread has initialised.
void fenceMbarriers(Thread &);
/// A copy into shared memory has landed.
void signalMbarrier(Cluster &, Block &, uint64_t offset, uint32_t bytes, const SharedKnowledge &known);
/// The mbarrier at an address; ends the launch when there is none.
Mbarrier &mbarrierAt(Thread &, const void *address, Block *&owner, uint64_t &offset, const char *site);

// Bulk and tensor copies (BulkCopies.cpp).
void loadTensor(Thread &, void *to, const void *map, void *mbarrier, uint32_t rank,
                const int32_t *coordinates, uint32_t multicast, const char *site);
void storeTensor(Thread &, const void *map, const void *from, uint32_t rank, const int32_t *coordinates,
                 uint32_t reduce, const char *site);
void loadBulk(Thread &, void *to, const void *from, void *mbarrier, uint32_t bytes, uint32_t multicast,
              const char *site);
void storeBulk(Thread &, void *to, const void *from, uint32_t bytes, const char *site);
void commitBulk(Thread &, const char *site);
void waitBulk(Thread &, uint32_t pending, uint32_t readsOnly, const char *site);

} // namespace weft::runtime::emulator

#endif // WEFT_LIB_RUNTIME_EMULATOR_COPIES_H
