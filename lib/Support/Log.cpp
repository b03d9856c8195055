// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The log's sink. The logger is not in spdlog's registry: several shared objects of one process may each have
// this file.
#include "weft/Support/Log.h"

#include <atomic>
#include <cstdlib>
#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_color_sinks.h>

namespace weft {
namespace {

int levelFromEnvironment() {
  const char *text = std::getenv("WEFT_LOG");
  if (!text || !*text)
    return int(LogLevel::Warning);
  const spdlog::level::level_enum level = spdlog::level::from_str(text);
  // from_str takes unknown words for "off".
  if (level == spdlog::level::off && std::string_view(text) != "off")
    return int(LogLevel::Warning);
  return std::min(int(level), int(LogLevel::Off));
}

std::atomic<int> &currentLevel() {
  static std::atomic<int> level{levelFromEnvironment()};
  return level;
}

} // namespace

LogLevel logLevel() { return LogLevel(currentLevel().load(std::memory_order_relaxed)); }
void setLogLevel(LogLevel level) { currentLevel().store(int(level), std::memory_order_relaxed); }

void logLine(LogLevel level, std::string_view text) {
  // Never destroyed: threads may log while the process ends.
  static spdlog::logger *logger = [] {
    auto *made = new spdlog::logger("weft", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    made->set_level(spdlog::level::trace);
    made->set_pattern("weft: %^%l%$: %v");
    return made;
  }();
  logger->log(spdlog::level::level_enum(int(level)), spdlog::string_view_t(text.data(), text.size()));
}

} // namespace weft
