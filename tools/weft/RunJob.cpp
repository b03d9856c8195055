// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// weft run for jobs of several ranks: as threads of this process, by workers that it starts, or as one of the
// ranks that weft launch, Slurm or mpirun started.
#include "RunJob.h"

#include "Commands.h"
#include "weft/Distributed/Coordinator.h"
#include "weft/Distributed/Launch.h"
#include "weft/Distributed/Worker.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <unistd.h>

namespace weft::driver {

using namespace distributed;

void JobFlags::add(CLI::App &command) {
  // What few need is not in --help, but in docs/guides/distributed.md.
  const char *group = "Several ranks";
  command.add_option("--transport", transport, "inprocess (threads), shm or grpc (processes)")
      ->type_name("")
      ->check(CLI::IsMember({"inprocess", "shm", "grpc"}).description(""))
      ->group(group);
  command.add_option("--steps", steps, "Run so many times; outputs are those of the last")
      ->capture_default_str()
      ->type_name("N")
      ->check(CLI::Range(uint64_t(1), uint64_t(1) << 40).description(""))
      ->group(group);
  command.add_option("--heartbeat", heartbeat, "Seconds between signs of life of workers")
      ->capture_default_str()
      ->type_name("S")
      ->check(CLI::Range(0.01, 3600.0).description(""))
      ->group("");
  command.add_option("--dead-after", deadAfter, "Seconds of silence after which a worker is dead")
      ->capture_default_str()
      ->type_name("S")
      ->check(CLI::Range(0.05, 86400.0).description(""))
      ->group("");
  command
      .add_option("--join-timeout", joinTimeout, "Seconds in which a worker comes, and gets on with loading")
      ->capture_default_str()
      ->type_name("S")
      ->check(CLI::Range(0.05, 86400.0).description(""))
      ->group("");
  command
      .add_option("--listen", listen,
                  "Where workers listen for each other over grpc: HOST:0, with certificates")
      ->type_name("ADDRESS")
      ->group("");
}

bool isRankOfJob() {
  const char *coordinator = std::getenv("WEFT_COORDINATOR");
  return coordinator && *coordinator;
}

static std::string workerPath() {
  if (const char *path = std::getenv("WEFT_WORKER"); path && *path)
    return path;
  char path[4096];
  const ssize_t size = ::readlink("/proc/self/exe", path, sizeof path);
  const std::string text(path, size > 0 ? size_t(size) : 0);
  return text.substr(0, text.rfind('/') + 1) + "weft-worker";
}

std::optional<int> becomeWorker() {
  if (!isRankOfJob())
    return std::nullopt;
  const Result<std::optional<Placement>> placement = placementFromEnvironment();
  if (!placement.isOk())
    return failUsage(placement.status());
  if (!*placement)
    return failUsage(
        invalidArgument("WEFT_COORDINATOR is set, but which rank this is is not said: set WEFT_RANK, "
                        "or start with weft launch, srun or mpirun"));
  if ((*placement)->rank == 0)
    return std::nullopt; // leads the job, and is its first worker
  const std::string path = workerPath();
  const char *arguments[] = {path.c_str(), "--connect-timeout=600", nullptr};
  ::execv(path.c_str(), const_cast<char **>(arguments));
  fail(errnoStatus(errno, concat("cannot start '", path, "'")));
  return 78;
}

namespace {

CommunicatorOptions communicatorOptions(const JobFlags &flags) {
  const auto milliseconds = [](double seconds) { return std::chrono::milliseconds(int64_t(seconds * 1000)); };
  CommunicatorOptions options;
  options.heartbeat = milliseconds(flags.heartbeat);
  options.deadAfter = milliseconds(flags.deadAfter);
  options.connectTimeout = milliseconds(flags.joinTimeout);
  return options;
}

CoordinatorOptions coordinatorOptions(const JobFlags &flags, const runtime::SessionOptions &session) {
  CoordinatorOptions options;
  options.transport = flags.transport.empty() ? "shm" : flags.transport;
  options.listen = flags.listen;
  options.steps = flags.steps;
  options.session = session;
  options.joinTimeout = std::chrono::milliseconds(int64_t(flags.joinTimeout * 1000));
  options.communicator = communicatorOptions(flags);
  options.log = [](uint32_t rank, std::string_view text) {
    std::fprintf(stderr, "weft: rank %u: %.*s%s", rank, int(text.size()), text.data(),
                 !text.empty() && text.back() == '\n' ? "" : "\n");
  };
  return options;
}

/// Starts workers here and leads them.
Result<JobResult> withOwnWorkers(const program::Job &job, const NamedTensors &inputs,
                                 CoordinatorOptions options) {
  WEFT_ASSIGN_OR_RETURN(const JobFolder folder, JobFolder::make());
  WEFT_ASSIGN_OR_RETURN(options.credentials.token, makeToken());
  options.directory = folder.path();
  options.address = concat("unix:", folder.path(), "/coordinator");
  WEFT_ASSIGN_OR_RETURN(const std::unique_ptr<Coordinator> coordinator,
                        Coordinator::create(job, inputs, options));
  LaunchOptions launch;
  launch.numRanks = job.numRanks;
  launch.command = {workerPath()};
  launch.environment = [&](uint32_t) {
    return std::vector<std::pair<std::string, std::string>>{
        {"WEFT_COORDINATOR", coordinator->address()}, {"WEFT_TOKEN", tokenText(options.credentials.token)}};
  };
  launch.stoppedAfter = options.communicator.deadAfter + std::chrono::seconds(2); // the others say more
  launch.ended = [&](uint32_t rank, const std::string &how) {
    // One that failed by itself has told why; this is for those that could not.
    if (!how.empty() && how.rfind("exited with code 7", 0) != 0)
      coordinator->fail(unavailable("rank ", rank, ": the worker ", how));
  };
  WEFT_ASSIGN_OR_RETURN(const std::unique_ptr<Launcher> launcher, Launcher::start(launch));
  std::thread waiter([&] {
    if (const int code = launcher->wait(); code != 0) // all are gone, whatever they could tell
      coordinator->fail(unavailable("the workers have ended with exit code ", code));
  });
  Result<JobResult> result = coordinator->wait();
  waiter.join();
  return result;
}

/// Leads the job whose ranks were started elsewhere, and is its first worker.
Result<JobResult> asFirstRank(const program::Job &job, const NamedTensors &inputs,
                              CoordinatorOptions options) {
  WEFT_ASSIGN_OR_RETURN(const std::optional<Placement> found, placementFromEnvironment());
  const Placement placement = found.value_or(Placement());
  if (placement.numRanks != 0 && placement.numRanks != job.numRanks)
    return failedPrecondition(placement.startedBy, " started ", placement.numRanks, " ranks, the job has ",
                              job.numRanks, " (mesh ", program::meshText(job.mesh), ")");
  WEFT_ASSIGN_OR_RETURN(options.address, coordinatorFromEnvironment(options.credentials));
  const std::string address = options.address;
  // Every rank knows the name; only the first one's host has the address.
  WEFT_ASSIGN_OR_RETURN(const JobFolder folder, JobFolder::make());
  options.directory = folder.path();
  if (!isLocalAddress(address) && options.transport != "grpc")
    return invalidArgument("ranks on several hosts (WEFT_COORDINATOR=", address, ") need --transport=grpc");
  if (!isLocalAddress(address) && options.listen.empty())
    return invalidArgument(
        "ranks on several hosts need --listen=0.0.0.0:0 (each tells the others its host's name)");
  WEFT_ASSIGN_OR_RETURN(const std::unique_ptr<Coordinator> coordinator,
                        Coordinator::create(job, inputs, options));
  Status status;
  std::thread worker([&] {
    WorkerOptions own;
    own.coordinator = coordinator->address();
    own.credentials = options.credentials;
    own.numRanks = placement.numRanks;
    own.note = noteFromEnvironment();
    status = runWorker(own);
    if (!status.isOk())
      coordinator->fail(status);
  });
  Result<JobResult> result = coordinator->wait();
  worker.join();
  return result;
}

} // namespace

Result<JobResult> runJob(const program::Job &job, const NamedTensors &inputs, const JobFlags &flags,
                         const runtime::SessionOptions &session) {
  if (isRankOfJob())
    return asFirstRank(job, inputs, coordinatorOptions(flags, session));
  if (flags.transport == "shm" || flags.transport == "grpc")
    return withOwnWorkers(job, inputs, coordinatorOptions(flags, session));
  InProcessOptions options;
  options.steps = flags.steps;
  options.session = session;
  options.communicator = communicatorOptions(flags);
  return runInProcess(job, inputs, options);
}

int jobExitCode(const Status &status) { return isRankOfJob() ? exitCodeOf(status) : 1; }

std::vector<runtime::ValueInfo> describeValues(const std::vector<program::JobValue> &values) {
  std::vector<runtime::ValueInfo> infos;
  for (const program::JobValue &value : values) {
    runtime::ValueInfo info{value.name, value.dtype, value.dims, {}, value.dims, value.dims};
    info.dimNames.resize(value.dims.size());
    infos.push_back(std::move(info));
  }
  return infos;
}

} // namespace weft::driver
