// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Whole jobs: as threads of this process, and as workers led by a coordinator, which here are threads too.
// All ways give the same bits. What goes wrong names who and where.
#include "Ranks.h"
#include "SampleJob.h"
#include "Support/TempDir.h"
#include "weft/Distributed/Coordinator.h"
#include "weft/Distributed/Worker.h"
#include "weft/Program/Abi.h"
#include "weft/Support/CacheDir.h"
#include "weft/Support/Sha256.h"

using namespace weft;
using namespace weft::distributed;
using namespace weft::distributed::test;
using namespace std::chrono_literals;

namespace {

NamedTensors wantedOutputs(const program::Job &job) {
  const auto n = int64_t(job.numRanks);
  const NamedTensors inputs = sampleInputs(job);
  const float *x = inputs[0].second.data<float>();
  std::vector<float> sum(8), product(8, 1), shifted;
  for (int64_t rank = 0; rank < n; ++rank)
    for (int64_t i = 0; i < 8; ++i) {
      sum[size_t(i)] = rank == 0 ? x[i] : sum[size_t(i)] + x[8 * rank + i];
      product[size_t(i)] = rank == 0 ? x[i] : product[size_t(i)] * x[8 * rank + i];
      shifted.push_back(x[8 * ((rank + n - 1) % n) + i]);
    }
  std::vector<int64_t> where;
  for (uint32_t rank = 0; rank < job.numRanks; ++rank)
    for (const uint32_t place : program::coordinatesOf(job.mesh, rank))
      where.push_back(place);
  return {{"sum", *HostTensor::fromValues<float>({8}, sum)},
          {"all", inputs[0].second},
          {"part", *HostTensor::fromValues<float>({8}, product)},
          {"shifted", *HostTensor::fromValues<float>({8 * n}, shifted)},
          {"where", *HostTensor::fromValues<int64_t>({int64_t(where.size())}, where)}};
}

void expectSame(const NamedTensors &found, const NamedTensors &wanted) {
  ASSERT_EQ(found.size(), wanted.size());
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].first, wanted[i].first);
    EXPECT_TRUE(found[i].second.bitEquals(wanted[i].second)) << found[i].first;
  }
}

const std::vector<std::vector<program::MeshAxis>> meshes = {
    {{"data", 1}}, {{"data", 2}}, {{"data", 2}, {"model", 2}}, {{"data", 8}}};

TEST(Job, RunsInThisProcess) {
  const Watchdog watchdog;
  for (const auto &mesh : meshes) {
    const program::Job job = sampleJob(mesh);
    InProcessOptions options;
    options.steps = 5;
    options.session.trace = true;
    const Result<JobResult> result = runInProcess(job, sampleInputs(job), options);
    ASSERT_TRUE(result.isOk()) << result.status();
    expectSame(result->outputs, wantedOutputs(job));
    EXPECT_EQ(result->stepMicroseconds.size(), 5u);
    EXPECT_NE(result->trace.find(concat("\"name\":\"rank ", job.numRanks - 1, "\"")), std::string::npos);
    EXPECT_NE(result->trace.find("\"cat\":\"collective\""), std::string::npos);
  }
}

TEST(Job, InputsThatDoNotFitAreNamed) {
  const program::Job job = sampleJob({{"data", 2}});
  const auto message = [&](const NamedTensors &inputs) {
    return runInProcess(job, inputs).status().message();
  };
  EXPECT_EQ(message({}), "input 'x' is not given");
  EXPECT_EQ(message({{"y", HostTensor::scalar(1.0f)}}), "the job has no input 'y'");
  EXPECT_EQ(message({{"x", HostTensor::scalar(1.0f)}}), "input 'x' is f32[], wanted f32[16]");
}

TEST(Job, ProgramsForOtherCpusAreRefusedByName) {
  program::Job job = sampleJob({{"data", 2}});
  program::Program program = program::samples::twoRankProgram();
  program.images[0].isa = "x86-64-v2";
  program.images[0].features = {"nosuchfeature"};
  job.roles[0].program = program::Blob::fromString(*program::serializeProgram(program));
  const Status status = runInProcess(job, sampleInputs(job)).status();
  EXPECT_EQ(exitCodeOf(status), 78);
  EXPECT_NE(status.message().find("needs nosuchfeature"), std::string::npos) << status;
}

TEST(Job, ExitCodesSayWhetherToRestart) {
  EXPECT_EQ(exitCodeOf(Status::ok()), 0);
  EXPECT_EQ(exitCodeOf(unavailable("gone")), 75);
  EXPECT_EQ(exitCodeOf(invalidArgument("wrong")), 78);
  EXPECT_EQ(exitCodeOf(failedPrecondition("versions")), 78);
  EXPECT_EQ(exitCodeOf(Status(Code::Unauthenticated, "token")), 78);
  EXPECT_EQ(exitCodeOf(internalError("bug")), 70);
}

TEST(Placement, ComesFromWhatStartedTheProcess) {
  for (const char *name : {"WEFT_RANK", "WEFT_WORLD_SIZE", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK"})
    unsetenv(name);
  EXPECT_FALSE(placementFromEnvironment()->has_value());
  setenv("OMPI_COMM_WORLD_RANK", "3", 1);
  setenv("OMPI_COMM_WORLD_SIZE", "4", 1);
  EXPECT_EQ((*placementFromEnvironment())->rank, 3u);
  EXPECT_EQ((*placementFromEnvironment())->startedBy, "Open MPI");
  setenv("SLURM_PROCID", "1", 1);
  EXPECT_EQ((*placementFromEnvironment())->startedBy, "Slurm");
  setenv("WEFT_RANK", "two", 1);
  EXPECT_EQ(placementFromEnvironment().status().message(), "WEFT_RANK='two' is no number");
  for (const char *name : {"WEFT_RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"})
    unsetenv(name);
  EXPECT_EQ(tokenText(*parseToken("00112233445566778899aabbccddeeff\n")), "00112233445566778899aabbccddeeff");
  EXPECT_FALSE(parseToken("0011").isOk());
  EXPECT_FALSE(parseToken("00112233445566778899aabbccddeefg").isOk());
  EXPECT_NE(*makeToken(), *makeToken());
}

#ifdef WEFT_TEST_GRPC

/// A coordinator, and workers on threads.
class Workers : public testing::TestWithParam<const char *> {
protected:
  CoordinatorOptions options() {
    CoordinatorOptions made;
    made.address = concat("unix:", folder.path, "/c");
    made.credentials.token = *makeToken();
    made.transport = GetParam();
    made.directory = folder.path;
    made.communicator.heartbeat = 50ms;
    made.communicator.deadAfter = 2000ms;
    return made;
  }
  Status work(const Coordinator &coordinator, const CoordinatorOptions &options, uint32_t rank) {
    WorkerOptions worker;
    worker.coordinator = coordinator.address();
    worker.credentials = options.credentials;
    worker.rank = rank;
    worker.useCache = false;
    worker.connectTimeout = 5000ms;
    return runWorker(worker);
  }
  TempDir folder;
};

TEST_P(Workers, RunAJobWithTheSameBits) {
  const Watchdog watchdog;
  for (const auto &mesh : meshes) {
    const program::Job job = sampleJob(mesh);
    const NamedTensors inputs = sampleInputs(job);
    CoordinatorOptions options = this->options();
    options.steps = 300; // more than a window
    options.window = 16;
    options.session.trace = true;
    const auto coordinator = Coordinator::create(job, inputs, options);
    ASSERT_TRUE(coordinator.isOk()) << coordinator.status();
    std::thread waiter([&] {
      const Result<JobResult> result = (*coordinator)->wait();
      ASSERT_TRUE(result.isOk()) << result.status();
      expectSame(result->outputs, wantedOutputs(job));
      EXPECT_EQ(result->stepMicroseconds.size(), 300u);
      EXPECT_NE(result->trace.find("\"rank 0\""), std::string::npos);
    });
    onAllRanks(job.numRanks, [&](uint32_t rank) {
      const Status status = work(**coordinator, options, rank);
      EXPECT_TRUE(status.isOk()) << status;
    });
    waiter.join();
  }
}

TEST_P(Workers, AMissingRankIsNamed) {
  const Watchdog watchdog;
  const program::Job job = sampleJob({{"data", 2}});
  const NamedTensors inputs = sampleInputs(job);
  CoordinatorOptions options = this->options();
  options.joinTimeout = 300ms;
  const auto coordinator = *Coordinator::create(job, inputs, options);
  const Status worker = work(*coordinator, options, 0);
  EXPECT_EQ(worker.code(), Code::DeadlineExceeded) << worker;
  const Status status = coordinator->wait().status();
  EXPECT_EQ(status.message(), "rank 1 did not come within 300 ms");
  EXPECT_EQ(exitCodeOf(status), 75);
}

TEST_P(Workers, StrangersAndWrongRanksAreRefused) {
  const Watchdog watchdog;
  const program::Job job = sampleJob({{"data", 2}});
  const NamedTensors inputs = sampleInputs(job);
  CoordinatorOptions options = this->options();
  const auto coordinator = *Coordinator::create(job, inputs, options);
  CoordinatorOptions stranger = options;
  stranger.credentials.token = *makeToken();
  Status status = work(*coordinator, stranger, 0);
  EXPECT_EQ(status.code(), Code::Unauthenticated) << status;
  EXPECT_EQ(exitCodeOf(status), 78);
  status = work(*coordinator, options, 7);
  EXPECT_EQ(status.code(), Code::InvalidArgument) << status;
  EXPECT_NE(status.message().find("rank 7 in a job of 2 ranks"), std::string::npos) << status;
}

/// A message of control.proto as bytes, of numbers by field.
std::string messageOf(const std::vector<std::pair<uint32_t, uint32_t>> &fields) {
  std::string message;
  for (const auto &[field, value] : fields) {
    EXPECT_LT(value, 128u); // one byte each
    message += {char(field << 3), char(value)};
  }
  const auto number = [](uint32_t value) {
    return std::string(reinterpret_cast<const char *>(&value), sizeof value);
  };
  const std::string bytes = number(uint32_t(message.size())) + message;
  return bytes + number(crc32c(std::as_bytes(std::span(bytes))));
}

/// What a worker says first: fields 1 to 5 of HelloRequest.
std::string helloOf(const std::array<uint32_t, 5> &fields) {
  std::vector<std::pair<uint32_t, uint32_t>> numbered;
  for (uint32_t i = 0; i < fields.size(); ++i)
    numbered.emplace_back(i + 1, fields[i]);
  return messageOf(numbered);
}

TEST_P(Workers, ARankThatLoadsIsAwaitedWhileItGetsOn) {
  const Watchdog watchdog;
  const program::Job job = sampleJob({{"data", 1}});
  const NamedTensors inputs = sampleInputs(job);
  CoordinatorOptions options = this->options();
  options.joinTimeout = 400ms;
  const auto coordinator = *Coordinator::create(job, inputs, options);
  const auto channel = *(*grpcLibrary())->connect(coordinator->address(), options.credentials);
  const auto call = [&](const char *method, const std::string &message) {
    return channel->call(concat("/weft.v1.Coordinator/", method), message, 5000ms).status();
  };
  ASSERT_TRUE(call("Hello", helloOf({0, 1, wireVersion, program::formatVersion, WEFT_ABI})).isOk());
  // Three times as long as a rank may stand still; the third field says how far it is.
  Status end;
  std::thread waiter([&] { end = coordinator->wait().status(); });
  const auto start = std::chrono::steady_clock::now();
  for (uint32_t progress = 1; progress <= 24; ++progress) {
    const Status status = call("Beat", messageOf({{1, 0}, {3, progress}}));
    EXPECT_TRUE(status.isOk()) << status;
    std::this_thread::sleep_for(50ms);
  }
  // Now it lives, and gets no further.
  const auto still = std::chrono::steady_clock::now();
  std::atomic<bool> isOver = false;
  std::thread beater([&] {
    while (!isOver) {
      (void)call("Beat", messageOf({{1, 0}, {3, 24}}));
      std::this_thread::sleep_for(50ms);
    }
  });
  waiter.join();
  isOver = true;
  beater.join();
  EXPECT_GE(still - start, 3 * options.joinTimeout);
  EXPECT_GE(std::chrono::steady_clock::now() - still, options.joinTimeout - 100ms);
  EXPECT_EQ(end.message(), "rank 0, while it loads its program: no further for 400 ms");
  EXPECT_EQ(exitCodeOf(end), 75);
}

TEST_P(Workers, OtherVersionsAreRefusedByName) {
  const Watchdog watchdog;
  const program::Job job = sampleJob({{"data", 2}});
  const NamedTensors inputs = sampleInputs(job);
  // rank, ranks, versions of the wire, of programs, and of kernels
  const std::array<uint32_t, 5> right = {0, 2, wireVersion, program::formatVersion, WEFT_ABI};
  struct Case {
    size_t field;
    uint32_t value;
    const char *message;
  };
  for (const Case &wrong : {Case{1, 3, "was started as one of 3 ranks, the job has 2 (mesh data:2)"},
                            Case{2, wireVersion + 1, "speaks wire version"},
                            Case{3, program::formatVersion - 1, "speaks program format"},
                            Case{4, WEFT_ABI + 1, "speaks kernel ABI"}, Case{0, 0, ""}}) {
    CoordinatorOptions options = this->options();
    const auto coordinator = *Coordinator::create(job, inputs, options);
    const auto channel = *(*grpcLibrary())->connect(coordinator->address(), options.credentials);
    std::array<uint32_t, 5> hello = right;
    hello[wrong.field] = wrong.value;
    const Status status = channel->call("/weft.v1.Coordinator/Hello", helloOf(hello), 5000ms).status();
    if (!*wrong.message) {
      EXPECT_TRUE(status.isOk()) << status;
      continue;
    }
    EXPECT_EQ(exitCodeOf(status), 78) << status;
    EXPECT_NE(status.message().find(wrong.message), std::string::npos) << status;
    if (wrong.field > 1)
      EXPECT_NE(status.message().find(concat(wrong.value, ", the coordinator ", right[wrong.field],
                                             ": install one version of Weft on all hosts")),
                std::string::npos)
          << status;
    EXPECT_EQ(coordinator->wait().status().message().find("rank 0"), 0u) << "the job ends with the reason";
  }
}

TEST_P(Workers, KeepProgramsByTheirHash) {
  const Watchdog watchdog;
  const TempDir cacheFolder;
  setenv("WEFT_CACHE_DIR", cacheFolder.file("cache").c_str(), 1);
  const program::Job job = sampleJob({{"data", 2}});
  const NamedTensors inputs = sampleInputs(job);
  const auto &program = job.roles[0].program.bytes;
  const Sha256Digest digest = sha256(program.data(), program.size());
  const std::string key = toHex(std::span<const uint8_t>(digest));
  const CacheDir cache = *CacheDir::open();
  for (const bool isDamaged : {false, true}) {
    if (isDamaged) // what is not what its name says is fetched again
      ASSERT_TRUE(cache.put("bundles", key, "not a program"));
    CoordinatorOptions options = this->options();
    const auto coordinator = *Coordinator::create(job, inputs, options);
    onAllRanks(2, [&](uint32_t rank) {
      WorkerOptions worker;
      worker.coordinator = coordinator->address();
      worker.credentials = options.credentials;
      worker.rank = rank;
      const Status status = runWorker(worker);
      EXPECT_TRUE(status.isOk()) << status;
    });
    expectSame(coordinator->wait()->outputs, wantedOutputs(job));
    const auto kept = cache.get("bundles", key);
    ASSERT_TRUE(kept) << "one file for both ranks, by the hash of the role's program";
    EXPECT_TRUE(std::equal(kept->bytes().begin(), kept->bytes().end(), program.begin(), program.end()));
  }
  unsetenv("WEFT_CACHE_DIR");
}

TEST_P(Workers, AFailureReachesAllWithRankStepAndOp) {
  const Watchdog watchdog;
  // Rank 1 plays another role, whose first collective takes the greatest value, not the sum.
  program::Job job = sampleJob({{"data", 2}});
  program::Program other = program::samples::twoRankProgram();
  std::get<program::CollectiveStart>(other.functions[0].commands[0].what).combine = program::Combine::Max;
  other.functions[0].inputs[0].name = "y";
  job.roles.push_back({"other", program::Blob::fromString(*program::serializeProgram(other)), {}});
  job.roleOfRank[1] = 1;
  job.inputs.push_back(job.inputs[0]);
  job.inputs[1].name = "y";
  job.inputs[1].role = 1;
  NamedTensors inputs = sampleInputs(job);
  inputs.emplace_back("y", inputs[0].second);
  CoordinatorOptions options = this->options();
  const auto coordinator = *Coordinator::create(job, inputs, options);
  std::vector<Status> statuses(2);
  onAllRanks(2, [&](uint32_t rank) { statuses[rank] = work(*coordinator, options, rank); });
  statuses.push_back(coordinator->wait().status());
  for (const Status &status : statuses) {
    EXPECT_EQ(exitCodeOf(status), 78) << status;
    for (const char *text : {"rank ", "step 1", "(mesh.mlir:", "programs do not match: on channel 0",
                             "all_reduce of f32 (max)", "all_reduce of f32 (sum)"})
      EXPECT_NE(status.message().find(text), std::string::npos) << text << " in " << status;
  }
}

INSTANTIATE_TEST_SUITE_P(Transports, Workers, testing::Values("shm", "grpc"),
                         [](const auto &info) { return std::string(info.param); });

TEST(Rpc, AddressesBeyondThisHostNeedCertificates) {
  const GrpcLibrary &library = **grpcLibrary();
  const Status status = library.serve("0.0.0.0:0", {}, [](const auto &) {}).status();
  EXPECT_EQ(status.code(), Code::PermissionDenied) << status;
  EXPECT_NE(status.message().find("certificates only"), std::string::npos);
  EXPECT_EQ(library.connect("10.0.0.1:80", {}).status().code(), Code::PermissionDenied);
  RpcCredentials half;
  half.certificates.key = "key";
  EXPECT_EQ(library.serve("127.0.0.1:0", half, [](const auto &) {}).status().code(), Code::InvalidArgument);
}

TEST(Rpc, APortInUseIsAnError) {
  const GrpcLibrary &library = **grpcLibrary();
  RpcCredentials credentials;
  credentials.token[0] = 1;
  const auto first = *library.serve("127.0.0.1:0", credentials, [](const auto &) {});
  const Status status = library.serve(first->address(), credentials, [](const auto &) {}).status();
  EXPECT_EQ(status.code(), Code::Unavailable) << status;
  EXPECT_NE(status.message().find("the port is in use"), std::string::npos) << status;
}

TEST(Rpc, NobodyThereIsADeadline) {
  const GrpcLibrary &library = **grpcLibrary();
  const auto channel = *library.connect("127.0.0.1:1", {});
  EXPECT_EQ(channel->call("/weft.v1.Coordinator/Hello", "", 200ms).code(), Code::DeadlineExceeded);
}

#endif

} // namespace
