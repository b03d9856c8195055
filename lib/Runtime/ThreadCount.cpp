// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How many threads to use: what the scheduler and the cgroups allow. One thread too many under a quota costs
// stalls of tens of milliseconds, so quotas are rounded down.
#include "weft/Runtime/ThreadPool.h"

#include "weft/Support/File.h"
#include "weft/Support/Log.h"

#include <algorithm>
#include <cstdlib>
#include <sched.h>
#include <sstream>

namespace weft::runtime {
namespace {

std::vector<std::string> split(const std::string &text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);)
    parts.push_back(part);
  return parts;
}

bool contains(const std::vector<std::string> &list, const char *word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

std::string read(const std::string &path) {
  Result<std::string> text = readFile(path, 1 << 20);
  return text.isOk() ? *text : std::string();
}

/// Quota in cores that one cgroup folder states; 0: none.
double quotaOf(const std::string &folder, bool isV2) {
  double quota = 0, period = 0;
  if (isV2) {
    std::istringstream in(read(folder + "/cpu.max")); // "max 100000" or "150000 100000"
    if (!(in >> quota >> period))
      return 0;
  } else {
    quota = std::atof(read(folder + "/cpu.cfs_quota_us").c_str());
    period = std::atof(read(folder + "/cpu.cfs_period_us").c_str());
  }
  return quota > 0 && period > 0 ? quota / period : 0;
}

int affinity() {
  // The kernel wants room for as many CPUs as it may have.
  for (int cpus = 1024; cpus <= 1 << 20; cpus *= 4) {
    cpu_set_t *set = CPU_ALLOC(size_t(cpus));
    const size_t size = CPU_ALLOC_SIZE(size_t(cpus));
    CPU_ZERO_S(size, set);
    const int result = sched_getaffinity(0, size, set);
    const int count = result == 0 ? CPU_COUNT_S(size, set) : 0;
    CPU_FREE(set);
    if (count > 0)
      return count;
  }
  return 1;
}

} // namespace

double detail::cgroupQuota(const std::string &cgroup, const std::string &mountinfo, const std::string &root,
                           std::string *where) {
  std::string v2Path, v1Path; // of this process in either hierarchy; empty: not in it
  for (const std::string &line : split(cgroup, '\n')) { // "4:cpu,cpuacct:/path", "0::/path"
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos)
      continue;
    const std::string controllers = line.substr(first + 1, second - first - 1),
                      path = line.substr(second + 1);
    if (controllers.empty())
      v2Path = path;
    else if (contains(split(controllers, ','), "cpu"))
      v1Path = path;
  }
  double tightest = 0;
  for (const std::string &line : split(mountinfo, '\n')) {
    // id parent device root mountpoint options [optional...] - type source superoptions
    const std::vector<std::string> fields = split(line, ' ');
    const auto dash = std::find(fields.begin(), fields.end(), "-");
    if (fields.size() < 7 || fields.end() - dash < 4)
      continue;
    const bool isV2 = dash[1] == "cgroup2";
    if (!isV2 && (dash[1] != "cgroup" || !contains(split(dash[3], ','), "cpu")))
      continue;
    std::string path = isV2 ? v2Path : v1Path;
    if (path.empty())
      continue;
    // The mount shows the hierarchy from `mountRoot` down; what is above cannot be seen.
    const std::string &mountRoot = fields[3];
    if (mountRoot != "/")
      path = path.rfind(mountRoot, 0) == 0 ? path.substr(mountRoot.size()) : "";
    if (path.find("..") != std::string::npos)
      path.clear();
    while (true) {
      while (!path.empty() && path.back() == '/')
        path.pop_back();
      const std::string folder = root + fields[4] + path;
      const double quota = quotaOf(folder, isV2);
      if (quota > 0 && (tightest == 0 || quota < tightest)) {
        tightest = quota;
        if (where)
          *where = folder;
      }
      if (path.empty())
        break;
      path.resize(path.find_last_of('/') == std::string::npos ? 0 : path.find_last_of('/'));
    }
  }
  return tightest;
}

ThreadCount usableThreads() {
  if (const char *text = std::getenv("WEFT_THREADS"); text && *text) {
    char *end = nullptr;
    const long wanted = std::strtol(text, &end, 10);
    if (*end == '\0' && wanted >= 1 && wanted <= 4096)
      return {int(wanted), "WEFT_THREADS"};
    logWarning("WEFT_THREADS is '", text, "', wanted a number from 1 to 4096: ignored");
  }
  ThreadCount count{affinity(), "affinity"};
  std::string where;
  const double quota =
      detail::cgroupQuota(read("/proc/self/cgroup"), read("/proc/self/mountinfo"), "", &where);
  if (const int whole = std::max(1, int(quota)); quota > 0 && whole < count.threads)
    count = {whole, concat("cgroup quota of ", quota, " cores (", where, ")")};
  return count;
}

} // namespace weft::runtime
