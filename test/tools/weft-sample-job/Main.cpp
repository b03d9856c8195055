// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// weft-sample-job FILE AXIS:SIZE...: a job for tests of launchers and faults, made without the compiler.
// Every rank sums, gathers and shifts its part of x (test/unit/Distributed/SampleJob.h).
#include "Distributed/SampleJob.h"

#include <cstdio>
#include <cstdlib>

using namespace weft;

int main(int argc, char **argv) {
  std::vector<program::MeshAxis> mesh;
  for (int i = 2; i < argc; ++i) {
    const std::string text = argv[i];
    const size_t at = text.find(':');
    mesh.push_back({text.substr(0, at), uint32_t(std::atoi(text.c_str() + at + 1))});
  }
  if (mesh.empty())
    return 2;
  const program::Job job = distributed::test::sampleJob(mesh);
  const Status status =
      writeFileAtomically(argv[1], [&](const FileSink &sink) { return program::writeJob(job, sink); });
  if (!status.isOk())
    std::fprintf(stderr, "weft-sample-job: %s\n", status.message().c_str());
  return status.isOk() ? 0 : 1;
}
