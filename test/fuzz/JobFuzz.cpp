// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// .weftjob files from bytes, as they are and with the manifest's hash made right, so that what lies behind it
// is reached. A job that is accepted can be cut for each of its ranks, and be written again.
#include "Container.h"

#include "weft/Program/Job.h"

#include <cstdint>
#include <cstdlib>

using namespace weft;
using namespace weft::program;

static void readAndUse(std::span<const std::byte> bytes) {
  const Result<Job> job = readJob(bytes, nullptr);
  if (!job.isOk())
    return;
  for (const auto *values : {&job->inputs, &job->outputs})
    for (const JobValue &value : *values)
      for (uint32_t rank = 0; rank < job->numRanks && rank < 64; ++rank) {
        const Box box = partOf(*job, value, rank);
        for (size_t dim = 0; dim < value.dims.size(); ++dim)
          if (box.starts[dim] < 0 || box.starts[dim] + box.sizes[dim] > value.dims[dim])
            std::abort();
      }
  if (job->id().size() != 64 ||
      !writeJob(*job, [](std::span<const std::byte>) { return Status::ok(); }).isOk())
    std::abort();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz::useWithRightHash(data, size, readAndUse);
  return 0;
}
