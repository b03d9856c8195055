// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The log: one line per event on standard error, by spdlog. Level by WEFT_LOG = trace, debug, info, warning
// (default), error, off, or by setLogLevel (-v). Text is built by concat(), only when it will be printed.
#ifndef WEFT_SUPPORT_LOG_H
#define WEFT_SUPPORT_LOG_H

#include "weft/Support/Status.h"

#include <string_view>

namespace weft {

enum class LogLevel : int { Trace = 0, Debug = 1, Info = 2, Warning = 3, Error = 4, Off = 6 };

/// The level in force (reads WEFT_LOG at the first call).
LogLevel logLevel();
void setLogLevel(LogLevel level);
inline bool logEnabled(LogLevel level) { return int(level) >= int(logLevel()); }
/// Writes a line unconditionally; use the functions below.
void logLine(LogLevel level, std::string_view text);

template <class... P> void logDebug(const P &...p) {
  if (logEnabled(LogLevel::Debug))
    logLine(LogLevel::Debug, concat(p...));
}
template <class... P> void logInfo(const P &...p) {
  if (logEnabled(LogLevel::Info))
    logLine(LogLevel::Info, concat(p...));
}
template <class... P> void logWarning(const P &...p) {
  if (logEnabled(LogLevel::Warning))
    logLine(LogLevel::Warning, concat(p...));
}
template <class... P> void logError(const P &...p) {
  if (logEnabled(LogLevel::Error))
    logLine(LogLevel::Error, concat(p...));
}

} // namespace weft

#endif // WEFT_SUPPORT_LOG_H
