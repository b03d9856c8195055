// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A job for tests: every rank runs samples::meshProgram.
#ifndef WEFT_TEST_UNIT_DISTRIBUTED_SAMPLEJOB_H
#define WEFT_TEST_UNIT_DISTRIBUTED_SAMPLEJOB_H

#include "Program/SamplePrograms.h"
#include "weft/Program/Job.h"
#include "weft/Program/Writer.h"

namespace weft::distributed::test {

/// x: f32[8 * ranks], a part for each rank; sum and all whole on each; part, shifted and where in parts.
inline program::Job sampleJob(std::vector<program::MeshAxis> mesh) {
  const program::Program program = program::samples::meshProgram(mesh);
  program::Job job;
  job.mesh = mesh;
  job.numRanks = program.numRanks;
  job.roleOfRank.assign(job.numRanks, 0);
  job.roles.push_back({"main", program::Blob::fromString(*program::serializeProgram(program)), {}});
  std::vector<uint32_t> allAxes;
  for (uint32_t axis = 0; axis < mesh.size(); ++axis)
    allAxes.push_back(axis);
  const int64_t n = job.numRanks;
  const program::Sharding cut{{allAxes}}, whole{{{}}};
  job.inputs = {{"x", DType::F32, {8 * n}, cut, 0}};
  job.outputs = {{"sum", DType::F32, {8}, whole, 0},
                 {"all", DType::F32, {8 * n}, whole, 0},
                 {"part", DType::F32, {8}, cut, 0},
                 {"shifted", DType::F32, {8 * n}, cut, 0},
                 {"where", DType::I64, {int64_t(mesh.size()) * n}, cut, 0}};
  return job;
}

inline NamedTensors sampleInputs(const program::Job &job) {
  std::vector<float> values(8 * job.numRanks);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = 1 + float(i * i % 101) / 64;
  return {{"x", *HostTensor::fromValues<float>({int64_t(values.size())}, values)}};
}

} // namespace weft::distributed::test

#endif // WEFT_TEST_UNIT_DISTRIBUTED_SAMPLEJOB_H
