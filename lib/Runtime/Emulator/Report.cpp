// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Words for errors.
#include "Report.h"

#include "Machine.h"

#include <cstring>

namespace weft::runtime::emulator {

static const char *kindName(ErrorKind kind) {
  switch (kind) {
  case ErrorKind::OutOfBounds:
    return "OUT OF BOUNDS";
  case ErrorKind::Misaligned:
    return "MISALIGNED";
  case ErrorKind::Uninitialised:
    return "UNINITIALISED";
  case ErrorKind::Race:
    return "RACE";
  case ErrorKind::AsyncRace:
    return "ASYNC RACE";
  case ErrorKind::Proxy:
    return "PROXY";
  case ErrorKind::Divergent:
    return "DIVERGENT";
  case ErrorKind::Deadlock:
    return "DEADLOCK";
  case ErrorKind::Mbarrier:
    return "MBARRIER";
  case ErrorKind::Copy:
    return "COPY";
  case ErrorKind::Matrix:
    return "MATRIX";
  case ErrorKind::Usage:
    return "USAGE";
  case ErrorKind::Trap:
    return "TRAP";
  }
  return "ERROR";
}

std::string siteText(const char *site) { return site ? site : "?"; }
std::string siteOp(const char *site) { return site ? site + std::strlen(site) + 1 : "?"; }

void Reporter::add(ErrorKind kind, const char *site, const std::string &text, const char *other) {
  std::lock_guard<std::mutex> lock(mutex);
  if (!told.emplace(kind, site, other).second)
    return;
  if (lines.size() >= limit) {
    ++notTold;
    return;
  }
  lines.push_back((site ? siteText(site) + ": " : std::string()) + kindName(kind) + ": " + text);
  numLines = lines.size();
}

std::string Reporter::message(const std::string &launch) const {
  std::string text = "kernel '" + launch + "':";
  for (const std::string &line : lines)
    text += "\n  " + line;
  if (notTold)
    text += "\n  and " + std::to_string(notTold) + " more";
  return text;
}

} // namespace weft::runtime::emulator
