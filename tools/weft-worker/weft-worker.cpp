// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// weft-worker: one rank of a job. It has no compiler in it. Exit codes: 0 done, 2 wrong usage, 75 restart the
// job, 78 do not restart it, 70 a bug.
#include "weft/Distributed/RunJob.h"
#include "weft/Distributed/Worker.h"

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>

using namespace weft;
using namespace weft::distributed;

static int fail(const Status &status, int code) {
  std::fprintf(stderr, "weft-worker: error: %s\n", status.message().c_str());
  return code;
}

int main(int argc, char **argv) {
  std::signal(SIGPIPE, SIG_IGN);
  CLI::App app{"Runs one rank of a job that a coordinator leads (weft run --mesh, weft launch)."};
  app.name("weft-worker");
  app.set_version_flag("--version", "weft-worker " WEFT_VERSION);
  int rank = -1, timeout = 60;
  bool noCache = false;
  app.add_option("--rank", rank,
                 "This worker's rank; otherwise WEFT_RANK, SLURM_PROCID, OMPI_COMM_WORLD_RANK or "
                 "JOB_COMPLETION_INDEX says it")
      ->type_name("N")
      ->check(CLI::Range(0, 65535).description(""));
  app.add_option("--connect-timeout", timeout, "Seconds to wait for the coordinator")
      ->capture_default_str()
      ->type_name("S")
      ->check(CLI::Range(1, 86400).description(""));
  app.add_flag("--no-cache", noCache, "Do not keep the program for the next job");
  app.footer(
      "WEFT_COORDINATOR says where the coordinator is, WEFT_TOKEN or WEFT_TOKEN_FILE the job's secret,\n"
      "WEFT_CERTIFICATES the folder with ca.pem, cert.pem and key.pem for addresses beyond this host.\n"
      "Exit codes:  0 done, 2 wrong usage, 75 restart the job, 78 do not restart it, 70 a bug.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  WorkerOptions options;
  options.useCache = !noCache;
  options.connectTimeout = std::chrono::seconds(timeout);
  const Result<std::string> coordinator = coordinatorFromEnvironment(options.credentials);
  if (!coordinator.isOk())
    return fail(coordinator.status(), 2);
  options.coordinator = *coordinator;
  options.note = noteFromEnvironment();
  const Result<std::optional<Placement>> placement = placementFromEnvironment();
  if (!placement.isOk())
    return fail(placement.status(), 2);
  if (*placement) {
    options.rank = (*placement)->rank;
    options.numRanks = (*placement)->numRanks;
  }
  if (rank >= 0)
    options.rank = uint32_t(rank);
  else if (!*placement)
    return fail(invalidArgument("which rank this is is not said: give --rank, or set WEFT_RANK"), 2);
  const Status status = runWorker(options);
  return status.isOk() ? 0 : fail(status, exitCodeOf(status));
}
