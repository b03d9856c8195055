// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs many cases in few processes: a case that crashes or hangs ends its process, and the next ones go on in
// another.
#ifndef WEFT_TEST_TOOLS_CONFORMANCE_ISOLATE_H
#define WEFT_TEST_TOOLS_CONFORMANCE_ISOLATE_H

#include "Cases.h"

#include <functional>
#include <optional>

namespace weft::conformance {

struct Ended {
  std::optional<Verdict> verdict;
  std::string end; // when there is no verdict: "signal 11"
};
/// Calls run(i) for 0 <= i < count in child processes and done(i, ..) here, in order, with what it returned
/// or with how its process ended. No case may take longer than `timeoutSeconds`.
Status runIsolated(size_t count, int timeoutSeconds, const std::function<Verdict(size_t)> &run,
                   const std::function<void(size_t, const Ended &)> &done);

} // namespace weft::conformance

#endif // WEFT_TEST_TOOLS_CONFORMANCE_ISOLATE_H
