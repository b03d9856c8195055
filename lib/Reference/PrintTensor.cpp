// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Nested lists of elements.
#include "PrintTensor.h"
#include "Elements.h"

#include <cmath>

using namespace weft;
using namespace weft::reference;

static void printElement(llvm::raw_ostream &out, const HostTensor &x, int64_t index) {
  if (x.dtype() == DType::I1) {
    out << (x.asInt(index) ? "true" : "false");
    return;
  }
  withDomain(domainOf(x.dtype()), [&]<class T>(T value) {
    loadElements(x, index, 1, 1, &value);
    if constexpr (!std::is_same_v<T, double>) {
      out << value;
    } else if (std::isfinite(value)) {
      // As many digits as tell the elements of the type apart.
      int digits = x.dtype() == DType::F64 ? 17 : x.dtype() == DType::F32 ? 9 : 5;
      char text[40];
      std::snprintf(text, sizeof(text), "%.*g", digits, value);
      out << text;
    } else {
      out << (std::isnan(value) ? "nan" : value < 0 ? "-inf" : "inf");
    }
  });
}

static void printFrom(llvm::raw_ostream &out, const HostTensor &x, int64_t dimension, int64_t base,
                      bool whole) {
  if (dimension == x.rank())
    return printElement(out, x, base);
  constexpr int64_t ends = 3;
  const int64_t extent = x.dim(dimension);
  const int64_t inner = productOf(llvm::ArrayRef(x.shape()).drop_front(dimension + 1));
  out << "[";
  for (int64_t i = 0; i < extent; ++i) {
    if (i > 0)
      out << ", ";
    if (!whole && extent > 2 * ends && i == ends) {
      out << "..., ";
      i = extent - ends;
    }
    printFrom(out, x, dimension + 1, base + i * inner, whole);
  }
  out << "]";
}

void reference::printTensor(llvm::raw_ostream &out, const HostTensor &x) {
  out << x.typeString() << " ";
  printFrom(out, x, 0, 0, x.numElements() <= 1000);
}
