// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compares tensors; tolerances as in NumPy's allclose, with equal NaNs.
#include "weft/Support/TensorCompare.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace weft {

TensorComparison compareTensors(const HostTensor &found, const HostTensor &wanted, Tolerance tolerance) {
  TensorComparison result;
  if (found.dtype() != wanted.dtype() || found.shape() != wanted.shape()) {
    result.mismatchedType = concat("found ", found.typeString(), ", wanted ", wanted.typeString());
    return result;
  }
  result.numElements = found.numElements();
  const bool exact = !isFloat(found.dtype()) && tolerance.relative == 0 && tolerance.absolute == 0;
  double worst = -1;
  for (int64_t i = 0; i < result.numElements; ++i) {
    const double f = found.asDouble(i), w = wanted.asDouble(i);
    double excess = 0; // error in units of what is allowed; 0: agrees
    if (std::isfinite(f) && std::isfinite(w)) {
      const double error = std::fabs(f - w);
      result.maxAbsoluteError = std::max(result.maxAbsoluteError, error);
      if (error != 0)
        result.maxRelativeError = std::max(result.maxRelativeError, w == 0 ? INFINITY : error / std::fabs(w));
      const double allowed = tolerance.absolute + tolerance.relative * std::fabs(w);
      if (exact ? found.asInt(i) != wanted.asInt(i) : error > allowed)
        excess = allowed > 0 ? error / allowed : std::max(error, std::numeric_limits<double>::min());
    } else if (!(std::isnan(f) && std::isnan(w)) && f != w) {
      excess = INFINITY;
    }
    if (excess == 0)
      continue;
    ++result.numMismatches;
    if (excess > worst) {
      worst = excess;
      result.worstElement = i;
      result.worstFound = f;
      result.worstWanted = w;
    }
  }
  if (result.worstElement >= 0) {
    result.worstIndex.resize(found.shape().size());
    int64_t rest = result.worstElement;
    for (size_t d = found.shape().size(); d-- > 0;) {
      result.worstIndex[d] = rest % found.shape()[d];
      rest /= found.shape()[d];
    }
  }
  return result;
}

std::string TensorComparison::toString() const {
  if (!mismatchedType.empty())
    return mismatchedType;
  std::ostringstream out;
  out.precision(9);
  if (numMismatches) {
    out << numMismatches << " of " << numElements << " elements differ; worst at [";
    for (size_t d = 0; d < worstIndex.size(); ++d)
      out << (d ? ", " : "") << worstIndex[d];
    out << "]: found " << worstFound << ", wanted " << worstWanted << "; ";
  } else {
    out << "all " << numElements << " elements agree; ";
  }
  out << "largest absolute error " << maxAbsoluteError << ", relative " << maxRelativeError;
  return std::move(out).str();
}

} // namespace weft
