// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Export and summary of the trace ring.
#include "weft/Runtime/Trace.h"

#include "weft/Support/File.h"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <map>
#include <tuple>

namespace weft::runtime {
namespace {

void appendJson(std::string &out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", unsigned(c));
      out += escaped;
    } else {
      out += c;
    }
  }
  out += '"';
}

} // namespace

int64_t Trace::now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return int64_t(time.tv_sec) * 1000000000 + time.tv_nsec;
}

std::vector<TraceEvent> Trace::events() const {
  std::vector<TraceEvent> ordered(ring.begin() + ptrdiff_t(next), ring.end());
  ordered.insert(ordered.end(), ring.begin(), ring.begin() + ptrdiff_t(next));
  return ordered;
}

std::vector<TraceSummary> Trace::summary() const {
  std::map<std::tuple<std::string_view, std::string_view, std::string_view>, std::pair<int64_t, int64_t>>
      sums;
  for (const TraceEvent &event : ring) {
    if (std::string_view(event.kind) == "run")
      continue;
    auto &[count, time] =
        sums[{*event.name, event.location ? std::string_view(*event.location) : "", event.kind}];
    ++count;
    time += event.end - event.start;
  }
  std::vector<TraceSummary> rows;
  for (const auto &[key, sum] : sums)
    rows.push_back({std::string(std::get<0>(key)), std::string(std::get<1>(key)),
                    std::string(std::get<2>(key)), sum.first, sum.second});
  std::stable_sort(rows.begin(), rows.end(), [](const TraceSummary &a, const TraceSummary &b) {
    return a.nanoseconds > b.nanoseconds;
  });
  return rows;
}

std::string Trace::toChromeEvents(uint32_t process, const std::string &name, int64_t origin) const {
  const std::vector<TraceEvent> ordered = events();
  std::string out;
  if (!name.empty()) {
    out +=
        concat("{\"ph\":\"M\",\"pid\":", process, ",\"tid\":1,\"name\":\"process_name\",\"args\":{\"name\":");
    appendJson(out, name);
    out += "}}";
  }
  for (const TraceEvent &event : ordered) {
    out += out.empty() ? "" : ",\n";
    out += concat("{\"ph\":\"X\",\"pid\":", process, ",\"tid\":", event.row, ",\"name\":");
    appendJson(out, *event.name);
    out += ",\"cat\":";
    appendJson(out, event.kind);
    char times[96];
    std::snprintf(times, sizeof times, ",\"ts\":%.3f,\"dur\":%.3f", double(event.start - origin) / 1e3,
                  double(event.end - event.start) / 1e3);
    out += times;
    std::string args;
    if (event.location && !event.location->empty()) {
      args += "\"location\":";
      appendJson(args, *event.location);
    }
    for (const auto &[name, value] : {std::pair{"flops", event.flops}, std::pair{"bytes", event.bytes}})
      if (value >= 0)
        args += concat(args.empty() ? "" : ",", "\"", name, "\":", value);
    if (!args.empty())
      out += ",\"args\":{" + args + "}";
    out += '}';
  }
  return out;
}

std::string Trace::toChromeJson() const {
  // A run is recorded at its end, behind its commands: the first event need not be the earliest.
  int64_t origin = 0;
  for (const TraceEvent &event : ring)
    origin = origin ? std::min(origin, event.start) : event.start;
  return "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n" + toChromeEvents(1, {}, origin) + "\n]}\n";
}

Status Trace::writeChromeJson(const std::string &path) const {
  return writeFileAtomically(path, toChromeJson());
}

} // namespace weft::runtime
