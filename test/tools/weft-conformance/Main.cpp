// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// weft-conformance: runs ONNX's node tests on one path and prints a line per case. test/conformance/README.md
// says what goes in and comes out. A case whose process ends prints "CRASH <name>: <how>".
#include "Backends.h"
#include "Isolate.h"

#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

using namespace weft;
using namespace weft::conformance;

int main(int argc, char **argv) {
  std::string casesJson, mode = "static", backend = "reference", shard = "0/1", only, filter, report;
  int timeoutSeconds = 20;
  bool inProcess = false;
  CLI::App app("Runs ONNX's node tests; see test/conformance/README.md");
  app.add_option("--cases", casesJson, "cases.json that dump_onnx_cases.py wrote")->required();
  app.add_option("--mode", mode)->check(CLI::IsMember({"static", "dynamic", "constant"}));
  app.add_option("--backend", backend)->check(CLI::IsMember({"reference", "cpu", "cuda-emu"}));
  app.add_option("--shard", shard, "I/N: the cases at positions I, I+N, ...");
  app.add_option("--only", only, "a file of names: these cases");
  app.add_option("--filter", filter, "only cases whose name holds this text");
  app.add_option("--report", report, "a JSON file of the results by name");
  app.add_option("--timeout", timeoutSeconds, "seconds a case may take")->check(CLI::Range(1, 3600));
  app.add_flag("--in-process", inProcess, "no child processes: for a debugger");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  size_t index = 0, shares = 1;
  if (std::sscanf(shard.c_str(), "%zu/%zu", &index, &shares) != 2 || index >= shares) {
    std::cerr << "weft-conformance: found --shard=" << shard << ", wanted I/N with I < N\n";
    return 2;
  }
  auto all = readCases(casesJson);
  if (!all.isOk()) {
    std::cerr << "weft-conformance: " << all.status().message() << "\n";
    return 2;
  }

  std::set<std::string> names;
  if (!only.empty()) {
    std::ifstream file(only);
    if (!file) {
      std::cerr << "weft-conformance: " << only << ": cannot be read\n";
      return 2;
    }
    for (std::string line; std::getline(file, line);)
      names.insert(line);
  }
  std::vector<const Case *> chosen;
  size_t position = 0;
  for (const Case &one : *all) {
    if (std::find(one.variants.begin(), one.variants.end(), mode) == one.variants.end())
      continue;
    if (position++ % shares != index || (!only.empty() && !names.count(one.name)) ||
        one.name.find(filter) == std::string::npos)
      continue;
    chosen.push_back(&one);
  }

  nlohmann::json results = nlohmann::json::object();
  std::map<std::string, size_t> counts;
  auto run = [&](size_t i) {
    return backend == "reference" ? runOnReference(*chosen[i], mode) : runCompiled(*chosen[i], mode, backend);
  };
  auto done = [&](size_t i, const Ended &ended) {
    const std::string &name = chosen[i]->name;
    std::string kind = ended.verdict ? std::string(kindName(ended.verdict->kind)) : "CRASH";
    std::cout << (ended.verdict ? ended.verdict->line(name) : "CRASH " + name + ": " + ended.end)
              << std::endl;
    results[name] = {kind, ended.verdict ? ended.verdict->detail : ended.end};
    ++counts[kind];
  };
  if (inProcess) {
    for (size_t i = 0; i < chosen.size(); ++i)
      done(i, {run(i), ""});
  } else if (Status status = runIsolated(chosen.size(), timeoutSeconds, run, done); !status.isOk()) {
    std::cerr << "weft-conformance: " << status.message() << "\n";
    return 1;
  }
  std::cerr << backend << " " << mode << ":";
  for (const auto &[kind, count] : counts)
    std::cerr << " " << count << " " << kind;
  std::cerr << "\n";
  if (!report.empty()) {
    std::ofstream file(report);
    file << results.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
    if (!file) {
      std::cerr << "weft-conformance: " << report << ": cannot be written\n";
      return 1;
    }
  }
  return 0;
}
