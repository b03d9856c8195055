// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// transport-bench: how fast bytes and steps go between two ranks. Each rank is a process; time is CPU time of
// both where it says "per core", else time on the clock.
//   transfer: so many transfers of 1 MiB from rank 0 to rank 1, by each transport
//   step: an all-reduce of 8 floats by both ranks, again and again
#include "weft/Distributed/GroupCommunicator.h"
#include "weft/Distributed/Rpc.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace weft;
using namespace weft::distributed;

namespace {

double wallSeconds() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return double(time.tv_sec) + double(time.tv_nsec) * 1e-9;
}
double cpuSeconds() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval &time) { return double(time.tv_sec) + double(time.tv_usec) * 1e-6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

template <class T> T must(Result<T> result) {
  if (!result.isOk()) {
    std::fprintf(stderr, "transport-bench: %s\n", result.status().message().c_str());
    std::_Exit(1);
  }
  return *std::move(result);
}
void must(const Status &status) { must(status.isOk() ? Result<int>(0) : Result<int>(status)); }

std::unique_ptr<Transport> connect(const std::string &kind, uint32_t rank, const std::string &folder) {
  Token token{};
  token[0] = 1;
  if (kind == "shm")
    return must(makeSharedMemoryTransport({rank, 2, folder, token}));
  const auto *library = must(grpcLibrary());
  const auto address = [&](uint32_t r) {
    return kind == "grpc-unix" ? concat("unix:", folder, "/g", r) : concat("127.0.0.1:", 47310 + r);
  };
  auto transport = must(library->makeTransport({rank, 2, address(rank), {token, {}}}));
  transport->setPeers({address(0), address(1)});
  return transport;
}

struct Times {
  double wall = 0, cpu = 0, stepP50 = 0;
};

Times measure(const std::string &kind, uint32_t rank, const std::string &folder, size_t size, int transfers,
              int steps) {
  auto communicator = must(GroupCommunicator::create(connect(kind, rank, folder)));
  std::vector<std::byte> memory(size, std::byte(rank));
  Times times;
  for (const bool isWarm : {false, true}) {
    must(communicator->beginRun());
    const double wall = wallSeconds(), cpu = cpuSeconds();
    constexpr uint32_t window = 4; // transfers under way
    for (int i = 0; i < transfers + int(window); ++i) {
      const uint32_t channel = uint32_t(i) % window;
      if (i >= int(window))
        must(communicator->wait(channel));
      if (i < transfers)
        must(rank == 0 ? communicator->send(channel, 1, memory) : communicator->receive(channel, 0, memory));
    }
    if (isWarm)
      times = {wallSeconds() - wall, cpuSeconds() - cpu, 0};
  }
  std::vector<double> each;
  const std::vector<uint32_t> group = {0, 1};
  float value[8] = {1}, sum[8];
  for (int i = 0; i < steps; ++i) {
    const double start = wallSeconds();
    must(communicator->beginRun());
    must(communicator->start({program::Collective::AllReduce, program::Combine::Sum, DType::F32, group, 9,
                              reinterpret_cast<const std::byte *>(value), reinterpret_cast<std::byte *>(sum),
                              8}));
    must(communicator->wait(9));
    each.push_back(wallSeconds() - start);
  }
  std::sort(each.begin(), each.end());
  times.stepP50 = each[each.size() / 2];
  return times;
}

/// One measurement, by two processes.
int measureAndPrint(const std::string &kind, size_t size, int count, int steps) {
  std::string folder = "/tmp/weft-bench-XXXXXX";
  int back[2];
  if (!mkdtemp(folder.data()) || pipe(back) != 0)
    return 1;
  const pid_t child = fork(); // before gRPC starts
  if (child == 0) {
    const Times times = measure(kind, 1, folder, size, count, steps);
    (void)!write(back[1], &times, sizeof times);
    std::_Exit(0);
  }
  const Times mine = measure(kind, 0, folder, size, count, steps);
  Times theirs;
  if (read(back[0], &theirs, sizeof theirs) != ssize_t(sizeof theirs))
    return 1;
  waitpid(child, nullptr, 0);
  std::filesystem::remove_all(folder);
  const double bytes = double(size) * count;
  std::printf("%-10s %7zu KiB %14.2f %18.2f %14.1f\n", kind.c_str(), size >> 10,
              bytes / std::max(mine.wall, theirs.wall) / 1e9, bytes / (mine.cpu + theirs.cpu) / 1e9,
              std::max(mine.stepP50, theirs.stepP50) * 1e6);
  return 0;
}

} // namespace

int main(int argc, char **argv) {
  if (argc == 5)
    return measureAndPrint(argv[1], size_t(std::atoll(argv[2])), std::atoi(argv[3]), std::atoi(argv[4]));
  const int mebibytes = argc > 1 ? std::atoi(argv[1]) : 4096;
  std::printf("%-10s %11s %14s %18s %14s\n", "transport", "size", "GB/s", "GB/s per core", "step p50 us");
  std::fflush(stdout);
  for (const std::string kind : {"shm", "grpc-unix", "grpc-tcp"})
    for (const size_t size : {size_t(64) << 10, size_t(1) << 20, size_t(16) << 20}) {
      const size_t count = (size_t(mebibytes) << 20) / size / (kind == "shm" ? 1 : 4);
      const std::string command =
          concat(argv[0], " ", kind, " ", size, " ", std::max<size_t>(count, 1), " 5000");
      if (std::system(command.c_str()) != 0)
        return 1;
    }
  return 0;
}
