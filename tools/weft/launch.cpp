// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// weft launch: starts the ranks of a job on this host.
#include "Commands.h"

#include "weft/Distributed/Certificates.h"
#include "weft/Distributed/Launch.h"
#include "weft/Distributed/Worker.h"
#include "weft/Support/File.h"

#include <atomic>
#include <csignal>
#include <thread>

using namespace weft;
using namespace weft::driver;
using namespace weft::distributed;

static std::atomic<int> caughtSignal{0};

namespace {
struct LaunchCommand {
  uint32_t numRanks = 1;
  std::vector<std::string> command;
  std::string certificates, coordinator;
  double stoppedAfter = 7;

  int run() {
    if (!certificates.empty())
      if (const Status status = makeCertificates(certificates, numRanks); !status.isOk())
        return fail(status);
    if (command.empty())
      return certificates.empty() ? failUsage(invalidArgument("what each rank runs is not given, after --"))
                                  : 0;
    const Result<JobFolder> folder = JobFolder::make();
    if (!folder.isOk())
      return fail(folder.status());
    const Result<Token> token = makeToken();
    if (!token.isOk())
      return fail(token.status());
    const std::string note = folder->path() + "/note";
    LaunchOptions options;
    options.numRanks = numRanks;
    options.command = command;
    options.environment = [&](uint32_t) {
      std::vector<std::pair<std::string, std::string>> variables = {
          {"WEFT_COORDINATOR",
           coordinator.empty() ? concat("unix:", folder->path(), "/coordinator") : coordinator},
          {"WEFT_TOKEN", tokenText(*token)},
          {"WEFT_NOTE", note}};
      if (!certificates.empty())
        variables.emplace_back("WEFT_CERTIFICATES", certificates);
      return variables;
    };
    options.stoppedAfter = std::chrono::milliseconds(int64_t(stoppedAfter * 1000));
    bool hasFailed = false;
    options.ended = [&](uint32_t rank, const std::string &how) {
      if (how.empty())
        return;
      const std::string text = concat("rank ", rank, " ", how);
      std::fprintf(stderr, "weft: %s\n", text.c_str());
      // Ranks that have not met yet learn it from here. One that ends with 75 has heard of another's failure.
      if (how.find("code 75") == std::string::npos && !std::exchange(hasFailed, true))
        if (const Status status = writeFileAtomically(note, text); !status.isOk())
          fail(status);
    };
    for (const int signal : {SIGINT, SIGTERM, SIGHUP})
      std::signal(signal, [](int number) { caughtSignal = number; });
    const Result<std::unique_ptr<Launcher>> launcher = Launcher::start(options);
    if (!launcher.isOk())
      return fail(launcher.status());
    std::atomic<bool> isOver{false};
    std::thread watcher([&] {
      while (!isOver && !caughtSignal)
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
      if (!isOver)
        (*launcher)->stop();
    });
    const int code = (*launcher)->wait();
    isOver = true;
    watcher.join();
    return code;
  }
};
} // namespace

void weft::driver::addLaunch(CLI::App &app, int &exitCode) {
  CLI::App *command = app.add_subcommand("launch", "Start the ranks of a job on this host");
  auto state = std::make_shared<LaunchCommand>();
  command->add_option("-n,--ranks", state->numRanks, "How many")
      ->required()
      ->type_name("N")
      ->check(CLI::Range(1, 4096).description(""));
  command->add_option("--certificates", state->certificates, "Make a job's certificates in DIR, and use them")
      ->type_name("DIR");
  command
      ->add_option("--coordinator", state->coordinator,
                   "Where the first rank serves; a socket of its own unless told")
      ->type_name("ADDRESS");
  command
      ->add_option("--stopped-after", state->stoppedAfter,
                   "Seconds after which a rank whose process is stopped (SIGSTOP) has failed; 0: never")
      ->capture_default_str()
      ->type_name("S")
      ->check(CLI::Range(0.0, 86400.0).description(""));
  command->add_option("command", state->command, "What each rank runs, after --")->type_name("");
  command->positionals_at_end();
  command->footer(
      "Examples:\n"
      "  weft launch -n 4 -- weft run model.onnx --mesh=data:4 --input random:1\n"
      "  weft launch -n 4 --certificates=folder       for ranks that Slurm starts on several hosts\n"
      "Output is shown with the rank before each line. When a rank fails, the others are ended.\n"
      "Exit codes:  0 done, 75 restart the job, 78 do not restart it, 70 a bug.");
  command->callback([state, &exitCode] { exitCode = state->run(); });
}
