// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The paths a case may take: op by op through the reference, or compiled.
#ifndef WEFT_TEST_TOOLS_CONFORMANCE_BACKENDS_H
#define WEFT_TEST_TOOLS_CONFORMANCE_BACKENDS_H

#include "Cases.h"

namespace weft::conformance {

/// Imports the model and interprets it.
Verdict runOnReference(const Case &testCase, const std::string &mode);
/// Compiles the model through the public API, all its named dims left open, and runs it: on the CPU, or on
/// the emulator with all its checks.
Verdict runCompiled(const Case &testCase, const std::string &mode, const std::string &target);

/// A refusal: UNSUPPORTED when it names something that is not supported, else ERROR.
Verdict refusal(const std::string &message);

} // namespace weft::conformance

#endif // WEFT_TEST_TOOLS_CONFORMANCE_BACKENDS_H
