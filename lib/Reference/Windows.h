// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Windows that slide over tensors: where each tap of each window reads. For conv and the pools.
#ifndef WEFT_LIB_REFERENCE_WINDOWS_H
#define WEFT_LIB_REFERENCE_WINDOWS_H

#include "Elements.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace weft::reference {

/// A window along one dimension. The default slides over every element by itself.
struct WindowAxis {
  int64_t window = 1, stride = 1, low = 0, high = 0, baseDilation = 1, windowDilation = 1;
  bool reversed = false;

  /// Number of windows over `extent` elements.
  int64_t outputExtent(int64_t extent) const;
};

/// For one dimension: positions[tap][o] is the input element that tap `tap` of window `o` reads, -1 for
/// padding and the holes of dilation.
using TapPositions = std::vector<std::vector<int64_t>>;
TapPositions tapPositions(const WindowAxis &axis, int64_t extent);

/// The parts of a tap: for each dimension the input position of each window, and the input's strides.
struct TapRows {
  llvm::SmallVector<const std::vector<int64_t> *> positions;
  llvm::ArrayRef<int64_t> strides;

  /// read(window, input offset) for every window whose tap reads an element, windows counted in row-major
  /// order.
  template <class Read> void forEach(Read read) const { walk(0, 0, 0, read); }

private:
  template <class Read> void walk(size_t d, int64_t window, int64_t offset, Read &read) const {
    if (d == positions.size())
      return read(window, offset);
    const std::vector<int64_t> &at = *positions[d];
    const int64_t count = int64_t(at.size()), stride = strides[d];
    if (d + 1 == positions.size()) {
      for (int64_t o = 0; o < count; ++o)
        if (at[o] >= 0)
          read(window * count + o, offset + at[o] * stride);
      return;
    }
    for (int64_t o = 0; o < count; ++o)
      if (at[o] >= 0)
        walk(d + 1, window * count + o, offset + at[o] * stride, read);
  }
};

/// tap(rows, index of the tap) for every tap of a window, in row-major order.
void forEachTap(llvm::ArrayRef<TapPositions> dims, llvm::ArrayRef<int64_t> strides,
                llvm::function_ref<void(const TapRows &rows, int64_t tap)> visit);

} // namespace weft::reference

#endif // WEFT_LIB_REFERENCE_WINDOWS_H
