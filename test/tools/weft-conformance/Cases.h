// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The cases that test/conformance/dump_onnx_cases.py writes: cases.json and the files it lists.
#ifndef WEFT_TEST_TOOLS_CONFORMANCE_CASES_H
#define WEFT_TEST_TOOLS_CONFORMANCE_CASES_H

#include "weft/Support/HostTensor.h"
#include "weft/Support/Status.h"
#include "weft/Support/TensorCompare.h"

#include <string>
#include <vector>

namespace weft::conformance {

struct Case {
  std::string name, folder;
  std::vector<std::string> variants, inputs, outputs;
  /// Only types and extents are compared: the op draws random numbers.
  bool shapeOnly = false;
  Tolerance tolerance;

  /// The model of a mode: "static", "dynamic" or "constant".
  std::string modelPath(const std::string &mode) const;
  Result<std::vector<HostTensor>> readInputs() const;
  Result<std::vector<HostTensor>> readOutputs() const;
};

Result<std::vector<Case>> readCases(const std::string &casesJson);

/// What became of a case, and the one line that says so.
struct Verdict {
  enum Kind { Pass, Unsupported, Wrong, Error } kind;
  std::string detail;
  std::string line(const std::string &name) const;
};
std::string_view kindName(Verdict::Kind kind);

/// Holds results (in the order of the case's outputs) against the wanted ones.
Verdict judge(const Case &testCase, const std::vector<HostTensor> &found);

} // namespace weft::conformance

#endif // WEFT_TEST_TOOLS_CONFORMANCE_CASES_H
