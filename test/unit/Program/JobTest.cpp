// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Jobs: what is written is read again, what does not hold is refused, and parts of tensors are where the mesh
// says.
#include "weft/Program/Job.h"

#include "Support/TempDir.h"
#include "weft/Program/MeshSpec.h"
#include <cstring>
#include <gtest/gtest.h>

using namespace weft;
using namespace weft::program;

namespace {

Job sampleJob() {
  Job job;
  job.mesh = {{"stage", 2}, {"data", 2}, {"model", 3}};
  job.numRanks = 12;
  job.roleOfRank = {0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1};
  job.roles = {{"stage0", Blob::fromString("first"), {}},
               {"stage1", Blob::fromString(std::string(5000, 'x')), {}}};
  job.inputs = {{"x", DType::F32, {4, 6}, {{{1}, {2}}}, 0}, {"n", DType::I64, {}, {}, 1}};
  job.outputs = {{"y", DType::F32, {12, 2}, {{{2, 1}, {}}}, 1}};
  return job;
}

std::string bytesOf(const Job &job) {
  std::string file;
  const Status status = writeJob(job, [&](std::span<const std::byte> piece) {
    file.append(reinterpret_cast<const char *>(piece.data()), piece.size());
    return Status::ok();
  });
  EXPECT_TRUE(status.isOk()) << status;
  return file;
}

Result<Job> read(const std::string &file) {
  return readJob(std::as_bytes(std::span<const char>(file)), nullptr);
}

TEST(Job, IsReadAsItWasWritten) {
  const std::string file = bytesOf(sampleJob());
  const Result<Job> job = read(file);
  ASSERT_TRUE(job.isOk()) << job.status();
  EXPECT_EQ(bytesOf(*job), file);
  EXPECT_EQ(job->id(), sampleJob().id());
  EXPECT_EQ(job->roles[1].program.bytes.size(), 5000u);
  EXPECT_EQ(job->outputs[0].sharding.dims, (std::vector<std::vector<uint32_t>>{{2, 1}, {}}));
  const TempDir directory;
  ASSERT_TRUE(writeFileAtomically(directory.file("a.weftjob"), file).isOk());
  EXPECT_TRUE(readJobFile(directory.file("a.weftjob")).isOk());
  EXPECT_FALSE(readJobFile(directory.file("b.weftjob")).isOk());
}

TEST(Job, HasAnIdOfAllThatItHolds) {
  const std::string id = sampleJob().id();
  Job other = sampleJob();
  other.roles[0].program = Blob::fromString("other");
  EXPECT_NE(other.id(), id);
  other = sampleJob();
  other.mesh = {{"stage", 2}, {"data", 3}, {"model", 2}};
  EXPECT_NE(other.id(), id);
}

TEST(Job, EveryDamagedByteIsFound) {
  const std::string file = bytesOf(sampleJob());
  for (size_t at = 0; at < file.size(); ++at) {
    // Bytes between the parts say nothing.
    if (at >= 128 && file[at] == 0)
      continue;
    std::string damaged = file;
    damaged[at] = char(damaged[at] ^ 0x20);
    EXPECT_FALSE(read(damaged).isOk()) << "byte " << at;
  }
  for (size_t size = 0; size < file.size(); size += 97)
    EXPECT_FALSE(read(file.substr(0, size)).isOk()) << size;
  EXPECT_FALSE(read(file + "x").isOk());
}

TEST(Job, WhatDoesNotHoldIsNamed) {
  const auto refusal = [](auto change) {
    Job job = sampleJob();
    change(job);
    return checkJob(job).message();
  };
  EXPECT_EQ(refusal([](Job &) {}), "");
  EXPECT_EQ(refusal([](Job &job) { job.inputs[0].dims[0] = 5; }),
            "input 'x': dimension 0: 5 rows over 2 ranks");
  EXPECT_EQ(refusal([](Job &job) { job.inputs[0].sharding.dims[0] = {3}; }),
            "input 'x': is split over axis 3 of 3");
  EXPECT_EQ(refusal([](Job &job) { job.inputs[0].sharding.dims[1] = {1}; }),
            "input 'x': is split over axis 'data' twice");
  EXPECT_EQ(refusal([](Job &job) { job.outputs[0].role = 2; }), "output 'y': belongs to role 2 of 2");
  EXPECT_EQ(refusal([](Job &job) { job.outputs.push_back(job.outputs[0]); }), "two outputs 'y'");
  EXPECT_EQ(refusal([](Job &job) { job.roleOfRank[3] = 7; }), "rank 3 plays role 7 of 2");
  EXPECT_EQ(refusal([](Job &job) { job.roleOfRank.assign(12, 0); }), "role 1 is played by no rank");
  EXPECT_EQ(refusal([](Job &job) { job.mesh[1].size = 3; }),
            "found 12 ranks and roles of 12, wanted 18 as the mesh has");
  EXPECT_EQ(refusal([](Job &job) { job.roles[1].name = "stage0"; }),
            "role 1 has no name of its own: 'stage0'");
  EXPECT_EQ(refusal([](Job &job) { job.roles[1].variantOf = 5; }),
            "role 1 is a variant of role 5, which is none");
  EXPECT_EQ(refusal([](Job &job) { job.roles[1].variantOf = 1; }),
            "role 1 is a variant of role 1, which is one itself");
  EXPECT_EQ(refusal([](Job &job) { job.roles[1].variantOf = 0; }),
            "input 'n': belongs to role 1, which is a variant of another");
}

TEST(Job, RanksOfAnotherTargetHaveTheirStagesValues) {
  Job job = sampleJob();
  job.roles.push_back({"stage0.cuda-emu", Blob::fromString("third"), {}, 0});
  job.roleOfRank[2] = 2;
  const Result<Job> again = read(bytesOf(job));
  ASSERT_TRUE(again.isOk()) << again.status();
  EXPECT_EQ(again->roles[2].variantOf, 0u);
  EXPECT_EQ(again->roles[1].variantOf, noId);
  for (const uint32_t rank : {0u, 2u, 5u})
    EXPECT_TRUE(again->has(rank, again->inputs[0])) << rank;
  EXPECT_FALSE(again->has(6, again->inputs[0]));
  EXPECT_TRUE(again->has(6, again->inputs[1]));
}

TEST(Job, PartsAreWhereTheMeshSays) {
  const Job job = sampleJob();
  // Rank 10 is stage 1, data 1, model 1.
  EXPECT_EQ(coordinatesOf(job.mesh, 10), (std::vector<uint32_t>{1, 1, 1}));
  const Box box = partOf(job, job.inputs[0], 4); // data 1, model 1
  EXPECT_EQ(box.starts, (std::vector<int64_t>{2, 2}));
  EXPECT_EQ(box.sizes, (std::vector<int64_t>{2, 2}));
  // Split over model, each part over data.
  EXPECT_EQ(partOf(job, job.outputs[0], 10).starts, (std::vector<int64_t>{6, 0}));
  EXPECT_TRUE(partOf(job, job.inputs[1], 0).sizes.empty());

  std::vector<float> values(24);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = float(i);
  const HostTensor whole = *HostTensor::fromValues<float>({4, 6}, values);
  const HostTensor part = *takeBox(whole, box);
  EXPECT_EQ(part.data<float>()[0], 14);
  EXPECT_EQ(part.data<float>()[3], 21);
  HostTensor again = *HostTensor::zeros(DType::F32, {4, 6});
  for (uint32_t rank = 0; rank < 6; ++rank)
    ASSERT_TRUE(
        putBox(again, partOf(job, job.inputs[0], rank), *takeBox(whole, partOf(job, job.inputs[0], rank)))
            .isOk());
  EXPECT_EQ(std::memcmp(again.raw(), whole.raw(), size_t(whole.numBytes())), 0);
  EXPECT_FALSE(takeBox(whole, {{3, 0}, {2, 6}}).isOk());
  EXPECT_FALSE(putBox(again, {{0, 0}, {2, 2}}, whole).isOk());
  const HostTensor scalar = HostTensor::scalar<int64_t>(7);
  EXPECT_EQ(takeBox(scalar, {{}, {}})->asInt(0), 7);
}

TEST(MeshSpec, SaysWhatIsWrong) {
  EXPECT_EQ(parseMesh("data:2,model:4")->at(1).size, 4u);
  const auto wrong = [](const char *text) { return parseMesh(text).status().message(); };
  EXPECT_EQ(wrong("data:2,model"),
            "mesh 'data:2,model': found 'model', wanted AXIS:SIZE with a size from 1, as in data:2,model:2");
  for (const char *text :
       {"", ":2", "data:", "data:0", "data:-1", "data:2x", "2:2", "data:2,", "_:2", "a b:2"})
    EXPECT_NE(wrong(text), "") << text;
  EXPECT_EQ(wrong("a:2,a:2"), "mesh 'a:2,a:2': found the axis 'a' twice");
  EXPECT_EQ(wrong("stage:2"), "mesh 'stage:2': the axis 'stage' is that of --stages, wanted another name");
  EXPECT_EQ(wrong("a:99999,b:99999"), "mesh 'a:99999,b:99999': more than 1048576 workers");

  const std::vector<MeshAxis> mesh = *parseMesh("data:2,model:4");
  const ShardSpec spec = *parseShard("layer/w=1=model+data,_,?", mesh);
  EXPECT_EQ(spec.name, "layer/w=1");
  ASSERT_EQ(spec.dims.size(), 3u);
  EXPECT_EQ(spec.dims[0].axes, (std::vector<uint32_t>{1, 0}));
  EXPECT_TRUE(spec.dims[2].isOpen);
  EXPECT_TRUE(parseShard("s=", mesh)->dims.empty());
  const auto wrongShard = [&](const char *text) { return parseShard(text, mesh).status().message(); };
  EXPECT_EQ(wrongShard("x=daat,_"), "sharding 'x=daat,_': found no axis 'daat' in the mesh, wanted data, "
                                    "model, _ (whole) or ? (left open)");
  EXPECT_EQ(wrongShard("x=data,data"), "sharding 'x=data,data': found the axis 'data' twice");
  for (const char *text : {"x", "=data", "", "x=data,,", "x=data+"})
    EXPECT_NE(wrongShard(text), "") << text;
}

TEST(RankTarget, IsReadFromText) {
  const RankTarget one = *parseRankTarget("1=cuda-emu"), several = *parseRankTarget("2-13=cuda:sm_90a");
  EXPECT_EQ(one.first, 1u);
  EXPECT_EQ(one.last, 1u);
  EXPECT_EQ(one.target, "cuda-emu");
  EXPECT_EQ(several.first, 2u);
  EXPECT_EQ(several.last, 13u);
  EXPECT_EQ(several.target, "cuda:sm_90a");
  for (const char *wrong :
       {"", "1", "=cpu", "-1=cpu", "1-=cpu", "2-1=cpu", "1=", "1=gpu", "a=cpu", "1,2=cpu"})
    EXPECT_EQ(parseRankTarget(wrong).status().code(), Code::InvalidArgument) << wrong;
}

} // namespace
