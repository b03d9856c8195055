// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How elements are computed with: every type is widened to double, int64_t or uint64_t, and a result is
// rounded (or wrapped) once when it is stored. For f32, f16 and bf16 that gives the correctly rounded result
// of + - * / and sqrt, and for integers the low bits of a 64-bit result are those of the narrow one.
#ifndef WEFT_LIB_REFERENCE_ELEMENTS_H
#define WEFT_LIB_REFERENCE_ELEMENTS_H

#include "weft/Support/HostTensor.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"

#include <array>
#include <vector>

namespace weft::reference {

using Tensors = llvm::SmallVector<HostTensor>;

/// What the elements of a type are widened to: double, int64_t, uint64_t (i1 too, as 0 and 1).
enum class Domain { Real, Signed, Unsigned };
Domain domainOf(DType type);

/// Elements offset, offset + stride, ... widened. Integers may be read as any T, floats as double only.
template <class T>
void loadElements(const HostTensor &x, int64_t offset, int64_t stride, int64_t count, T *out);
/// Narrows `count` elements into x from `offset` on: floats are rounded (`saturate` as in DType.h), integers
/// wrap, i1 keeps the lowest bit. Doubles go into floats only.
template <class T>
void storeElements(HostTensor &x, int64_t offset, int64_t count, const T *in, bool saturate = false);

/// All elements in row-major order.
template <class T> std::vector<T> loadAll(const HostTensor &x) {
  std::vector<T> values(x.numElements());
  loadElements(x, 0, 1, x.numElements(), values.data());
  return values;
}

/// The least and the greatest element of an integer type.
int64_t lowestInteger(DType type);
uint64_t highestInteger(DType type);
/// The significant bits of an integer: 4 for i4, 1 for i1.
int significantBits(DType type);

/// The double that rounds to the same narrower float as the integer does: exact, or cut off with an odd last
/// bit.
double roundToOdd(int64_t value);
double roundToOdd(uint64_t value);

/// A key whose unsigned order is the total order of sort: NaN of either sign largest, zeros equal.
uint64_t orderedKey(double value);
inline uint64_t orderedKey(int64_t value) { return uint64_t(value) ^ (uint64_t(1) << 63); }
inline uint64_t orderedKey(uint64_t value) { return value; }
/// The keys of all elements.
std::vector<uint64_t> orderedKeys(const HostTensor &x);

/// Calls f with a value of the C++ type of the domain.
template <class F> decltype(auto) withDomain(Domain domain, F f) {
  switch (domain) {
  case Domain::Real:
    return f(double());
  case Domain::Signed:
    return f(int64_t());
  case Domain::Unsigned:
    break;
  }
  return f(uint64_t());
}

llvm::SmallVector<int64_t> rowMajorStrides(llvm::ArrayRef<int64_t> shape);
int64_t productOf(llvm::ArrayRef<int64_t> extents);

/// A tensor seen as [outer, extent, inner] around one axis.
struct AxisView {
  int64_t outer, extent, inner;
  AxisView(llvm::ArrayRef<int64_t> shape, int64_t axis)
      : outer(productOf(shape.take_front(axis))), extent(shape[axis]),
        inner(productOf(shape.drop_front(axis + 1))) {}
};

/// Nested loops over `extents` with N offsets that advance by their own strides. Dimensions that continue
/// each other for all N are merged; what is innermost then is a row.
template <size_t N> class Nest {
public:
  using Offsets = std::array<int64_t, N>;

  Nest(llvm::ArrayRef<int64_t> shape, std::array<llvm::ArrayRef<int64_t>, N> strides) {
    for (size_t d = 0; d < shape.size(); ++d) {
      isEmpty |= shape[d] == 0;
      if (shape[d] == 1)
        continue;
      Offsets step;
      bool merges = !extents.empty();
      for (size_t n = 0; n < N; ++n) {
        step[n] = strides[n][d];
        merges = merges && steps.back()[n] == step[n] * shape[d];
      }
      if (merges) {
        extents.back() *= shape[d];
        steps.back() = step;
      } else {
        extents.push_back(shape[d]);
        steps.push_back(step);
      }
    }
    if (extents.empty()) {
      extents.push_back(1);
      steps.push_back({});
    }
  }

  int64_t rowLength() const { return isEmpty ? 0 : extents.back(); }
  const Offsets &rowSteps() const { return steps.back(); }

  /// row(offsets of the row's first elements), in row-major order.
  template <class Row> void forEachRow(Row row) const {
    if (isEmpty)
      return;
    const size_t outer = extents.size() - 1;
    llvm::SmallVector<int64_t> at(outer, 0);
    Offsets offsets{};
    while (true) {
      row(std::as_const(offsets));
      size_t d = outer;
      for (; d > 0; --d) {
        for (size_t n = 0; n < N; ++n)
          offsets[n] += steps[d - 1][n];
        if (++at[d - 1] < extents[d - 1])
          break;
        for (size_t n = 0; n < N; ++n)
          offsets[n] -= steps[d - 1][n] * extents[d - 1];
        at[d - 1] = 0;
      }
      if (d == 0)
        return;
    }
  }

private:
  bool isEmpty = false;
  llvm::SmallVector<int64_t> extents;
  llvm::SmallVector<Offsets> steps;
};

} // namespace weft::reference

#endif // WEFT_LIB_REFERENCE_ELEMENTS_H
