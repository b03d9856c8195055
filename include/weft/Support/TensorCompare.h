// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compares two tensors element by element, as --expected and the conformance tests do.
#ifndef WEFT_SUPPORT_TENSORCOMPARE_H
#define WEFT_SUPPORT_TENSORCOMPARE_H

#include "weft/Support/HostTensor.h"

#include <string>
#include <vector>

namespace weft {

struct Tolerance {
  double relative = 0, absolute = 0;
};

/// What comparing found. An element agrees when |found - wanted| <= absolute + relative * |wanted|, when both
/// are NaN, or when both are the same infinity. Integers and i1 are compared exactly when both tolerances are
/// 0.
struct TensorComparison {
  /// Empty when types and shapes agree; else what differs ("found f32[2], wanted f32[3]"), and nothing else
  /// was compared.
  std::string mismatchedType;
  int64_t numElements = 0;
  int64_t numMismatches = 0;
  /// Over elements where both are finite.
  double maxAbsoluteError = 0, maxRelativeError = 0;
  /// The mismatching element that exceeds its tolerance most; -1 when all agree.
  int64_t worstElement = -1;
  std::vector<int64_t> worstIndex;
  double worstFound = 0, worstWanted = 0;

  bool agrees() const { return mismatchedType.empty() && numMismatches == 0; }
  /// One line for a person: "3 of 24 elements differ; worst at [0, 1]: found 1.5, wanted 1.25 ...".
  std::string toString() const;
};

TensorComparison compareTensors(const HostTensor &found, const HostTensor &wanted, Tolerance tolerance = {});

} // namespace weft

#endif // WEFT_SUPPORT_TENSORCOMPARE_H
